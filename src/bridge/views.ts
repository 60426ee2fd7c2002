// The latest status and ledger of each connection, kept on their way to the topics, and the line that works for it.
import type { StatusSink } from '../connections/status-publisher.ts';
import type { ConnectionStatus } from '../domain/connection.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { LatencyHistogram } from '../uplink/latency.ts';
import type { ReplayOptions } from '../uplink/replay.ts';
import { Trail } from '../uplink/trail.ts';
import type { UplinkFlow } from '../uplink/uplink-flow.ts';

export interface LiveLine {
  readonly flow: UplinkFlow;
  readonly store: ConnectionStore;
  /** What a replay judges dead letters by. */
  readonly replayBy: Pick<ReplayOptions, 'prepare' | 'uplinkTimeValidityMs'>;
}

export class Views implements StatusSink {
  readonly #next: StatusSink;
  readonly #statuses = new Map<string, ConnectionStatus>();
  readonly #ledgers = new Map<string, Ledger>();
  readonly lines = new Map<string, LiveLine>();
  /** They outlive their lines: a changed definition makes a new line. */
  readonly #trails = new Map<string, Trail>();

  constructor(next: StatusSink) {
    this.#next = next;
  }

  setStatus(status: ConnectionStatus): void {
    this.#statuses.set(status.id, status);
    this.#next.setStatus(status);
  }

  setLedger(id: string, ledger: Ledger): void {
    this.#ledgers.set(id, ledger);
    this.#next.setLedger(id, ledger);
  }

  remove(id: string): void {
    this.#statuses.delete(id);
    this.#ledgers.delete(id);
    this.lines.delete(id);
    this.#trails.delete(id);
    this.#next.remove(id);
  }

  status(id: string): ConnectionStatus | null {
    return this.#statuses.get(id) ?? null;
  }

  ledger(id: string): Ledger | null {
    return this.#ledgers.get(id) ?? null;
  }

  trail(id: string, maxUplinks: number): Trail {
    let trail = this.#trails.get(id);
    if (trail === undefined) {
      trail = new Trail(maxUplinks);
      this.#trails.set(id, trail);
    }
    return trail;
  }

  latency(): LatencyHistogram {
    const all = new LatencyHistogram();
    for (const { flow } of this.lines.values()) flow.latency.addTo(all);
    return all;
  }

  ids(): readonly string[] {
    return [...this.#statuses.keys()].sort();
  }
}
