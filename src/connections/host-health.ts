// Asks the host of closed connections whether it is back, and reopens them: the first at once, the others paced.
//
// A host may say that it is well while it fails for some accounts, or in part. So a connection that was reopened in vain is
// tried again at later good answers, a few of all such at a time: a fleet must not knock as one every twenty seconds. When HERE
// has taken records of one that was closed, which says more than its health, the others follow, paced as well.
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { HereGateway } from '../domain/ports/here.ts';

export interface HostHealthOptions {
  readonly gateway: Pick<HereGateway, 'isHealthy'>;
  readonly clock: Clock;
  readonly chance: Chance;
  /** A host is asked at most once in so long. 20 s by default. */
  readonly everyMs?: number;
  /** Reopening a whole fleet is spread over at most so long. 10 s by default. */
  readonly spreadMs?: number;
}

interface Waiting {
  readonly reopen: () => void;
  readonly again: boolean;
  /** It has its moment already. */
  isDue: boolean;
}

interface Host {
  /** The longest-waiting first. */
  readonly waiting: Map<symbol, Waiting>;
  timer: Cancel | null;
  asking: boolean;
  /** Monotonic ms of the latest question. */
  askedAt: number;
}

/** A connection that has just closed may have done so at the end of the trouble: no need to wait a whole interval then. */
const FIRST_MS = 5_000;
/** Of those that were reopened in vain before, so many at one good answer. */
const AGAIN_AT_ONCE = 5;
/** Of the time for a whole fleet: what is left when the first has logged in and sent. */
const AFTER_THE_FIRST = 0.8;

export class HostHealth {
  readonly #options: HostHealthOptions;
  readonly #everyMs: number;
  readonly #spreadMs: number;
  readonly #hosts = new Map<string, Host>();
  readonly #stopping = new AbortController();

  constructor(options: HostHealthOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? 20_000;
    this.#spreadMs = options.spreadMs ?? 10_000;
  }

  /**
   * While this holds, the service's host is asked; its first good answer calls `reopen` once (perhaps some seconds later,
   * in the order of the calls). The first question comes some seconds after the first connection closed, the next ones
   * `everyMs` apart. `again`: such a call has reopened it in vain before.
   */
  watch(service: string, reopen: () => void, again = false): Cancel {
    const host: Host = this.#hosts.get(service) ?? {
      waiting: new Map(),
      timer: null,
      asking: false,
      askedAt: Number.NEGATIVE_INFINITY,
    };
    this.#hosts.set(service, host);
    const key = Symbol(service);
    host.waiting.set(key, { reopen, again, isDue: false });
    this.#arm(service, host);
    return () => {
      host.waiting.delete(key);
      if (host.waiting.size === 0) this.#rest(host);
    };
  }

  /** Of a connection that was closed HERE has taken records: the host works. */
  works(service: string): void {
    const host = this.#hosts.get(service);
    // It comes a little after the wave that this connection came with, and is to be over with it.
    if (host !== undefined) this.#reopen(host, Number.POSITIVE_INFINITY, this.#spreadMs * AFTER_THE_FIRST);
  }

  stop(): void {
    this.#stopping.abort();
    for (const host of this.#hosts.values()) {
      host.waiting.clear();
      this.#rest(host);
    }
  }

  #rest(host: Host): void {
    host.timer?.();
    host.timer = null;
  }

  #arm(service: string, host: Host): void {
    if (host.timer !== null || host.asking || host.waiting.size === 0 || this.#stopping.signal.aborted) return;
    const { clock } = this.#options;
    const waitMs = Math.max(Math.min(FIRST_MS, this.#everyMs), host.askedAt + this.#everyMs - clock.monotonic());
    host.timer = clock.after(waitMs, () => {
      host.timer = null;
      void this.#ask(service, host);
    });
  }

  async #ask(service: string, host: Host): Promise<void> {
    host.asking = true;
    host.askedAt = this.#options.clock.monotonic();
    let healthy = false;
    try {
      healthy = await this.#options.gateway.isHealthy(service, this.#stopping.signal);
    } catch {
      // No answer is an answer.
    }
    host.asking = false;
    if (healthy) this.#reopen(host, AGAIN_AT_ONCE, this.#spreadMs);
    this.#arm(service, host);
  }

  /** Of those that were reopened in vain before, `mostAgain`. Gaps shrink, so that a host that has just come back feels a ramp. */
  #reopen(host: Host, mostAgain: number, mostMs: number): void {
    let inVain = 0;
    const keys = [...host.waiting].flatMap(([key, { again, isDue }]) =>
      isDue || (again && ++inVain > mostAgain) ? [] : [key],
    );
    const spreadMs = Math.min(mostMs, 250 * keys.length);
    for (const [index, key] of keys.entries()) {
      (host.waiting.get(key) as Waiting).isDue = true;
      const afterMs = index === 0 ? 0 : spreadMs * Math.sqrt((index - 1 + this.#options.chance.random()) / keys.length);
      const run = (): void => {
        const waiting = host.waiting.get(key);
        host.waiting.delete(key);
        waiting?.reopen();
      };
      if (afterMs === 0) run();
      else this.#options.clock.after(afterMs, run);
    }
  }
}
