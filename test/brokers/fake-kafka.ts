// A Kafka cluster of one topic whose batches are read as those of a real one: its bytes are real, its connections are not.
import zlib from 'node:zlib';
import { vi } from 'vitest';
import { type Answers, KafkaWire } from '../../src/brokers/kafka-internals.ts';
import { type AskedPartitions, readFetch } from '../../src/brokers/kafka-records.ts';
import type { SourceGap, UplinkSource } from '../../src/domain/ports/broker.ts';
import { encodeAnswer, encodeBatch, frame, type SentBatch } from '../support/kafka-batches.ts';
import { RecordingListener } from './outside.ts';

export const TOPIC = 'uplinks';
const LEADER = 1;
const OUT_OF_RANGE = 1;
const TOO_LARGE = zlib.zstdCompressSync(Buffer.alloc(129 * 1024 * 1024));

interface Entry {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Buffer;
}

export class FakeKafka {
  readonly partitions: Entry[][] = [];
  /** The oldest offset that is kept of partition 0. */
  start = 0;
  readonly committed = new Map<string, number>();
  /** Offsets of partition 0 that were asked for. */
  readonly asked: number[] = [];
  connects = 0;
  isReachable = true;
  /** False: what fetches loses its connection; all else is answered. */
  isFetchable = true;
  /** How long a fetch takes, and how many batches it brings at most. */
  fetching = { ms: 0, batches: Number.POSITIVE_INFINITY };

  constructor(partitions: number) {
    for (let partition = 0; partition < partitions; partition++) this.partitions.push([]);
  }

  write(partition: number, ...values: string[]): void {
    this.writeRecords(partition, { records: values.map((value) => ({ value })) });
  }

  writeRecords(partition: number, batch: Pick<SentBatch, 'records' | 'compression'>): void {
    const offset = this.end(partition);
    this.partitions[partition]?.push({
      offset,
      end: offset + batch.records.length,
      bytes: encodeBatch({ offset, ...batch }),
    });
  }

  /** Of two records. */
  writeTooLarge(partition: number): void {
    const offset = this.end(partition);
    const bytes = frame({ offset, count: 2, attributes: 4, body: TOO_LARGE });
    this.partitions[partition]?.push({ offset, end: offset + 2, bytes });
  }

  end(partition: number): number {
    return this.partitions[partition]?.at(-1)?.end ?? 0;
  }

  async connect(): Promise<void> {
    if (!this.isReachable) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    this.connects += 1;
  }

  async call(_node: number | null, api: keyof Answers, options: unknown): Promise<unknown> {
    if (!this.isReachable) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    const { groupId = '', topics } = options as { groupId?: string; topics: [AskedPartitions['topics'][number]] };
    const answers: Partial<Record<keyof Answers, () => unknown>> = {
      Metadata: () => {
        const partitionMetadata = this.partitions.map((_, partitionId) => {
          return { partitionErrorCode: 0, partitionId, leader: LEADER };
        });
        const topicMetadata = [{ topicErrorCode: 0, topic: TOPIC, partitionMetadata }];
        return { brokers: [], controllerId: LEADER, topicMetadata };
      },
      GroupCoordinator: () => ({ errorCode: 0, coordinator: { nodeId: LEADER, host: '127.0.0.1', port: 1 } }),
      OffsetFetch: () => {
        const offset = String(this.committed.get(groupId) ?? -1);
        const partitions = topics[0].partitions.map((each) => ({ ...each, offset, metadata: null, errorCode: 0 }));
        return { errorCode: 0, responses: [{ topic: TOPIC, partitions }] };
      },
      OffsetCommit: () => ({ responses: [] }),
      DeleteGroups: () => ({ results: [{ groupId, errorCode: 0 }] }),
      ListOffsets: () => {
        const asked = topics[0].partitions as unknown as { partition: number; timestamp: string }[];
        const partitions = asked.map(({ partition, timestamp }) => {
          const offset = timestamp === '-1' ? this.end(partition) : partition === 0 ? this.start : 0;
          return { partition, errorCode: 0, offset: String(offset) };
        });
        return { responses: [{ topic: TOPIC, partitions }] };
      },
      Fetch: () => this.#fetch({ topics }),
    };
    return answers[api]?.();
  }

