// aedes with our gate before its acknowledgements, our store behind it, and bounds where it has none.
// Relies on aedes 1.2.0: PUBACK after `authorizePublish`, `published` with the very packet, the client's parser in `_parser`.
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { WillOptions } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Publication } from './embedded-admission.ts';
import type { Core } from './embedded-clients.ts';
import { Entrance, isLimit } from './embedded-entrance.ts';
import { Farewell } from './embedded-farewell.ts';
import { BrokerFile } from './embedded-file.ts';
import { ConnectionFilters } from './embedded-filters.ts';
import { PublishGate } from './embedded-gate.ts';
import { publishLeft } from './embedded-left.ts';
import type { EmbeddedLimits } from './embedded-limits.ts';
import { numberInOrder } from './embedded-numbers.ts';
import { limitPackets } from './embedded-packets.ts';
import { DiskPersistence } from './embedded-persistence.ts';
import type { RetainedMessages } from './embedded-retained.ts';
import type { ClientRights } from './embedded-rights.ts';
import { SourceSessions } from './embedded-sessions.ts';
import { assertOpen, refusalOf } from './embedded-topics.ts';
import { forgetAtOnce } from './embedded-unsubscribe.ts';
import type { UserList } from './embedded-users.ts';

export interface AedesCoreOptions {
  readonly name: string;
  readonly users: UserList;
  readonly rights: ClientRights;
  readonly storeFile: string | null;
  readonly ownPrefix: string | null;
  readonly clock: Clock;
  readonly limits: EmbeddedLimits;
  readonly onNotice: (message: string) => void;
}

/** A client that does not read for this long is cut off: publishers wait for it until then (aedes waits for its drain). */
const DRAIN_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** The same news at most this often. */
const NOTICE_EVERY_MS = 10_000;
const MAX_NOTICES = 1_000;

export class AedesCore implements Core {
  readonly name: string;
  readonly clock: Clock;
  readonly gate: PublishGate;
  readonly sessions: SourceSessions;
  readonly #options: AedesCoreOptions;
  readonly file: BrokerFile;
  readonly #persistence: DiskPersistence;
  readonly #aedes: Aedes;
  readonly #entrance: Entrance;
  readonly #filters: ConnectionFilters;
  readonly #farewell: Farewell;
  readonly #upListeners = new Set<(up: boolean) => void>();
  readonly #acceptedListeners = new Set<(publication: Publication) => void>();
  readonly #noticedAt = new Map<string, number>();
  #isUp = false;
  #closing = false;

