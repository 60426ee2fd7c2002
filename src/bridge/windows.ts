// How much of the memory for waiting uplinks each connection may use: its own budget, within its part of the common one.
import { fairShares } from '../domain/fair-share.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { WindowLimits } from '../uplink/backlog.ts';

export interface WindowOptions {
  readonly clock: Clock;
  /** Of one connection, and of all together. */
  readonly maxBytes: number;
  readonly allMaxBytes: number;
  readonly maxItems: number;
  /** Bytes that each connection's line holds in memory. */
  readonly used: () => Iterable<readonly [id: string, bytes: number]>;
}

const RECOUNT_MS = 500;
/** So much goes at least: a single uplink must always fit. */
const LEAST_BYTES = 64 * 1024;

export class Windows {
  readonly #o: WindowOptions;
  #shares = new Map<string, number>();
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WindowOptions) {
    this.#o = options;
  }

  /** Limits that follow what the others hold. */
  of(id: string): WindowLimits {
    const windows = this;
    const { maxItems } = this.#o;
    return {
      get maxBytes() {
        return windows.#maxBytes(id);
      },
      maxItems,
    };
  }

  #maxBytes(id: string): number {
    const { clock, maxBytes, allMaxBytes } = this.#o;
    const now = clock.monotonic();
    if (now - this.#countedAt >= RECOUNT_MS) this.#count(now, allMaxBytes);
    return Math.max(LEAST_BYTES, Math.min(maxBytes, this.#shares.get(id) ?? maxBytes));
  }

  #count(now: number, total: number): void {
    this.#countedAt = now;
    const used = [...this.#o.used()];
    const shares = fairShares(
      total,
      used.map(([, bytes]) => bytes),
    );
    this.#shares = new Map(used.map(([id], i) => [id, shares[i] as number]));
  }
}
