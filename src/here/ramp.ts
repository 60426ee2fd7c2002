// Coming back slowly: how much of the rate may be used after HERE refused for being busy, or was away.

/** What is left right after a refusal. */
const FLOOR = 0.1;
/** Failures in a row, without a success between, that count as an outage: a lone reset of an idle connection does not. */
const OUTAGE_AFTER = 3;

export class Ramp {
  readonly #rampMs: number;
  /** When the growth began (monotonic); null: HERE has not answered well since the refusal. */
  #growingSinceMs: number | null = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(rampMs: number) {
    this.#rampMs = rampMs;
  }

  /** 429 or 503: HERE asks for less. */
  refused(): void {
    this.#failures++;
    this.#growingSinceMs = null;
  }

  /** A time-out, a reset, another 5xx. */
  failed(): void {
    if (++this.#failures >= OUTAGE_AFTER) this.#growingSinceMs = null;
  }

  succeeded(nowMs: number): void {
    this.#failures = 0;
    this.#growingSinceMs ??= nowMs;
  }

  /** Share of the whole rate, 0.1 to 1: a tenth until the first success, then growing evenly. */
  share(nowMs: number): number {
    if (this.#growingSinceMs === null) return FLOOR;
    return Math.min(1, FLOOR + ((1 - FLOOR) * (nowMs - this.#growingSinceMs)) / this.#rampMs);
  }
}
