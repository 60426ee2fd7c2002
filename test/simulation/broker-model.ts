// A model of an MQTT broker at the broker's port: persistent sessions, QoS 1, retained definitions; it forgets nothing.

import { TopicTree } from '../../src/brokers/topics.ts';
import { NotKept } from '../../src/domain/errors.ts';
import type {
  Broker,
  BrokerMessage,
  SourceListener,
  SourceOptions,
  TableListener,
  TableOptions,
  TableReader,
  UplinkSource,
} from '../../src/domain/ports/broker.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import { SourceModel } from './source-model.ts';
import type { SimTime } from './time.ts';
import type { Trace } from './trace.ts';
import type { Uplink } from './witness.ts';

export interface Queued {
  readonly topic: string;
  readonly payload: Buffer;
  readonly uplink: Uplink;
  /** It was sent on an earlier connection. */
  dup: boolean;
}

/** A session outlives connections and processes. */
export interface Session {
  readonly clientId: string;
  topics: readonly string[];
  /** Everything that is not acknowledged, oldest first. */
  queue: Queued[];
  source: SourceModel | null;
}

/** A definition written, or deleted (null). */
interface News {
  readonly topic: string;
  readonly text: string | null;
}

interface Table {
  readonly options: TableOptions;
  readonly listener: TableListener;
  readonly life: Life;
  connected: boolean;
}

export interface BrokerOptions {
  readonly time: SimTime;
  readonly dice: Dice;
  readonly trace: Trace;
  /** How many unacknowledged messages a session has on its way. */
  readonly window: number;
}

export class BrokerModel {
  readonly options: BrokerOptions;
  readonly sessions = new Map<string, Session>();
  readonly #retained = new Map<string, string>();
  readonly #tree = new TopicTree<Session>();
  readonly #tables = new Set<Table>();
  /** Of processes that live, connected or not. */
  readonly #sources = new Set<SourceModel>();
  /** What persistent readers of definitions have not heard, by client id. */
  readonly #unheard = new Map<string, News[]>();
  #waiting: (() => void)[] = [];
  #away = false;

