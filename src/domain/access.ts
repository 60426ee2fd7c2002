// Who may do what: roles, the rights that routes declare, and the people and programs behind requests.

export const ROLES = ['viewer', 'operator', 'admin'] as const;
/**
 * viewer: reads everything but secrets, users and audit. operator: changes connections, brokers and dead letters as well.
 * admin: users, tokens of others, keys, audit as well.
 */
export type Role = (typeof ROLES)[number];

export function roleCovers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export function lesserRole(one: Role, other: Role): Role {
  return roleCovers(one, other) ? other : one;
}

/** User names become keys, log fields and parts of the audit. */
export const USER_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$';
export const TOKEN_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,63}$';
export const TOKEN_ID_PATTERN = '^[A-Za-z0-9_-]{12}$';

/** NIST SP 800-63B-4, 3.1.1.2: length counts, composition rules do not; 15 characters where the password is the only factor. */
export const PASSWORD_MIN_LENGTH = 15;
export const PASSWORD_MAX_LENGTH = 256;

/** Behind a request. */
export interface Principal {
  /**
   * `session`, `token`: a user of the bridge or their token. `oidc`: known to the issuer. `local`: whoever may read the data
   * directory. `open`: anybody, where there are no users.
   */
  readonly kind: 'session' | 'token' | 'oidc' | 'local' | 'open';
  /** For the audit: a user's name, `token <name> of <user>`, the issuer's name of a person, `local`, `anybody`. */
  readonly name: string;
  readonly role: Role;
  /** The user of the bridge, where there is one. */
  readonly user: string | null;
}

export interface UserView {
  readonly name: string;
  readonly role: Role;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly changedAt: string;
}

export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Whose it is; null: made by an administrator without an account here. */
  readonly owner: string | null;
  readonly createdAt: string;
  /** null: never. */
  readonly expiresAt: string | null;
  /** As this process has seen it since its start. */
  readonly lastUsedAt: string | null;
}

/** One change, by whom and when; never with a secret. */
export interface AuditEntry {
  readonly id: string;
  readonly time: string;
  /** As `Principal.name`; `bridge` for what the bridge does by itself. */
  readonly who: string;
  readonly kind: Principal['kind'] | 'bridge';
  /** For example `connection.apply`, `user.add`, `session.refused`. */
  readonly action: string;
  /** The id of what was changed. */
  readonly target: string | null;
  readonly outcome: 'done' | 'refused';
  /** Client address, as far as it is known. */
  readonly from: string | null;
  /** Plain words: names of changed fields, a role; no values that may be secret. */
  readonly detail: string | null;
}
