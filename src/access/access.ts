// Who may enter and what they may: recognises people and programs, and makes the changes to users, tokens and sessions.
import { randomBytes } from 'node:crypto';
import { lesserRole, type Principal, type Role, roleCovers, type TokenView, type UserView } from '../domain/access.ts';
import { LogInLimits } from '../domain/log-in-limits.ts';
import type {
  Access,
  AccessOutcome,
  Asker,
  Audit,
  Credentials,
  LogIn,
  NewToken,
  Recognition,
} from '../domain/ports/access.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { type Book, endSession, findUser, viewToken, viewUser } from './book.ts';
import { BookChanges } from './book-changes.ts';
import type { OidcVerifier } from './oidc.ts';
import { digest, Passwords, sameDigest } from './passwords.ts';
import { type SessionLimits, Sessions } from './sessions.ts';
import type { SharedBook } from './shared-book.ts';

export interface AccessOptions {
  readonly shared: SharedBook;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly session: SessionLimits;
  readonly oidc: OidcVerifier | null;
  /** May everybody in while there are no users: on the loopback interface, or where `http.open` says so. */
  readonly mayBeOpen: boolean;
  /** Passwords would travel in plain: there can be no users. */
  readonly noUsers: string | null;
  readonly passwords?: Passwords;
}

const ANYBODY: Principal = { kind: 'open', name: 'anybody', role: 'admin', user: null };
const TOKEN = /^hbt_([A-Za-z0-9_-]{12})_([A-Za-z0-9_-]{43})$/;
const REFUSED: Recognition = { kind: 'refused', message: 'The token or session is wrong, expired or revoked' };
const MAX_SEEN_TOKENS = 1000;

