// Whether the network reports on downlinks; where it does not, a device's second uplink after the publication says enough.
import type { Command } from '../domain/command.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const KEY = 'downlinkReportsAt';
/** Reports are expected for so long after the last one that matched. */
const EXPECTED_MS = 24 * 3_600_000;
const SAVE_EVERY_MS = 3_600_000;
const WANTED = 2;

export class JustHeard {
  readonly #store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly #clock: Clock;
  readonly #uplinks = new Map<number, number>();
  /** Wall clock, ms, of the last report that matched; 0: none. */
  #reportAt: number;
  #savedAt: number;

  constructor(store: Pick<ConnectionStore, 'getState' | 'setState'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#reportAt = Number(store.getState(KEY) ?? 0) || 0;
    this.#savedAt = this.#reportAt;
  }

  report(): void {
    this.#reportAt = this.#clock.now();
    if (Math.abs(this.#reportAt - this.#savedAt) < SAVE_EVERY_MS) return;
    this.#savedAt = this.#reportAt;
    try {
      this.#store.setState(KEY, String(this.#reportAt));
    } catch {
      // Then a restart waits for the next report to know.
    }
  }

  /** Counts an uplink of the command's device. Always false while reports are expected: then theirs is the word. */
  isSecondSince({ id, publishedAt }: Command, arrivedAt: number): boolean {
    if (this.#clock.now() - this.#reportAt < EXPECTED_MS) return false;
    if (publishedAt === null || arrivedAt <= publishedAt) return false;
    const count = (this.#uplinks.get(id) ?? 0) + 1;
    this.#uplinks.set(id, count);
    return count === WANTED;
  }

  forget({ id }: Command): void {
    this.#uplinks.delete(id);
  }
}
