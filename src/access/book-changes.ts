// The changes to the book, one at a time: each is checked against the book in force, published, read back and noted in the audit.
import { randomBytes } from 'node:crypto';
import {
  type Principal,
  type Role,
  roleCovers,
  TOKEN_NAME_PATTERN,
  type TokenView,
  USER_NAME_PATTERN,
  type UserView,
} from '../domain/access.ts';
import type { AccessOutcome, Asker, Audit, NewToken } from '../domain/ports/access.ts';
import type { Clock } from '../domain/ports/clock.ts';
import {
  type Book,
  dropToken,
  dropUser,
  findUser,
  losesLastAdmin,
  MAX_TOKENS,
  MAX_USERS,
  putToken,
  putUser,
  type StoredUser,
  viewToken,
  viewUser,
} from './book.ts';
import { type Passwords, passwordFault } from './passwords.ts';
import type { SharedBook } from './shared-book.ts';

export interface BookChangesOptions {
  readonly shared: SharedBook;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly passwords: Passwords;
  /** Why there can be no users here; null: there can. */
  readonly noUsers: string | null;
  readonly mayBeOpen: boolean;
}

type Failure = Exclude<AccessOutcome, { kind: 'ok' }>;
type Next = { readonly book: Book } | { readonly failure: Failure };

/** Two processes that change it at the same time: one does it again. */
const ATTEMPTS = 5;
const USER_NAME = new RegExp(USER_NAME_PATTERN);
const TOKEN_NAME = new RegExp(TOKEN_NAME_PATTERN);

