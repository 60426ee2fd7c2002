// The latest status and ledger of each connection, kept on their way to the topics, and the line that works for it.
import type { ShownStatus, StatusSink } from '../connections/status-publisher.ts';
import type { ConnectionSource, ConnectionStatus } from '../domain/connection.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { DrainForecast } from '../domain/ports/facts.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { Drain } from '../ops/drain.ts';
import { DeviceActivity } from '../uplink/activity.ts';
import { LatencyHistogram } from '../uplink/latency.ts';
import type { ReplayOptions } from '../uplink/replay.ts';
import { RetiredDevices } from '../uplink/retired.ts';
import { Trail } from '../uplink/trail.ts';
import type { UplinkFlow } from '../uplink/uplink-flow.ts';
import { Arrivals } from './arrivals.ts';
import { LiveFeed } from './live-feed.ts';

export interface LiveLine {
  readonly flow: UplinkFlow;
  readonly store: ConnectionStore;
  /** Where its uplinks come from now. */
  source: ConnectionSource;
  /** What a replay judges dead letters by. */
  readonly replayBy: Pick<ReplayOptions, 'prepare' | 'uplinkTimeValidityMs'>;
}

export class Views implements ShownStatus {
  readonly #next: StatusSink;
  readonly #clock: Clock;
  readonly #drains = new Map<string, Drain>();
  readonly #statuses = new Map<string, ConnectionStatus>();
  readonly #ledgers = new Map<string, Ledger>();
  readonly #ledgersOff = new Map<string, number>();
  /** Being deleted here: what was said of them goes first, and they are shown until all of them is gone. */
  readonly #clearing = new Set<string>();
  readonly lines = new Map<string, LiveLine>();
  readonly arrivals = new Arrivals();
  /** They outlive their lines: a changed definition makes a new line. */
  readonly #trails = new Map<string, Trail>();
  readonly #activities = new Map<string, DeviceActivity>();
  readonly #retired = new Map<string, RetiredDevices>();

  readonly #feed: LiveFeed;
  #ids: readonly string[] | null = null;
  #idsByName: readonly string[] | null = null;

  constructor(next: StatusSink, clock: Clock, feed = new LiveFeed()) {
    this.#next = next;
    this.#clock = clock;
    this.#feed = feed;
  }

  /** Adds to each status what is known of the connection beside its runtime. */
  readonly extras: { debugUntil: (id: string) => string | undefined; onLineGone: (id: string) => void } = {
    debugUntil: () => undefined,
    onLineGone: () => {},
  };

  /** What was added has changed. */
  refresh(id: string): void {
    const status = this.#statuses.get(id);
    if (status !== undefined) this.setStatus(status);
  }

