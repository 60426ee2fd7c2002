// How often passwords may be tried: by client address, by address and name, and by name, so that neither one address trying
// many names nor many addresses trying one name gets far, and a stranger cannot lock a user out for long.
import type { Clock } from '../domain/ports/clock.ts';
import { Throttle } from './throttle.ts';

const MINUTE_MS = 60_000;

export class LogInLimits {
  readonly #byBoth: Throttle;
  readonly #byAddress: Throttle;
  readonly #byName: Throttle;

  constructor(clock: Clock) {
    this.#byBoth = new Throttle(clock, { burst: 5, everyMs: MINUTE_MS });
    this.#byAddress = new Throttle(clock, { burst: 20, everyMs: MINUTE_MS / 4 });
    this.#byName = new Throttle(clock, { burst: 50, everyMs: MINUTE_MS / 2 });
  }

  /** 0: an attempt may be made, and counts as failed until `succeeded`. Else ms until the next one. */
  take(name: string, from: string): number {
    const keys = this.#keys(name, from);
    const waitMs = Math.max(...keys.map(([throttle, key]) => throttle.waitMs(key)));
    if (waitMs > 0) return waitMs;
    for (const [throttle, key] of keys) throttle.take(key);
    return 0;
  }

  succeeded(name: string, from: string): void {
    for (const [throttle, key] of this.#keys(name, from)) throttle.giveBack(key);
  }

  #keys(name: string, from: string): [Throttle, string][] {
    const low = name.toLowerCase();
    return [
      [this.#byBoth, `${from}\u0000${low}`],
      [this.#byAddress, from],
      [this.#byName, low],
    ];
  }
}
