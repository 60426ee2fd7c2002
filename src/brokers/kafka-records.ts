// Reads Kafka's answers to fetches (version 11, KIP-392) and the record batches in them (format 2, since Kafka 0.11).
// In place of kafkajs's own reader, which forgets the offsets of batches whose records compaction has removed (so that a reader
// stands still, or leaps over records), drops a whole answer for one partition's error, and costs three times as much.
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

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The last offset that may be read, and one: of committed transactions. */
  readonly stableOffset: number;
  /** The oldest offset that is kept. */
  readonly startOffset: number;
  /** Where reading goes on; −1: nothing was read. */
  readonly nextOffset: number;
  readonly records: readonly KafkaRecord[];
}

const HEADER_BYTES = 61;
const LENGTH_AT = 8;
const MAGIC_AT = 16;
const COMPRESSION = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Throws a RangeError for bytes that are no such answer. */
export async function readFetch(bytes: Buffer): Promise<readonly FetchedPartition[]> {
  const reader = new Reader(bytes);
  reader.skip(4 + 2 + 4);
  const found: FetchedPartition[] = [];
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
      const { records, nextOffset } = await readBatches(batches, aborted);
      found.push({ topic, partition, errorCode, stableOffset, startOffset, nextOffset, records });
    }
  }
  return found;
}

interface Aborted {
  readonly producerId: number;
  readonly firstOffset: number;
}

async function readBatches(bytes: Buffer, aborted: Aborted[]): Promise<{ records: KafkaRecord[]; nextOffset: number }> {
  const records: KafkaRecord[] = [];
  const abortedNow = new Set<number>();
  aborted.sort((a, b) => a.firstOffset - b.firstOffset);
  let nextOffset = -1;
  // The last batch may be cut off: the broker fills up to the bytes asked for.
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + LENGTH_AT + 4 + bytes.readInt32BE(at + LENGTH_AT);
    if (end > bytes.length) break;
    const magic = bytes[MAGIC_AT + at];
    if (magic !== 2) throw new RangeError(`a batch has the format ${magic}, which Kafka has not written since 0.11`);
    const baseOffset = Number(bytes.readBigInt64BE(at));
    const attributes = bytes.readInt16BE(at + 21);
    const lastOffset = baseOffset + bytes.readInt32BE(at + 23);
    const producerId = Number(bytes.readBigInt64BE(at + 43));
    while (aborted[0] !== undefined && aborted[0].firstOffset <= lastOffset) {
      abortedNow.add((aborted.shift() as Aborted).producerId);
    }
    nextOffset = lastOffset + 1;
    if ((attributes & CONTROL) !== 0) abortedNow.delete(producerId);
    else if ((attributes & TRANSACTIONAL) === 0 || !abortedNow.has(producerId)) {
      const packed = bytes.subarray(at + HEADER_BYTES, end);
      const body = (attributes & COMPRESSION) === 0 ? packed : await unpack(attributes & COMPRESSION, packed);
      const baseTimestamp = Number(bytes.readBigInt64BE(at + 27));
      readRecords(new Reader(body), bytes.readInt32BE(at + 57), baseOffset, baseTimestamp, records);
    }
    at = end;
  }
  return { records, nextOffset };
}

function readRecords(
  reader: Reader,
  count: number,
  baseOffset: number,
  baseTimestamp: number,
  into: KafkaRecord[],
): void {
  for (let i = 0; i < count; i++) {
    const end = reader.varint() + reader.at;
    reader.skip(1);
    const timestamp = baseTimestamp + reader.varint();
    const offset = baseOffset + reader.varint();
    const key = reader.optional();
    const value = reader.optional();
    const headerCount = reader.varint();
    let headers: [string, Buffer | null][] | null = null;
    if (headerCount > 0) {
      headers = [];
      for (let h = 0; h < headerCount; h++)
        headers.push([reader.bytes(reader.varint()).toString('utf8'), reader.optional()]);
    }
    reader.at = end;
    into.push({ offset, timestamp, key, value, headers });
  }
}

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
    if (length < 0 || start + length > this.#bytes.length) throw new RangeError('a record reaches beyond its batch');
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
      if (this.at >= bytes.length || factor > 2 ** 63) throw new RangeError('a number reaches beyond its batch');
      byte = bytes[this.at++] as number;
      value += (byte & 0x7f) * factor;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
