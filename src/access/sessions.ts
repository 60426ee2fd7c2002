// Sessions of the console: what the cookie holds, sealed, so that every API process with the same key can judge it and none
// has to remember it. What ends one early (log-out, another password or role) is in the book.
import { randomBytes } from 'node:crypto';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { type Book, findUser, type StoredUser } from './book.ts';

export interface SessionLimits {
  /** It ends after so long without a request, ms. */
  readonly idleMs: number;
  /** It ends so long after its log-in, ms. */
  readonly maxMs: number;
}

interface Content {
  readonly id: string;
  readonly user: string;
  readonly epoch: string;
  /** Wall-clock ms. */
  readonly since: number;
  readonly seen: number;
}

export type OpenedSession =
  | {
      readonly kind: 'valid';
      readonly user: StoredUser;
      readonly id: string;
      readonly until: number;
      readonly renewed: string | null;
    }
  | { readonly kind: 'over' };

const CONTEXT = 'session';
/** A cookie is at most about 4 KiB; ours is below 400 bytes. */
const MAX_LENGTH = 2048;
/** Not every answer brings a new cookie. */
const RENEW_FRACTION = 30;
const CLOCKS_DIFFER_MS = 300_000;

export class Sessions {
  readonly #box: SecretBox;
  readonly #limits: SessionLimits;

  constructor(box: SecretBox, limits: SessionLimits) {
    this.#box = box;
    this.#limits = limits;
  }

  begin(user: StoredUser, nowMs: number): string {
    const id = randomBytes(16).toString('base64url');
    return this.#seal({ id, user: user.name, epoch: user.epoch, since: nowMs, seen: nowMs });
  }

  open(value: string, book: Book, nowMs: number): OpenedSession {
    const content = this.#unseal(value);
    if (content === null) return { kind: 'over' };
    const { id, user: name, epoch, since, seen } = content;
    const { idleMs, maxMs } = this.#limits;
    // Of the future: the clock stepped back, and how old it is cannot be told.
    const isFuture = seen - nowMs > CLOCKS_DIFFER_MS;
    const isOld = nowMs - seen > idleMs || nowMs - since > maxMs;
    const isOver = isFuture || isOld || book.ended.some((ended) => ended.id === id);
    const user = findUser(book, name);
    if (isOver || user === null || user.epoch !== epoch) return { kind: 'over' };
    const renewed = nowMs - seen > idleMs / RENEW_FRACTION ? this.#seal({ ...content, seen: nowMs }) : null;
    return { kind: 'valid', user, id, until: since + maxMs, renewed };
  }

  #seal(content: Content): string {
    return this.#box.encrypt(JSON.stringify(content), CONTEXT);
  }

  /** Only what is sealed is opened: the box hands plain text back as it is. */
  #unseal(value: string): Content | null {
    if (value.length > MAX_LENGTH || !this.#box.isEncrypted(value)) return null;
    try {
      return JSON.parse(this.#box.decrypt(value, CONTEXT)) as Content;
    } catch {
      return null;
    }
  }
}
