// What the bridge says on Kafka: acknowledged by all replicas in sync, each publish settled by that acknowledgement, by a refusal
// of its own, or by a time-out. Publishes of one turn of the event loop go together; those of a partition in their order. What is
// refused, or waits for a leader, holds up nothing else.
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Publisher, PublishOptions } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import type { KafkaWire } from './kafka-internals.ts';
import { TopicLeaders } from './kafka-leaders.ts';
import { KafkaLink } from './kafka-link.ts';
import { maxMessageBytes } from './kafka-metadata.ts';
import type { KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { KafkaProducer } from './kafka-producer.ts';
import { type Batches, type Queued, SendQueue } from './kafka-queue.ts';
import { addressOf, type RecordAddress } from './kafka-topics.ts';
import { PUBLISH, type PublishLimits } from './mqtt-options.ts';

type Status = { readonly up: boolean; readonly reason?: string };

interface Pending extends Queued<Pending> {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly cancel: Cancel;
}

/** Kafka takes records of up to 1 MiB by default, with their headers. */
const MAX_RECORD_BYTES = 1_000_000;

export class KafkaPublisher implements Publisher {
  readonly #broker: KafkaBrokerOptions;
  readonly #limits: PublishLimits;
  readonly #link: KafkaLink;
  readonly #listeners: ((status: Status) => void)[] = [];
  readonly #queue: SendQueue<Pending>;
  /** Outlives connections, so that what goes again on a new one is not there twice. */
  #producer: KafkaProducer<Pending>;
  /** By leader, what is under way to it. */
  readonly #sending = new Map<number, Promise<void>>();
  #pendingBytes = 0;
  #running = false;
  #connected = false;
  #wake: () => void = () => {};

  constructor(broker: KafkaBrokerOptions, gate: LoginGate) {
    this.#broker = broker;
    this.#limits = { ...PUBLISH, ...broker.publish };
    this.#queue = new SendQueue(broker.clock);
    this.#producer = new KafkaProducer(broker);
    this.#link = new KafkaLink(broker, gate, {
      run: (wire, signal, ready) => this.#run(wire, signal, ready),
      onDown: ({ reason }) => {
        this.#connected = false;
        this.#tell({ up: false, reason });
      },
    });
  }

  start(): void {
    this.#running = true;
    this.#producer = new KafkaProducer(this.#broker);
    this.#link.start();
  }

  /** What is still unacknowledged is rejected. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#connected = false;
    for (const entry of this.#queue.pending) {
      this.#settle(entry, new BridgeError('publisherStopped', `Not published to "${nameOf(entry)}": stopped`));
    }
    await this.#link.stop();
  }

  get connected(): boolean {
    return this.#connected;
  }

  onStatus(listen: (status: Status) => void): void {
    this.#listeners.push(listen);
  }

  publish(topic: string, payload: string | Buffer, { key }: PublishOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const address = addressOf(topic, key ?? null);
      const value = typeof payload === 'string' ? Buffer.from(payload) : payload;
      const bytes = topic.length + value.length;
      const { maxPending, maxPendingBytes, timeoutMs } = this.#limits;
      if (!this.#running) throw new BridgeError('publisherStopped', `Not published to "${topic}": not started`);
      if (bytes > MAX_RECORD_BYTES) {
        const message = `Not published to "${topic}": ${bytes} bytes are more than the ${MAX_RECORD_BYTES} that Kafka takes`;
        throw new BridgeError('publishRefused', message);
      }
      if (this.#queue.pending.size >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
        const message = `Not published to "${topic}": ${this.#queue.pending.size} publishes wait already`;
        throw new BridgeError('publishQueueFull', message, { exitCode: EXIT.unavailable });
      }
      const cancel = this.#broker.clock.after(timeoutMs, () => {
        const message = `Kafka did not acknowledge the record for "${topic}" within ${timeoutMs} ms`;
        this.#settle(entry, new BridgeError('publishTimeout', message, { exitCode: EXIT.unavailable }));
      });
      const record = { ...address, value: value.length === 0 ? null : value, bytes, part: null };
      const entry: Pending = { ...record, resolve, reject, cancel };
      this.#queue.pending.add(entry);
      this.#pendingBytes += bytes;
      this.#wake();
    });
  }

  async #run(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void> {
    // Of the connection before: its end has settled them, or left them in doubt.
    await Promise.all(this.#sending.values());
    let failed: { readonly error: unknown } | null = null;
    const leaders = new TopicLeaders(wire, this.#broker, signal, {
      onFound: () => this.#wake(),
      onAbsent: (topic, reason) => this.#absent(topic, reason),
      onFailed: (error) => {
        failed = { error };
        this.#wake();
      },
    });
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      await this.#producer.identify(wire);
      if (signal.aborted) return;
      ready();
      this.#connected = true;
      this.#tell({ up: true });
      while (!signal.aborted) {
        // Its numbers are given up now and then; nothing new goes before it has others.
        const mayGo = await this.#producer.identify(wire);
        if (failed !== null) throw (failed as { readonly error: unknown }).error;
        const next = mayGo ? this.#queue.next(this.#producer, leaders, this.#sending) : null;
        for (const [leader, batches] of next?.requests ?? []) {
          const sent = this.#send(wire, leaders, leader, batches).finally(() => {
            this.#sending.delete(leader);
            this.#wake();
          });
          this.#sending.set(leader, sent);
        }
        await this.#more(next?.againInMs ?? null, signal);
      }
    } finally {
      this.#connected = false;
      signal.removeEventListener('abort', wake);
    }
  }

  /** Never rejects. */
  async #send(wire: KafkaWire, leaders: TopicLeaders, leader: number, batches: Batches<Pending>): Promise<void> {
    for (const [part, verdict] of await this.#producer.append(wire, leader, batches)) {
      const batch = batches.get(part) ?? [];
      if (verdict.kind === 'doubtful') leaders.ask(part.topic, this.#queue.rest(part));
      else if (verdict.kind === 'appended') {
        this.#queue.taken(part);
        for (const entry of batch) this.#settle(entry, null);
      } else if (verdict.isOne && batch.length > 1) this.#queue.narrow(part, batch, verdict.isSize);
      else {
        const limit = verdict.isSize ? await maxMessageBytes(wire, part.topic) : null;
        for (const entry of batch) this.#refuse(entry, verdict.isSize ? tooLarge(entry, limit) : verdict.reason);
      }
    }
  }

  /** This topic's own trouble: what goes to others goes on. */
  #absent(topic: string, reason: string): void {
    for (const entry of this.#queue.pending) if (entry.topic === topic) this.#refuse(entry, reason);
    const isDoubtful = this.#producer.parts.some((part) => part.topic === topic && part.doubtful !== null);
    if (isDoubtful) this.#producer.beginAnew();
    this.#wake();
  }

  async #more(againInMs: number | null, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = againInMs === null ? () => {} : this.#broker.clock.after(againInMs, resolve);
    await promise;
    cancel();
  }

  #refuse(entry: Pending, why: string): void {
    this.#settle(entry, new BridgeError('publishRefused', `Not published to "${nameOf(entry)}": ${why}`));
  }

  #settle(entry: Pending, error: Error | null): void {
    if (!this.#queue.pending.delete(entry)) return;
    this.#pendingBytes -= entry.bytes;
    entry.cancel();
    if (error === null) entry.resolve();
    else entry.reject(error);
  }

  #tell(status: Status): void {
    for (const listen of this.#listeners) listen(status);
  }
}

function nameOf({ topic, key }: RecordAddress): string {
  return key === null ? topic : `${topic}/${key}`;
}

function tooLarge({ bytes, topic }: Pending, limit: number | null): string {
  const most = limit === null ? 'less' : `no more than ${limit} bytes`;
  return `a record of ${bytes} bytes, and what Kafka adds to it, is too large: topic "${topic}" takes ${most} (max.message.bytes)`;
}
