// Tasks that have a permit and wait until this worker may act again.
import type { Clock } from '../domain/ports/clock.ts';
import type { AbortWaiters } from './abort-waiters.ts';

/** They look again by themselves: a right that had lapsed for a moment only may not be told to be back. */
const LOOK_MS = 1_000;

export class HeldTasks {
  readonly #clock: Clock;
  readonly #waiters: AbortWaiters;
  readonly #held = new Set<() => void>();

  constructor(clock: Clock, waiters: AbortWaiters) {
    this.#clock = clock;
    this.#waiters = waiters;
  }

  /** Resolves when it is worth looking again: after `release`, a second, or when a signal aborts. */
  hold(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#held.delete(go);
        for (const stop of stops) stop();
        resolve();
      };
      const stops = signals.map((signal) => this.#waiters.on(signal, go));
      stops.push(this.#clock.after(LOOK_MS, go));
      this.#held.add(go);
    });
  }

  release(): void {
    for (const go of [...this.#held]) go();
  }
}
