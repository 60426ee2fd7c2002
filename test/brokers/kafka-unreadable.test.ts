// A batch that cannot be read keeps its partition, and those who stand before it: they are told, the rest is read, and nothing is
// passed over.
import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { type Answers, KafkaWire } from '../../src/brokers/kafka-internals.ts';
import { type AskedPartitions, readFetch } from '../../src/brokers/kafka-records.ts';
import type { SourceGap } from '../../src/domain/ports/broker.ts';
import { encodeAnswer, encodeBatch, frame } from '../support/kafka-batches.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { RecordingListener, RecordingTable, until } from './outside.ts';

const TOPIC = 'uplinks';
const LEADER = 1;
const OUT_OF_RANGE = 1;
const TOO_LARGE = zlib.zstdCompressSync(Buffer.alloc(129 * 1024 * 1024));

interface Entry {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Buffer;
}

/** A cluster of one topic; its batches are read as those of a real one. */
class FakeKafka {
  readonly partitions: Entry[][] = [];
  /** The oldest offset that is kept of partition 0. */
  start = 0;
  readonly committed = new Map<string, number>();
  /** Offsets of partition 0 that were asked for. */
  readonly asked: number[] = [];
  connects = 0;
  isReachable = true;

  constructor(partitions: number) {
    for (let partition = 0; partition < partitions; partition++) this.partitions.push([]);
  }

