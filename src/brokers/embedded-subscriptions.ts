// The sessions of the embedded broker's clients: what each is subscribed to, in memory and in the broker's file.
import type { ClientId, StoredSubscription } from 'aedes-persistence/asyncPersistence.js';
import { BridgeError } from '../domain/errors.ts';
import type { BrokerFile } from './embedded-file.ts';
import { type FilterLimits, hasOwnRoom, weightOf } from './embedded-filters.ts';
import type { ClientOwners } from './embedded-owners.ts';
import { assertSubscribable, refusalOf } from './embedded-topics.ts';
import { TopicTree } from './topics.ts';

export interface SessionLimits extends FilterLimits {
  readonly maxSessions: number;
}

export type Subscriptions = readonly StoredSubscription[];

/** aedes-persistence's own memory: by it aedes knows for whom a message has to wait. */
export interface Memory {
  add(client: ClientId, subscriptions: Subscriptions): Promise<void>;
  remove(client: ClientId, topics: readonly string[]): Promise<void>;
  clean(client: ClientId): Promise<void>;
}

export interface SubscriptionRights {
  /** A client that is connected. */
  maySubscribe(client: object, filter: string): boolean;
  /** A user. One that the broker does not know may read all. */
  mayReadAny(user: string, filters: readonly string[]): boolean;
}

export const ALL_RIGHTS: SubscriptionRights = { maySubscribe: () => true, mayReadAny: () => true };

export interface SubscriptionsOptions {
  readonly file: BrokerFile;
  readonly owners: ClientOwners;
  readonly rights: SubscriptionRights;
  readonly limits: SessionLimits;
  readonly memory: Memory;
  readonly onNotice: (message: string) => void;
}

interface Adding {
  /** Of the list that was asked for, what the session keeps. */
  readonly kept: Subscriptions;
  readonly done: Promise<void>;
}

