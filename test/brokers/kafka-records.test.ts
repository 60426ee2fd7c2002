// Batches of records as a broker sends them: what an answer may be unpacked to, where reading goes on, and what cannot be read.
import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { unpack } from '../../src/brokers/kafka-codecs.ts';
import { type AskedPartitions, type FetchedPartition, readFetch } from '../../src/brokers/kafka-records.ts';
import {
  encodeAnswer,
  encodeBatch,
  encodeFormerMessage,
  frame,
  type SentBatch,
  type SentPartition,
} from '../support/kafka-batches.ts';

const TOPIC = 'uplinks';
const MIB = 1024 * 1024;
const LZ4 = 3;
const ZSTD = 4;

/** The answer for one partition, asked for from an offset on. */
async function read(
  batches: readonly Buffer[],
  from = 0,
  more: Partial<SentPartition> = {},
): Promise<FetchedPartition> {
  const asked = { topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: String(from) }] }] };
  const [found] = await readFetch(encodeAnswer([{ topic: TOPIC, batches, ...more }]), asked);
  if (found === undefined) throw new Error('no partition is in the answer');
  return found;
}

interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Of the control batch. */
  readonly lastOffset: number;
}

/** As a broker answers again and again: from the batch on that the offset is in, with the aborted transactions that end there or later. */
async function readToEnd(log: readonly SentBatch[], transactions: readonly AbortedTransaction[] = []) {
  const encoded = log.map((batch) => ({ end: batch.offset + batch.records.length, bytes: encodeBatch(batch) }));
  const end = encoded.at(-1)?.end ?? 0;
  const offsets: number[] = [];
  const stops: number[] = [];
  for (let at = 0; at < end; ) {
    const batches = encoded.filter((batch) => batch.end > at).map(({ bytes }) => bytes);
    const aborted = transactions.filter(({ lastOffset }) => lastOffset >= at);
    const found = await read(batches, at, { aborted });
    expect(found.unreadable).toBe(null);
    expect(found.nextOffset).toBeGreaterThan(at);
    for (const { offset } of found.records) offsets.push(offset);
    at = found.nextOffset;
    stops.push(at);
  }
  return { offsets, stops };
}

const zeros = (offset: number, bytes: number): SentBatch => {
  return { offset, records: [{ value: Buffer.alloc(bytes) }, { value: 'small' }], compression: 'zstd' };
};

describe('What an answer is unpacked to', () => {
  test('ends before the batch that comes after 32 MiB, and the next one goes on there', async () => {
    const log = Array.from({ length: 10 }, (_, at) => zeros(2 * at, 12 * MIB));
    const { offsets, stops } = await readToEnd(log);
    expect(offsets).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(stops).toEqual([6, 12, 18, 20]);
  });

  test('is shared by its partitions, of which the first in turn gets on', async () => {
    const batches = [encodeBatch(zeros(0, 20 * MIB)), encodeBatch(zeros(2, 20 * MIB)), encodeBatch(zeros(4, 1))];
    const partitions = [0, 1, 2].map((partition) => ({ topic: TOPIC, partition, batches }));
    const found = await readFetch(encodeAnswer(partitions));
    expect(found.map(({ nextOffset, records }) => [nextOffset, records.length])).toEqual([
      [4, 4],
      [-1, 0],
      [-1, 0],
    ]);
  });

  test('is more only for its first batch', async () => {
    const { offsets, stops } = await readToEnd([zeros(0, 100 * MIB), zeros(2, 1)]);
    expect(offsets).toEqual([0, 1, 2, 3]);
    expect(stops).toEqual([2, 4]);
  });

  test('goes on over what is passed by unread, and never over what is not', async () => {
    const big = zeros(0, 40 * MIB);
    const never: SentBatch = { offset: 2, records: [{ value: 'never' }], compression: 'zstd', producerId: 7 };
    const abort: SentBatch = { offset: 3, records: [{ value: 'abort' }], producerId: 7, isControl: true };
    const kept: SentBatch = { offset: 4, records: [{ value: 'kept' }], producerId: 7 };
    const aborted = { producerId: 7, firstOffset: 2, lastOffset: 3 };
    expect(await readToEnd([big, never, abort, kept], [aborted])).toEqual({ offsets: [0, 1, 4], stops: [4, 5] });
  });

  test('ends in the midst of a transaction, and the next one knows whether that was aborted', async () => {
    const of = { records: [{ value: 'x' }], producerId: 7 };
    const log: SentBatch[] = [{ ...of, offset: 0 }, zeros(1, 40 * MIB), zeros(3, 1), { ...of, offset: 5 }];
    const rest: SentBatch[] = [
      { ...of, offset: 6, isControl: true },
      { ...of, offset: 7 },
    ];
    const aborted = { producerId: 7, firstOffset: 0, lastOffset: 6 };
    expect(await readToEnd([...log, ...rest], [aborted])).toEqual({ offsets: [1, 2, 3, 4, 7], stops: [3, 8] });
    expect(await readToEnd([...log, ...rest])).toEqual({ offsets: [0, 1, 2, 3, 4, 5, 7], stops: [3, 8] });
  });

  test('has at most 65,536 records and headers: a batch is left in its midst', async () => {
    const records = Array.from({ length: 150_000 }, () => ({ value: '' }));
    const log: SentBatch[] = [
      { offset: 0, records: [{ value: 'a', headers: 9 }] },
      { offset: 1, records, compression: 'zstd' },
      { offset: 150_001, records: [{ value: 'b', headers: 65_536 }, { value: 'c' }] },
    ];
    const { offsets, stops } = await readToEnd(log);
    expect(offsets).toEqual(Array.from({ length: 150_003 }, (_, at) => at));
    expect(stops).toEqual([65_527, 131_063, 150_002, 150_003]);
  });

  test('without what comes before the offset that was asked for', async () => {
    const batch = encodeBatch({ offset: 5, records: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] });
    const found = await read([batch], 6);
    expect(found.records.map(({ value }) => String(value))).toEqual(['b', 'c']);
    expect(found.nextOffset).toBe(8);
  });
});

