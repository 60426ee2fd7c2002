// A table on Kafka after an interruption: it goes on behind what it has handed out, unless that was in another log.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { type Answers, KafkaWire } from '../../src/brokers/kafka-internals.ts';
import type { FetchedPartition } from '../../src/brokers/kafka-records.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { RecordingTable, until } from './outside.ts';

const TOPIC = 'table';
const LEADER = 1;
const NOT_LEADER = 6;
const OUT_OF_RANGE = 1;

/** A cluster of one topic with one partition, in place of the wire's answers. */
class FakeKafka {
  /** Null: it tells none. */
  topicId: string | null = 'first';
  log: { readonly key: string; readonly value: string }[] = [];
  isReachable = true;
  #wake = Promise.withResolvers<number>();

  write(value: string, ...keys: string[]): void {
    this.log.push(...keys.map((key) => ({ key, value })));
    this.#endPoll(0);
  }

  /** Those that wait are answered with this error, or lose their connection. */
  refuse(errorCode: number): void {
    this.#endPoll(errorCode);
  }

  disconnect(): void {
    this.isReachable = false;
    this.#wake.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
    this.#wake = Promise.withResolvers();
  }

  get topicIds(): ReadonlyMap<string, string> {
    return new Map(this.topicId === null ? [] : [[TOPIC, this.topicId]]);
  }

  makeAnew(topicId: string | null): void {
    this.topicId = topicId;
    this.log = [];
  }

  #endPoll(errorCode: number): void {
    this.#wake.resolve(errorCode);
    this.#wake = Promise.withResolvers();
  }

  async connect(): Promise<void> {
    if (!this.isReachable) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
  }

  async call(_node: number | null, api: keyof Answers, options: unknown): Promise<unknown> {
    if (api === 'Metadata') {
      const partitionMetadata = [{ partitionErrorCode: 0, partitionId: 0, leader: LEADER }];
      return {
        brokers: [],
        controllerId: LEADER,
        topicMetadata: [{ topicErrorCode: 0, topic: TOPIC, partitionMetadata }],
      };
    }
    const { topics } = options as { topics: [{ partitions: [{ timestamp: string; fetchOffset: string }] }] };
    const { timestamp, fetchOffset } = topics[0].partitions[0];
    if (api === 'ListOffsets') {
      const offset = timestamp === '-1' ? String(this.log.length) : '0';
      return { responses: [{ topic: TOPIC, partitions: [{ partition: 0, errorCode: 0, offset }] }] };
    }
    return [await this.#fetch(Number(fetchOffset))];
  }

  async #fetch(at: number): Promise<FetchedPartition> {
    const errorCode = at === this.log.length ? await this.#wake.promise : at > this.log.length ? OUT_OF_RANGE : 0;
    const found = errorCode === 0 ? this.log.slice(at) : [];
    const records = found.map(({ key, value }, n) => {
      return { offset: at + n, timestamp: 0, key: Buffer.from(key), value: Buffer.from(value), headers: null };
    });
    const nextOffset = records.length === 0 ? -1 : this.log.length;
    return {
      topic: TOPIC,
      partition: 0,
      errorCode,
      stableOffset: this.log.length,
      startOffset: 0,
      nextOffset,
      records,
      unreadable: null,
    };
  }
}

