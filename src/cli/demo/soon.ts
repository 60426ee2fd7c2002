// Waiting for something to become true, bounded.
import type { Clock } from '../../domain/ports/clock.ts';

const LOOK_MS = 50;

/** Resolves when `check` is true, or after `atMostMs`. */
export function soon(check: () => boolean, clock: Clock, atMostMs: number): Promise<void> {
  const end = clock.monotonic() + atMostMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (check() || clock.monotonic() > end) resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}
