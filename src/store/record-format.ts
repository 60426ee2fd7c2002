// The journal's bytes: segment file names and headers, record headers, and the checks that tell a record from damage.
//
// A segment is `<base seq, 16 digits>-<salt, 8 hex digits>.seg`: a header of 64 bytes, then records, each padded to 8 bytes.
// Salt and base are in the name besides the header, so that a damaged header costs nothing. Numbers are little-endian.
// The header also says whose it is, so that a file in another connection's folder is not taken for one of its own.
// Format 2 is a compacted segment: records whose numbers have gaps, and how many numbers there were before.
//
// Record header, 48 bytes, as 32-bit words:
//   0 mark   1 check of words 2–11 with the salt   2 CRC-32 of topic and payload   3 payload length
//   4 topic length | flags << 16   5, 6 seq (low, high)   7, 8 device (first and last 8 hex digits)
//   9 index in its group commit    10, 11 arrival time (float64, ms since the epoch)
// The replay of a dead letter is flagged, and its topic field begins with the letter's key: 16 bytes.
// A record of a source that keeps its messages by itself (Kafka) has its place behind the topic: NUL, partition, `:`, offset.
// The headers that a message came with follow its place, or the topic and a NUL where it has none: NUL, JSON.
// The salt is random per run of the bridge, so that no publisher can plant bytes in a payload that pass for a record when a
// damaged stretch is searched for the next good one. A record with group index 0 proves that all before it was durable.

import { crc32 } from 'node:zlib';

export const SEGMENT_HEADER_BYTES = 64;
export const RECORD_HEADER_BYTES = 48;
const RECORD_WORDS = RECORD_HEADER_BYTES / 4;
const RECORD_MARK = 0x4a425448;
export const FLAG_RETAIN = 1;
export const FLAG_DEVICE = 2;
export const FLAG_REPLAY = 4;
/** Hex digits of a dead letter's key. */
export const REPLAY_KEY_BYTES = 16;
export const MAX_TOPIC_BYTES = 0xffff;

const SEGMENT_MARK = 0x53425448;
const WHOLE = 1;
const COMPACTED = 2;
const FORMAT_VERSION = COMPACTED;
const TWO_32 = 2 ** 32;

export function placedTopic(topic: string, partition: number, offset: number): string {
  return `${topic}\u0000${partition}:${offset}`;
}

/** `headers`: JSON, as domain/message-headers.ts writes it; `placed`: a topic with its place. */
export function topicWithHeaders(placed: string, hasPlace: boolean, headers: string): string {
  return `${placed}${hasPlace ? '' : '\u0000'}\u0000${headers}`;
}

export interface TopicAndPlace {
  readonly topic: string;
  readonly partition?: number;
  readonly offset?: number;
  /** JSON. */
  readonly headers?: string;
}

const NUL = '\u0000';
const PLACE = /^(\d{1,10}):(\d{1,16})$/;

/**
 * Read from its end: headers and places hold no NUL, but topics of Kafka's records with binary keys did, which are journalled as
 * they came. In what is told U+FFFD takes its place.
 */
export function splitTopic(text: string): TopicAndPlace {
  const at = text.lastIndexOf(NUL);
  if (at < 0) return { topic: text };
  const last = text.slice(at + 1);
  const place = placeOf(last);
  if (place !== null) return { topic: withoutNul(text.slice(0, at)), ...place };
  const before = text.slice(0, at).lastIndexOf(NUL);
  const middle = before < 0 ? null : text.slice(before + 1, at);
  const placeBefore = middle === null ? null : placeOf(middle);
  if (middle !== '' && placeBefore === null) return { topic: withoutNul(text) };
  return { topic: withoutNul(text.slice(0, before)), ...placeBefore, headers: last };
}

function placeOf(text: string): { readonly partition: number; readonly offset: number } | null {
  const [, partition, offset] = PLACE.exec(text) ?? [];
  const place = { partition: Number(partition), offset: Number(offset) };
  return Number.isSafeInteger(place.partition) && Number.isSafeInteger(place.offset) ? place : null;
}

function withoutNul(topic: string): string {
  return topic.includes(NUL) ? topic.replaceAll(NUL, '\ufffd') : topic;
}

export interface SegmentName {
  readonly name: string;
  readonly base: number;
  readonly salt: number;
}

export function segmentName(base: number, salt: number): string {
  return `${String(base).padStart(16, '0')}-${salt.toString(16).padStart(8, '0')}.seg`;
}

export function parseSegmentName(name: string): SegmentName | null {
  const match = /^(\d{16})-([0-9a-f]{8})\.seg$/.exec(name);
  if (!match) return null;
  const base = Number(match[1]);
  return Number.isSafeInteger(base) && base > 0 ? { name, base, salt: Number.parseInt(match[2]!, 16) } : null;
}

