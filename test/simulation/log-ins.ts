// Log-ins as HERE's side hears of them: a pair that was refused is tried again only after a person has acted, and nobody is sent
// for before the attempts are used up.

import type { Check } from './check-names.ts';

/** Of the five that lock an account; one less for a pair that never worked, beside one that does. */
const LEAST_ATTEMPTS = 3;

export class LogIns {
  readonly #allowed = new Map<string, number>();
  readonly #refused = new Map<string, { count: number; heardMs: number[] }>();
  /** By email: since the bridge last heard that a log-in has worked. */
  readonly #tried = new Map<string, number>();
  /** Emails of log-ins that are on their way. */
  readonly #underWay = new Set<string>();
  readonly #violated: (check: Check, message: string, words: readonly string[]) => void;

  constructor(violated: (check: Check, message: string, words: readonly string[]) => void) {
    this.#violated = violated;
  }

  /** A definition with this pair was written. */
  allow(email: string, password: string): void {
    const pair = `${email} ${password}`;
    this.#allowed.set(pair, (this.#allowed.get(pair) ?? 0) + 1);
  }

  /** The bridge has sent one, whatever becomes of it. */
  tried(email: string): void {
    this.#underWay.add(email);
    this.#count(email);
  }

  /** The bridge waits for no answer to it any more. */
  over(email: string): void {
    this.#underWay.delete(email);
  }

  /** The bridge heard that it has worked. */
  worked(email: string): void {
    this.#tried.delete(email);
  }

  /** The bridge heard the refusal. */
  refused(email: string, password: string, nowMs: number): void {
    const pair = `${email} ${password}`;
    const refused = this.#refused.get(pair) ?? { count: 0, heardMs: [] };
    this.#refused.set(pair, refused);
    refused.count += 1;
    refused.heardMs.push(nowMs);
    const allowed = this.#allowed.get(pair) ?? 0;
    if (refused.count > allowed) {
      this.#violated('logIn', `${email} was refused ${refused.count} times, and people acted ${allowed} times`, [
        email,
      ]);
    }
  }

  /** The bridge says that the account has no attempt left, and a person is needed. */
  lockedOut(email: string, isLocked: boolean): void {
    const tried = this.#tried.get(email) ?? 0;
    if (isLocked || tried >= LEAST_ATTEMPTS) return;
    this.#violated('logIn', `${email} is told to be locked after ${tried} attempts without success`, [email]);
  }

  /**
   * A process is gone: a refusal heard from `sinceMs` on may not have been stored, and is good for one more. An attempt is stored
   * before it is sent: of those who were about to log in (`emails`), one may count that was never sent.
   */
  ended(sinceMs: number, emails: Iterable<string>): void {
    for (const email of new Set(emails)) if (!this.#underWay.has(email)) this.#count(email);
    this.#underWay.clear();
    for (const [pair, { heardMs }] of this.#refused) {
      const lost = heardMs.filter((each) => each >= sinceMs).length;
      if (lost > 0) this.#allowed.set(pair, (this.#allowed.get(pair) ?? 0) + lost);
      heardMs.length = 0;
    }
  }

  #count(email: string): void {
    this.#tried.set(email, (this.#tried.get(email) ?? 0) + 1);
  }
}
