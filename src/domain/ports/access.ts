// What the API asks about people and programs: who is it, and the changes to users, tokens and sessions.
import type { AuditEntry, Principal, Role, TokenView, UserView } from '../access.ts';

/** What of a request may say who asks. */
export interface Credentials {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The value of the session cookie. */
  readonly session: string | undefined;
}

export type Recognition =
  /** `renewed`: the session's new cookie value, to be sent with the answer. */
  | { readonly kind: 'known'; readonly principal: Principal; readonly renewed: string | null }
  /** Nothing was presented, and something is needed. */
  | { readonly kind: 'none' }
  /** What was presented is wrong, expired or revoked. `message`: for people, says nothing of whom or what it would be. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It could not be judged: the issuer's keys cannot be had. */
  | { readonly kind: 'unavailable'; readonly message: string };

export type AccessOutcome<T = undefined> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'invalid'; readonly pointer: string; readonly message: string }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'exists' }
  /** Would leave nobody who could mend it, or is more than the asker may give. */
  | { readonly kind: 'forbidden'; readonly message: string }
  /** The config topic did not take it: nothing was changed. */
  | { readonly kind: 'unavailable'; readonly message: string };

export type LogIn =
  | { readonly kind: 'ok'; readonly session: string; readonly principal: Principal; readonly maxAgeMs: number }
  | { readonly kind: 'refused' }
  /** Too many attempts: the next one is looked at after so long. */
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  /** ms from now; null: never. */
  readonly expiresInMs: number | null;
}

/** Who asks and from where, for rights and audit. */
export interface Asker {
  readonly principal: Principal;
  readonly from: string | null;
}

export interface Access {
  /** Nobody logs in: everybody is administrator. Can change while the bridge runs: the first user ends it. */
  readonly isOpen: boolean;
  recognize(credentials: Credentials): Promise<Recognition>;

  logIn(name: string, password: string, from: string | null): Promise<LogIn>;
  /** Ends this session here and, as soon as the config topic has it, everywhere. */
  logOut(session: string, asker: Asker): Promise<void>;

  users(): readonly UserView[];
  addUser(asker: Asker, user: { name: string; role: Role; password: string }): Promise<AccessOutcome<UserView>>;
  /** Role or password; the sessions of the user end. */
  changeUser(asker: Asker, name: string, change: { role?: Role; password?: string }): Promise<AccessOutcome<UserView>>;
  /** One's own; the current one must be given. */
  changeOwnPassword(asker: Asker, current: string, next: string): Promise<AccessOutcome>;
  /** With the tokens and sessions of the user. */
  removeUser(asker: Asker, name: string): Promise<AccessOutcome>;

  /** Those of the asker; of everybody for administrators. */
  tokens(asker: Asker): readonly TokenView[];
  /** `secret` is shown this once and kept nowhere. */
  issueToken(
    asker: Asker,
    token: NewToken,
  ): Promise<AccessOutcome<{ readonly view: TokenView; readonly secret: string }>>;
  revokeToken(asker: Asker, id: string): Promise<AccessOutcome>;
}

export interface AuditQuery {
  readonly limit: number;
  /** Entries before this one. */
  readonly beforeId?: string;
  /** Each a part of what the entry says, in capitals or not. */
  readonly who?: string;
  readonly action?: string;
  readonly target?: string;
  readonly outcome?: AuditEntry['outcome'];
  /** ISO 8601 in UTC, with it and without it. */
  readonly from?: string;
  readonly to?: string;
}

/** Bounded: the oldest go first. */
export interface AuditStore {
  append(entry: AuditEntry): void;
  /** The latest first. */
  list(query: AuditQuery): readonly AuditEntry[];
}

export interface Audit {
  /** Must not throw: what cannot be kept is logged. */
  note(entry: Omit<AuditEntry, 'id' | 'time'>): void;
  list(query: AuditQuery): readonly AuditEntry[];
}