export function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Mixes header words into 32 bits: far cheaper per record than a second CRC, and only has to find accidents. */
function check(words: Uint32Array, first: number, count: number, salt: number): number {
  let hash = salt | 0;
  for (let i = first; i < first + count; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** Fills words 0 and 1 of the record header at word `at`; words 2–11 must be set. */
export function sealRecordHeader(words: Uint32Array, at: number, salt: number): void {
  words[at] = RECORD_MARK;
  words[at + 1] = check(words, at + 2, RECORD_WORDS - 2, salt);
}

export function isRecordHeader(words: Uint32Array, at: number, salt: number): boolean {
  return words[at] === RECORD_MARK && words[at + 1] === check(words, at + 2, RECORD_WORDS - 2, salt);
}

/** Bytes of a record with its padding, from its header. */
export function recordBytes(words: Uint32Array, at: number): number {
  return padded(RECORD_HEADER_BYTES + (words[at + 4]! & 0xffff) + words[at + 3]!);
}

export function recordSeq(words: Uint32Array, at: number): number {
  return words[at + 6]! * TWO_32 + words[at + 5]!;
}

export function setRecordSeq(words: Uint32Array, at: number, seq: number): void {
  words[at + 5] = seq % TWO_32;
  words[at + 6] = Math.floor(seq / TWO_32);
}

/** What a segment's header has of its connection's id. */
export function ownerOf(connectionId: string): number {
  return crc32(connectionId) || 1;
}

export interface SegmentHeader {
  readonly version: number;
  /** 0: not known; it was written before there were any, or is damaged. */
  readonly owner: number;
  readonly base: number;
  readonly salt: number;
  /** How many sequence numbers right before `base` were given to messages that were left out (`journalFull`). */
  readonly leftOutBefore: number;
  /** Of a compacted segment: how many sequence numbers from `base` on it stands for. null: it is whole. */
  readonly compactedCount: number | null;
}

/** `buffer` must be aligned to 4 bytes. */
export function writeSegmentHeader(
  buffer: Buffer,
  header: Pick<SegmentHeader, 'base' | 'salt' | 'leftOutBefore'>,
  owner: number,
  compactedCount: number | null = null,
): void {
  buffer.fill(0, 0, SEGMENT_HEADER_BYTES);
  buffer.writeUInt32LE(SEGMENT_MARK, 0);
  buffer.writeUInt32LE(compactedCount === null ? WHOLE : COMPACTED, 4);
  buffer.writeUInt32LE(header.salt, 8);
  buffer.writeDoubleLE(header.base, 16);
  buffer.writeDoubleLE(header.leftOutBefore, 24);
  buffer.writeDoubleLE(compactedCount ?? 0, 32);
  buffer.writeUInt32LE(owner, 40);
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, SEGMENT_HEADER_BYTES / 4);
  buffer.writeUInt32LE(check(words, 0, SEGMENT_HEADER_BYTES / 4 - 1, header.salt), SEGMENT_HEADER_BYTES - 4);
}

/** Null when it is damaged. `buffer` must be aligned to 4 bytes. */
export function readSegmentHeader(buffer: Buffer): SegmentHeader | null {
  if (buffer.length < SEGMENT_HEADER_BYTES || buffer.readUInt32LE(0) !== SEGMENT_MARK) return null;
  const salt = buffer.readUInt32LE(8);
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, SEGMENT_HEADER_BYTES / 4);
  if (buffer.readUInt32LE(SEGMENT_HEADER_BYTES - 4) !== check(words, 0, SEGMENT_HEADER_BYTES / 4 - 1, salt))
    return null;
  const version = buffer.readUInt32LE(4);
  return {
    version,
    salt,
    base: buffer.readDoubleLE(16),
    leftOutBefore: buffer.readDoubleLE(24),
    compactedCount: version === COMPACTED ? buffer.readDoubleLE(32) : null,
    owner: buffer.readUInt32LE(40),
  };
}

export function isKnownVersion(header: SegmentHeader): boolean {
  return header.version <= FORMAT_VERSION;
}

const HEX_DIGITS = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return digit;
});
const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0').toUpperCase());

/** 8 hex digits from `from` on as a number; -1 when they are none. */
export function hexWord(text: string, from: number): number {
  let value = 0;
  for (let i = from; i < from + 8; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? HEX_DIGITS[code]! : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function wordHex(word: number): string {
  return (
    HEX_BYTES[word >>> 24]! + HEX_BYTES[(word >>> 16) & 255]! + HEX_BYTES[(word >>> 8) & 255]! + HEX_BYTES[word & 255]!
  );
}

export function deviceText(high: number, low: number): string {
  return wordHex(high) + wordHex(low);
}