export class ClientSubscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #file: BrokerFile;
  readonly #owners: ClientOwners;
  readonly #memory: Memory;
  /** The subscriptions with QoS 1 or 2 of clients with a session: key `client NUL topic`. */
  readonly #durable = new TopicTree<string>();
  readonly #sessions = new Map<string, Map<string, number>>();
  /** Per client, the lists that are being written. */
  readonly #adding = new Map<string, Map<Subscriptions, Adding>>();
  /** What the filters of all sessions weigh, and those that are being written. */
  #bytes = 0;
  #addingBytes = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#file = options.file;
    this.#owners = options.owners;
    this.#memory = options.memory;
  }

  /** The owners are known. A former version kept all filters of a SUBSCRIBE of which one was granted. */
  async load(): Promise<void> {
    const refusals: BridgeError[] = [];
    let asleep = 0;
    for (const row of this.#file.all('SELECT * FROM subscriptions')) {
      const { client, topic, qos } = { client: String(row.client), topic: String(row.topic), qos: Number(row.qos) };
      const refusal = refusalOf(topic, assertSubscribable);
      const owner = this.#owners.of(client);
      if (refusal !== null) {
        refusals.push(refusal);
        this.#file.lazy(() => this.#erase(client, [topic]));
      } else if (owner === undefined || this.#options.rights.mayReadAny(owner, [topic])) {
        await this.#keep(client, [{ topic, qos }]);
      } else {
        // Nothing waits by it, but it stays: the rights may be back at the next start.
        this.#set(client, topic, qos);
        asleep += 1;
      }
    }
    const { onNotice } = this.#options;
    // One notice each, since they may be many.
    if (refusals[0]) onNotice(`${refusals.length} filters of sessions are dropped: ${refusals[0].message}`);
    if (asleep > 0) onNotice(`${asleep} filters of sessions are left out: their users may not read there`);
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

  /**
   * aedes calls it for each filter of a packet that it has granted, each time with the list of all, refused ones too: what may
   * be kept is written once.
   */
  async add(client: ClientId, subscriptions: Subscriptions): Promise<void> {
    const adding = this.#adding.get(client.id) ?? new Map<Subscriptions, Adding>();
    let added = adding.get(subscriptions);
    if (added === undefined) {
      const kept = subscriptions.filter(({ topic }) => this.#mayKeep(client, topic));
      const before = [...adding.values()].map((other) => other.kept);
      const done = this.#add(client, kept, before).finally(() => {
        adding.delete(subscriptions);
        if (adding.size === 0) this.#adding.delete(client.id);
      });
      added = { kept, done };
      this.#adding.set(client.id, adding.set(subscriptions, added));
    }
    await added.done;
  }

  #mayKeep(client: ClientId, filter: string): boolean {
    return refusalOf(filter, assertSubscribable) === null && this.#options.rights.maySubscribe(client, filter);
  }

  #assertFew(client: string, subscriptions: Subscriptions, before: ReadonlySet<string>): void {
    const topics = new Set(before);
    for (const { topic } of subscriptions) topics.add(topic);
    const { maxFilters } = this.#options.limits;
    // One of a former version may have more.
    if (topics.size <= Math.max(this.#sessions.get(client)?.size ?? 0, maxFilters)) return;
    throw new BridgeError('filterLimit', `A session may not have more than ${maxFilters} filters`);
  }

  /** What is added by them to the weight of all. Throws when that is too much. */
  #assertLight(client: string, subscriptions: Subscriptions, before: ReadonlySet<string>): number {
    const session = this.#sessions.get(client);
    let bytes = 0;
    for (const { topic } of subscriptions) if (session?.has(topic) !== true) bytes += weightOf(topic);
    if (bytes === 0 || this.#bytes + this.#addingBytes + bytes <= this.#options.limits.maxFilterBytes) return bytes;
    if (hasOwnRoom(bytes, before)) return bytes;
    throw new BridgeError('filterLimit', 'The filters of all sessions take too much memory already');
  }

  async #add(client: ClientId, subscriptions: Subscriptions, before: Subscriptions[]): Promise<void> {
    if (subscriptions.length === 0) return;
    const topics = new Set(this.#sessions.get(client.id)?.keys());
    for (const { topic } of before.flat()) topics.add(topic);
    this.#assertFew(client.id, subscriptions, topics);
    if (!this.#sessions.has(client.id) && this.#sessions.size >= this.#options.limits.maxSessions) {
      throw new BridgeError('sessionLimit', `The broker keeps ${this.#sessions.size} sessions already`);
    }
    const bytes = this.#assertLight(client.id, subscriptions, topics);
    this.#addingBytes += bytes;
    const owner = this.#owners.keep(client.id);
    try {
      await this.#file.durable(() => {
        owner.write();
        for (const { topic, qos } of subscriptions) {
          this.#file.run('REPLACE INTO subscriptions (client, topic, qos) VALUES (?, ?, ?)', client.id, topic, qos);
        }
      });
    } finally {
      this.#addingBytes -= bytes;
    }
    owner.written();
    await this.#keep(client.id, subscriptions);
  }

  async #keep(client: string, subscriptions: Subscriptions): Promise<void> {
    for (const { topic, qos } of subscriptions) {
      this.#set(client, topic, qos);
      if (qos > 0) this.#durable.add(topic, `${client}\0${topic}`);
      else this.#durable.remove(topic, `${client}\0${topic}`);
    }
    await this.#memory.add({ id: client }, subscriptions);
  }

  #set(client: string, topic: string, qos: number): void {
    let session = this.#sessions.get(client);
    if (session === undefined) {
      session = new Map();
      this.#sessions.set(client, session);
    }
    if (!session.has(topic)) this.#bytes += weightOf(topic);
    session.set(topic, qos);
  }

  /** Within a write. */
  #erase(client: string, topics: readonly string[]): void {
    for (const topic of topics) {
      this.#file.run('DELETE FROM subscriptions WHERE client = ? AND topic = ?', client, topic);
    }
    this.#owners.forgetWithoutSession(client);
  }

  async remove(client: ClientId, topics: readonly string[]): Promise<void> {
    await this.#file.durable(() => this.#erase(client.id, topics));
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
      if (session.delete(topic)) this.#bytes -= weightOf(topic);
      this.#durable.remove(topic, `${client}\0${topic}`);
    }
    if (session.size > 0) return;
    this.#sessions.delete(client);
    this.#owners.forget(client);
  }
}
