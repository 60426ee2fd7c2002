// Pace: after a failed request, when may the next one go? Back-off with full jitter, then one small request as a probe.
import type { Chance, Clock } from '../domain/ports/clock.ts';

export interface PaceOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Pace {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #options: PaceOptions;
  #failures = 0;
  #failingSince: number | null = null;
  #notBefore = 0;
  #lastFailure = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, chance: Chance, options: PaceOptions) {
    this.#clock = clock;
    this.#chance = chance;
    this.#options = options;
  }

  /** Monotonic ms to wait before the next request; 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#notBefore - this.#clock.monotonic());
  }

  /** True after a failure: the next request is a probe, small and alone. */
  get probing(): boolean {
    return this.#failingSince !== null;
  }

  /** Monotonic ms for which nothing but failure came; 0 when the last request was accepted. */
  get failingMs(): number {
    return this.#failingSince === null ? 0 : this.#clock.monotonic() - this.#failingSince;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#failingSince = null;
    this.#notBefore = 0;
  }

  /** Another one's request has failed, for which this one waited. */
  waited(): void {
    this.#failingSince ??= this.#clock.monotonic();
  }

  /** `startedAt`: monotonic time at which the failed request began; requests that were under way together count as one failure. */
  failed(startedAt: number, retryAfterMs: number | null): void {
    const now = this.#clock.monotonic();
    this.#failingSince ??= now;
    if (startedAt >= this.#lastFailure) this.#failures += 1;
    this.#lastFailure = now;
    const { minMs, maxMs } = this.#options;
    const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 16));
    const jittered = minMs + this.#chance.random() * (ceiling - minMs);
    // Never at once: a gateway that says 0 each time would be asked as fast as it answers.
    const waitMs = retryAfterMs === null ? jittered : Math.max(minMs, retryAfterMs);
    this.#notBefore = Math.max(this.#notBefore, now + waitMs);
  }
}
