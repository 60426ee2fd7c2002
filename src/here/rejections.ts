// Fresh tokens that HERE refused: until when no further log-in is made.

/** No log-in for so long after a rejection; doubled each time that a later log-in's token is refused within the hour. */
const GAP_MS = 10_000;
const MAX_DOUBLINGS = 6;
const COUNTS_FOR_MS = 3_600_000;

/** Times are monotonic ms. */
export class Rejections {
  #count = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  note(nowMs: number): void {
    // Several connections of an account renew its token in turn, each in vain: within one gap that is one rejection.
    if (nowMs - this.#lastMs >= COUNTS_FOR_MS) this.#count = 1;
    else if (nowMs >= this.noLogInBeforeMs) this.#count += 1;
    this.#lastMs = nowMs;
  }

  get noLogInBeforeMs(): number {
    return this.#lastMs + GAP_MS * 2 ** Math.min(this.#count - 1, MAX_DOUBLINGS);
  }
}
