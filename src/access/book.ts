// The book of who may enter: users, tokens and ended sessions as one value, and its changes as functions from book to book.
//
// One value rather than a record each: a change sees all of it (the last administrator stays), a reader that hears half
// of the topic never lets in someone who was removed, and an old record put back by another publisher is recognised by
// its revision.
import { ROLES, type Role, type TokenView, type UserView } from '../domain/access.ts';

export interface StoredUser {
  readonly name: string;
  readonly role: Role;
  /** scrypt, see passwords.ts. */
  readonly password: string;
  /** Changes with password and role: sessions of another epoch are over. */
  readonly epoch: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly changedAt: string;
}

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly owner: string | null;
  /** SHA-256 of the secret: it is random, so nothing can be guessed from it. */
  readonly digest: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
}

/** A session that was logged out before its time. */
export interface EndedSession {
  readonly id: string;
  /** Wall-clock ms from which on it would be over anyway. */
  readonly until: number;
}

export interface Book {
  /** Grows by one with each change. */
  readonly revision: number;
  /** Random: tells two changes apart that were made of one book at the same time. */
  readonly id: string;
  readonly users: readonly StoredUser[];
  readonly tokens: readonly StoredToken[];
  readonly ended: readonly EndedSession[];
}

export const EMPTY_BOOK: Book = { revision: 0, id: '', users: [], tokens: [], ended: [] };

/** They keep the sealed record below 512 KiB, half of what brokers take by default. */
export const MAX_USERS = 200;
export const MAX_TOKENS = 1000;
const MAX_ENDED = 1000;
const FORM = 1;

export function writeBook(book: Book): string {
  return JSON.stringify({ form: FORM, ...book });
}

/** Null for anything that is no book. It was sealed by a bridge with our key, so its entries are believed. */
export function readBook(text: string): Book | null {
  try {
    const { form, revision, id, users, tokens, ended } = JSON.parse(text) as Record<string, unknown>;
    if (form !== FORM || !Number.isSafeInteger(revision) || typeof id !== 'string') return null;
    if (!Array.isArray(users) || !Array.isArray(tokens) || !Array.isArray(ended)) return null;
    const isOne = (entry: unknown): boolean => ROLES.includes((entry as { role?: Role } | null)?.role as Role);
    if (![...users, ...tokens].every(isOne)) return null;
    return { revision: revision as number, id, users, tokens, ended };
  } catch {
    return null;
  }
}

export function findUser(book: Book, name: string): StoredUser | null {
  return book.users.find((user) => user.name.toLowerCase() === name.toLowerCase()) ?? null;
}

export function putUser(book: Book, user: StoredUser): Book {
  const others = book.users.filter(({ name }) => name !== user.name);
  return { ...book, users: [...others, user].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

export function dropUser(book: Book, name: string): Book {
  return {
    ...book,
    users: book.users.filter((user) => user.name !== name),
    tokens: book.tokens.filter(({ owner }) => owner !== name),
  };
}

/** What is over goes with it. */
export function putToken(book: Book, token: StoredToken, nowMs: number): Book {
  const alive = book.tokens.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > nowMs);
  return { ...book, tokens: [...alive, token] };
}

export function dropToken(book: Book, id: string): Book {
  return { ...book, tokens: book.tokens.filter((token) => token.id !== id) };
}

/** More than are remembered: the sessions that would end last are the ones to remember. */
export function endSession(book: Book, session: EndedSession, nowMs: number): Book {
  const ended = [...book.ended.filter(({ until }) => until > nowMs), session];
  return { ...book, ended: ended.sort((a, b) => b.until - a.until).slice(0, MAX_ENDED) };
}

/** Would nobody be left who may mend it? */
export function losesLastAdmin(before: Book, after: Book): boolean {
  const admins = (book: Book): number => book.users.filter(({ role }) => role === 'admin').length;
  return admins(before) > 0 && admins(after) === 0;
}

export function viewUser({ name, role, createdAt, changedAt }: StoredUser): UserView {
  return { name, role, createdAt, changedAt };
}

export function viewToken(token: StoredToken, lastUsedAt: string | null): TokenView {
  const { id, name, role, owner, createdAt, expiresAt } = token;
  return { id, name, role, owner, createdAt, expiresAt, lastUsedAt };
}