export class BookChanges {
  readonly #options: BookChangesOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: BookChangesOptions) {
    this.#options = options;
  }

  async addUser(asker: Asker, user: { name: string; role: Role; password: string }): Promise<AccessOutcome<UserView>> {
    const { noUsers, shared } = this.#options;
    const { name, role } = user;
    if (noUsers !== null) return forbidden(noUsers);
    if (!USER_NAME.test(name)) return invalid('/name', 'must be 1 to 64 letters, digits and . _ @ + -');
    if (shared.book.users.length === 0 && role !== 'admin') {
      return invalid('/role', 'must be admin: the first user is the one who can make others');
    }
    const fault = passwordFault(user.password, name);
    if (fault !== null) return invalid('/password', fault);
    const stored = { ...this.#fresh(), name, role, password: await this.#options.passwords.hash(user.password) };
    const failure = await this.#change(asker, 'admin', (book) => {
      if (findUser(book, name) !== null) return { failure: { kind: 'exists' } };
      if (book.users.length >= MAX_USERS) return { failure: forbidden(`There are ${MAX_USERS} users already`) };
      return { book: putUser(book, stored) };
    });
    this.#note(asker, 'user.add', name, failure, `role ${role}`);
    return failure ?? { kind: 'ok', value: viewUser(stored) };
  }

  async changeUser(
    asker: Asker,
    name: string,
    change: { role?: Role; password?: string },
  ): Promise<AccessOutcome<UserView>> {
    const { password, role } = change;
    const fault = password === undefined ? null : passwordFault(password, name);
    if (fault !== null) return invalid('/password', fault);
    const hash = password === undefined ? null : await this.#options.passwords.hash(password);
    let changed: StoredUser | null = null;
    const isOwn = role === undefined && asker.principal.user === name;
    const failure = await this.#change(asker, isOwn ? 'viewer' : 'admin', (book) => {
      const user = findUser(book, name);
      if (user === null) return { failure: { kind: 'notFound' } };
      const { epoch, createdAt: changedAt } = this.#fresh();
      changed = { ...user, role: role ?? user.role, password: hash ?? user.password, epoch, changedAt };
      const next = putUser(book, changed);
      return losesLastAdmin(book, next) ? { failure: LAST_ADMIN } : { book: next };
    });
    const what = [role === undefined ? [] : [`role ${role}`], password === undefined ? [] : ['password']].flat();
    this.#note(asker, 'user.change', name, failure, what.join(', '));
    return failure ?? { kind: 'ok', value: viewUser(changed as unknown as StoredUser) };
  }

  async removeUser(asker: Asker, name: string): Promise<AccessOutcome> {
    const failure = await this.#change(asker, 'admin', (book) => {
      const user = findUser(book, name);
      if (user === null) return { failure: { kind: 'notFound' } };
      const next = dropUser(book, user.name);
      // Then everybody is administrator again: to be decided on this machine only.
      const opensAgain = this.#options.mayBeOpen && next.users.length === 0 && asker.principal.kind === 'local';
      return losesLastAdmin(book, next) && !opensAgain ? { failure: LAST_ADMIN } : { book: next };
    });
    this.#note(asker, 'user.remove', name, failure, null);
    return failure ?? DONE;
  }

  async addToken(asker: Asker, token: NewToken & { id: string; digest: string }): Promise<AccessOutcome<TokenView>> {
    const { clock } = this.#options;
    const { id, name, role, expiresInMs } = token;
    if (!TOKEN_NAME.test(name)) return invalid('/name', 'must be 1 to 64 letters, digits, blanks and . _ @ + -');
    const now = clock.now();
    const owner = asker.principal.user;
    const expiresAt = expiresInMs === null ? null : new Date(now + expiresInMs).toISOString();
    const stored = { id, name, role, owner, digest: token.digest, createdAt: new Date(now).toISOString(), expiresAt };
    const failure = await this.#change(asker, role, (book) => {
      if (book.tokens.some((one) => one.owner === owner && one.name === name)) return { failure: { kind: 'exists' } };
      const next = putToken(book, stored, now);
      return next.tokens.length > MAX_TOKENS
        ? { failure: forbidden(`There are ${MAX_TOKENS} tokens already; revoke some`) }
        : { book: next };
    });
    const detail = `"${name}", role ${role}, ${expiresAt === null ? 'does not expire' : `expires ${expiresAt}`}`;
    this.#note(asker, 'token.issue', id, failure, detail);
    return failure ?? { kind: 'ok', value: viewToken(stored, null) };
  }

  async removeToken(asker: Asker, id: string): Promise<AccessOutcome> {
    const { principal } = asker;
    let name = '';
    const failure = await this.#change(asker, 'viewer', (book) => {
      const token = book.tokens.find((one) => one.id === id);
      const isOwn = token !== undefined && token.owner !== null && token.owner === principal.user;
      // Of others' tokens nobody but an administrator learns that they exist.
      if (token === undefined || !(isOwn || roleCovers(principal.role, 'admin')))
        return { failure: { kind: 'notFound' } };
      name = token.name;
      return { book: dropToken(book, id) };
    });
    this.#note(asker, 'token.revoke', id, failure, name === '' ? null : `"${name}"`);
    return failure ?? DONE;
  }

  /** What is of no interest to the audit; tried, not promised. */
  async quietly(next: (book: Book) => Book): Promise<void> {
    await this.#inTurn((book) => ({ book: next(book) }));
  }

  /** Rights are looked at again when it is the change's turn: who was removed meanwhile removes nobody. */
  #change(asker: Asker, needed: Role, next: (book: Book) => Next): Promise<Failure | null> {
    const { user } = asker.principal;
    return this.#inTurn((book) => {
      if (user === null) return next(book);
      const now = findUser(book, user);
      return now === null || !roleCovers(now.role, needed) ? { failure: NO_LONGER } : next(book);
    });
  }

  #inTurn(next: (book: Book) => Next): Promise<Failure | null> {
    const turn = this.#last.then(() => this.#changeNow(next));
    this.#last = turn.catch(() => null);
    return turn;
  }

  async #changeNow(next: (book: Book) => Next): Promise<Failure | null> {
    const { shared } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { book } = shared;
      const made = next(book);
      if ('failure' in made) return made.failure;
      const id = randomBytes(9).toString('base64url');
      const written = await shared.write({ ...made.book, revision: book.revision + 1, id });
      if (written.kind === 'ok') return null;
      if (written.kind === 'unavailable') return written;
    }
    return { kind: 'unavailable', message: 'Others change the users all the time; try again' };
  }

  #fresh(): { epoch: string; createdAt: string; changedAt: string } {
    const now = new Date(this.#options.clock.now()).toISOString();
    return { epoch: randomBytes(9).toString('base64url'), createdAt: now, changedAt: now };
  }

  #note(
    { principal, from }: Asker,
    action: string,
    target: string,
    failure: Failure | null,
    detail: string | null,
  ): void {
    const { name: who, kind }: Principal = principal;
    const outcome = failure === null ? 'done' : 'refused';
    const why = failure === null ? detail : [detail, failure.kind].filter((part) => part).join(': ');
    this.#options.audit.note({ who, kind, action, target, outcome, from, detail: why });
  }
}

const DONE = { kind: 'ok', value: undefined } as const;
const NO_LONGER: Failure = forbidden('Your rights have changed meanwhile');
const LAST_ADMIN: Failure = forbidden('This is the last administrator: make another one first');

function forbidden(message: string): Failure {
  return { kind: 'forbidden', message };
}

function invalid(pointer: string, message: string): Failure {
  return { kind: 'invalid', pointer, message };
}