  write(partition: number, ...values: string[]): void {
    const offset = this.end(partition);
    const bytes = encodeBatch({ offset, records: values.map((value) => ({ value })) });
    this.partitions[partition]?.push({ offset, end: offset + values.length, bytes });
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
    const found = (asked.topics[0]?.partitions ?? []).map(({ partition, fetchOffset }) => {
      const at = Number(fetchOffset);
      if (partition === 0) this.asked.push(at);
      const isGone = partition === 0 && at < this.start;
      const log = isGone ? [] : (this.partitions[partition] ?? []);
      const batches = log.filter(({ end }) => end > at).map(({ bytes }) => bytes);
      return { topic: TOPIC, partition, errorCode: isGone ? OUT_OF_RANGE : 0, batches };
    });
    if (found.every(({ batches, errorCode }) => batches.length === 0 && errorCode === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return readFetch(encodeAnswer(found), asked);
  }
}

class Listener extends RecordingListener {
  readonly gaps: SourceGap[] = [];

  onGap(gap: SourceGap): void {
    this.gaps.push(gap);
  }

  /** Why it is down; null: it is not. */
  get reason(): string | null {
    const status = this.statuses.at(-1);
    return status?.kind === 'down' ? status.reason : null;
  }
}

describe('A batch that cannot be read', () => {
  let kafka: FakeKafka;

  beforeEach(() => {
    kafka = new FakeKafka(2);
    vi.spyOn(KafkaWire.prototype, 'connect').mockImplementation(() => kafka.connect());
    vi.spyOn(KafkaWire.prototype, 'learn').mockImplementation(() => {});
    vi.spyOn(KafkaWire.prototype, 'topicIds').mockImplementation(async () => new Map());
    vi.spyOn(KafkaWire.prototype, 'call').mockImplementation(
      (node, api, options) => kafka.call(node, api, options) as Promise<never>,
    );
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function brokerOf(refusedMs: number) {
    return createKafkaBroker(
      kafkaBrokerOptions('127.0.0.1:1', { reconnect: { minMs: 5, maxMs: 5, refusedMs }, metadataRefreshMs: 20 }),
    );
  }

  function open(broker: ReturnType<typeof brokerOf>, clientId: string): Listener {
    const listener = new Listener();
    const source = broker.openSource({ clientId, topics: [TOPIC], expectSession: false, from: 'earliest' }, listener);
    onTestFinished(async () => {
      kafka.isReachable = false;
      await source.stop();
    });
    source.start();
    return listener;
  }

  test('is told with its place and how to move on, while the other partitions are read', async () => {
    kafka.write(0, 'a', 'b');
    kafka.writeTooLarge(0);
    kafka.write(0, 'behind it');
    kafka.write(1, 'c');
    const broker = brokerOf(60_000);
    const listeners = [open(broker, 'g1'), open(broker, 'g2')];
    await until('both are told', () => listeners.every(({ reason }) => reason !== null));
    kafka.write(1, 'd');
    await until('the other is read', () => listeners.every(({ texts }) => texts.includes('d')));
    // Many looks at the cluster later it is still so, and was asked for once.
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const listener of listeners) {
      expect([...listener.texts].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(listener.gaps).toEqual([]);
      expect(listener.statuses.filter(({ kind }) => kind === 'down')).toEqual([
        { kind: 'down', fatal: true, topic: TOPIC, reason: expect.any(String) },
      ]);
      expect(listener.reason).toContain('partition 0 of topic "uplinks" is not read beyond a batch');
      expect(listener.reason).toContain('(offsets 2 to 3): it unpacks to more than 128 MiB');
      expect(listener.reason).toContain('{"partitions":[{"topic":"uplinks","partition":0,"offset":4}],"version":1}');
    }
    expect(kafka.asked.filter((offset) => offset === 2).length).toBeLessThanOrEqual(3);
    // The reader's, and the lanes': none was given up.
    expect(kafka.connects).toBeLessThanOrEqual(3);
  });

  test('is a gap once it was deleted, and reading goes on', async () => {
    kafka.write(0, 'a', 'b');
    kafka.writeTooLarge(0);
    const listener = open(brokerOf(50), 'g');
    await until('it is told', () => listener.reason !== null);
    kafka.write(0, 'c');
    kafka.start = 4;
    await until('it goes on', () => listener.texts.includes('c') && listener.reason === null);
    expect(listener.gaps).toEqual([{ topic: TOPIC, partition: 0, from: 2, to: 4, isAnother: false }]);
    expect(listener.texts).toEqual(['a', 'b', 'c']);
    expect(listener.last).toBe('up');
  });

  test('is tried again, and read once it can be', async () => {
    kafka.writeTooLarge(0);
    const listener = open(brokerOf(50), 'g');
    await until('it is told', () => listener.reason !== null);
    const bytes = encodeBatch({ offset: 0, records: [{ value: 'a' }, { value: 'b' }] });
    kafka.partitions[0]?.splice(0, 1, { offset: 0, end: 2, bytes });
    await until('it is up again', () => listener.last === 'up');
    expect(listener.texts).toEqual(['a', 'b']);
    expect(listener.gaps).toEqual([]);
  });

  test('is nobody’s who stands elsewhere: they read on', async () => {
    kafka.write(0, 'a');
    kafka.writeTooLarge(0);
    kafka.write(0, 'b');
    kafka.committed.set('beyond', 3);
    const broker = brokerOf(60_000);
    const before = open(broker, 'before');
    await until('it is told', () => before.reason !== null);
    const beyond = open(broker, 'beyond');
    await until('it has come', () => beyond.texts.includes('b'));
    const late = open(broker, 'late');
    await until('it comes to the same batch', () => late.texts.includes('a') && late.reason !== null);
    kafka.write(0, 'c');
    await until('it reads on', () => beyond.texts.includes('c'));
    expect(beyond.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
    expect(before.texts).toEqual(['a']);
    expect(late.texts).toEqual(['a']);
  });

  test('keeps a table from being read, which is told and stays so', async () => {
    kafka = new FakeKafka(1);
    kafka.writeTooLarge(0);
    const listener = new RecordingTable();
    const table = brokerOf(20).openTable({ prefix: TOPIC, settleMs: 0 }, listener);
    onTestFinished(async () => {
      kafka.isReachable = false;
      await table.stop();
    });
    table.start();
    await until('it was tried again', () => listener.statuses.length > 2);
    const reason =
      'partition 0 of topic "uplinks" is not read beyond a batch of records that cannot be read (offsets 0 to 1): it unpacks to more than 128 MiB';
    expect(listener.statuses[0]).toEqual({ up: false, reason, fatal: false });
    expect(listener.statuses.every(({ up }) => !up)).toBe(true);
    expect(listener.snapshots).toEqual([]);
  });
});
