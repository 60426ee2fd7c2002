// What waits to be published on Kafka, in the order asked, and what of it may go now: to each leader one request at a time, to each
// partition one batch at a time. Partitions that were refused a batch get smaller ones; partitions in trouble rest.
import kafkajs from 'kafkajs';
import type { Clock } from '../domain/ports/clock.ts';
import type { TopicLeaders } from './kafka-leaders.ts';
import type { Appendable, KafkaProducer, Part } from './kafka-producer.ts';
import type { RecordAddress } from './kafka-topics.ts';

export interface Queued<T> extends Appendable, RecordAddress {
  readonly bytes: number;
  /** Its partition, once chosen; it stays there. */
  part: Part<T> | null;
}

export type Batches<T> = Map<Part<T>, readonly T[]>;

const MAX_RECORDS = 500;
const MAX_BYTES = 512 * 1024;
const REST_MS = 100;
const MAX_REST_MS = 2_000;

interface Pace {
  /** The most that a batch may have, one record apart. */
  records: number;
  bytes: number;
  /** Monotonic ms. */
  restUntil: number;
  troubles: number;
}

export class SendQueue<T extends Queued<T>> {
  readonly pending = new Set<T>();
  readonly #clock: Clock;
  readonly #paces = new WeakMap<Part<T>, Pace>();
  readonly #partition = kafkajs.Partitioners.DefaultPartitioner();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** By leader; those that are `busy` get nothing. What is in doubt goes first, as it was. `againInMs`: some may go then. */
  next(
    producer: KafkaProducer<T>,
    leaders: TopicLeaders,
    busy: ReadonlyMap<number, unknown>,
  ): { readonly requests: ReadonlyMap<number, Batches<T>>; readonly againInMs: number | null } {
    const requests = new Map<number, Request<T>>();
    /** Of which nothing more goes now, so that their order stays. */
    const closed = new Set<Part<T>>();
    let againInMs = Number.POSITIVE_INFINITY;
    const requestFor = (part: Part<T>): Request<T> | null => {
      const leader = this.#leaderOf(part, leaders);
      againInMs = Math.min(againInMs, this.#restMs(part));
      if (leader === null || busy.has(leader)) return null;
      const request = requests.get(leader) ?? new Request<T>();
      requests.set(leader, request);
      return request;
    };
    for (const part of producer.parts) {
      if (part.doubtful === null) continue;
      closed.add(part);
      if (!part.isUnderWay) requestFor(part)?.addAll(part, part.doubtful);
    }
    for (const entry of this.pending) {
      entry.part ??= this.#choose(entry, producer, leaders);
      if (entry.part === null || closed.has(entry.part)) continue;
      const isIn = requestFor(entry.part)?.add(entry.part, entry, this.#paceOf(entry.part)) ?? false;
      if (!isIn) closed.add(entry.part);
    }
    const filled = [...requests].filter(([, { batches }]) => batches.size > 0);
    return {
      requests: new Map(filled.map(([leader, { batches }]) => [leader, batches])),
      againInMs: Number.isFinite(againInMs) ? againInMs : null,
    };
  }

  /** It has taken a batch: the next may have more records again. What is too many bytes stays so. */
  taken(part: Part<T>): void {
    const pace = this.#paceOf(part);
    pace.records = Math.min(MAX_RECORDS, pace.records * 2);
    pace.troubles = 0;
  }

  /** A batch of several was refused for one of them, or for all of them together: the next ones narrow it down. */
  narrow(part: Part<T>, batch: readonly T[], isSize: boolean): void {
    const pace = this.#paceOf(part);
    const bytes = batch.reduce((sum, each) => sum + each.bytes, 0);
    if (isSize) pace.bytes = Math.ceil(bytes / 2);
    else pace.records = Math.ceil(batch.length / 2);
  }

  /** How long it rests, ms: ever longer, until it takes something. */
  rest(part: Part<T>): number {
    const pace = this.#paceOf(part);
    const ms = Math.min(MAX_REST_MS, REST_MS * 2 ** Math.min(pace.troubles, 10));
    pace.troubles += 1;
    pace.restUntil = this.#clock.monotonic() + ms;
    return ms;
  }

  /** Null: not now. */
  #leaderOf(part: Part<T>, leaders: TopicLeaders): number | null {
    const found = leaders.get(part.topic);
    if (found === null || this.#restMs(part) < Number.POSITIVE_INFINITY) return null;
    const leader = found.partitionMetadata.find(({ partitionId }) => partitionId === part.partition)?.leader ?? -1;
    if (leader >= 0) return leader;
    leaders.ask(part.topic, this.rest(part));
    return null;
  }

  /** Infinity: it does not rest. */
  #restMs(part: Part<T>): number {
    const ms = this.#paceOf(part).restUntil - this.#clock.monotonic();
    return ms > 0 ? ms : Number.POSITIVE_INFINITY;
  }

  #choose(entry: T, producer: KafkaProducer<T>, leaders: TopicLeaders): Part<T> | null {
    const { topic, key } = entry;
    const partitionMetadata = leaders.get(topic)?.partitionMetadata;
    if (partitionMetadata === undefined) return null;
    const message = { key, value: null };
    return producer.partOf(
      topic,
      this.#partition({ topic, partitionMetadata: [...partitionMetadata] as never, message }),
    );
  }

  #paceOf(part: Part<T>): Pace {
    const pace = this.#paces.get(part) ?? { records: MAX_RECORDS, bytes: MAX_BYTES, restUntil: 0, troubles: 0 };
    this.#paces.set(part, pace);
    return pace;
  }
}

/** What goes to one leader. A record larger than the limits goes alone. */
class Request<T extends Queued<T>> {
  readonly batches = new Map<Part<T>, T[]>();
  readonly #bytesOf = new Map<Part<T>, number>();
  #records = 0;
  #bytes = 0;

  addAll(part: Part<T>, batch: readonly T[]): void {
    this.batches.set(part, [...batch]);
    this.#records += batch.length;
    for (const { bytes } of batch) this.#bytes += bytes;
  }

  add(part: Part<T>, entry: T, limits: Pick<Pace, 'records' | 'bytes'>): boolean {
    const batch = this.batches.get(part) ?? [];
    const bytes = (this.#bytesOf.get(part) ?? 0) + entry.bytes;
    if (this.#records >= MAX_RECORDS || (this.#records > 0 && this.#bytes + entry.bytes > MAX_BYTES)) return false;
    if (batch.length >= limits.records || (batch.length > 0 && bytes > limits.bytes)) return false;
    batch.push(entry);
    this.batches.set(part, batch);
    this.#bytesOf.set(part, bytes);
    this.#records += 1;
    this.#bytes += entry.bytes;
    return true;
  }
}