  setStatus({ debugUntil: _former, ...told }: ConnectionStatus): void {
    const debugUntil = this.extras.debugUntil(told.id);
    const status = debugUntil === undefined ? told : { ...told, debugUntil };
    const before = this.#statuses.get(status.id);
    if (before === undefined) this.#ids = null;
    if (before?.name !== status.name) this.#idsByName = null;
    this.#statuses.set(status.id, status);
    this.#next.setStatus(status);
    if (this.#feed.isHeard) this.#feed.tell({ kind: 'status', connectionId: status.id, status });
  }

  setLedger(id: string, ledger: Ledger, off: number): void {
    this.#ledgers.set(id, ledger);
    this.#ledgersOff.set(id, off);
    this.#drain(id).note(ledger, this.#clock.monotonic());
    this.#next.setLedger(id, ledger, off);
    if (this.#feed.isHeard) this.#feed.tell({ kind: 'ledger', connectionId: id, ledger });
  }

  clear(id: string): Promise<void> | void {
    this.#clearing.add(id);
    return this.#next.clear(id);
  }

  remove(id: string): void {
    this.#clearing.delete(id);
    this.#statuses.delete(id);
    this.#dropLine(id);
    this.#listAnew();
    if (this.#feed.isHeard) this.#feed.tell({ kind: 'removed', connectionId: id });
  }

  /** Another worker serves it: what it says counts, and nothing of it is cleared. */
  release(id: string): void {
    this.#clearing.delete(id);
    this.#dropLine(id);
  }

  /** With what outlives a line for the sake of the next one: here there is none. */
  #dropLine(id: string): void {
    this.#ledgers.delete(id);
    this.#ledgersOff.delete(id);
    this.lines.delete(id);
    this.#trails.delete(id);
    this.#activities.delete(id);
    this.#retired.delete(id);
    this.#drains.delete(id);
    this.extras.onLineGone(id);
  }

  /** What another worker says of a connection that it serves; null: it is deleted. */
  heard(id: string, status: ConnectionStatus | null): void {
    // Our own word, on its way round.
    if (status === null && this.#clearing.has(id)) return;
    if (this.#statuses.get(id)?.name !== status?.name) this.#listAnew();
    if (status === null) this.#statuses.delete(id);
    else this.#statuses.set(id, status);
    if (!this.#feed.isHeard) return;
    if (status === null) this.#feed.tell({ kind: 'removed', connectionId: id });
    else this.#feed.tell({ kind: 'status', connectionId: id, status });
  }

  #listAnew(): void {
    this.#ids = null;
    this.#idsByName = null;
  }

  status(id: string): ConnectionStatus | null {
    return this.#statuses.get(id) ?? null;
  }

  ledger(id: string): Ledger | null {
    return this.#ledgers.get(id) ?? null;
  }

  /** By how many messages its ledger was off at the last look; null: it was not looked at here. */
  ledgerOff(id: string): number | null {
    return this.#ledgersOff.get(id) ?? null;
  }

  /** When its backlog will be gone. */
  forecast(id: string): DrainForecast {
    const drain = this.#drain(id);
    const live = this.lines.get(id);
    if (live !== undefined) drain.note(live.store.ledger(), this.#clock.monotonic());
    return drain.forecast();
  }

  /** The devices that it has heard; outlives its line as well. */
  activity(id: string): DeviceActivity {
    let activity = this.#activities.get(id);
    if (activity === undefined) {
      activity = new DeviceActivity();
      this.#activities.set(id, activity);
    }
    return activity;
  }

  /** null: it has had no line. */
  trailOf(id: string): Trail | null {
    return this.#trails.get(id) ?? null;
  }

  retired(id: string, store: ConnectionStore): RetiredDevices {
    const known = this.#retired.get(id);
    const retired = known ?? new RetiredDevices(store);
    retired.useStore(store);
    this.#retired.set(id, retired);
    return retired;
  }

  trail(id: string, maxUplinks: number): Trail {
    let trail = this.#trails.get(id);
    if (trail === undefined) {
      trail = new Trail(maxUplinks, this.activity(id));
      this.#trails.set(id, trail);
    }
    return trail;
  }

  latency(): LatencyHistogram {
    const all = new LatencyHistogram();
    for (const { flow } of this.lines.values()) flow.latency.addTo(all);
    return all;
  }

  #drain(id: string): Drain {
    let drain = this.#drains.get(id);
    if (drain === undefined) {
      drain = new Drain();
      this.#drains.set(id, drain);
    }
    return drain;
  }

  /** In the order of names, in any case; sorting ten thousand of them takes its time, and names change seldom. */
  idsByName(): readonly string[] {
    if (this.#idsByName === null) {
      const rows = this.ids().map((id) => ({ id, name: (this.#statuses.get(id)?.name ?? '').toLowerCase() }));
      // Stable: equal ones stay in the order of their ids.
      rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      this.#idsByName = rows.map(({ id }) => id);
    }
    return this.#idsByName;
  }

  ids(): readonly string[] {
    this.#ids ??= [...this.#statuses.keys()].sort();
    return this.#ids;
  }
}
