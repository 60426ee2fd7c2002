// What a worker says of itself on topics: status and ledger of each connection, its own heartbeat (all retained), and events.
import type { ConnectionStatus } from '../domain/connection.ts';
import type { BridgeEvent } from '../domain/events.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import { type GroupMembership, HEARTBEAT_INTERVAL_MS, heartbeatOf, type WorkerIdentity } from './heartbeat.ts';
import type { HeartbeatSeal } from './heartbeat-seal.ts';
import { LatestValues } from './latest-values.ts';

export interface StatusPublisherOptions {
  /** Opened by the caller with `lastWill(…)`; started and stopped here. */
  readonly publisher: Publisher;
  readonly prefix: string;
  readonly seal: HeartbeatSeal;
  readonly identity: WorkerIdentity;
  readonly clock: Clock;
  readonly heartbeatMs?: number;
  /** Of a worker among several: its share of the heartbeat, asked at each one. */
  readonly membership?: () => GroupMembership;
  /** Where the ledger of a connection is; its own id by default. Among several workers each has a record of its own. */
  readonly ledgerKey?: (connectionId: string) => string;
  /** Where other workers' ledgers of the connection are, also of those that are gone: they go when it is deleted. */
  readonly otherLedgerKeys?: (connectionId: string) => readonly string[];
}

/** What runtimes and supervisor say; `StatusPublisher` implements it. */
export interface StatusSink {
  setStatus(status: ConnectionStatus): void;
  /** `off`: by how many messages it does not balance, in itself or against what is on the disk. */
  setLedger(id: string, ledger: Ledger, off: number): void;
  /** Clears the retained records of a connection that is being deleted; resolves when the broker has none any more. */
  clear(id: string): Promise<void> | void;
}

/** Also what people are shown. */
export interface ShownStatus extends StatusSink {
  /** It is deleted, and nothing of it is left. */
  remove(id: string): void;
}

/** Events that wait for the broker; the oldest go first (the store has them all). */
const MAX_WAITING_EVENTS = 500;

export class StatusPublisher implements StatusSink {
  readonly #options: StatusPublisherOptions;
  readonly #heartbeatMs: number;
  readonly #values: LatestValues;
  readonly #events: BridgeEvent[] = [];
  #sendingEvents = false;
  #beat = 0;
  #timer: Cancel = () => {};
  #stopped = false;

  constructor(options: StatusPublisherOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_INTERVAL_MS;
    this.#values = new LatestValues(options.publisher, options.clock, 1000);
  }

  start(): void {
    const { publisher } = this.#options;
    publisher.onStatus((status) => {
      if (!status.up || this.#stopped) return;
      // The broker may have published the last will meanwhile: the heartbeat goes first.
      this.#sendHeartbeat();
      this.#values.refresh();
      void this.#sendEvents();
    });
    publisher.start();
    this.#armHeartbeat();
  }

  /** Says what is left and "alive: false" (at most `timeoutMs`), then disconnects. */
  async stop(timeoutMs = 2000): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer();
    const { publisher, clock } = this.#options;
    if (publisher.connected) {
      const farewell = Promise.all([
        this.#values.drain(),
        this.#sendEvents(),
        publisher.publish(this.#topic, this.#heartbeat(false), { retain: true }),
      ]);
      const late = Promise.withResolvers<void>();
      const cancel = clock.after(timeoutMs, late.resolve);
      await Promise.race([farewell.catch(() => {}), late.promise]);
      cancel();
    }
    await publisher.stop();
  }

  setStatus(status: ConnectionStatus): void {
    this.#values.set(`${this.#options.prefix}/status/${status.id}`, JSON.stringify(status));
  }

  setLedger(id: string, ledger: Ledger): void {
    const worker = this.#options.identity.id;
    this.#values.set(this.#ledgerTopic(id), JSON.stringify({ id, worker, ...ledger }));
  }

  async clear(id: string): Promise<void> {
    const { prefix, otherLedgerKeys } = this.#options;
    const others = (otherLedgerKeys?.(id) ?? []).map((key) => `${prefix}/ledger/${key}`);
    const topics = [`${prefix}/status/${id}`, this.#ledgerTopic(id), ...others];
    await Promise.all(topics.map((topic) => this.#values.clear(topic)));
  }

  /** Another worker's late word has taken the place of ours. */
  sayAgain(id: string): void {
    this.#values.again(`${this.#options.prefix}/status/${id}`);
  }

  /** Another worker serves it: said again after an interruption, our last word would take the place of its. */
  release(id: string): void {
    this.#values.leave(`${this.#options.prefix}/status/${id}`);
  }

  /** This worker's; the connection was another worker's to delete. */
  removeLedger(id: string): void {
    this.#values.set(this.#ledgerTopic(id), null);
  }

  /** What the heartbeat says has changed. */
  beatNow(): void {
    if (!this.#stopped && this.#options.publisher.connected) this.#sendHeartbeat();
  }

  /** Not retained; in order. */
  publishEvent(event: BridgeEvent): void {
    if (this.#events.length >= MAX_WAITING_EVENTS) this.#events.shift();
    this.#events.push(event);
    void this.#sendEvents();
  }

  #ledgerTopic(id: string): string {
    return `${this.#options.prefix}/ledger/${this.#options.ledgerKey?.(id) ?? id}`;
  }

  get #topic(): string {
    return this.#options.seal.topicOf(this.#options.identity.id);
  }

  #heartbeat(alive: boolean): string {
    const { identity, membership, seal, clock } = this.#options;
    const share = membership?.() ?? null;
    return seal.write(heartbeatOf(identity, alive, this.#beat, this.#heartbeatMs, clock.now(), share));
  }

  #armHeartbeat(): void {
    this.#timer = this.#options.clock.after(this.#heartbeatMs, () => {
      if (this.#options.publisher.connected) this.#sendHeartbeat();
      this.#armHeartbeat();
    });
  }

  #sendHeartbeat(): void {
    this.#beat += 1;
    // A lost heartbeat is followed by the next one.
    this.#options.publisher.publish(this.#topic, this.#heartbeat(true), { retain: true }).catch(() => {});
  }

  async #sendEvents(): Promise<void> {
    if (this.#sendingEvents) return;
    this.#sendingEvents = true;
    const { publisher, prefix } = this.#options;
    try {
      while (publisher.connected) {
        const event = this.#events[0];
        if (event === undefined) break;
        await publisher.publish(`${prefix}/events/${event.connectionId ?? 'worker'}`, JSON.stringify(event));
        // A full queue may have dropped it meanwhile.
        if (this.#events[0] === event) this.#events.shift();
      }
    } catch {
      // They wait for the publisher to come back, or for the next event.
    } finally {
      this.#sendingEvents = false;
    }
  }
}
