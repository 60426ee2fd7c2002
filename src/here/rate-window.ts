// At most so many starts in any period, on the monotonic clock; the rate may change at any time.

/** Starts that are remembered; a faster rate is counted over a shorter period instead, which is stricter. */
const MAX_REMEMBERED = 1000;

export class RateWindow {
  /** Times of the latest starts, oldest first from `#first`. */
  #starts: number[] = [];
  #first = 0;

  /** Ms until a start is allowed at `perSecond` (null: no rate); 0: now. */
  waitMs(nowMs: number, perSecond: number | null): number {
    if (perSecond === null) return 0;
    const count = Math.min(MAX_REMEMBERED, Math.ceil(perSecond));
    const burstMs = this.#waitFor(count, (1000 * count) / perSecond, nowMs);
    // Also after a burst at a higher rate than now: alone, even spaces would come on top of it.
    return isSpaced(perSecond) ? Math.max(burstMs, this.#waitFor(1, 1000 / perSecond, nowMs)) : burstMs;
  }

  /** Ms until `count` starts and one more are `periodMs` apart. */
  #waitFor(count: number, periodMs: number, nowMs: number): number {
    const oldest = this.#starts[this.#starts.length - count];
    const isFull = this.#starts.length - this.#first >= count && oldest !== undefined;
    return isFull ? Math.max(0, oldest + periodMs - nowMs) : 0;
  }

  /** Starts after `sinceMs`, as far as they are remembered. */
  startsSince(sinceMs: number): number {
    let first = this.#starts.length;
    while (first > this.#first && (this.#starts[first - 1] as number) > sinceMs) first--;
    return this.#starts.length - first;
  }

  started(nowMs: number): void {
    this.#starts.push(nowMs);
    if (this.#starts.length - this.#first > MAX_REMEMBERED) this.#first++;
    if (this.#first > MAX_REMEMBERED) {
      this.#starts = this.#starts.slice(this.#first);
      this.#first = 0;
    }
  }
}

/**
 * High rates: so many in any second, as bursts come, or with a fraction one more in a period a little longer. Low rates with a
 * fraction: evenly spaced as well, since a shorter window would let two bursts into one second, and a longer one a larger burst.
 */
function isSpaced(perSecond: number): boolean {
  return perSecond < 10 && !Number.isInteger(perSecond);
}
