// What is watched beside a connection's traffic, from its store's opening to its closing: budget, ledger, outcomes, alarms,
// silence, licence.
import type { ActiveAlarm, AlarmDefinition, Connection } from '../domain/connection.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { LowRateAlarms } from './alarms.ts';
import type { JournalBudget } from './journal-budget.ts';
import { LedgerWatch } from './ledger-watch.ts';
import { LicenceWatch } from './licence-watch.ts';
import { OutcomeNews } from './outcome-news.ts';
import { SILENCE_MS } from './reconnect-strategy.ts';
import type { RuntimeOptions } from './runtime-options.ts';

export interface WatchListener {
  /** No uplink for so long that an AGGRESSIVE connection is to be restarted; `again`: none since it was, for this. */
  onSilence(again: boolean): void;
  onLicenceExpired(message: string): void;
  /** What is raised has changed. */
  onAlarms(): void;
}

const NO_ALARMS: readonly AlarmDefinition[] = [];

export class Watches {
  readonly #store: ConnectionStore;
  readonly #budget: JournalBudget;
  readonly #options: Pick<RuntimeOptions, 'clock'>;
  readonly #listener: WatchListener;
  readonly #ledger: LedgerWatch;
  readonly #outcomes: OutcomeNews;
  readonly #alarms: LowRateAlarms;
  readonly #licence: LicenceWatch;
  /** Monotonic ms: the last uplink, or the restart since. */
  #silentSince: number;
  #restartedForSilence = false;

  constructor(
    connectionId: string,
    parts: { readonly store: ConnectionStore; readonly budget: JournalBudget },
    options: Pick<RuntimeOptions, 'clock' | 'chance' | 'events' | 'status'>,
    listener: WatchListener,
  ) {
    const { store } = parts;
    const { clock, chance, events, status } = options;
    this.#store = store;
    this.#budget = parts.budget;
    this.#options = options;
    this.#listener = listener;
    this.#ledger = new LedgerWatch(connectionId, events, status);
    this.#outcomes = new OutcomeNews(connectionId, events, store.ledger());
    this.#alarms = new LowRateAlarms({ connectionId, store, events, clock, onChange: () => listener.onAlarms() });
    const onExpired = (message: string): void => listener.onLicenceExpired(message);
    this.#licence = new LicenceWatch({ connectionId, store, events, clock, chance, onExpired });
    this.#silentSince = clock.monotonic();
  }

  get activeAlarms(): readonly ActiveAlarm[] {
    return this.#alarms.active;
  }

  /** Uplinks have come, whoever's: the source lives. */
  heard(): void {
    this.#silentSince = this.#options.clock.monotonic();
    this.#restartedForSilence = false;
  }

  /** The source is started anew: it has as long again. */
  restarted(forSilence: boolean): void {
    this.#silentSince = this.#options.clock.monotonic();
    if (forSilence) this.#restartedForSilence = true;
  }

  opened(project: HereProject, connection: Connection): void {
    this.#licence.opened(project, connection.createDevices);
  }

  closed(): void {
    this.#licence.closed();
  }

  /** Once a second. */
  tick(connection: Connection): void {
    this.#budget.check();
    this.#outcomes.look(this.#ledger.look(this.#store), this.#store);
    this.#alarms.tick(connection.record.alarms ?? NO_ALARMS);
    this.#licence.tick();
    if (connection.reconnectStrategy !== 'AGGRESSIVE') return;
    const now = this.#options.clock.monotonic();
    if (now - this.#silentSince <= SILENCE_MS) return;
    this.#silentSince = now;
    this.#listener.onSilence(this.#restartedForSilence);
  }

  /** Before the store closes. */
  stop(): void {
    this.closed();
    this.#outcomes.look(this.#ledger.look(this.#store), this.#store);
    this.#alarms.save();
  }
}
