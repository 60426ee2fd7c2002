// One timer for whatever waits: it goes off at the earliest of the times that were asked for.
import type { Cancel, Clock } from '../domain/ports/clock.ts';

export class Wake {
  readonly #clock: Clock;
  readonly #run: () => void;
  #cancel: Cancel | null = null;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Goes off in `ms` from now, if it would not earlier. */
  in(ms: number): void {
    const atMs = this.#clock.monotonic() + ms;
    if (this.#cancel !== null && this.#atMs <= atMs) return;
    this.#cancel?.();
    this.#atMs = atMs;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = null;
      this.#run();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