describe('A batch that cannot be read', () => {
  const good = encodeBatch({ offset: 0, records: [{ value: 'good' }] });
  const body = (bytes: Buffer, attributes = ZSTD): Buffer => frame({ offset: 1, count: 2, attributes, body: bytes });
  const noRecord = Buffer.from([20, 0, 0, 0, 1, 1, 0]);

  test.each([
    ['zstd of 129 MiB', body(zlib.zstdCompressSync(Buffer.alloc(129 * MIB))), 'it unpacks to more than 128 MiB'],
    ['lz4 of 129 MiB', body(compressFrameSync(Buffer.alloc(129 * MIB)), LZ4), 'it unpacks to more than 128 MiB'],
    ['lz4 that is none', body(Buffer.from('no frame'), LZ4), 'it is no frame of LZ4'],
    ['snappy of 4 GiB', body(Buffer.from([255, 255, 255, 255, 15, 0]), 2), 'it unpacks to more than 128 MiB'],
    [
      'gzip that is none',
      body(Buffer.from('no gzip'), 1),
      'it cannot be unpacked: incorrect header check (Z_DATA_ERROR)',
    ],
    ['an unknown way', body(good, 7), 'it is compressed in a way (7) that is not known'],
    ['a record that is cut off', body(noRecord, 0), 'it has a record that reaches beyond its end'],
    ['records of no bytes', body(Buffer.alloc(1000), 0), 'it has a record that reaches beyond its end'],
    [
      'a record of headers alone',
      encodeBatch({ offset: 1, records: [{ value: 'x', headers: 1_000_000 }, { value: 'y' }], compression: 'zstd' }),
      'it has a record with more than 65536 headers',
    ],
  ])('is told and not passed over: %s', async (_name, bad, why) => {
    const after = encodeBatch({ offset: 3, records: [{ value: 'after' }] });
    const first = await read([good, bad, after]);
    expect(first).toMatchObject({ nextOffset: 1, unreadable: null });
    expect(first.records.map(({ value }) => String(value))).toEqual(['good']);
    const second = await read([bad, after], 1);
    expect(second).toMatchObject({ nextOffset: -1, records: [] });
    expect(second.unreadable).toEqual({ firstOffset: 1, nextOffset: 3, why });
  });

  test('of a former format is told, however short', async () => {
    const former = encodeFormerMessage(4, 'x');
    const why = 'it has the format 1, which Kafka has not written since 0.11';
    expect(await read([former, good])).toMatchObject({
      nextOffset: -1,
      records: [],
      unreadable: { firstOffset: 4, nextOffset: 5, why },
    });
  });

  test('gives nothing of what could be read of it', async () => {
    const whole = encodeBatch({ offset: 1, records: [{ value: 'half' }] }).subarray(61);
    const found = await read([good, body(Buffer.concat([whole, noRecord]), 0)]);
    expect(found.records.map(({ value }) => String(value))).toEqual(['good']);
  });

  test('is no error of other partitions', async () => {
    const bad = body(zlib.zstdCompressSync(Buffer.alloc(129 * MIB)));
    const answer = encodeAnswer([
      { topic: TOPIC, partition: 0, batches: [bad] },
      { topic: TOPIC, partition: 1, batches: [good] },
      { topic: 'other', partition: 0, batches: [], errorCode: 3 },
    ]);
    const asked: AskedPartitions = { topics: [] };
    const found = await readFetch(answer, asked);
    expect(found.map(({ unreadable, errorCode }) => [unreadable?.nextOffset ?? null, errorCode])).toEqual([
      [3, 0],
      [null, 0],
      [null, 3],
    ]);
  });

  test('that the answer cuts off is not: it comes whole with the next one', async () => {
    const found = await read([good, good.subarray(0, 30)]);
    expect(found).toMatchObject({ nextOffset: 1, unreadable: null });
  });
});

test('a batch of lz4 may have more than 4 MiB, where it does not become too large', async () => {
  const bytes = randomBytes(6 * MIB);
  expect(await unpack(LZ4, compressFrameSync(bytes))).toEqual(bytes);
});
