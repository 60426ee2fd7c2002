// The connections of a worker over models of its ports: config topic, supervisor and runtimes as the bridge wires them.
import { ConnectionRuntime } from '../../../src/connections/connection-runtime.ts';
import { type DefinitionDefaults, makeConnection } from '../../../src/connections/definition.ts';
import { Definitions } from '../../../src/connections/definitions.ts';
import { HostHealth } from '../../../src/connections/host-health.ts';
import { Supervisor } from '../../../src/connections/supervisor.ts';
import { createDefinitionValidator } from '../../../src/connections/validate-definition.ts';
import type { Connection, ConnectionStatus, DefinitionRecord } from '../../../src/domain/connection.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import type { Ledger } from '../../../src/domain/ledger.ts';
import type { Broker } from '../../../src/domain/ports/broker.ts';
import type { Chance } from '../../../src/domain/ports/clock.ts';
import type { SecretBox } from '../../../src/domain/ports/secrets.ts';
import { ManualClock, SeededChance } from '../manual-clock.ts';
import { ModelBroker } from './model-broker.ts';
import { ModelGateway } from './model-gateway.ts';
import { ModelLine } from './model-line.ts';
import { ModelStore } from './model-store.ts';

export interface WorkerParts {
  readonly clock?: ManualClock;
  readonly chance?: Chance;
  readonly store?: ModelStore;
  readonly config?: ModelBroker;
  readonly brokers?: readonly ModelBroker[];
  readonly gateway?: ModelGateway;
  readonly box: SecretBox;
  readonly defaults: DefinitionDefaults;
  /** Lines take changed definitions without stopping. */
  readonly reconfigurable?: boolean;
}

export class ConnectionsWorker {
  readonly clock: ManualClock;
  readonly store: ModelStore;
  readonly config: ModelBroker;
  readonly brokers: readonly ModelBroker[];
  readonly gateway: ModelGateway;
  readonly events: NewEvent[] = [];
  readonly statuses = new Map<string, ConnectionStatus>();
  readonly states: string[] = [];
  readonly ledgers = new Map<string, Ledger>();
  readonly removed: string[] = [];
  readonly mended: string[] = [];
  readonly lines = new Map<string, ModelLine[]>();
  readonly reconfigured: Connection[] = [];
  readonly definitions: Definitions;
  readonly supervisor: Supervisor;

  /** The broker takes what is said of a deleted connection away when it resolves. */
  removing: Promise<void> = Promise.resolve();

  constructor(parts: WorkerParts) {
    this.clock = parts.clock ?? new ManualClock();
    this.store = parts.store ?? new ModelStore();
    this.config = parts.config ?? new ModelBroker('config');
    this.brokers = parts.brokers ?? [new ModelBroker('main'), new ModelBroker('backup')];
    this.gateway = parts.gateway ?? new ModelGateway();
    const { clock, store, gateway } = this;
    const events = { emit: (event: NewEvent) => void this.events.push(event) };
    const status = {
      setStatus: (next: ConnectionStatus) => {
        if (this.statuses.get(next.id)?.state !== next.state) this.states.push(`${next.id} ${next.state}`);
        this.statuses.set(next.id, next);
      },
      setLedger: (id: string, ledger: Ledger) => void this.ledgers.set(id, ledger),
      clear: (id: string) => {
        this.removed.push(id);
        return this.removing;
      },
      remove: (id: string) => void this.statuses.delete(id),
    };
    const chance = parts.chance ?? new SeededChance();
    const broker = (name: string): Broker | null => this.brokers.find((one) => one.name === name) ?? null;
    const hostHealth = new HostHealth({ gateway, clock, chance });
    this.supervisor = new Supervisor({
      workerId: 'w1',
      store,
      events,
      status,
      clock,
      purge: { store, broker, events, clock, journalMaxBytes: 1000 },
      createRuntime: (connection) =>
        new ConnectionRuntime(connection, {
          workerId: 'w1',
          store,
          broker,
          gateway,
          makeLine: ({ connection: of, store: its, observer }) => {
            const line = new ModelLine(its, observer);
            this.lines.set(of.id, [...(this.lines.get(of.id) ?? []), line]);
            if (parts.reconfigurable !== true) return { line };
            return { line, reconfigure: (next) => this.reconfigured.push(next) > 0 };
          },
          clientId: (id, generation) => `hb-${id}${generation === 0 ? '' : `-${generation}`}`,
          hostHealth,
          events,
          status,
          clock,
          chance,
          journalMaxBytes: 1000,
          closeAfterMs: 300_000,
          retryMinMs: 500,
          retryMaxMs: 20_000,
        }),
    });
    this.definitions = new Definitions({
      broker: this.config,
      prefix: 'hb',
      clientId: 'hb-config',
      validate: createDefinitionValidator({}),
      make: (id, record) => makeConnection(id, record, parts.box, parts.defaults),
      listener: this.supervisor,
      events,
      mend: (id) => void this.mended.push(id),
    });
    this.supervisor.start();
    this.definitions.start();
  }

  /** Writes a definition to the config topic (text as it is; null deletes) and lets what follows happen. */
  async define(id: string, record: DefinitionRecord | string | null): Promise<void> {
    const payload = record === null || typeof record === 'string' ? record : JSON.stringify(record);
    this.config.put(`hb/connections/${id}`, payload);
    await this.clock.advance(0);
  }

  async snapshot(): Promise<void> {
    this.config.snapshot(this.config.tables.find(({ options }) => options.prefix === 'hb/connections'));
    await this.clock.advance(0);
  }

  async stop(): Promise<void> {
    await this.definitions.stop();
    await this.supervisor.stop(new AbortController().signal);
  }

  state(id: string): string | undefined {
    return this.statuses.get(id)?.state;
  }

  line(id: string): ModelLine {
    const line = this.lines.get(id)?.at(-1);
    if (line === undefined) throw new Error(`no line was made for ${id}`);
    return line;
  }

  kinds(id?: string): string[] {
    return this.events.filter((event) => id === undefined || event.connectionId === id).map((event) => event.kind);
  }
}
