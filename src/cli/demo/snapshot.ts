// What the demo knows at one moment, for its live view and its summary; and the rates that it works out itself.
import type { ConnectionState } from '../../domain/connection.ts';
import type { BridgeEvent } from '../../domain/events.ts';
import { emptyLedger, type Ledger } from '../../domain/ledger.ts';
import type { ConnectionView } from '../../domain/ports/control.ts';

export interface DemoSnapshot {
  readonly elapsedMs: number;
  /** null: runs until somebody stops it. */
  readonly forMs: number | null;
  /** `draining`: the fleet is silent, what waits is being delivered. */
  readonly phase: 'starting' | 'running' | 'draining' | 'ended';
  readonly fleet: { readonly published: number; readonly acknowledged: number; readonly perSecond: number };
  readonly connections: readonly DemoConnection[];
  /** Oldest first; the view shows the last ones. */
  readonly events: readonly BridgeEvent[];
  /** One command or sentence a line: what to try next. */
  readonly hints: readonly string[];
}

export interface DemoConnection {
  readonly id: string;
  readonly state: ConnectionState;
  readonly reason: string | null;
  /** Uplinks that came in, and those that got their final word, over the last seconds. */
  readonly receivedPerSecond: number;
  readonly settledPerSecond: number;
  readonly waiting: number;
  readonly requestsInFlight: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly ledger: Ledger;
}

/** A count's growth per second over the last `windowMs` (5 s by default). Times are monotonic ms. */
export class RateMeter {
  readonly #windowMs: number;
  #samples: { readonly atMs: number; readonly count: number }[] = [];

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs;
  }

  /** Takes the count as of now and returns the rate; 0 until there are two samples. */
  sample(atMs: number, count: number): number {
    this.#samples.push({ atMs, count });
    // The oldest sample kept is the last one that is not younger than the window, so that the window is always full.
    while (this.#samples.length > 2 && (this.#samples[1] as { atMs: number }).atMs <= atMs - this.#windowMs) {
      this.#samples.shift();
    }
    const oldest = this.#samples[0] as { atMs: number; count: number };
    const spanMs = atMs - oldest.atMs;
    return spanMs > 0 ? Math.max(0, ((count - oldest.count) * 1000) / spanMs) : 0;
  }
}

/** Turns the worker's views into the demo's, keeping two meters a connection. */
export class DemoConnections {
  readonly #meters = new Map<string, { received: RateMeter; settled: RateMeter }>();

  take(views: readonly ConnectionView[], monotonicMs: number): DemoConnection[] {
    return views.map((view) => {
      const meters = this.#meters.get(view.id) ?? { received: new RateMeter(), settled: new RateMeter() };
      this.#meters.set(view.id, meters);
      const ledger = view.ledger ?? emptyLedger();
      return {
        id: view.id,
        state: view.state,
        reason: view.reason,
        receivedPerSecond: meters.received.sample(monotonicMs, ledger.received),
        settledPerSecond: meters.settled.sample(monotonicMs, ledger.received - ledger.pending),
        waiting: view.activity?.waiting ?? ledger.pending,
        requestsInFlight: view.activity?.requestsInFlight ?? 0,
        latencyMs: view.activity?.latencyMs ?? { p50: 0, p99: 0 },
        ledger,
      };
    });
  }
}
