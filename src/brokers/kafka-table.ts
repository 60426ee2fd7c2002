// A table on Kafka: the latest record of each key of a compacted topic with one partition.
// Nothing is handed out before the end that the topic had when reading began, and then only the latest of each key: what a
// connection was defined as in the meantime of an absence is nobody's business. From there on each record in its order.
import { NotKept } from '../domain/errors.ts';
import type { TableListener, TableOptions, TableReader } from '../domain/ports/broker.ts';
import { errorName, type KafkaWire } from './kafka-internals.ts';
import { LatestRecords } from './kafka-latest.ts';
import { KafkaLink, LinkDown, sleep } from './kafka-link.ts';
import { settledTopic } from './kafka-metadata.ts';
import type { KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { refusalOf, unreadableReason } from './kafka-reasons.ts';
import type { FetchedPartition } from './kafka-records.ts';
import { createCommand, kafkaName, ownTopic } from './kafka-topics.ts';
import { TableKeys } from './table-keys.ts';

const FETCH_BYTES = 4 * 1024 * 1024;
const POLL_MS = 5_000;
const LAG_LOOK_MS = 100;
const MAX_KEY_BYTES = 1024;

const LATEST = '-1';
const EARLIEST = '-2';

export class KafkaTable implements TableReader {
  readonly #broker: KafkaBrokerOptions;
  readonly #topic: string;
  readonly #listener: TableListener;
  readonly #link: KafkaLink;
  /** What has been handed out: reading goes on behind it after an interruption. −1: nothing yet. */
  #position = -1;
  /** Of the topic that this is the position in; null: not known. */
  #topicId: string | null = null;
  readonly #keys: TableKeys;
  #running = false;
  #isUpTold = false;

  constructor(broker: KafkaBrokerOptions, gate: LoginGate, options: TableOptions, listener: TableListener) {
    this.#broker = broker;
    this.#topic = kafkaName(options.prefix);
    this.#keys = new TableKeys(options.maxKeys);
    this.#listener = listener;
    this.#link = new KafkaLink(broker, gate, {
      run: (wire, signal, ready) => this.#read(wire, signal, ready),
      onDown: (down) => {
        this.#isUpTold = false;
        if (this.#running) this.#listener.onStatus({ up: false, ...down });
      },
    });
  }

  start(): void {
    this.#running = true;
    // Whoever starts it again wants to hear what there is.
    this.#position = -1;
    this.#link.start();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#isUpTold = false;
    await this.#link.stop();
  }

  async #read(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void> {
    const leader = await this.#look(wire, signal);
    const end = await this.#offset(wire, leader, LATEST);
    const topicId = (await wire.topicIds(leader, [this.#topic])).get(this.#topic) ?? null;
    // A topic that was deleted and made anew begins at 0 again, and may have come beyond the position by now.
    const isAnother = topicId !== null && this.#topicId !== null && topicId !== this.#topicId;
    if (this.#position > end || isAnother) this.#position = -1;
    this.#topicId = topicId ?? this.#topicId;
    if (this.#position < 0) await this.#readWhole(wire, leader, signal);
    if (signal.aborted) return;
    ready();
    this.#tellUp();
    while (!signal.aborted) {
      const fetched = await this.#fetch(wire, leader, this.#position, POLL_MS);
      if (signal.aborted) return;
      if (fetched === 'outOfRange') {
        this.#position = -1;
        throw new LinkDown({ reason: `topic "${this.#topic}" was made anew: it is read again`, fatal: false });
      }
      for (const { offset, key, value } of fetched.records) {
        if (offset >= this.#position) this.#handOut(keyOf(key), value);
      }
      if (fetched.nextOffset > this.#position) this.#position = fetched.nextOffset;
    }
  }

  /** The leader of its one partition. */
  async #look(wire: KafkaWire, signal: AbortSignal): Promise<number> {
    const topic = this.#topic;
    const { partitionMetadata } = await settledTopic(wire, this.#broker, topic, signal);
    const count = partitionMetadata.length;
    const [only] = partitionMetadata;
    if (count === 1 && only !== undefined) return only.leader;
    const { bootstrap, ownPrefix } = this.#broker;
    const own = ownTopic(topic, ownPrefix ?? null) ?? { partitions: 1, settings: { 'cleanup.policy': 'compact' } };
    const remove = `kafka-topics.sh --bootstrap-server ${bootstrap[0]} --delete --topic ${topic}`;
    throw new LinkDown({
      reason: `topic "${topic}" has ${count} partitions and must have exactly one, for the order of its records counts; save its records, then: ${remove} && ${createCommand(topic, own, bootstrap)}`,
      fatal: true,
    });
  }

  async #readWhole(wire: KafkaWire, leader: number, signal: AbortSignal): Promise<void> {
    let at = await this.#offset(wire, leader, EARLIEST);
    const end = await this.#offset(wire, leader, LATEST);
    const latest = new LatestRecords();
    while (at < end && !signal.aborted) {
      const fetched = await this.#fetch(wire, leader, at, POLL_MS);
      if (fetched === 'outOfRange') at = await this.#offset(wire, leader, EARLIEST);
      else if (fetched.nextOffset > at) at = fetched.nextOffset;
      else await sleep(this.#broker.clock, LAG_LOOK_MS, signal);
      if (fetched === 'outOfRange') continue;
      for (const { key, value } of fetched.records) {
        const name = keyOf(key);
        if (name !== null) latest.set(name, value);
      }
      if (latest.isTooLarge) {
        throw new LinkDown({
          reason: `topic "${this.#topic}" holds more than ${latest.maxBytes} bytes with the deletions that Kafka still keeps: delete what is none of the bridge's, and see who may write there`,
          fatal: true,
        });
      }
    }
    if (signal.aborted) return;
    this.#position = at;
    this.#keys.clear();
    this.#tellUp();
    for (const [key, value] of latest) this.#handOut(key, value);
    this.#listener.onSnapshot(this.#keys.snapshot());
  }

  #tellUp(): void {
    if (this.#isUpTold || !this.#running) return;
    this.#isUpTold = true;
    this.#listener.onStatus({ up: true });
  }

  /** An empty value deletes as a tombstone does: that is what MQTT's producers know. */
  #handOut(key: string | null, value: Buffer | null): void {
    if (key === null || !this.#running) return;
    const isDeletion = value === null || value.length === 0;
    if (isDeletion) this.#keys.delete(key);
    else if (!this.#keys.add(key)) {
      this.#position = -1;
      throw new LinkDown({
        reason: `topic "${this.#topic}" holds more than ${this.#keys.max} keys: delete those that are none of the bridge's (a record without a value for each), and see who may write there`,
        fatal: true,
      });
    }
    try {
      this.#listener.onRecord(key, isDeletion ? null : value);
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      this.#position = -1;
      throw new LinkDown({ reason: error.message, fatal: false });
    }
  }

  async #offset(wire: KafkaWire, leader: number, timestamp: string): Promise<number> {
    const topic = this.#topic;
    const topics = [{ topic, partitions: [{ partition: 0, timestamp }] }];
    const { responses } = await wire.call(leader, 'ListOffsets', { isolationLevel: 1, topics });
    const found = responses[0]?.partitions[0];
    if (found === undefined || found.errorCode !== 0) {
      throw new LinkDown(refusalOf(found?.errorCode ?? -1, 'describe', { topic }));
    }
    return Number(found.offset);
  }

  async #fetch(
    wire: KafkaWire,
    leader: number,
    at: number,
    maxWaitTime: number,
  ): Promise<FetchedPartition | 'outOfRange'> {
    const topic = this.#topic;
    const partitions = [{ partition: 0, fetchOffset: String(at), maxBytes: FETCH_BYTES }];
    const limits = { maxWaitTime, minBytes: 1, maxBytes: FETCH_BYTES, isolationLevel: 1 };
    const [fetched] = await wire.call(leader, 'Fetch', { replicaId: -1, ...limits, topics: [{ topic, partitions }] });
    if (fetched === undefined) throw new LinkDown({ reason: `topic "${topic}" gave no answer`, fatal: false });
    if (fetched.unreadable !== null) {
      // From the beginning: before it is read as a whole it is not said to be up. What is known of it serves meanwhile.
      this.#position = -1;
      throw new LinkDown({ reason: unreadableReason({ topic, partition: 0 }, fetched.unreadable, null), fatal: false });
    }
    if (fetched.errorCode === 0) return fetched;
    if (errorName(fetched.errorCode) === 'OFFSET_OUT_OF_RANGE') return 'outOfRange';
    // The topic is gone, or has another leader: the position counts in the log that this one had.
    this.#position = -1;
    throw new LinkDown(refusalOf(fetched.errorCode, 'read', { topic }));
  }
}

/** Null: a record without a key, or with one that nobody can have meant, says nothing about any. */
function keyOf(key: Buffer | null): string | null {
  return key === null || key.length === 0 || key.length > MAX_KEY_BYTES ? null : key.toString('utf8');
}
