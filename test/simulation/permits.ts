// What one process's requests look like from outside: never more than the limits allow, never too soon, never one device twice.
import type { Check } from './check-names.ts';
import type { SimTime } from './time.ts';
import type { Uplink } from './witness.ts';

export interface PermitLimits {
  readonly concurrency: number;
  readonly requestsPerSecond: number | null;
}

interface Counted {
  inFlight: number;
  starts: number[];
  notBeforeMs: number;
}

export class Permits {
  readonly #limits: PermitLimits;
  readonly #time: SimTime;
  readonly #violated: (check: Check, message: string, words: readonly string[]) => void;
  readonly #projects = new Map<string, Counted>();
  readonly #devices = new Map<string, number>();

  constructor(
    limits: PermitLimits,
    time: SimTime,
    violated: (check: Check, message: string, words: readonly string[]) => void,
  ) {
    this.#limits = limits;
    this.#time = time;
    this.#violated = violated;
  }

  started(project: string | null, uplinks: readonly Uplink[]): void {
    for (const device of devicesOf(uplinks)) {
      const count = (this.#devices.get(device) ?? 0) + 1;
      this.#devices.set(device, count);
      if (count > 1) this.#violated('order', `${device} has records in ${count} requests at once`, [device]);
    }
    if (project === null) return;
    const counted = this.#of(project);
    const { concurrency, requestsPerSecond } = this.#limits;
    const now = this.#time.nowMs;
    counted.inFlight += 1;
    if (counted.inFlight > concurrency) {
      this.#violated('permits', `${counted.inFlight} requests in flight for ${project}, ${concurrency} are allowed`, [
        project,
      ]);
    }
    if (requestsPerSecond !== null) {
      // Less than one a second: one in so long.
      const periodMs = Math.max(1000, 1000 / requestsPerSecond);
      counted.starts = counted.starts.filter((at) => at > now - periodMs + 1e-6);
      counted.starts.push(now);
      const count = counted.starts.length;
      if (count > Math.max(1, Math.ceil(requestsPerSecond))) {
        const words = `${count} requests in ${periodMs} ms for ${project}, ${requestsPerSecond} a second are allowed`;
        this.#violated('permits', words, [project]);
      }
    }
    if (now < counted.notBeforeMs) {
      const earlyMs = Math.round(counted.notBeforeMs - now);
      this.#violated('retryAfter', `a request for ${project} ${earlyMs} ms before its Retry-After has passed`, [
        project,
      ]);
    }
  }

  ended(project: string | null, uplinks: readonly Uplink[]): void {
    for (const device of devicesOf(uplinks)) this.#devices.set(device, (this.#devices.get(device) ?? 1) - 1);
    if (project !== null) this.#of(project).inFlight -= 1;
  }

  notBefore(project: string | null, atMs: number): void {
    if (project === null) return;
    const counted = this.#of(project);
    counted.notBeforeMs = Math.max(counted.notBeforeMs, atMs);
  }

  #of(project: string): Counted {
    let counted = this.#projects.get(project);
    if (counted === undefined) {
      counted = { inFlight: 0, starts: [], notBeforeMs: 0 };
      this.#projects.set(project, counted);
    }
    return counted;
  }
}

function devicesOf(uplinks: readonly Uplink[]): Iterable<string> {
  if (uplinks.length <= 1) return uplinks.length === 0 ? [] : [(uplinks[0] as Uplink).device];
  return new Set(uplinks.map(({ device }) => device));
}

/** The appId of a request that takes a permit; null: it takes none (log-in, licences, health). */
export function projectOf(path: string, body: string | null): string | null {
  if (path === '/v3/batch') return /^\{"appId":"([^"]+)"/.exec(body ?? '')?.[1] ?? null;
  const named = /^\/registry\/v2\/(?:job-\d+-([\w-]+)\/|devices\/[^?]*\?appId=([\w-]+)|([\w-]+)\/devices)/.exec(path);
  return named?.[1] ?? named?.[2] ?? named?.[3] ?? null;
}
