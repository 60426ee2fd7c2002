// A batch that cannot be read keeps its partition, and those who stand before it: they are told, the rest is read, and nothing is
// passed over.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { encodeBatch } from '../support/kafka-batches.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { connectAll, FakeKafka, Listener, TOPIC } from './fake-kafka.ts';
import { RecordingTable, until } from './outside.ts';

describe('A batch that cannot be read', () => {
  let kafka: FakeKafka;

  beforeEach(() => {
    kafka = new FakeKafka(2);
    connectAll(() => kafka);
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
    listener.source = source;
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

  // Who is up and silent is taken to have read all that there is: a session that was left would be ended before the batch.
  test.each<[string, (listener: Listener) => Promise<void>]>([
    [
      'a pause',
      async ({ source }) => {
        source?.pause();
        source?.resume();
      },
    ],
    [
      'a chunk that was refused',
      async (listener) => {
        listener.holding = true;
        kafka.write(1, 'c');
        await until('it is handed over', () => listener.held.length > 0);
        listener.holding = false;
        listener.settle(new Error('full'));
        await until('it comes again', () => listener.texts.filter((text) => text === 'c').length === 2);
      },
    ],
    [
      'a cut connection',
      async (listener) => {
        kafka.isReachable = false;
        await until('it is cut', () => listener.reason?.includes('not read beyond') === false);
        kafka.isReachable = true;
        kafka.write(1, 'c');
        await until('it reads on', () => listener.texts.includes('c'));
      },
    ],
  ])('is still told after %s, and nobody before it is up', async (_, happens) => {
    kafka.write(0, 'a');
    kafka.writeTooLarge(0);
    const listener = open(brokerOf(60_000), 'g');
    await until('it is told', () => listener.reason !== null);
    const told = listener.statuses.length;
    await happens(listener);
    await until('it is told again', () => listener.reason?.includes('not read beyond') === true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(listener.statuses.slice(told).map(({ kind }) => kind)).not.toContain('up');
    expect(listener.reason).toContain('not read beyond a batch');
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
