// Reads Kafka's answers to fetches (version 11, KIP-392) and the record batches in them (format 2, since Kafka 0.11).
// In place of kafkajs's own reader, which forgets the offsets of batches whose records compaction has removed (so that a reader
// stands still, or leaps over records), drops a whole answer for one partition's error, and costs three times as much.
import { describeError } from '../domain/errors.ts';
import { unpack } from './kafka-codecs.ts';

export interface KafkaRecord {
  readonly offset: number;
  /** ms since the epoch, as the producer or the broker has set it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Null: none. */
  readonly headers: readonly (readonly [string, Buffer | null])[] | null;
}

/** A batch that cannot be read, or not with the memory that a batch may take. */
export interface Unreadable {
  readonly firstOffset: number;
  /** Of what comes after it. */
  readonly nextOffset: number;
  /** What is wrong with it: "it …". */
  readonly why: string;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The last offset that may be read, and one: of committed transactions. */
  readonly stableOffset: number;
  /** The oldest offset that is kept. */
  readonly startOffset: number;
  /** Where reading goes on, perhaps within a batch; −1: nothing was read. */
  readonly nextOffset: number;
  readonly records: readonly KafkaRecord[];
  /** What is in the way at once; a batch after others ends what is read, and is first in the next answer. */
  readonly unreadable: Unreadable | null;
}

/** Of a request. */
export interface AskedPartitions {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
}

/**
 * What an answer may be unpacked to, for a few KB from outside may be gigabytes. A batch that is begun within it is unpacked as a
 * whole (it has a bound of its own); what comes after it is left for the next answer. So the first one is always read.
 */
const ANSWER_BYTES = 32 * 1024 * 1024;
/** Records, and headers of records: objects of some hundred bytes, of which one MiB may be a million. A batch is left in its midst. */
const ANSWER_ENTRIES = 65_536;

/** What is left of both. */
interface Room {
  bytes: number;
  entries: number;
}

const HEADER_BYTES = 61;
const LENGTH_AT = 8;
const MAGIC_AT = 16;
const MIN_RECORD_BYTES = 6;
const COMPRESSION = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Only records from where `asked` says; absent: all. Throws a RangeError for bytes that are no such answer. */
export async function readFetch(bytes: Buffer, asked?: AskedPartitions): Promise<readonly FetchedPartition[]> {
  const reader = new Reader(bytes);
  reader.skip(4 + 2 + 4);
  const found: FetchedPartition[] = [];
  const room = { bytes: ANSWER_BYTES, entries: ANSWER_ENTRIES };
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text();
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      const partition = reader.int32();
      const errorCode = reader.int16();
      reader.skip(8);
      const stableOffset = reader.int64();
      const startOffset = reader.int64();
      const aborted: Aborted[] = [];
      for (let count = reader.int32(); count > 0; count--) {
        aborted.push({ producerId: reader.int64(), firstOffset: reader.int64() });
      }
      reader.skip(4);
      const batches = reader.bytes(Math.max(0, reader.int32()));
      const from = batches.length === 0 ? 0 : fromOf(asked, topic, partition);
      const read = await readBatches(batches, aborted, from, room);
      found.push({ topic, partition, errorCode, stableOffset, startOffset, ...read });
    }
  }
  return found;
}

function fromOf(asked: AskedPartitions | undefined, topic: string, partition: number): number {
  const places = asked?.topics.find((each) => each.topic === topic)?.partitions;
  return Number(places?.find((place) => place.partition === partition)?.fetchOffset ?? 0);
}

interface Aborted {
  readonly producerId: number;
  readonly firstOffset: number;
}

