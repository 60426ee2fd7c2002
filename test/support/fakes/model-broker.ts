// A model of a message broker at its port: sources, tables and publishers in memory, with faults by hand.
import type {
  Broker,
  BrokerMessage,
  Publisher,
  PublishOptions,
  RoomAware,
  SourceListener,
  SourceOptions,
  SourceStatus,
  TableListener,
  TableOptions,
  UplinkSource,
  WillOptions,
} from '../../../src/domain/ports/broker.ts';

export class ModelSource implements UplinkSource {
  readonly options: SourceOptions;
  readonly listener: SourceListener & Partial<RoomAware>;
  readonly calls: string[] = [];
  /** What it says of its session. */
  isDrained = true;
  state: 'stopped' | 'running' | 'paused' = 'stopped';
  readonly #broker: ModelBroker;

  constructor(broker: ModelBroker, options: SourceOptions, listener: SourceListener) {
    this.#broker = broker;
    this.options = options;
    this.listener = listener;
  }

  start(): void {
    this.#to('running', 'start');
    if (this.#broker.autoUp) this.tell({ kind: 'up', sessionLost: false });
  }

  async stop(): Promise<void> {
    this.#to('stopped', 'stop');
  }

  pause(): void {
    this.#to('paused', 'pause');
    this.tell({ kind: 'paused' });
  }

  resume(): void {
    this.#to('running', 'resume');
    if (this.#broker.autoUp) this.tell({ kind: 'up', sessionLost: false });
  }

  unsubscribe(): void {
    this.calls.push('unsubscribe');
  }

  async drained(): Promise<boolean> {
    return this.isDrained;
  }

  async clear(): Promise<void> {
    this.calls.push('clear');
    if (this.#broker.away) throw new Error('the broker is away');
    this.#broker.cleared.push(this.options.clientId);
  }

  tell(status: SourceStatus): void {
    this.listener.onStatus(status);
  }

  /** One uplink; resolves with what the listener answered. */
  uplink(text: string): Promise<Error | null> {
    const message: BrokerMessage = {
      topic: 'mqtt/things/0018B20000000B20/uplink',
      payload: Buffer.from(text),
      qos: 1,
      retain: false,
      dup: false,
      arrivedAt: 0,
    };
    return new Promise((resolve) => this.listener.onMessages([message], resolve));
  }

  #to(state: ModelSource['state'], call: string): void {
    this.state = state;
    this.calls.push(call);
  }
}

export class ModelPublisher implements Publisher {
  connected = false;
  readonly published: { topic: string; payload: string; retain: boolean }[] = [];
  readonly options: { readonly clientId?: string; readonly will?: WillOptions };
  #listeners: ((status: { up: boolean; reason?: string }) => void)[] = [];
  readonly #broker: ModelBroker;

  constructor(broker: ModelBroker, options: ModelPublisher['options']) {
    this.#broker = broker;
    this.options = options;
  }

  start(): void {
    if (!this.#broker.away) this.up();
  }

  async stop(): Promise<void> {
    this.connected = false;
  }

  up(): void {
    this.connected = true;
    for (const listen of this.#listeners) listen({ up: true });
  }

  down(): void {
    this.connected = false;
    for (const listen of this.#listeners) listen({ up: false, reason: 'away' });
  }

  async publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<void> {
    if (!this.connected) throw new Error('not connected');
    this.published.push({ topic, payload: String(payload), retain: options.retain === true });
    if (options.retain === true) this.#broker.put(topic, String(payload) === '' ? null : String(payload));
  }

  onStatus(listen: (status: { up: boolean; reason?: string }) => void): void {
    this.#listeners.push(listen);
  }

  /** Payloads of a topic, in order. */
  of(topic: string): string[] {
    return this.published.filter((message) => message.topic === topic).map((message) => message.payload);
  }
}

interface ModelTable {
  readonly options: TableOptions;
  readonly listener: TableListener;
  running: boolean;
}

export class ModelBroker implements Broker {
  readonly name: string;
  readonly kind: Broker['kind'];
  /** Cannot be reached. */
  away = false;
  /** Sources are up as soon as they start. */
  autoUp = true;
  readonly retained = new Map<string, string>();
  readonly sources: ModelSource[] = [];
  readonly publishers: ModelPublisher[] = [];
  readonly tables: ModelTable[] = [];
  readonly cleared: string[] = [];

  constructor(name = 'main', kind: Broker['kind'] = 'mqtt') {
    this.name = name;
    this.kind = kind;
  }

  openSource(options: SourceOptions, listener: SourceListener): ModelSource {
    const source = new ModelSource(this, options, listener);
    this.sources.push(source);
    return source;
  }

  openTable(options: TableOptions, listener: TableListener): { start(): void; stop(): Promise<void> } {
    const table: ModelTable = { options, listener, running: false };
    this.tables.push(table);
    return {
      start: () => {
        table.running = true;
        if (this.away) listener.onStatus({ up: false, reason: 'away' });
        else this.handOut(table);
      },
      stop: async () => {
        table.running = false;
      },
    };
  }

  openPublisher(options: ModelPublisher['options']): ModelPublisher {
    const publisher = new ModelPublisher(this, options);
    this.publishers.push(publisher);
    return publisher;
  }

  /** Writes a retained record and tells the tables of it; null deletes. */
  put(topic: string, payload: string | null): void {
    if (payload === null) this.retained.delete(topic);
    else this.retained.set(topic, payload);
    for (const { options, listener, running } of this.tables) {
      const prefix = `${options.prefix}/`;
      if (!running || !topic.startsWith(prefix)) continue;
      listener.onRecord(topic.slice(prefix.length), payload === null ? null : Buffer.from(payload));
    }
  }

  /** What a (re)subscription brings, without the snapshot. */
  handOut(table: ModelTable): void {
    table.listener.onStatus({ up: true });
    const prefix = `${table.options.prefix}/`;
    for (const [topic, payload] of this.retained) {
      if (topic.startsWith(prefix)) table.listener.onRecord(topic.slice(prefix.length), Buffer.from(payload));
    }
  }

  /** The moment `settleMs` after the subscription. */
  snapshot(table = this.tables.at(-1)): void {
    if (table === undefined) throw new Error('no table was opened');
    const prefix = `${table.options.prefix}/`;
    const keys = [...this.retained.keys()].filter((topic) => topic.startsWith(prefix));
    table.listener.onSnapshot(new Set(keys.map((topic) => topic.slice(prefix.length))));
  }

  /** The newest source. */
  get source(): ModelSource {
    const source = this.sources.at(-1);
    if (source === undefined) throw new Error('no source was opened');
    return source;
  }
}