  constructor(options: AedesCoreOptions) {
    this.name = options.name;
    this.clock = options.clock;
    this.#farewell = new Farewell(options.clock);
    this.#options = options;
    const { limits } = options;
    this.file = new BrokerFile(options.storeFile);
    const onNotice = (message: string): void => this.notice(message);
    const { maxQueuedMessages: maxMessages, maxQueuedBytes: maxBytes } = limits;
    const bounds = { maxMessages, maxBytes, maxTotalBytes: limits.maxAllQueuedBytes, ownPrefix: options.ownPrefix };
    this.#persistence = new DiskPersistence(this.file, { ...limits, ...bounds }, onNotice, options.rights);
    this.gate = new PublishGate({
      ...{ ownPrefix: options.ownPrefix, clock: options.clock },
      store: (publication, publisher, isUplink) => this.#store(publication, publisher, isUplink),
      onAccepted: (publication) => {
        for (const listen of this.#acceptedListeners) listen(publication);
      },
      onDropped: (publication) => this.#persistence.accepted.forget(publication),
      onNotice,
    });
    this.sessions = new SourceSessions({
      file: this.file,
      gate: this.gate,
      clock: options.clock,
      maxMessages,
      maxBytes,
      onNotice,
    });
    this.#entrance = new Entrance({
      users: options.users,
      rights: options.rights,
      owners: this.#persistence.owners,
      topicsOf: (client) => this.#persistence.topicsOf(client),
      clock: options.clock,
    });
    this.#filters = new ConnectionFilters({ limits, authorize: options.rights.authorizeSubscribe, onNotice });
    this.#aedes = new Aedes({
      persistence: this.#persistence,
      drainTimeout: DRAIN_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      // Packets that come before CONNACK is sent.
      queueLimit: 1_000,
      authenticate: this.#entrance.authenticate,
      authorizePublish: this.#authorizePublish,
      authorizeSubscribe: this.#filters.authorizeSubscribe,
      authorizeForward: options.rights.authorizeForward,
      published: this.#published,
    });
    forgetAtOnce(this.#aedes);
    numberInOrder(this.#aedes, (packet, counter) => this.#persistence.renumber(packet, counter));
    this.#aedes.on('clientError', (client, error) => {
      // Who guesses may take another client id for each try: that is no news.
      const who = isLimit(error) ? '' : `client "${client.id.slice(0, 100)}": `;
      this.notice(`${who}${describeError(error)}`);
    });
    // Just before it looks for what is retained.
    this.#aedes.on('subscribe', (_, client) => this.#persistence.looksFor(client));
    this.#aedes.on('unsubscribe', (filters, client) => this.#filters.forget(client, filters));
    // aedes's types do not know its `error` event; without a listener it would end the process.
    (this.#aedes as EventEmitter).on('error', (error) => this.notice(describeError(error)));
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get retained(): RetainedMessages {
    return this.#persistence.retained;
  }

  /** Reads the store and publishes what the process before this one owes. */
  async open(): Promise<void> {
    this.file.open();
    this.sessions.load();
    await this.#aedes.listen();
    try {
      const publish = this.#publishToClients.bind(this);
      await publishLeft(this.#persistence, publish, (message) => this.notice(message));
    } catch (error) {
      const message = `The store of broker "${this.name}" takes nothing: ${describeError(error)}`;
      throw new BridgeError('brokerStoreFailed', message, { exitCode: EXIT.unavailable, cause: error });
    }
  }

  up(): void {
    this.#isUp = true;
    for (const listen of [...this.#upListeners]) listen(true);
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#isUp) {
      this.#isUp = false;
      for (const listen of [...this.#upListeners]) listen(false);
    }
    await this.#farewell.say();
    this.gate.stop();
    if (!this.#aedes.closed) await new Promise<void>((resolve) => this.#aedes.close(resolve));
    this.file.close();
  }

  handle(socket: Socket): void {
    const client = this.#aedes.handle(socket);
    limitPackets(client, this.#options.limits);
    socket.once('close', () => {
      this.gate.leave(client);
      this.#entrance.leave(client);
      this.#filters.leave(client);
    });
    this.#farewell.add(socket, client);
  }

  onUp(listen: (up: boolean) => void): () => void {
    this.#upListeners.add(listen);
    if (this.#isUp) {
      queueMicrotask(() => {
        if (this.#isUp && this.#upListeners.has(listen)) listen(true);
      });
    }
    return () => this.#upListeners.delete(listen);
  }

  onAccepted(listen: (publication: Publication) => void): () => void {
    this.#acceptedListeners.add(listen);
    return () => this.#acceptedListeners.delete(listen);
  }

  publish(publisher: object, publication: Publication, done: (error: Error | null) => void): void {
    this.gate.admit(publisher, publication, (error) => {
      if (error !== null) done(error);
      else this.#publishToClients(publication, done);
    });
  }

  async keepWill(client: string, will: WillOptions): Promise<void> {
    await this.#persistence.keepWill(client, will.topic, Buffer.from(will.payload), 1, will.retain);
  }

  forgetWill(client: string): void {
    this.#persistence.forgetWill(client);
  }

  /** The same text at most once in a while. */
  notice(message: string): void {
    const now = this.clock.monotonic();
    const last = this.#noticedAt.get(message);
    if (last !== undefined && now - last < NOTICE_EVERY_MS) return;
    if (this.#noticedAt.size >= MAX_NOTICES) this.#noticedAt.clear();
    this.#noticedAt.set(message, now);
    this.#options.onNotice(`Broker "${this.name}": ${message}`);
  }

  /** Calls back when every subscriber with a session has it in its queue, on the disk. */
  #publishToClients(message: Omit<Publication, 'dup'>, done: (error: Error | null) => void): void {
    const { topic, payload, qos } = message;
    // Retained messages are stored before the acknowledgement; aedes must not do so once more, later, in another order.
    this.#aedes.publish({ cmd: 'publish', topic, payload, qos, retain: false, dup: false }, (error) =>
      done(error ?? null),
    );
  }

  #store(publication: Publication, publisher: object, isUplink: boolean): Promise<void> | null {
    const { topic, qos, retain } = publication;
    const owed = qos > 0 && isClient(publisher) && this.#persistence.hasDurableSubscriber(topic);
    if (!retain && !owed) return null;
    return this.#keep(publication, owed, isUplink);
  }

  async #keep(publication: Publication, owed: boolean, isUplink: boolean): Promise<void> {
    const { topic, payload, qos, retain } = publication;
    const message = { topic, payload, qos, retain };
    const retaining = retain ? this.retained[isUplink ? 'storeIfRoom' : 'store'](message) : null;
    const remembering = owed ? this.#persistence.accepted.remember(publication) : null;
    // Both, so that what is remembered of a message that may not be retained can be forgotten.
    await Promise.allSettled([remembering, retaining]);
    await Promise.all([remembering, retaining]);
  }

  #refusalOf(client: Client | null, { topic, qos }: AuthorizedPacket): Error | null {
    const refusal = refusalOf(topic, assertOpen);
    if (refusal !== null) return refusal;
    if (!this.#options.rights.mayPublish(client, topic)) {
      return new Error(`it may not publish to "${topic.slice(0, 100)}"`);
    }
    // Here, since behind the gate the journals would have it, and once more at each of its publisher's tries.
    return qos === 2 && client?.closed === false ? this.#persistence.incoming.refusalOf(client) : null;
  }

  readonly #authorizePublish: NonNullable<AedesOptions['authorizePublish']> = (client, packet, done) => {
    // Wills of the clients that are cut off by our own end stay in the file, for the next start.
    if (this.#closing) return;
    const refusal = this.#refusalOf(client, packet);
    if (refusal !== null) {
      done(refusal);
      return;
    }
    const publication: Publication = {
      topic: packet.topic,
      payload: Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload),
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
    };
    // A will has no place in the order of its client's publishes, which ended with the connection.
    const publisher = client === null || client.closed ? {} : client;
    const answered = publisher === client ? this.#farewell.wait(client) : () => {};
    this.gate.admit(publisher, publication, (error) => {
      packet.retain = false;
      const { accepted } = this.#persistence;
      // What aedes cannot acknowledge any more it does not publish, but of QoS 2, which it publishes first.
      const isCutOff = client !== null && !client.connected && !client.connecting;
      const isUnowed = error !== null || (packet.qos === 1 && isCutOff);
      if (isUnowed) accepted.forget(publication);
      else accepted.passOn(publication, packet);
      done(error);
      answered();
    });
  };

  /** The subscribers' queues have it. */
  readonly #published: NonNullable<AedesOptions['published']> = (packet, _client, done) => {
    this.#persistence.accepted.forget(packet);
    done(null);
  };
}

type AuthorizedPacket = Parameters<NonNullable<AedesOptions['authorizePublish']>>[1];

function isClient(publisher: object): publisher is Client {
  return 'conn' in publisher;
}
