// Rate limits per appId with HERE's headers: a bucket of `limit` requests that refills evenly over the window.
import type { RateLimit } from './options.ts';

interface Bucket {
  tokens: number;
  /** Monotonic ms of the last refill. */
  at: number;
}

export type RateVerdict =
  | { readonly ok: true; readonly headers: Readonly<Record<string, string>> | null }
  | { readonly ok: false; readonly headers: Readonly<Record<string, string>> };

export class RateLimits {
  #common: RateLimit | null;
  readonly #own = new Map<string, RateLimit | null>();
  readonly #buckets = new Map<string, Bucket>();

  constructor(common: RateLimit | null) {
    this.#common = common;
  }

  /** `appId` null: for all that have none of their own. `limit` null: none. Buckets start full. */
  set(appId: string | null, limit: RateLimit | null): void {
    if (appId === null) {
      this.#common = limit;
      this.#buckets.clear();
      return;
    }
    this.#own.set(appId, limit);
    this.#buckets.delete(appId);
  }

  take(appId: string, nowMs: number): RateVerdict {
    const own = this.#own.get(appId);
    const limit = own === undefined ? this.#common : own;
    if (limit === null) return { ok: true, headers: null };
    const windowMs = limit.windowMs ?? 1000;
    let bucket = this.#buckets.get(appId);
    if (!bucket) {
      bucket = { tokens: limit.limit, at: nowMs };
      this.#buckets.set(appId, bucket);
    }
    bucket.tokens = Math.min(limit.limit, bucket.tokens + ((nowMs - bucket.at) * limit.limit) / windowMs);
    bucket.at = nowMs;
    const headers: Record<string, string> = {
      'X-RateLimit-Limit': String(limit.limit),
      'X-RateLimit-Remaining': String(Math.max(0, Math.floor(bucket.tokens) - 1)),
    };
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return { ok: true, headers };
    }
    const waitMs = limit.limit > 0 ? ((1 - bucket.tokens) * windowMs) / limit.limit : windowMs;
    headers['Retry-After'] = String(Math.max(1, Math.ceil(waitMs / 1000)));
    return { ok: false, headers };
  }
}
