// One group commit: the records of all appends since the last write, encoded once into a reused buffer.
import { crc32 } from 'node:zlib';
import type { JournalEntry } from '../domain/ports/store.ts';
import {
  FLAG_DEVICE,
  FLAG_REPLAY,
  FLAG_RETAIN,
  hexWord,
  MAX_TOPIC_BYTES,
  padded,
  placedTopic,
  RECORD_HEADER_BYTES,
  REPLAY_KEY_BYTES,
  SEGMENT_HEADER_BYTES,
  sealRecordHeader,
  setRecordSeq,
  topicWithHeaders,
} from './record-format.ts';

export type Done = (error: Error | null) => void;

const SMALLEST_BUFFER = 64 * 1024;
const KEPT_BUFFERS = 8;
const LARGEST_KEPT_BUFFER = 4 * 1024 * 1024;

/** Write buffers shared by all connections of a store: idle connections hold none. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  take(minBytes: number): Buffer {
    for (let i = this.#free.length - 1; i >= 0; i--) {
      if (this.#free[i]!.length >= minBytes) return this.#free.splice(i, 1)[0]!;
    }
    let bytes = SMALLEST_BUFFER;
    while (bytes < minBytes) bytes *= 2;
    // With an ArrayBuffer of its own, so that 32- and 64-bit views of it are aligned.
    return Buffer.allocUnsafeSlow(bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length <= LARGEST_KEPT_BUFFER && this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

export class Group {
  readonly firstSeq: number;
  readonly waiters: Done[] = [];
  /** Room for a segment header comes first, so that a new segment's first group is still one write. */
  length = SEGMENT_HEADER_BYTES;
  count = 0;
  /** Messages left out after this group, before the next one: they take sequence numbers. A group with any takes no more records. */
  leftOutAfter = 0;
  #pool: BufferPool;
  #salt: number;
  #buffer: Buffer;
  #words: Uint32Array;
  #times: Float64Array;
  #offsets = new Uint32Array(64);

  constructor(pool: BufferPool, firstSeq: number, salt: number) {
    this.firstSeq = firstSeq;
    this.#pool = pool;
    this.#salt = salt;
    this.#buffer = pool.take(0);
    this.#words = new Uint32Array(this.#buffer.buffer);
    this.#times = new Float64Array(this.#buffer.buffer);
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  get words(): Uint32Array {
    return this.#words;
  }

  get times(): Float64Array {
    return this.#times;
  }

  /** Where record `i` begins in the buffer, in bytes. */
  offset(i: number): number {
    return this.#offsets[i]!;
  }

  /** Adds all of them or throws and adds none. */
  add(entries: readonly JournalEntry[]): void {
    const { length, count } = this;
    try {
      for (const entry of entries) this.#addOne(entry);
    } catch (error) {
      this.length = length;
      this.count = count;
      throw error;
    }
  }

  release(): void {
    this.#pool.give(this.#buffer);
  }

  #addOne(entry: JournalEntry): void {
    const { payload, device } = entry;
    let { topic } = entry;
    let flags = entry.retain ? FLAG_RETAIN : 0;
    if (entry.replayOf !== undefined) {
      if (entry.replayOf.length !== REPLAY_KEY_BYTES) throw new RangeError(`"${entry.replayOf}" is no key`);
      topic = entry.replayOf + topic;
      flags |= FLAG_REPLAY;
    }
    const start = this.length;
    const body = start + RECORD_HEADER_BYTES;
    if (entry.offset !== undefined) topic = placedTopic(topic, entry.partition ?? 0, entry.offset);
    if (entry.headers !== undefined) topic = topicWithHeaders(topic, entry.offset !== undefined, entry.headers);
    this.#reserve(body + topic.length * 3 + payload.length + 8);
    const buffer = this.#buffer;
    const words = this.#words;
    const topicBytes = buffer.write(topic, body, 'utf8');
    if (topicBytes > MAX_TOPIC_BYTES)
      throw new RangeError(`A topic of ${topicBytes} bytes is too long for the journal`);
    buffer.set(payload, body + topicBytes);
    const end = body + topicBytes + payload.length;

    let high = 0;
    let low = 0;
    if (device !== null && device.length === 16) {
      high = hexWord(device, 0);
      low = hexWord(device, 8);
      if (high >= 0 && low >= 0) flags |= FLAG_DEVICE;
      else high = low = 0;
    }
    const at = start >> 2;
    words[at + 2] = crc32(buffer.subarray(body, end));
    words[at + 3] = payload.length;
    words[at + 4] = topicBytes | (flags << 16);
    setRecordSeq(words, at, this.firstSeq + this.count);
    words[at + 7] = high;
    words[at + 8] = low;
    words[at + 9] = this.count;
    this.#times[(start >> 3) + 5] = entry.arrivedAt;
    sealRecordHeader(words, at, this.#salt);

    const next = start + padded(end - start);
    for (let i = end; i < next; i++) buffer[i] = 0;
    if (this.count === this.#offsets.length) {
      const larger = new Uint32Array(this.count * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[this.count] = start;
    this.count += 1;
    this.length = next;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const larger = this.#pool.take(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#pool.give(this.#buffer);
    this.#buffer = larger;
    this.#words = new Uint32Array(larger.buffer);
    this.#times = new Float64Array(larger.buffer);
  }
}
