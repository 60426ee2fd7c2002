// Compression of Kafka's record batches: gzip and zstd by Node, snappy and lz4 by packages. kafkajs brings gzip alone, and that
// without a bound: a few KB from outside may unpack to gigabytes.
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { compress as snappyCompress, uncompress as snappyUncompress } from 'snappy';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** A batch that unpacks to more is an error of its partition. Kafka's own limit for a batch is 1 MiB, packed. */
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_LZ4_BYTES = 4 * 1024 * 1024;

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
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return block(bytes);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) throw new RangeError('a block of snappy is cut off');
    const unpacked = await block(bytes.subarray(at + 4, at + 4 + length));
    total += unpacked.length;
    if (total > MAX_BYTES) throw new RangeError(`a batch unpacks to more than ${MAX_BYTES} bytes`);
    blocks.push(unpacked);
    at += 4 + length;
  }
  return Buffer.concat(blocks, total);
}

/** Snappy's format begins with the unpacked length, as a varint: it is looked at before memory is given. */
async function block(bytes: Buffer): Promise<Buffer> {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) break;
  }
  if (length > MAX_BYTES) throw new RangeError(`a batch unpacks to more than ${MAX_BYTES} bytes`);
  return (await snappyUncompress(bytes, { asBuffer: true })) as Buffer;
}

/**
 * The package has no bound, but LZ4 packs at most 1 : 255, and Kafka's batches have at most 1 MiB unless that was raised:
 * what is longer than fits the bound is refused unread.
 */
async function unpackLz4(bytes: Buffer): Promise<Buffer> {
  if (bytes.length > MAX_LZ4_BYTES) throw new RangeError(`a batch of lz4 has more than ${MAX_LZ4_BYTES} bytes`);
  return decompressFrame(bytes);
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

/** `type`: the number in a batch's attributes. Rejects for one that is not known, or too big. */
export async function unpack(type: number, bytes: Buffer): Promise<Buffer> {
  const found = CODECS.find(([known]) => known === type);
  if (found === undefined) throw new RangeError(`a batch is compressed in a way (${type}) that is not known`);
  return found[1].decompress(bytes);
}
