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
  /** No uplink for so long that an AGGRESSIVE connection is to be restarted. */
  onSilence(): void;
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
  #lastUplinkAt: number;

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
    this.#lastUplinkAt = clock.monotonic();
  }

  get activeAlarms(): readonly ActiveAlarm[] {
    return this.#alarms.active;
  }

  /** An uplink has come, or the source was started anew: the silence begins again. */
  heard(): void {
    this.#lastUplinkAt = this.#options.clock.monotonic();
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
    if (this.#options.clock.monotonic() - this.#lastUplinkAt <= SILENCE_MS) return;
    this.heard();
    this.#listener.onSilence();
  }

  /** Before the store closes. */
  stop(): void {
    this.closed();
    this.#outcomes.look(this.#ledger.look(this.#store), this.#store);
    this.#alarms.save();
  }
}
