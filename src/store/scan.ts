// Reads a segment's record headers at start: hops from header to header in large reads, finds damage and the next good record.
import { crc32 } from 'node:zlib';
import type { DiskFile } from './disk.ts';
import {
  FLAG_REPLAY,
  FLAG_RETAIN,
  isRecordHeader,
  RECORD_HEADER_BYTES,
  REPLAY_KEY_BYTES,
  recordBytes,
  recordSeq,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  splitTopic,
  type TopicAndPlace,
} from './record-format.ts';
import { Segment } from './segment.ts';

const WINDOW_BYTES = 1024 * 1024;

/** Bytes that are no records. `toSeq` null: nothing good comes after, so how many records there were is not known from here. */
export interface Damage {
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly fromSeq: number;
  readonly toSeq: number | null;
}

export interface ScanResult {
  readonly segment: Segment;
  readonly damages: readonly Damage[];
  /** First record of the last group commit: all before it was durable, it may itself be half-written. 0: none. */
  readonly lastGroupSeq: number;
}

export interface ScanOptions {
  readonly header: Omit<SegmentHeader, 'version' | 'owner'>;
  readonly fileBytes: number;
  /** Records from this sequence number on are remains of a failed write. */
  readonly endSeq: number;
}

/** A window on the file; the buffer is shared by the scans of one start. */
export class ScanWindow {
  readonly buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly words = new Uint32Array(this.buffer.buffer);
  readonly times = new Float64Array(this.buffer.buffer);
  start = 0;
  end = 0;

  async load(file: DiskFile, offset: number): Promise<void> {
    this.start = offset;
    this.end = offset + (await file.read(this.buffer, 0, WINDOW_BYTES, offset));
  }
}

export async function scanSegment(file: DiskFile, window: ScanWindow, options: ScanOptions): Promise<ScanResult> {
  const { header, fileBytes, endSeq } = options;
  const { compactedCount } = header;
  const isCompacted = compactedCount !== null;
  const limit = isCompacted ? Math.min(endSeq, header.base + compactedCount) : endSeq;
  const segment = new Segment({ ...header, isCompacted });
  const damages: Damage[] = [];
  let lastGroupSeq = 0;
  let offset = SEGMENT_HEADER_BYTES;
  window.start = window.end = 0;

  while (offset < fileBytes && segment.end < limit) {
    if (offset < window.start || offset + RECORD_HEADER_BYTES > window.end) await window.load(file, offset);
    const at = (offset - window.start) >> 2;
    const whole = offset + RECORD_HEADER_BYTES <= window.end;
    if (isCompacted && whole && isGood(window, at, offset, segment.end, limit, header.salt, fileBytes)) {
      segment.addCompacted(recordSeq(window.words, at));
    }
    if (whole && isGood(window, at, offset, segment.end, segment.end + 1, header.salt, fileBytes)) {
      if (window.words[at + 9] === 0) lastGroupSeq = segment.end;
      segment.add(window.words, window.times, at, offset);
      offset = segment.bytes;
      continue;
    }
    const fromSeq = segment.end;
    const next = await findRecord(file, window, offset + 8, fromSeq, limit, options);
    if (next === null) {
      damages.push({ fromOffset: offset, toOffset: fileBytes, fromSeq, toSeq: null });
      if (isCompacted) addUnread(segment, limit, fileBytes - offset);
      break;
    }
    damages.push({ fromOffset: offset, toOffset: next.offset, fromSeq, toSeq: next.seq - 1 });
    addUnread(segment, next.seq, next.offset - offset);
    offset = next.offset;
  }
  if (isCompacted) segment.addCompacted(limit);
  segment.close();
  return { segment, damages, lastGroupSeq };
}

/**
 * The numbers before `seq`, of which damage has taken the records. A compacted file had few of them: where no bitmap tells which, no
 * more count as lost than `bytes` had room for.
 */
