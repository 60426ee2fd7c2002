// What the bridge says on Kafka: an idempotent producer, acknowledged by all replicas in sync; each publish is settled by that
// acknowledgement or by a time-out. Publishes of one turn of the event loop go together, in their order.
import type { Producer } from 'kafkajs';
import kafkajs from 'kafkajs';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Publisher, PublishOptions } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import { createKafkaClient } from './kafka-client.ts';
import { compressionType } from './kafka-codecs.ts';
import type { KafkaWire } from './kafka-internals.ts';
import { KafkaLink, LinkDown } from './kafka-link.ts';
import { settledTopic } from './kafka-metadata.ts';
import type { KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { kafkaReason } from './kafka-reasons.ts';
import { addressOf, type RecordAddress } from './kafka-topics.ts';
import { PUBLISH, type PublishLimits } from './mqtt-options.ts';

type Status = { readonly up: boolean; readonly reason?: string };

interface Pending extends RecordAddress {
  /** Null: a tombstone. */
  readonly value: Buffer | null;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly cancel: Cancel;
}

const MAX_BATCH = 500;
const MAX_BATCH_BYTES = 512 * 1024;
/** Kafka takes records of up to 1 MiB by default, with their headers. */
const MAX_RECORD_BYTES = 1_000_000;

export class KafkaPublisher implements Publisher {
  readonly #broker: KafkaBrokerOptions;
  readonly #limits: PublishLimits;
  readonly #link: KafkaLink;
  readonly #listeners: ((status: Status) => void)[] = [];
  /** In the order asked; sent again, in this order, on a new connection. */
  readonly #pending = new Set<Pending>();
  #pendingBytes = 0;
  #running = false;
  #connected = false;
  #wake: () => void = () => {};

  constructor(broker: KafkaBrokerOptions, gate: LoginGate) {
    this.#broker = broker;
    this.#limits = { ...PUBLISH, ...broker.publish };
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
    this.#link.start();
  }

  /** What is still unacknowledged is rejected. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#connected = false;
    for (const entry of this.#pending) {
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
      if (this.#pending.size >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
        const message = `Not published to "${topic}": ${this.#pending.size} publishes wait already`;
        throw new BridgeError('publishQueueFull', message, { exitCode: EXIT.unavailable });
      }
      const cancel = this.#broker.clock.after(timeoutMs, () => {
        const message = `Kafka did not acknowledge the record for "${topic}" within ${timeoutMs} ms`;
        this.#settle(entry, new BridgeError('publishTimeout', message, { exitCode: EXIT.unavailable }));
      });
      const entry: Pending = { ...address, value: value.length === 0 ? null : value, bytes, resolve, reject, cancel };
      this.#pending.add(entry);
      this.#pendingBytes += bytes;
      this.#wake();
    });
  }

  /** The wire is for topics; kafkajs's producer keeps sequence numbers and epochs, on connections of its own. */
  async #run(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void> {
    const sockets = new Set<{ destroy(error: Error): void }>();
    const client = createKafkaClient({
      ...this.#broker,
      retries: 3,
      onSocket: (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      },
    });
    const producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const end = (): void => {
      for (const socket of sockets) socket.destroy(new Error('stopped'));
      this.#wake();
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      await producer.connect();
      if (signal.aborted) return;
      ready();
      this.#connected = true;
      this.#tell({ up: true });
      const known = new Set<string>();
      while (!signal.aborted) {
        const batch = this.#batch();
        if (batch.length > 0) await this.#send(wire, producer, batch, known, signal);
        else await this.#more(signal);
      }
    } finally {
      this.#connected = false;
      // What it has not sent waits for the next one.
      await producer.disconnect().catch(() => {});
      end();
      signal.removeEventListener('abort', end);
    }
  }

  async #send(
    wire: KafkaWire,
    producer: Producer,
    batch: readonly Pending[],
    known: Set<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const byTopic = new Map<string, Pending[]>();
    for (const entry of batch) {
      const entries = byTopic.get(entry.topic);
      if (entries === undefined) byTopic.set(entry.topic, [entry]);
      else entries.push(entry);
    }
    for (const [topic, entries] of byTopic) {
      try {
        if (!known.has(topic)) await settledTopic(wire, this.#broker, topic, signal);
        known.add(topic);
      } catch (error) {
        if (!(error instanceof LinkDown) || signal.aborted) throw error;
        // This topic's own trouble: what goes to others goes on.
        for (const entry of entries) this.#refuse(entry, error.down.reason);
        byTopic.delete(topic);
      }
    }
    if (byTopic.size === 0) return;
    const { bootstrap, compression } = this.#broker;
    try {
      await producer.sendBatch({
        acks: -1,
        compression: compressionType(compression),
        topicMessages: [...byTopic].map(([topic, entries]) => ({
          topic,
          messages: entries.map(({ key, value }) => ({ key, value })),
        })),
      });
    } catch (error) {
      const told = refusedTopic(error);
      if (told === null) throw error;
      // Kafka's answer to a batch does not tell kafkajs's caller which topic it is about.
      const refused = told === '' ? [...byTopic.keys()].join('" or "') : told;
      const { reason } = kafkaReason(error, bootstrap.join(', '));
      for (const entry of byTopic.get(refused) ?? batch)
        this.#refuse(entry, `${reason}: the right Write on "${refused}" is missing`);
      // The sequence numbers of what was refused are used up: a new producer begins anew.
      throw new LinkDown({ reason: `the right Write on topic "${refused}" is missing`, fatal: false });
    }
    for (const entries of byTopic.values()) for (const entry of entries) this.#settle(entry, null);
  }

  #batch(): Pending[] {
    const batch: Pending[] = [];
    let bytes = 0;
    for (const entry of this.#pending) {
      if (batch.length >= MAX_BATCH || (batch.length > 0 && bytes + entry.bytes > MAX_BATCH_BYTES)) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    return batch;
  }

  #more(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#pending.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #refuse(entry: Pending, why: string): void {
    this.#settle(entry, new BridgeError('publishRefused', `Not published to "${nameOf(entry)}": ${why}`));
  }

  #settle(entry: Pending, error: Error | null): void {
    if (!this.#pending.delete(entry)) return;
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

/** The topic that must not be written to, where that is the trouble. */
function refusedTopic(error: unknown): string | null {
  let found = error as { type?: string; topic?: string; cause?: unknown } | undefined;
  for (let depth = 0; depth < 5 && found !== undefined && found !== null; depth++) {
    if (found.type === 'TOPIC_AUTHORIZATION_FAILED') return found.topic ?? '';
    found = found.cause as typeof found;
  }
  return null;
}
