// How much of the memory for waiting uplinks each connection may use: its own budget, within its part of the common one. However
// small that is: an empty window takes one uplink of any size.
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

export class Windows {
  readonly #o: WindowOptions;
  #shares = new Map<string, number>();
  /** Of a connection that was not there when they were counted. */
  #newcomers = 0;
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
    return Math.max(1, Math.min(maxBytes, this.#shares.get(id) ?? this.#newcomers));
  }

  #count(now: number, total: number): void {
    this.#countedAt = now;
    const used = [...this.#o.used()];
    const bytes = used.map(([, each]) => each);
    const shares = fairShares(total, bytes);
    this.#newcomers = fairShares(total, [...bytes, 0]).at(-1) as number;
    this.#shares = new Map(used.map(([id], i) => [id, shares[i] as number]));
  }
}