function addUnread(segment: Segment, seq: number, bytes: number): void {
  const most = Math.max(1, Math.floor(bytes / RECORD_HEADER_BYTES));
  if (segment.isCompacted) segment.addCompacted(Math.max(segment.end, seq - most));
  segment.addMissing(seq - segment.end);
}

/** A sound header of a sequence number in [fromSeq, endSeq) whose record lies within the file. */
function isGood(
  window: ScanWindow,
  at: number,
  offset: number,
  fromSeq: number,
  endSeq: number,
  salt: number,
  fileBytes: number,
): boolean {
  const { words } = window;
  if (!isRecordHeader(words, at, salt)) return false;
  const seq = recordSeq(words, at);
  return seq >= fromSeq && seq < endSeq && offset + recordBytes(words, at) <= fileBytes;
}

async function findRecord(
  file: DiskFile,
  window: ScanWindow,
  from: number,
  fromSeq: number,
  endSeq: number,
  options: ScanOptions,
): Promise<{ readonly offset: number; readonly seq: number } | null> {
  const { fileBytes, header } = options;
  for (let offset = from; offset + RECORD_HEADER_BYTES <= fileBytes; offset += 8) {
    if (offset < window.start || offset + RECORD_HEADER_BYTES > window.end) {
      await window.load(file, offset);
      if (window.end - offset < RECORD_HEADER_BYTES) return null;
    }
    const at = (offset - window.start) >> 2;
    // A record takes more than its header: so many at most can have been in between. A compacted file's numbers have gaps.
    const mostSeq =
      header.compactedCount === null ? Math.min(endSeq, fromSeq + (offset - from) / RECORD_HEADER_BYTES + 2) : endSeq;
    if (isGood(window, at, offset, fromSeq, mostSeq, header.salt, fileBytes)) {
      return { offset, seq: recordSeq(window.words, at) };
    }
  }
  return null;
}

/**
 * The first sequence number from `seq` on whose topic and payload do not match their checksum, or null. After a power loss
 * the last group commit may have its headers but not its bodies.
 */
export async function findBadBody(file: DiskFile, segment: Segment, seq: number): Promise<number | null> {
  for (let next = seq; next < segment.end; next++) {
    const offset = segment.offset(next);
    if (offset === 0) continue;
    const buffer = Buffer.allocUnsafeSlow(segment.recordEnd(next) - offset);
    const bytes = await file.read(buffer, 0, buffer.length, offset);
    if (bytes < buffer.length || readBody(buffer, 0) === null) return next;
  }
  return null;
}

export interface RecordBody extends TopicAndPlace {
  readonly payload: Buffer;
  readonly retain: boolean;
  /** The key of the dead letter that is replayed by it. */
  readonly replayOf?: string;
  /** False: the bytes are not those that were written. */
  readonly sound: boolean;
}

/** Topic and payload of the record at `from`; null when they lie outside the buffer. The payload shares its memory. */
export function readBody(buffer: Buffer, from: number, soundOnly = true): RecordBody | null {
  const body = from + RECORD_HEADER_BYTES;
  if (body > buffer.length) return null;
  const payloadBytes = buffer.readUInt32LE(from + 12);
  const topicAndFlags = buffer.readUInt32LE(from + 16);
  const topicBytes = topicAndFlags & 0xffff;
  const end = body + topicBytes + payloadBytes;
  if (end > buffer.length) return null;
  const sound = crc32(buffer.subarray(body, end)) === buffer.readUInt32LE(from + 8);
  if (soundOnly && !sound) return null;
  const flags = topicAndFlags >>> 16;
  const payload = buffer.subarray(body + topicBytes, end);
  const retain = (flags & FLAG_RETAIN) !== 0;
  if ((flags & FLAG_REPLAY) === 0) {
    return { ...splitTopic(buffer.toString('utf8', body, body + topicBytes)), payload, retain, sound };
  }
  const topicFrom = body + REPLAY_KEY_BYTES;
  const replayOf = buffer.toString('latin1', body, topicFrom);
  return { ...splitTopic(buffer.toString('utf8', topicFrom, body + topicBytes)), payload, retain, replayOf, sound };
}
