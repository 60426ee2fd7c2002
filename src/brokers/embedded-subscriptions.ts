// The sessions of the embedded broker's clients: what each is subscribed to, in memory and in the broker's file.
import type { ClientId, StoredSubscription } from 'aedes-persistence/asyncPersistence.js';
import { BridgeError } from '../domain/errors.ts';
import type { BrokerFile } from './embedded-file.ts';
import type { ClientOwners } from './embedded-owners.ts';
import { TopicTree } from './topics.ts';

export interface SessionLimits {
  readonly maxSessions: number;
  /** Per session. */
  readonly maxFilters: number;
}

export type Subscriptions = readonly StoredSubscription[];

/** aedes-persistence's own memory: by it aedes knows for whom a message has to wait. */
export interface Memory {
  add(client: ClientId, subscriptions: Subscriptions): Promise<void>;
  remove(client: ClientId, topics: readonly string[]): Promise<void>;
  clean(client: ClientId): Promise<void>;
}

export class ClientSubscriptions {
  readonly #file: BrokerFile;
  readonly #owners: ClientOwners;
  readonly #limits: SessionLimits;
  readonly #memory: Memory;
  /** The subscriptions with QoS 1 or 2 of clients with a session: key `client NUL topic`. */
  readonly #durable = new TopicTree<string>();
  readonly #sessions = new Map<string, Map<string, number>>();
  /** Per client, the lists that are being written. */
  readonly #adding = new Map<string, Map<Subscriptions, Promise<void>>>();

  constructor(file: BrokerFile, owners: ClientOwners, limits: SessionLimits, memory: Memory) {
    this.#file = file;
    this.#owners = owners;
    this.#limits = limits;
    this.#memory = memory;
  }

  async load(): Promise<void> {
    for (const row of this.#file.all('SELECT * FROM subscriptions')) {
      await this.#keep(String(row.client), [{ topic: String(row.topic), qos: Number(row.qos) }]);
    }
  }

  /** Of the session of a client; null: it has none. */
  topicsOf(client: string): readonly string[] | null {
    const session = this.#sessions.get(client);
    return session === undefined ? null : [...session.keys()];
  }

  /** True when a client with a session would get it: then an acknowledgement to its publisher is a promise. */
  hasDurable(topic: string): boolean {
    return this.#sessions.size > 0 && this.#durable.match(topic).size > 0;
  }

  /** aedes calls it for each filter of a packet, each time with the list of all: it is written once. */
  async add(client: ClientId, subscriptions: Subscriptions): Promise<void> {
    const adding = this.#adding.get(client.id) ?? new Map<Subscriptions, Promise<void>>();
    let added = adding.get(subscriptions);
    if (added === undefined) {
      added = this.#add(client, subscriptions, [...adding.keys()]).finally(() => {
        adding.delete(subscriptions);
        if (adding.size === 0) this.#adding.delete(client.id);
      });
      this.#adding.set(client.id, adding.set(subscriptions, added));
    }
    await added;
  }

  #assertFew(client: string, lists: readonly Subscriptions[]): void {
    const topics = new Set(this.#sessions.get(client)?.keys());
    const before = topics.size;
    for (const { topic } of lists.flat()) topics.add(topic);
    // One of a former version may have more.
    if (topics.size <= Math.max(before, this.#limits.maxFilters)) return;
    throw new BridgeError('filterLimit', `A session may not have more than ${this.#limits.maxFilters} filters`);
  }

  async #add(client: ClientId, subscriptions: Subscriptions, before: Subscriptions[]): Promise<void> {
    this.#assertFew(client.id, [...before, subscriptions]);
    if (!this.#sessions.has(client.id) && this.#sessions.size >= this.#limits.maxSessions) {
      throw new BridgeError('sessionLimit', `The broker keeps ${this.#sessions.size} sessions already`);
    }
    const keepOwner = this.#owners.keep(client.id);
    await this.#file.durable(() => {
      keepOwner();
      for (const { topic, qos } of subscriptions) {
        this.#file.run('REPLACE INTO subscriptions (client, topic, qos) VALUES (?, ?, ?)', client.id, topic, qos);
      }
    });
    await this.#keep(client.id, subscriptions);
  }

  async #keep(client: string, subscriptions: Subscriptions): Promise<void> {
    let session = this.#sessions.get(client);
    if (session === undefined) {
      session = new Map();
      this.#sessions.set(client, session);
    }
    for (const { topic, qos } of subscriptions) {
      session.set(topic, qos);
      if (qos > 0) this.#durable.add(topic, `${client}\0${topic}`);
      else this.#durable.remove(topic, `${client}\0${topic}`);
    }
    await this.#memory.add({ id: client }, subscriptions);
  }

  async remove(client: ClientId, topics: readonly string[]): Promise<void> {
    await this.#file.durable(() => {
      for (const topic of topics) {
        this.#file.run('DELETE FROM subscriptions WHERE client = ? AND topic = ?', client.id, topic);
      }
      this.#owners.forgetWithoutSession(client.id);
    });
    this.#forget(client.id, topics);
    // At once: the same filters may be added again in the same breath.
    await this.#memory.remove(client, topics);
  }

  /** The session has ended. */
  async clean(client: ClientId): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session !== undefined) {
      await this.#file.durable(() => {
        this.#file.run('DELETE FROM subscriptions WHERE client = ?', client.id);
        this.#owners.forgetWithoutSession(client.id);
      });
      this.#forget(client.id, [...session.keys()]);
    }
    await this.#memory.clean(client);
  }

  #forget(client: string, topics: readonly string[]): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    for (const topic of topics) {
      session.delete(topic);
      this.#durable.remove(topic, `${client}\0${topic}`);
    }
    if (session.size > 0) return;
    this.#sessions.delete(client);
    this.#owners.forget(client);
  }
}
