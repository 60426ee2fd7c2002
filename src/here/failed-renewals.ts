// Renewals that HERE answers with an error while no token is left: it may be this very pair that HERE cannot renew, and for good.
// Then only a log-in helps, also after a restart, since the pair is kept. In an outage of all that is about users it would be in vain:
// so there are few, and ever fewer.

import type { UserAnswer } from './user-calls.ts';

type Failed = Pick<UserAnswer & { kind: 'failed' }, 'cause' | 'judged'>;

/** Before one log-in: so many failures, and so long since the first of them; doubled after each such log-in. */
const FAILURES = 3;
const LEAST_MS = 30_000;
const MOST_MS = 120_000;

/** Times are monotonic ms. */
export class FailedRenewals {
  #count = 0;
  #firstMs = 0;
  #gapMs = LEAST_MS;
  #any = false;

  /** One more. True: a log-in may be tried in its place; then counting begins anew. */
  note({ cause, judged }: Failed, nowMs: number): boolean {
    // Of what fails these are the host's own errors: 5xx, but for 501.
    if (cause !== 'unavailable' || judged !== 'unknown') return false;
    if (this.#count === 0) this.#firstMs = nowMs;
    this.#any = true;
    this.#count += 1;
    if (this.#count < FAILURES || nowMs - this.#firstMs < this.#gapMs) return false;
    this.#count = 0;
    this.#gapMs = Math.min(MOST_MS, Math.max(LEAST_MS, this.#gapMs * 2));
    return true;
  }

  /** Some have failed since the pair was obtained. */
  get any(): boolean {
    return this.#any;
  }

  /** A person asks for another try: the next failure is enough, if there was one before. */
  hurry(): void {
    if (!this.#any) return;
    this.#count = FAILURES;
    this.#gapMs = 0;
  }

  /** There is another pair, or HERE has judged this one. */
  forget(): void {
    this.#count = 0;
    this.#gapMs = LEAST_MS;
    this.#any = false;
  }
}
