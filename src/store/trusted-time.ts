// Whether ages by the wall clock are to be believed: not in the first hour, when the clock of a machine that has just started may
// still be set, and not for a day after it was set.
import type { Clock } from '../domain/ports/clock.ts';

const HOUR_MS = 3_600_000;
/** A wall clock that moved by more than this against the monotonic one was set. */
const STEP_MS = HOUR_MS;
const DAY_MS = 24 * HOUR_MS;

export class TrustedTime {
  readonly #clock: Clock;
  #offset: number;
  #distrustedUntil: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
    this.#distrustedUntil = clock.monotonic() + HOUR_MS;
  }

  /** Wall-clock ms; null: not to be believed now. */
  now(): number | null {
    const monotonic = this.#clock.monotonic();
    const now = this.#clock.now();
    if (Math.abs(now - monotonic - this.#offset) > STEP_MS) {
      this.#offset = now - monotonic;
      this.#distrustedUntil = monotonic + DAY_MS;
    }
    return monotonic < this.#distrustedUntil ? null : now;
  }
}
