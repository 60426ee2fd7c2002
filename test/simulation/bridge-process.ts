// One process of the bridge, put together as `src/bridge.ts` does it, from the real parts over the models of its ports.

import { createLetterControl } from '../../src/bridge/dead-letters.ts';
import { connectionMaker, definitionValidator } from '../../src/bridge/definition-parts.ts';
import { Downlinks } from '../../src/bridge/downlinks.ts';
import { lineMaker } from '../../src/bridge/lines.ts';
import { SETTLE_MS } from '../../src/bridge/stop-all.ts';
import { Views } from '../../src/bridge/views.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConnectionRuntime } from '../../src/connections/connection-runtime.ts';
import { Definitions } from '../../src/connections/definitions.ts';
import { EventLog } from '../../src/connections/event-log.ts';
import { HostHealth } from '../../src/connections/host-health.ts';
import { Supervisor } from '../../src/connections/supervisor.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { imbalance, type Ledger } from '../../src/domain/ledger.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import type { Chance, Clock } from '../../src/domain/ports/clock.ts';
import type { LetterControl } from '../../src/domain/ports/dead-letters.ts';
import type { SecretBox } from '../../src/domain/ports/secrets.ts';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { Gateway } from '../../src/here/gateway.ts';
import type { Transport } from '../../src/here/transport.ts';
import type { Disk } from '../../src/store/disk.ts';
import type { StoreIncident } from '../../src/store/incidents.ts';
import { assembleStore, type StoreParts } from '../../src/store/store.ts';
import { PREFIX } from './people.ts';
import type { Plan } from './plan.ts';

export interface ProcessParts {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly disk: Disk;
  readonly storeParts: StoreParts;
  readonly broker: Broker;
  readonly transport: Transport;
  readonly onEvent: (event: BridgeEvent) => void;
  readonly onIncident: (incident: StoreIncident) => void;
  readonly onStatus: (status: ConnectionStatus) => void;
  /** A published ledger; `off`: by how much it does not balance. */
  readonly onLedger: (id: string, ledger: Ledger, off: number) => void;
}

export const DATA_DIR = '/data';
const REPLAYS_PER_SECOND = 50;

const defaults = loadConfig({ env: {}, cwd: '/' }).config;

function configOf(plan: Plan): Config {
  const service = defaults.here.services.here;
  if (service === undefined) throw new Error('the default configuration has no service "here"');
  const { limits, batchLingerMs, windowMaxBytes, journalMaxBytes } = plan;
  return {
    ...defaults,
    here: { ...defaults.here, services: { here: { ...service, ...limits, batchLingerMs } } },
    budgets: { ...defaults.budgets, windowMaxBytes, journalMaxBytes },
  };
}

/** Tells contexts apart as the real one does; what it costs to break it does not matter here. */
const box: SecretBox = {
  encrypt: (plain, context) => `enc:v1:${context}\n${plain}`,
  decrypt: (value, context) => (value.startsWith('enc:v1:') ? value.slice(`enc:v1:${context}\n`.length) : value),
  isEncrypted: (value) => value.startsWith('enc:v1:'),
  hmac: (value) => Buffer.from(value).toString('hex'),
};

export class BridgeProcess {
  readonly #parts: ProcessParts;
  #letters: LetterControl | null = null;
  #stopping: Promise<void> | null = null;
  readonly #ends: (() => Promise<void> | void)[] = [];

  constructor(parts: ProcessParts) {
    this.#parts = parts;
  }

  /** Rejects when the store cannot be opened: the process would exit. */
  async start(): Promise<void> {
    const { plan, clock, chance, disk, broker: port, transport, onEvent, onIncident } = this.#parts;
    const config = configOf(plan);
    const store = await this.#openStore(clock, disk, onIncident);
    this.#ends.push(() => store.close());
    const events = new EventLog({ clock, chance, store: store.events, onEvent });
    this.#ends.push(() => events.stop());
    const views = new Views(this.#statusSink(), clock);
    const gateway = new Gateway({
      services: config.here.services,
      vault: store.accounts,
      devices: store.devices,
      secrets: box,
      clock,
      chance,
      transport: () => transport,
    });
    this.#ends.push(() => gateway.stop());
    const hostHealth = new HostHealth({ gateway, clock, chance });
    this.#ends.push(() => hostHealth.stop());
    const broker = (name: string): Broker | null => (name === port.name ? port : null);
    const brokers = { get: broker, names: [port.name], isOwnTopic: () => false };
    const downlinks = new Downlinks(config, { store, brokers, clock, chance, events });
    this.#ends.push(() => downlinks.stop());
    const makeLine = lineMaker(config, { clock, chance, events, views, downlinks });
    const { journalMaxBytes } = config.budgets;
    const supervisor = new Supervisor({
      workerId: 'w1',
      store,
      events,
      status: views,
      clock,
      purge: { store, broker, events, clock, journalMaxBytes },
      createRuntime: (connection) =>
        new ConnectionRuntime(connection, {
          workerId: 'w1',
          store,
          broker,
          gateway,
          makeLine,
          clientId: (id, generation) => `sim-${id}-${generation}`,
          hostHealth,
          events,
          status: views,
          clock,
          chance,
          journalMaxBytes,
          ...config.delivery,
          closeTimeoutMs: SETTLE_MS,
        }),
    });
    const definitions = new Definitions({
      broker: port,
      prefix: PREFIX,
      clientId: 'sim.definitions',
      validate: definitionValidator(config),
      make: connectionMaker(config, box),
      listener: supervisor,
      events,
    });
    this.#ends.push(async () => {
      const late = new AbortController();
      const cancel = clock.after(SETTLE_MS, () => late.abort());
      await Promise.all([definitions.stop(), supervisor.stop(late.signal).finally(cancel)]);
    });
    this.#letters = createLetterControl({ store, views, definitions, clock });
    supervisor.start();
    definitions.start();
  }

  /** All dead letters of a connection go their way again. Returns how it was taken. */
  replay(id: string): string {
    const { signal } = new AbortController();
    const how = { filter: {}, perSecond: REPLAYS_PER_SECOND, signal, onProgress: () => {} };
    return this.#letters?.replay(id, how).kind ?? 'not yet running';
  }

  /** SIGTERM: takes nothing more, settles what is in flight (bounded), commits, closes. Asked again it goes on with that. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) await end();
  }

  #openStore(clock: Clock, disk: Disk, report: (incident: StoreIncident) => void): Promise<BridgeStore> {
    const { budgets } = defaults;
    return assembleStore(
      {
        dataDir: DATA_DIR,
        clock,
        box,
        report,
        disk,
        deadLettersMaxBytes: budgets.deadLetterMaxBytes,
        maxEvents: budgets.eventsMaxCount,
      },
      this.#parts.storeParts,
    );
  }

  #statusSink() {
    const { onStatus, onLedger } = this.#parts;
    const looked = new Map<string, Ledger>();
    return {
      setStatus: onStatus,
      setLedger: (id: string, ledger: Ledger) => {
        if (looked.get(id) === ledger) return;
        looked.set(id, ledger);
        onLedger(id, ledger, imbalance(ledger));
      },
      clear: () => {},
    };
  }
}