describe('A table on Kafka', () => {
  let kafka: FakeKafka;

  beforeEach(() => {
    kafka = new FakeKafka();
    vi.spyOn(KafkaWire.prototype, 'connect').mockImplementation(() => kafka.connect());
    vi.spyOn(KafkaWire.prototype, 'topicIds').mockImplementation(async () => kafka.topicIds);
    vi.spyOn(KafkaWire.prototype, 'call').mockImplementation(
      (node, api, options) => kafka.call(node, api, options) as Promise<never>,
    );
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function open(listener = new RecordingTable(), maxKeys?: number): RecordingTable {
    const reconnect = { minMs: 5, maxMs: 5, refusedMs: 5 };
    const options = kafkaBrokerOptions('127.0.0.1:1', { reconnect });
    const limit = maxKeys === undefined ? {} : { maxKeys };
    const table = createKafkaBroker(options).openTable({ prefix: TOPIC, settleMs: 0, ...limit }, listener);
    onTestFinished(async () => {
      kafka.disconnect();
      await table.stop();
    });
    table.start();
    return listener;
  }

  /** One that has read `a` and `b`. */
  async function read(): Promise<RecordingTable> {
    kafka.write('1', 'a', 'b');
    const listener = open();
    await until('the snapshot has come', () => listener.snapshots.length === 1);
    expect(listener.records).toEqual(['a=1', 'b=1']);
    return listener;
  }

  async function interrupted(listener: RecordingTable, meanwhile: () => void): Promise<void> {
    kafka.disconnect();
    await until('it is told', () => listener.statuses.at(-1)?.up === false);
    meanwhile();
    kafka.isReachable = true;
    await until('it is up again', () => listener.statuses.at(-1)?.up === true);
  }

  test.each(['first', null])('goes on behind what it has read, of the topic with the id %s', async (topicId) => {
    kafka.topicId = topicId;
    const listener = await read();
    await interrupted(listener, () => kafka.write('2', 'b', 'c'));
    await until('the rest has come', () => listener.records.includes('c=2'));
    expect(listener.records).toEqual(['a=1', 'b=1', 'b=2', 'c=2']);
    expect(listener.snapshots).toEqual([['a', 'b']]);
  });

  test('that was made anew while nothing could be heard of it is read from its beginning', async () => {
    const listener = await read();
    await interrupted(listener, () => {
      kafka.makeAnew('second');
      kafka.write('2', 'b', 'c', 'd');
    });
    await until('it is read', () => listener.snapshots.length === 2);
    expect(listener.records).toEqual(['a=1', 'b=1', 'b=2', 'c=2', 'd=2']);
    expect(listener.snapshots).toEqual([
      ['a', 'b'],
      ['b', 'c', 'd'],
    ]);
  });

  test('whose id was not told for a while is known by the one that it had', async () => {
    const listener = await read();
    await interrupted(listener, () => {
      kafka.topicId = null;
    });
    await interrupted(listener, () => {
      kafka.makeAnew('second');
      kafka.write('2', 'b', 'c');
    });
    await until('it is read', () => listener.snapshots.length === 2);
    expect(listener.snapshots[1]).toEqual(['b', 'c']);
  });

  test('of a cluster without ids that refuses to be read on is read from its beginning', async () => {
    kafka.topicId = null;
    const listener = await read();
    kafka.makeAnew(null);
    kafka.refuse(NOT_LEADER);
    kafka.write('2', 'b', 'c');
    await until('it is read', () => listener.snapshots.length === 2);
    expect(listener.records).toEqual(['a=1', 'b=1', 'b=2', 'c=2']);
    expect(listener.snapshots[1]).toEqual(['b', 'c']);
  });

  test('with more keys than it may have is down, says where and what to do, and comes back when some are deleted', async () => {
    kafka.write('1', 'a', 'b');
    const listener = open(new RecordingTable(), 2);
    await until('the snapshot has come', () => listener.snapshots.length === 1);
    kafka.write('2', 'a', 'c');
    await until('it is told', () => listener.statuses.at(-1)?.up === false);
    const { reason, fatal } = listener.statuses.at(-1) as RecordingTable['statuses'][number];
    expect(fatal).toBe(true);
    expect(reason).toMatch(/^topic "table" holds more than 2 keys: delete those that are none of the bridge's/);
    kafka.write('', 'a');
    await until('it is read again', () => listener.snapshots.length === 2);
    expect(listener.snapshots[1]).toEqual(['b', 'c']);
    expect(listener.statuses.at(-1)).toEqual({ up: true });
  });
});
