// Fresh tokens that HERE refused: until when no further log-in is made.

/**
 * No log-in for so long after a rejection, by how many came soon after each other; doubled from there on. Soon after HERE is well again
 * one is to be made, also where it was well in between: so the first few do not grow further.
 */
const GAPS_MS = [10_000, 20_000, 20_000, 20_000] as const;
const LAST_GAP_MS = 20_000;
const MAX_DOUBLINGS = 5;
/** Not soon: so many gaps later, and a minute at least. The tokens have worked meanwhile, and what ends that is another matter. */
const GAPS_UNTIL_FORGOTTEN = 4;
const LEAST_FORGOTTEN_MS = 60_000;

/** Times are monotonic ms. */
export class Rejections {
  #count = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  note(nowMs: number): void {
    // Several connections of an account renew its token in turn, each in vain: within one gap that is one rejection.
    const forgottenMs = Math.max(LEAST_FORGOTTEN_MS, this.#gapMs * GAPS_UNTIL_FORGOTTEN);
    if (nowMs - this.#lastMs >= forgottenMs) this.#count = 1;
    else if (nowMs >= this.noLogInBeforeMs) this.#count += 1;
    this.#lastMs = nowMs;
  }

  get noLogInBeforeMs(): number {
    return this.#lastMs + this.#gapMs;
  }

  get #gapMs(): number {
    const doublings = this.#count - GAPS_MS.length;
    return GAPS_MS[this.#count - 1] ?? LAST_GAP_MS * 2 ** Math.min(doublings, MAX_DOUBLINGS);
  }
}
