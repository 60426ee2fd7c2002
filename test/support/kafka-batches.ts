// Kafka's record batches (format 2) and answers to fetches (version 11) as bytes, as a broker would send them.
import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as compressSnappy } from 'snappy';

export interface SentRecord {
  readonly value: Buffer | string;
  readonly key?: string;
  readonly headers?: number;
}

export interface SentBatch {
  readonly offset: number;
  readonly records: readonly SentRecord[];
  readonly compression?: 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Of a transaction; absent: of none. */
  readonly producerId?: number;
  /** Ends the transaction. */
  readonly isControl?: boolean;
}

export interface SentPartition {
  readonly topic: string;
  readonly partition?: number;
  readonly batches: readonly Buffer[];
  readonly errorCode?: number;
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[];
}

const PACK = {
  gzip: { type: 1, pack: (bytes: Buffer) => zlib.gzipSync(bytes) },
  snappy: { type: 2, pack: (bytes: Buffer) => compressSnappy(bytes) },
  lz4: { type: 3, pack: (bytes: Buffer) => compressFrameSync(bytes) },
  zstd: { type: 4, pack: (bytes: Buffer) => zlib.zstdCompressSync(bytes) },
} as const;

export function encodeBatch({ offset, records, compression, producerId, isControl }: SentBatch): Buffer {
  const body = Buffer.concat(records.map(encodeRecord));
  const packing = compression === undefined ? null : PACK[compression];
  const transactional = producerId === undefined ? 0 : 0x10;
  return frame({
    offset,
    count: records.length,
    attributes: (packing?.type ?? 0) | transactional | (isControl === true ? 0x20 : 0),
    producerId: producerId ?? -1,
    body: packing === null ? body : packing.pack(body),
  });
}

/** A batch of `count` records whose body is these bytes; `attributes` tell how it is packed. */
export function frame(of: {
  readonly offset: number;
  readonly body: Buffer;
  readonly attributes?: number;
  readonly count?: number;
  readonly producerId?: number;
}): Buffer {
  const { offset, body, attributes = 0, count = 1, producerId = -1 } = of;
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(offset), 0);
  header.writeInt32BE(49 + body.length, 8);
  header[16] = 2;
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(BigInt(producerId), 43);
  header.writeInt32BE(count, 57);
  return Buffer.concat([header, body]);
}

/** As Kafka wrote it before 0.11: offset, size, checksum, magic, attributes, time, key and value. */
export function encodeFormerMessage(offset: number, value: string): Buffer {
  const message = Buffer.alloc(12 + 4 + 1 + 1 + 8 + 4 + 4 + value.length);
  message.writeBigInt64BE(BigInt(offset), 0);
  message.writeInt32BE(message.length - 12, 8);
  message[16] = 1;
  message.writeInt32BE(-1, 26);
  message.writeInt32BE(value.length, 30);
  message.write(value, 34);
  return message;
}

export function encodeAnswer(partitions: readonly SentPartition[]): Buffer {
  const parts: Buffer[] = [int(0, 4), int(0, 2), int(0, 4)];
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)];
  parts.push(int(topics.length, 4));
  for (const [topic, found] of topics) {
    parts.push(int(topic.length, 2), Buffer.from(topic), int(found.length, 4));
    for (const { partition = 0, batches, errorCode = 0, aborted = [] } of found) {
      const bytes = Buffer.concat(batches);
      parts.push(int(partition, 4), int(errorCode, 2), int(0, 8), int(0, 8), int(0, 8), int(aborted.length, 4));
      for (const { producerId, firstOffset } of aborted) parts.push(int(producerId, 8), int(firstOffset, 8));
      parts.push(int(-1, 4), int(bytes.length, 4), bytes);
    }
  }
  return Buffer.concat(parts);
}

function encodeRecord({ value, key, headers = 0 }: SentRecord, delta: number): Buffer {
  const bytes = Buffer.from(value);
  const keyBytes = key === undefined ? null : Buffer.from(key);
  const fields = [
    Buffer.from([0, 0]),
    varint(delta),
    varint(keyBytes?.length ?? -1),
    keyBytes ?? Buffer.alloc(0),
    varint(bytes.length),
    bytes,
    varint(headers),
    // Of no name and no value.
    Buffer.alloc(2 * headers, Buffer.from([0, 1])),
  ];
  const length = fields.reduce((sum, field) => sum + field.length, 0);
  return Buffer.concat([varint(length), ...fields]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function int(value: number, size: 2 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes.subarray(8 - size);
}