async function readBatches(
  bytes: Buffer,
  aborted: Aborted[],
  from: number,
  room: Room,
): Promise<Pick<FetchedPartition, 'records' | 'nextOffset' | 'unreadable'>> {
  const records: KafkaRecord[] = [];
  const abortedNow = new Set<number>();
  aborted.sort((a, b) => a.firstOffset - b.firstOffset);
  let nextOffset = -1;
  // The last batch may be cut off: the broker fills up to the bytes asked for.
  for (let at = 0; at + MAGIC_AT < bytes.length; ) {
    const baseOffset = Number(bytes.readBigInt64BE(at));
    const length = bytes.readInt32BE(at + LENGTH_AT);
    const end = at + LENGTH_AT + 4 + length;
    if (end > bytes.length) break;
    const magic = bytes[MAGIC_AT + at];
    if (magic !== 2 || end < at + HEADER_BYTES) {
      const why = magic === 2 ? 'it is cut off' : `it has the format ${magic}, which Kafka has not written since 0.11`;
      // Of the former formats it is the offset of the last one within.
      return ended(records, nextOffset, from, { firstOffset: baseOffset, nextOffset: baseOffset + 1, why });
    }
    const attributes = bytes.readInt16BE(at + 21);
    const lastOffset = baseOffset + bytes.readInt32BE(at + 23);
    const producerId = Number(bytes.readBigInt64BE(at + 43));
    while (aborted[0] !== undefined && aborted[0].firstOffset <= lastOffset) {
      abortedNow.add((aborted.shift() as Aborted).producerId);
    }
    if ((attributes & CONTROL) !== 0) abortedNow.delete(producerId);
    else if ((attributes & TRANSACTIONAL) === 0 || !abortedNow.has(producerId)) {
      if (room.bytes <= 0 || room.entries <= 0) break;
      const before = records.length;
      try {
        const leftAt = await readBatch(bytes.subarray(at, end), from, room, records);
        if (leftAt !== null) return { records, nextOffset: leftAt, unreadable: null };
      } catch (error) {
        records.length = before;
        // What it took is not known: the others have the next answer.
        room.bytes = 0;
        const why = describeError(error);
        return ended(records, nextOffset, from, { firstOffset: baseOffset, nextOffset: lastOffset + 1, why });
      }
    }
    nextOffset = lastOffset + 1;
    at = end;
  }
  return { records, nextOffset, unreadable: null };
}

/** Before a batch that cannot be read; it is in the way where nothing from the offset asked for on comes before it. */
function ended(
  records: readonly KafkaRecord[],
  nextOffset: number,
  from: number,
  found: Unreadable,
): Pick<FetchedPartition, 'records' | 'nextOffset' | 'unreadable'> {
  return { records, nextOffset, unreadable: nextOffset > from ? null : found };
}

/** Where to go on where there was not room for all of it; null: behind it. Rejects where it cannot be read. */
async function readBatch(batch: Buffer, from: number, room: Room, into: KafkaRecord[]): Promise<number | null> {
  const compression = batch.readInt16BE(21) & COMPRESSION;
  let body = batch.subarray(HEADER_BYTES);
  if (compression !== 0) {
    body = await unpack(compression, body);
    room.bytes -= body.length;
  }
  const baseOffset = Number(batch.readBigInt64BE(0));
  const baseTimestamp = Number(batch.readBigInt64BE(27));
  const count = batch.readInt32BE(57);
  const reader = new Reader(body);
  let taken = -1;
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const end = reader.at + length;
    if (length < MIN_RECORD_BYTES || end > body.length) throw new RangeError(BEYOND);
    reader.skip(1);
    const timestamp = baseTimestamp + reader.varint();
    const offset = baseOffset + reader.varint();
    if (offset >= from) {
      if (room.entries <= 0 && offset > taken) return offset;
      const key = reader.optional();
      const value = reader.optional();
      const headers = readHeaders(reader);
      room.entries -= 1 + (headers?.length ?? 0);
      taken = offset;
      into.push({ offset, timestamp, key, value, headers });
    }
    reader.at = end;
  }
  return null;
}

function readHeaders(reader: Reader): [string, Buffer | null][] | null {
  const count = reader.varint();
  if (count <= 0) return null;
  if (count > ANSWER_ENTRIES) throw new RangeError(`it has a record with more than ${ANSWER_ENTRIES} headers`);
  const headers: [string, Buffer | null][] = [];
  for (let i = 0; i < count; i++) headers.push([reader.bytes(reader.varint()).toString('utf8'), reader.optional()]);
  return headers;
}

const BEYOND = 'it has a record that reaches beyond its end';

/** Throws a RangeError beyond the end. */
class Reader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(count: number): void {
    this.at += count;
  }

  int16(): number {
    this.at += 2;
    return this.#bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.#bytes.readInt32BE(this.at - 4);
  }

  int64(): number {
    this.at += 8;
    return Number(this.#bytes.readBigInt64BE(this.at - 8));
  }

  text(): string {
    return this.bytes(this.int16()).toString('utf8');
  }

  bytes(length: number): Buffer {
    const start = this.at;
    if (length < 0 || start + length > this.#bytes.length) throw new RangeError(BEYOND);
    this.at = start + length;
    return this.#bytes.subarray(start, this.at);
  }

  optional(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.bytes(length);
  }

  /** Zigzag, up to 64 bits; exact to 2^53. */
  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let factor = 128; byte >= 0x80; factor *= 128) {
      if (this.at >= bytes.length || factor > 2 ** 63) throw new RangeError(BEYOND);
      byte = bytes[this.at++] as number;
      value += (byte & 0x7f) * factor;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