  async #fetch(asked: AskedPartitions): Promise<unknown> {
    if (!this.isFetchable) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    const { ms, batches: atMost } = this.fetching;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    const found = (asked.topics[0]?.partitions ?? []).map(({ partition, fetchOffset }) => {
      const at = Number(fetchOffset);
      if (partition === 0) this.asked.push(at);
      const isGone = partition === 0 && at < this.start;
      const log = isGone ? [] : (this.partitions[partition] ?? []);
      const batches = log
        .filter(({ end }) => end > at)
        .slice(0, atMost)
        .map(({ bytes }) => bytes);
      return { topic: TOPIC, partition, errorCode: isGone ? OUT_OF_RANGE : 0, batches };
    });
    if (found.every(({ batches, errorCode }) => batches.length === 0 && errorCode === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return readFetch(encodeAnswer(found), asked);
  }
}

/** With groups that are made by commits, of partition 0. */
export class GroupKafka extends FakeKafka {
  readonly #groups = new Map<string, { readonly offset: string; readonly metadata: string }>();
  #held: { readonly api: string; readonly group: string; readonly released: Promise<void> } | null = null;
  #release: () => void = () => {};
  isHolding = false;

  /** Where a group stands; null: there is none. */
  standsAt(group: string): number | null {
    const found = this.#groups.get(group);
    return found === undefined ? null : Number(found.offset);
  }

  /** Requests of that kind for that group have no effect and no answer before `release`. */
  hold(api: keyof Answers, group: string): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = { api, group, released: promise };
    this.#release = resolve;
  }

  release(): void {
    this.#held = null;
    this.isHolding = false;
    this.#release();
  }

  override async call(node: number | null, api: keyof Answers, options: unknown): Promise<unknown> {
    const { groupId = '' } = options as { groupId?: string };
    if (this.#held?.api === api && this.#held.group === groupId) {
      this.isHolding = true;
      await this.#held.released;
    }
    if (api === 'DeleteGroups') {
      const groups = options as string[];
      return { results: groups.map((group) => ({ groupId: group, errorCode: this.#groups.delete(group) ? 0 : 69 })) };
    }
    if (api === 'OffsetCommit' && this.isReachable) {
      const { topics } = options as { topics: { partitions: { offset: string; metadata: string }[] }[] };
      const [said] = topics[0]?.partitions ?? [];
      if (said !== undefined) this.#groups.set(groupId, said);
    }
    if (api === 'OffsetFetch' && this.isReachable) {
      const { offset = '-1', metadata = null } = this.#groups.get(groupId) ?? {};
      const partitions = [{ partition: 0, offset, metadata, errorCode: 0 }];
      return { errorCode: 0, responses: [{ topic: TOPIC, partitions }] };
    }
    return super.call(node, api, options);
  }
}

export class Listener extends RecordingListener {
  readonly gaps: SourceGap[] = [];
  source: UplinkSource | null = null;

  onGap(gap: SourceGap): void {
    this.gaps.push(gap);
  }

  /** Why it is down; null: it is not. */
  get reason(): string | null {
    const status = this.statuses.at(-1);
    return status?.kind === 'down' ? status.reason : null;
  }
}

/** Every connection to Kafka is one to what `kafka` tells, until all mocks are restored. */
export function connectAll(kafka: () => FakeKafka): void {
  vi.spyOn(KafkaWire.prototype, 'connect').mockImplementation(() => kafka().connect());
  vi.spyOn(KafkaWire.prototype, 'learn').mockImplementation(() => {});
  vi.spyOn(KafkaWire.prototype, 'topicIds').mockImplementation(async () => new Map());
  vi.spyOn(KafkaWire.prototype, 'call').mockImplementation(
    (node, api, options) => kafka().call(node, api, options) as Promise<never>,
  );
}
