// Refused log-ins as HERE's side hears of them: a pair that was refused is tried again only after a person has acted.

import type { Check } from './check-names.ts';

export class LogIns {
  readonly #allowed = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #violated: (check: Check, message: string, words: readonly string[]) => void;
  #crashes = 0;

  constructor(violated: (check: Check, message: string, words: readonly string[]) => void) {
    this.#violated = violated;
  }

  /** A definition with this pair was written. */
  allow(email: string, password: string): void {
    const pair = `${email} ${password}`;
    this.#allowed.set(pair, (this.#allowed.get(pair) ?? 0) + 1);
  }

  /** The bridge heard the refusal. */
  refused(email: string, password: string): void {
    const pair = `${email} ${password}`;
    const count = (this.#refused.get(pair) ?? 0) + 1;
    this.#refused.set(pair, count);
    const allowed = (this.#allowed.get(pair) ?? 0) + this.#crashes;
    if (count > allowed) {
      this.#violated('logIn', `${email} was refused ${count} times, and people acted ${allowed} times`, [email]);
    }
  }

  /** A refusal that was heard at the very moment may not have been stored. */
  crashed(): void {
    this.#crashes += 1;
  }
}
