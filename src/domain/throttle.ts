// Bounded counting of what may happen so often: token buckets by key, on the monotonic clock.
import type { Clock } from './ports/clock.ts';

export interface ThrottleOptions {
  /** What may happen at once. */
  readonly burst: number;
  /** One more is allowed after each so many ms. */
  readonly everyMs: number;
  /** The key that was quiet for longest is forgotten beyond so many. */
  readonly maxKeys?: number;
}

interface Bucket {
  left: number;
  /** Monotonic ms of the last look. */
  at: number;
}

export class Throttle {
  readonly #clock: Clock;
  readonly #options: Required<ThrottleOptions>;
  /** In the order of the last take. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, options: ThrottleOptions) {
    this.#clock = clock;
    this.#options = { maxKeys: 10_000, ...options };
  }

  /** Takes one. 0: it may happen; else ms after which it may be tried again. */
  take(key: string): number {
    const waitMs = this.waitMs(key);
    if (waitMs > 0) return waitMs;
    const bucket = this.#bucket(key);
    bucket.left -= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#options.maxKeys) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return 0;
  }

  /** Looks without taking. */
  waitMs(key: string): number {
    const { left } = this.#bucket(key);
    // Sums of fractions: what is missing by rounding is not missing.
    const missingMs = (1 - left) * this.#options.everyMs - 1e-6;
    return missingMs <= 0 ? 0 : Math.ceil(missingMs);
  }

  /** Gives back what was taken: it counts failures only. */
  giveBack(key: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.left = Math.min(this.#options.burst, bucket.left + 1);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucket(key: string): Bucket {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { left: this.#options.burst, at: now };
    bucket.left = Math.min(this.#options.burst, bucket.left + (now - bucket.at) / this.#options.everyMs);
    bucket.at = now;
    return bucket;
  }
}
