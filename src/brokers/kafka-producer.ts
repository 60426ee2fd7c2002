// Appends to partitions of Kafka so that nothing is there twice: a producer's batches are numbered by partition, and Kafka answers
// one that it has already as it answered the first time. So a batch of which it is not known whether it has arrived goes again as
// it was, before anything else of its partition, also on a later connection: the producer and its numbers outlive connections.
//
// kafkajs's own producer numbers too, but only within its attempts of one call: after them its caller has to begin anew, and what
// was appended is there twice. And it tells one error for a whole batch, when other topics of it have arrived.
import { compressionType } from './kafka-codecs.ts';
import { errorName, type KafkaWire, mayPass } from './kafka-internals.ts';
import { LinkDown } from './kafka-link.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { kafkaReason, refusalOf } from './kafka-reasons.ts';

export interface Appendable {
  readonly key: string | null;
  /** Null: a tombstone. */
  readonly value: Buffer | null;
}

/** A partition that this producer writes to. */
export interface Part<T> {
  readonly topic: string;
  readonly partition: number;
  /** The number of its next record. */
  sequence: number;
  /** What was sent and is neither known to be there nor known not to be. */
  doubtful: readonly T[] | null;
  isUnderWay: boolean;
}

export type Verdict =
  | { readonly kind: 'appended' }
  /** It is not there, and would be refused again. `isSize`: too large together, or the only one is. `isOne`: of one record among them. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isSize: boolean; readonly isOne: boolean }
  /** Perhaps it is there: it goes again. */
  | { readonly kind: 'doubtful'; readonly reason: string };

const TIMEOUT_MS = 30_000;
const SEQUENCES = 2 ** 31;
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];
const OF_ONE = [...TOO_LARGE, 'INVALID_RECORD', 'INVALID_TIMESTAMP'];
/** Kafka has another idea of the numbers: begun anew is right for both. */
const OUT_OF_STEP = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'];

export class KafkaProducer<T extends Appendable> {
  readonly #compression: KafkaBrokerOptions['compression'];
  readonly #where: string;
  readonly #parts = new Map<string, Part<T>>();
  #identity: { readonly producerId: string; readonly producerEpoch: number } | null = null;

  constructor({ compression, bootstrap }: Pick<KafkaBrokerOptions, 'compression' | 'bootstrap'>) {
    this.#compression = compression;
    this.#where = bootstrap.join(', ');
  }

  get parts(): readonly Part<T>[] {
    return [...this.#parts.values()];
  }

  partOf(topic: string, partition: number): Part<T> {
    const key = `${topic}\0${partition}`;
    const part = this.#parts.get(key) ?? { topic, partition, sequence: 0, doubtful: null, isUnderWay: false };
    this.#parts.set(key, part);
    return part;
  }

  /** True: it has numbers. Until nothing is under way it cannot take new ones. Rejects with LinkDown. */
  async identify(wire: KafkaWire): Promise<boolean> {
    if (this.#identity !== null) return true;
    if (this.parts.some(({ isUnderWay }) => isUnderWay)) return false;
    const { errorCode, ...identity } = await wire.call(null, 'InitProducerId', { transactionTimeout: TIMEOUT_MS });
    if (errorCode !== 0) throw new LinkDown(refusalOf(errorCode, 'write', {}));
    this.#identity = identity;
    // What is in doubt would not be known again by its numbers: it need not go as it was.
    for (const part of this.#parts.values()) Object.assign(part, { sequence: 0, doubtful: null });
    return true;
  }

  /**
   * Where numbers are not known to be free: one that Kafka has seen would be taken for what had it, and be lost. Others that are
   * in doubt at this moment may be there twice.
   */
  beginAnew(): void {
    this.#identity = null;
  }

  /** One request for partitions of one leader, to none of which another is under way. Never rejects. */
  async append(
    wire: KafkaWire,
    leader: number,
    batches: ReadonlyMap<Part<T>, readonly T[]>,
  ): Promise<ReadonlyMap<Part<T>, Verdict>> {
    const again = new Set([...batches.keys()].filter(({ doubtful }) => doubtful !== null));
    for (const [part, batch] of batches) Object.assign(part, { doubtful: batch, isUnderWay: true });
    const codes = await this.#produce(wire, leader, batches).catch((error) => kafkaReason(error, this.#where).reason);
    const verdicts = new Map<Part<T>, Verdict>();
    for (const [part, batch] of batches) {
      part.isUnderWay = false;
      const code = typeof codes === 'string' ? codes : codes.get(part);
      const verdict = this.#judge(part, code ?? `Kafka did not answer for topic "${part.topic}"`);
      verdicts.set(part, verdict);
      if (verdict.kind === 'doubtful') continue;
      part.doubtful = null;
      if (verdict.kind === 'appended') part.sequence = (part.sequence + batch.length) % SEQUENCES;
      // It may have been appended the first time.
      else if (again.has(part)) this.beginAnew();
    }
    return verdicts;
  }

  async #produce(
    wire: KafkaWire,
    leader: number,
    batches: ReadonlyMap<Part<T>, readonly T[]>,
  ): Promise<ReadonlyMap<Part<T>, number>> {
    const byTopic = Map.groupBy(batches, ([{ topic }]) => topic);
    const topicData = [...byTopic].map(([topic, entries]) => ({
      topic,
      partitions: entries.map(([{ partition, sequence }, batch]) => ({
        partition,
        firstSequence: sequence,
        messages: batch.map(({ key, value }) => ({ key, value })),
      })),
    }));
    const compression = compressionType(this.#compression);
    const how = { acks: -1, timeout: TIMEOUT_MS, compression, ...this.#identity };
    const { topics } = await wire.call(leader, 'Produce', { ...how, topicData });
    return new Map(
      topics.flatMap(({ topicName, partitions }) =>
        partitions.map(({ partition, errorCode }) => [this.partOf(topicName, partition), errorCode] as const),
      ),
    );
  }

  /** `code`: Kafka's, or why there is none. */
  #judge({ topic }: Part<T>, code: number | string): Verdict {
    if (typeof code === 'string') return { kind: 'doubtful', reason: code };
    const name = errorName(code);
    if (code === 0 || name === 'DUPLICATE_SEQUENCE_NUMBER') return { kind: 'appended' };
    const { reason } = refusalOf(code, 'write', { topic });
    if (OUT_OF_STEP.includes(name)) this.beginAnew();
    if (OUT_OF_STEP.includes(name) || mayPass(code)) return { kind: 'doubtful', reason };
    return { kind: 'refused', reason, isSize: TOO_LARGE.includes(name), isOne: OF_ONE.includes(name) };
  }
}