export class BridgeAccess implements Access {
  readonly #options: AccessOptions;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #limits: LogInLimits;
  readonly #changes: BookChanges;
  /** Ended here, until the book says so. */
  readonly #endedHere = new Map<string, number>();
  readonly #lastUsed = new Map<string, number>();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.box, options.session);
    this.#passwords = options.passwords ?? new Passwords();
    this.#limits = new LogInLimits(options.clock);
    const { shared, clock, audit, noUsers } = options;
    this.#changes = new BookChanges({
      shared,
      clock,
      audit,
      noUsers,
      mayBeOpen: options.mayBeOpen,
      passwords: this.#passwords,
    });
  }

  get isOpen(): boolean {
    const { shared, oidc, mayBeOpen } = this.#options;
    return mayBeOpen && oidc === null && !shared.isLocked && shared.book.users.length === 0;
  }

  async recognize({ authorization, session }: Credentials): Promise<Recognition> {
    if (authorization !== undefined) {
      const bearer = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
      return bearer === undefined ? REFUSED : this.#recognizeBearer(bearer);
    }
    if (session !== undefined && !this.isOpen) return this.#recognizeSession(session);
    return this.isOpen ? { kind: 'known', principal: ANYBODY, renewed: null } : { kind: 'none' };
  }

  async #recognizeBearer(bearer: string): Promise<Recognition> {
    if (bearer.startsWith('hbt_')) return this.#recognizeToken(bearer);
    const { oidc } = this.#options;
    if (oidc === null) return REFUSED;
    const verdict = await oidc.verify(bearer);
    switch (verdict.kind) {
      case 'known':
        return { kind: 'known', principal: { ...verdict, kind: 'oidc', user: null }, renewed: null };
      case 'noRole':
        return {
          kind: 'refused',
          message: 'The token is valid, but holds no role of this bridge (http.oidc.roleClaim)',
        };
      case 'refused':
        return REFUSED;
      case 'unavailable':
        return verdict;
    }
  }

  #recognizeToken(bearer: string): Recognition {
    const { shared, clock } = this.#options;
    const [, id = '', secret = ''] = TOKEN.exec(bearer) ?? [];
    const token = shared.book.tokens.find((one) => one.id === id);
    if (token === undefined || !sameDigest(token.digest, digest(secret))) return REFUSED;
    const now = clock.now();
    if (token.expiresAt !== null && Date.parse(token.expiresAt) <= now) return REFUSED;
    let { role } = token;
    if (token.owner !== null) {
      // Never more than its owner may now.
      const owner = findUser(shared.book, token.owner);
      if (owner === null) return REFUSED;
      role = lesserRole(role, owner.role);
    }
    if (this.#lastUsed.size >= MAX_SEEN_TOKENS && !this.#lastUsed.has(id)) this.#lastUsed.clear();
    this.#lastUsed.set(id, now);
    const name = `token ${token.name}${token.owner === null ? '' : ` of ${token.owner}`}`;
    return { kind: 'known', principal: { kind: 'token', name, role, user: token.owner }, renewed: null };
  }

  #recognizeSession(value: string): Recognition {
    const { shared, clock } = this.#options;
    const opened = this.#sessions.open(value, shared.book, clock.now());
    if (opened.kind === 'over' || this.#endedHere.has(opened.id)) return REFUSED;
    return { kind: 'known', principal: personOf(opened.user), renewed: opened.renewed };
  }

  async logIn(name: string, password: string, from: string | null): Promise<LogIn> {
    const { shared, clock, audit, session } = this.#options;
    const attempt = { name, from: from ?? '' };
    const retryAfterMs = this.#limits.take(attempt);
    const tell = (outcome: 'done' | 'refused', detail: string | null): void => {
      // What was typed as a name may be the password: only names that exist are kept.
      const known = findUser(shared.book, name)?.name ?? null;
      audit.note({
        who: known ?? 'unknown',
        kind: 'session',
        action: 'session.logIn',
        target: known,
        outcome,
        from,
        detail,
      });
    };
    if (retryAfterMs > 0) {
      tell('refused', 'too many attempts');
      return { kind: 'limited', retryAfterMs };
    }
    const user = findUser(shared.book, name);
    const verdict = await this.#passwords.check(password, user?.password ?? null);
    if (verdict === 'busy') {
      this.#limits.giveBack(attempt);
      return { kind: 'limited', retryAfterMs: 1000 };
    }
    // Looked at again: it may have been changed while the password was checked.
    const current = findUser(shared.book, name);
    if (verdict !== 'right' || user === null || current === null || current.epoch !== user.epoch) {
      tell('refused', 'wrong name or password');
      return { kind: 'refused' };
    }
    this.#limits.succeeded(attempt);
    tell('done', null);
    const value = this.#sessions.begin(user, clock.now());
    return { kind: 'ok', session: value, principal: personOf(user), maxAgeMs: session.maxMs };
  }

  async logOut(value: string, asker: Asker): Promise<void> {
    const { shared, clock, audit } = this.#options;
    const now = clock.now();
    const opened = this.#sessions.open(value, shared.book, now);
    if (opened.kind === 'over') return;
    for (const [id, until] of this.#endedHere) if (until < now) this.#endedHere.delete(id);
    const { id, until } = opened;
    this.#endedHere.set(id, until);
    audit.note({
      who: asker.principal.name,
      kind: asker.principal.kind,
      action: 'session.logOut',
      target: opened.user.name,
      outcome: 'done',
      from: asker.from,
      detail: null,
    });
    await this.#changes.quietly((book) => endSession(book, { id, until }, now));
  }

  users(): readonly UserView[] {
    return this.#options.shared.book.users.map(viewUser);
  }

  addUser(asker: Asker, user: { name: string; role: Role; password: string }): Promise<AccessOutcome<UserView>> {
    return this.#changes.addUser(asker, user);
  }

  changeUser(asker: Asker, name: string, change: { role?: Role; password?: string }): Promise<AccessOutcome<UserView>> {
    return this.#changes.changeUser(asker, name, change);
  }

  async changeOwnPassword(asker: Asker, current: string, next: string): Promise<AccessOutcome> {
    const { user } = asker.principal;
    const stored = user === null ? null : findUser(this.#options.shared.book, user);
    if (stored === null || asker.principal.kind !== 'session') {
      return { kind: 'forbidden', message: 'Only a person who is logged in has a password of their own to change' };
    }
    const attempt = { name: stored.name, from: asker.from ?? '' };
    if (this.#limits.take(attempt) > 0) {
      return { kind: 'forbidden', message: 'Too many attempts with a wrong password; try again in some minutes' };
    }
    const verdict = await this.#passwords.check(current, stored.password);
    if (verdict === 'busy') {
      this.#limits.giveBack(attempt);
      return { kind: 'unavailable', message: 'Too many passwords are being checked just now; try again' };
    }
    if (verdict !== 'right')
      return { kind: 'invalid', pointer: '/currentPassword', message: 'is not the current password' };
    this.#limits.succeeded(attempt);
    const changed = await this.#changes.changeUser(asker, stored.name, { password: next });
    return changed.kind === 'ok' ? { kind: 'ok', value: undefined } : changed;
  }

  removeUser(asker: Asker, name: string): Promise<AccessOutcome> {
    return this.#changes.removeUser(asker, name);
  }

  tokens({ principal }: Asker): readonly TokenView[] {
    const all = this.#options.shared.book.tokens;
    const seen = roleCovers(principal.role, 'admin')
      ? all
      : all.filter(({ owner }) => owner !== null && owner === principal.user);
    return seen.map((token) => {
      const usedAt = this.#lastUsed.get(token.id);
      return viewToken(token, usedAt === undefined ? null : new Date(usedAt).toISOString());
    });
  }

  async issueToken(asker: Asker, wanted: NewToken): Promise<AccessOutcome<{ view: TokenView; secret: string }>> {
    const { principal } = asker;
    // It would outlive the days without users.
    if (principal.kind === 'open')
      return { kind: 'forbidden', message: 'Make a user first: tokens are for bridges with users' };
    if (principal.kind === 'token') return { kind: 'forbidden', message: 'A token cannot make tokens: log in' };
    if (!roleCovers(principal.role, wanted.role)) {
      return { kind: 'forbidden', message: `A ${principal.role} cannot give the role ${wanted.role}` };
    }
    if (principal.user === null && principal.role !== 'admin') {
      return { kind: 'forbidden', message: 'Only users of this bridge and administrators can make tokens' };
    }
    const id = randomBytes(9).toString('base64url');
    const secret = randomBytes(32).toString('base64url');
    const made = await this.#changes.addToken(asker, { ...wanted, id, digest: digest(secret) });
    return made.kind === 'ok' ? { kind: 'ok', value: { view: made.value, secret: `hbt_${id}_${secret}` } } : made;
  }

  revokeToken(asker: Asker, id: string): Promise<AccessOutcome> {
    return this.#changes.removeToken(asker, id);
  }
}

function personOf({ name, role }: Book['users'][number]): Principal {
  return { kind: 'session', name, role, user: name };
}