  constructor(options: BrokerOptions) {
    this.options = options;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Everybody is thrown out and nobody comes in, until it is back. Sessions and retained messages stay. */
  leave(): void {
    this.#away = true;
    for (const { source } of this.sessions.values()) source?.lost('the broker is away');
    for (const table of this.#tables) this.#dropTable(table);
  }

  comeBack(): void {
    this.#away = false;
    for (const act of this.#waiting.splice(0)) act();
  }

  /** The network resets one session's connection. */
  reset(): void {
    const { dice } = this.options;
    const connected = [...this.sessions.values()].filter(({ source }) => source !== null);
    if (connected.length > 0) dice.pick(connected).source?.lost('connection reset');
  }

  /** A device's uplink; while the broker is away it waits at the network server. */
  publish(topic: string, payload: Buffer, uplink: Uplink): void {
    if (this.#away) {
      this.#waiting.push(() => this.publish(topic, payload, uplink));
      return;
    }
    const sessions = this.#tree.match(topic);
    if (sessions.size === 0) return;
    uplink.publishedMs = this.options.time.nowMs;
    for (const session of sessions) {
      session.queue.push({ topic, payload, uplink, dup: false });
      session.source?.moreQueued();
    }
  }

  /** Retains a definition (null: deletes it); `done` when the broker has it. */
  retain(topic: string, text: string | null, done: () => void = () => {}): void {
    if (this.#away) {
      this.#waiting.push(() => this.retain(topic, text, done));
      return;
    }
    if (text === null) this.#retained.delete(topic);
    else this.#retained.set(topic, text);
    const news = { topic, text };
    for (const unheard of this.#unheard.values()) unheard.push(news);
    for (const table of this.#tables) this.#hand(table, news);
    done();
  }

  /** Its store of retained messages is lost, and everybody comes anew. */
  loseRetained(): void {
    this.#retained.clear();
    for (const unheard of this.#unheard.values()) unheard.length = 0;
    for (const table of this.#tables) this.#dropTable(table);
  }

  subscribed(session: Session, topics: readonly string[]): void {
    for (const topic of session.topics) this.#tree.remove(topic, session);
    session.topics = topics;
    for (const topic of topics) this.#tree.add(topic, session);
  }

  isSubscribed(topic: string): boolean {
    return [...this.sessions.values()].some(({ topics }) => topics.includes(topic));
  }

  endSession(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session === undefined) return;
    for (const topic of session.topics) this.#tree.remove(topic, session);
    this.sessions.delete(clientId);
    this.options.trace.add(`broker: session ${clientId} ended with ${session.queue.length} queued`);
  }

  /** A process is gone, its connections with it. */
  end(life: Life): void {
    for (const source of this.#sources) {
      if (source.life !== life) continue;
      this.#sources.delete(source);
      source.killed();
    }
    for (const table of this.#tables) if (table.life === life) this.#tables.delete(table);
  }

  portOf(life: Life, clock: Clock): Broker {
    return {
      name: 'main',
      kind: 'mqtt',
      openSource: (options: SourceOptions, listener: SourceListener): UplinkSource => {
        const source = new SourceModel(this, { life, clock, options, listener });
        this.#sources.add(source);
        return source;
      },
      openTable: (options, listener) => this.#openTable(life, options, listener),
      openPublisher: () => {
        throw new Error('the simulation publishes nothing');
      },
    };
  }

  #openTable(life: Life, options: TableOptions, listener: TableListener): TableReader {
    const table: Table = { options, listener, life, connected: false };
    return {
      start: () => {
        this.#tables.add(table);
        this.#connectTable(table);
      },
      stop: async () => {
        this.#tables.delete(table);
      },
    };
  }

  #connectTable(table: Table): void {
    const { time, dice } = this.options;
    const again = (): void => {
      if (!this.#tables.has(table) || table.connected) return;
      if (this.#away) {
        time.after(dice.between(500, 2_000), again, table.life);
        return;
      }
      table.connected = true;
      table.listener.onStatus({ up: true });
      const prefix = `${table.options.prefix}/`;
      const { clientId } = table.options;
      if (clientId !== undefined) {
        const unheard = this.#unheard.get(clientId) ?? [];
        this.#unheard.set(clientId, unheard);
        for (const news of unheard) this.#hand(table, news);
      }
      for (const [topic, text] of this.#retained) if (topic.startsWith(prefix)) this.#hand(table, { topic, text });
      const snapshot = (): void => {
        if (!table.connected || !this.#tables.has(table)) return;
        const keys = [...this.#retained.keys()].filter((topic) => topic.startsWith(prefix));
        table.listener.onSnapshot(new Set(keys.map((topic) => topic.slice(prefix.length))));
      };
      time.after(table.options.settleMs, snapshot, table.life);
    };
    time.after(dice.between(2, 30), again, table.life);
  }

  #dropTable(table: Table): void {
    if (!table.connected) return;
    table.connected = false;
    table.listener.onStatus({ up: false, reason: 'the broker is away' });
    this.#connectTable(table);
  }

  /** By QoS 1: a persistent reader has heard it once it has come through it alive. */
  #hand(table: Table, news: News): void {
    const prefix = `${table.options.prefix}/`;
    const { topic, text } = news;
    if (!table.connected || !topic.startsWith(prefix)) return;
    const value = text === null ? null : Buffer.from(text);
    this.options.time.after(
      1,
      () => {
        if (!table.connected || !this.#tables.has(table)) return;
        try {
          table.listener.onRecord(topic.slice(prefix.length), value);
        } catch (error) {
          if (!(error instanceof NotKept)) throw error;
          // The reader drops its connection, and after a pause it comes again with what is behind it.
          table.connected = false;
          table.listener.onStatus({ up: false, reason: error.message });
          const { time, dice } = this.options;
          time.after(dice.between(500, 2_000), () => this.#connectTable(table), table.life);
          return;
        }
        const unheard = this.#unheard.get(table.options.clientId ?? '');
        const at = unheard?.indexOf(news) ?? -1;
        if (table.life.isLiving() && at >= 0) unheard?.splice(at, 1);
      },
      table.life,
    );
  }
}

export function messageOf(queued: Queued, arrivedAt: number): BrokerMessage {
  return { topic: queued.topic, payload: queued.payload, qos: 1, retain: false, dup: queued.dup, arrivedAt };
}
