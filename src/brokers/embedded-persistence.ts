// aedes's persistence: retained messages and sessions in memory, written through to the broker's file.
// Why not aedes-persistence-level: its writes are not synced, and it brings aedes-packet 3 where aedes 1.2 uses 4.
import { Readable } from 'node:stream';
import MemoryPersistence, { type ClientId, type StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { AcceptedMessages } from './embedded-accepted.ts';
import type { BrokerFile } from './embedded-file.ts';
import { type Connection, IncomingIds } from './embedded-incoming.ts';
import { type LeftMessage, leftMessage } from './embedded-left.ts';
import { ClientOwners } from './embedded-owners.ts';
import { OutgoingQueues, type QueueLimits } from './embedded-queues.ts';
import { type RetainedLimits, RetainedMessages } from './embedded-retained.ts';
import {
  ALL_RIGHTS,
  ClientSubscriptions,
  type SessionLimits,
  type SubscriptionRights,
  type Subscriptions,
} from './embedded-subscriptions.ts';

export interface StoreLimits extends QueueLimits, SessionLimits, RetainedLimits {}

export class DiskPersistence extends MemoryPersistence {
  readonly retained: RetainedMessages;
  readonly owners: ClientOwners;
  readonly accepted: AcceptedMessages;
  readonly incoming: IncomingIds;
  readonly #file: BrokerFile;
  readonly #queues: OutgoingQueues;
  readonly #subscriptions: ClientSubscriptions;
  #connected: Readonly<Record<string, unknown>> = {};
  #looking: { readonly closed: boolean } | null = null;
  #left: { readonly wills: LeftMessage[]; readonly accepted: LeftMessage[] } = { wills: [], accepted: [] };

  constructor(
    file: BrokerFile,
    limits: StoreLimits,
    onNotice: (message: string) => void,
    rights: SubscriptionRights = ALL_RIGHTS,
  ) {
    super();
    this.#file = file;
    this.retained = new RetainedMessages(file, limits, onNotice);
    this.owners = new ClientOwners(file);
    this.accepted = new AcceptedMessages(file);
    this.incoming = new IncomingIds({
      ...{ file, maxClients: limits.maxSessions, onNotice },
      isConnected: (client) => Object.hasOwn(this.#connected, client),
      hasSession: (client) => this.topicsOf(client) !== null,
    });
    this.#queues = new OutgoingQueues(file, limits, (client, full) => {
      const who = `client "${client.slice(0, 100)}"`;
      onNotice(
        full === 'all'
          ? `the queues of all clients are full: messages for ${who}, whose queue is the largest, are dropped`
          : `the queue of ${who} is full: messages for it are dropped`,
      );
    });
    this.#subscriptions = new ClientSubscriptions({
      ...{ file, owners: this.owners, rights, limits, onNotice },
      memory: {
        add: (client, subscriptions) => super.addSubscriptions(client, subscriptions),
        remove: (client, topics) => super.removeSubscriptions(client, topics),
        clean: (client) => super.cleanSubscriptions(client),
      },
    });
  }

  override async setup(broker: {
    readonly id?: string;
    readonly clients?: Readonly<Record<string, unknown>>;
  }): Promise<void> {
    await super.setup(broker);
    this.#connected = broker.clients ?? {};
    this.retained.load();
    this.owners.load();
    await this.#subscriptions.load();
    this.#queues.load();
    this.incoming.load();
    const accepted = this.accepted.load();
    // Whoever left a will is not connected now: the process that held the connections has ended.
    this.#left = { wills: this.#file.all('SELECT * FROM wills').map(leftMessage), accepted: accepted.map(leftMessage) };
  }

  /**
   * `wills` of the process before this one, and what it `accepted` from publishers but may not have queued for the
   * subscribers. To be published now, and then forgotten by `forgetLeft`.
   */
  get left(): { readonly wills: readonly LeftMessage[]; readonly accepted: readonly LeftMessage[] } {
    return this.#left;
  }

  async forgetLeft(): Promise<void> {
    const { wills, accepted } = this.#left;
    this.#left = { wills: [], accepted: [] };
    if (wills.length + accepted.length === 0) return;
    await this.#file.durable(() => this.#file.run('DELETE FROM wills'));
    await this.#file.durable(() => this.#file.run('DELETE FROM accepted'));
  }

  /** Of the session of a client; null: it has none. */
  topicsOf(client: string): readonly string[] | null {
    return this.#subscriptions.topicsOf(client);
  }

  /** True when a client with a session would get it: then an acknowledgement to its publisher is a promise. */
  hasDurableSubscriber(topic: string): boolean {
    return this.#subscriptions.hasDurable(topic);
  }

  override async storeRetained(packet: StoredPacket): Promise<void> {
    await this.retained.store(packet);
  }

  /** The client whose SUBSCRIBE has been answered: for its filters aedes looks next, without a word for whom. */
  looksFor(client: { readonly closed: boolean }): void {
    this.#looking = client;
  }

  override createRetainedStreamCombi(filters: readonly string[]): Readable {
    const client = this.#looking;
    this.#looking = null;
    return Readable.from(this.retained.matching(filters, () => client?.closed === true));
  }

  override createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  override async addSubscriptions(client: ClientId, subscriptions: Subscriptions): Promise<void> {
    await this.#subscriptions.add(client, subscriptions);
  }

  override async removeSubscriptions(client: ClientId, topics: readonly string[]): Promise<void> {
    await this.#subscriptions.remove(client, topics);
  }

  /** aedes calls it when a client connects clean: its session has ended, and with it what waited for it. */
  override async cleanSubscriptions(client: ClientId): Promise<void> {
    await this.#subscriptions.clean(client);
    this.#queues.clearAll(client.id);
  }

  override async outgoingEnqueue(subscription: { clientId: string }, packet: StoredPacket): Promise<void> {
    await this.#queues.enqueue(new Set([subscription.clientId]), packet);
  }

  override async outgoingEnqueueCombi(
    subscriptions: readonly { clientId: string }[],
    packet: StoredPacket,
  ): Promise<void> {
    if (subscriptions.length === 0) return;
    await this.#queues.enqueue(new Set(subscriptions.map((subscription) => subscription.clientId)), packet);
  }

  renumber(packet: StoredPacket, counter: number): void {
    this.#queues.renumber(packet, counter);
  }

  override async outgoingUpdate(client: ClientId, packet: StoredPacket): Promise<void> {
    this.#queues.update(client.id, packet);
  }

  override async outgoingClearMessageId(
    client: ClientId,
    packet: { messageId?: number },
  ): Promise<StoredPacket | undefined> {
    return this.#queues.clear(client.id, packet.messageId);
  }

  override outgoingStream(client: ClientId): Readable {
    return Readable.from(this.#queues.list(client.id));
  }

  override async incomingStorePacket(client: Connection, packet: StoredPacket): Promise<void> {
    await this.incoming.store(client, packet.messageId ?? 0);
  }

  /** Also for a publish that the client repeats: aedes answers it and does not publish it once more. */
  override async incomingGetPacket(client: ClientId, packet: { messageId?: number }): Promise<StoredPacket> {
    const known = this.incoming.get(client, packet.messageId ?? 0);
    this.accepted.forget(packet);
    return known;
  }

  override async incomingDelPacket(client: ClientId, packet: { messageId?: number }): Promise<void> {
    this.incoming.delete(client, packet.messageId ?? 0);
  }

  override async cleanIncoming(client: ClientId & { readonly _authorized?: boolean }): Promise<void> {
    // aedes cleans up behind clients that it has refused as well: the client id is somebody else's.
    if (client._authorized === false) return;
    this.incoming.clear(client.id);
  }

  override async putWill(client: ClientId, packet: StoredPacket): Promise<void> {
    const { topic, payload, qos, retain } = packet;
    await this.keepWill(client.id, topic, Buffer.from(payload), qos, retain);
    await super.putWill(client, packet);
  }

  override async delWill(client: ClientId): Promise<StoredPacket | undefined> {
    const will = await super.delWill(client);
    if (will !== undefined) this.forgetWill(client.id);
    return will;
  }

  /** Kept aside from aedes's own, for publishers in this process: published at the next start unless forgotten before. */
  async keepWill(client: string, topic: string, payload: Buffer, qos: number, retain: boolean): Promise<void> {
    await this.#file.durable(() =>
      this.#file.run(
        'REPLACE INTO wills (client, topic, payload, qos, retain) VALUES (?, ?, ?, ?, ?)',
        client,
        topic,
        payload,
        qos,
        retain ? 1 : 0,
      ),
    );
  }

  forgetWill(client: string): void {
    this.#file.lazy(() => this.#file.run('DELETE FROM wills WHERE client = ?', client));
  }
}
