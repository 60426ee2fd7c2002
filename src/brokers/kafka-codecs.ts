// Compression of Kafka's record batches: gzip and zstd by Node, snappy and lz4 by packages. kafkajs brings gzip alone, and that
// without a bound: a few KB from outside may unpack to gigabytes.
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { compress as snappyCompress, uncompress as snappyUncompress } from 'snappy';
import { describeError } from '../domain/errors.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** A batch that unpacks to more is an error of its partition. Kafka's own limit for a batch is 1 MiB, packed. */
const MAX_BYTES = 128 * 1024 * 1024;
const TOO_MUCH = `it unpacks to more than ${MAX_BYTES / 1024 / 1024} MiB`;

const TYPES: Readonly<Record<Compression, kafkajs.CompressionTypes>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

export function compressionType(compression: Compression): kafkajs.CompressionTypes {
  return TYPES[compression];
}

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const bound = { maxOutputLength: MAX_BYTES };
const gzip = promisify(zlib.gzip);
const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const zstdCompress = promisify(zlib.zstdCompress);
const zstdDecompress = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress);

/** The Java client frames snappy in blocks (xerial): a magic of 16 bytes, then length and block in turn. librdkafka does not. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

async function unpackSnappy(bytes: Buffer): Promise<Buffer> {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return block(bytes, MAX_BYTES);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) throw new RangeError('a block of it is cut off');
    const unpacked = await block(bytes.subarray(at + 4, at + 4 + length), MAX_BYTES - total);
    total += unpacked.length;
    blocks.push(unpacked);
    at += 4 + length;
  }
  return Buffer.concat(blocks, total);
}

/** Snappy's format begins with the unpacked length, as a varint: it is looked at before memory is given. */
async function block(bytes: Buffer, room: number): Promise<Buffer> {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) break;
  }
  if (length > room) throw new RangeError(TOO_MUCH);
  return (await snappyUncompress(bytes, { asBuffer: true })) as Buffer;
}

/** The package has no bound: what a frame unpacks to at most is looked at before. */
async function unpackLz4(bytes: Buffer): Promise<Buffer> {
  if (mostOfLz4(bytes) > MAX_BYTES) throw new RangeError(TOO_MUCH);
  return decompressFrame(bytes);
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_RATIO = 255;

/** LZ4's frames (version 1.6.x) say how large a block may become, 64 KiB to 4 MiB; the package refuses one that becomes larger. */
function mostOfLz4(bytes: Buffer): number {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('it is no frame of LZ4');
  const flags = bytes[4] as number;
  const blockBytes = 2 ** (8 + 2 * (((bytes[5] as number) >> 4) & 7));
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  let most = 0;
  for (let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4); at + 4 <= bytes.length; ) {
    const word = bytes.readUInt32LE(at);
    if (word === 0) break;
    const length = word & 0x7fff_ffff;
    // The highest bit: it is stored as it is.
    most += word === length ? Math.min(blockBytes, length * LZ4_RATIO) : length;
    at += 4 + length + checksumBytes;
  }
  return most;
}

const CODECS: readonly (readonly [kafkajs.CompressionTypes, Codec])[] = [
  [CompressionTypes.GZIP, { compress: ({ buffer }) => gzip(buffer), decompress: (bytes) => gunzip(bytes, bound) }],
  [CompressionTypes.Snappy, { compress: ({ buffer }) => snappyCompress(buffer), decompress: unpackSnappy }],
  [CompressionTypes.LZ4, { compress: ({ buffer }) => compressFrame(buffer), decompress: unpackLz4 }],
  [
    CompressionTypes.ZSTD,
    { compress: ({ buffer }) => zstdCompress(buffer), decompress: (bytes) => zstdDecompress(bytes, bound) },
  ],
];

for (const [type, codec] of CODECS) Reflect.set(CompressionCodecs, type, () => codec);

/**
 * `type`: the number in a batch's attributes. Rejects for one that is not known, too big, or damaged, with words that tell of the
 * batch: "it …".
 */
export async function unpack(type: number, bytes: Buffer): Promise<Buffer> {
  const found = CODECS.find(([known]) => known === type);
  if (found === undefined) throw new RangeError(`it is compressed in a way (${type}) that is not known`);
  try {
    return await found[1].decompress(bytes);
  } catch (error) {
    if (error instanceof RangeError && error.message.startsWith('it ')) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new RangeError(TOO_MUCH);
    throw new RangeError(`it cannot be unpacked: ${describeError(error)}`);
  }
}
