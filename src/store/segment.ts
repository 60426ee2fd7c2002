// What is known in memory of one segment file: where its records are and which of them are settled (20 bytes a record).
// A compacted file (`compaction.ts`) has gaps in its numbers: what is not in it was settled before, durably.
import {
  deviceText,
  FLAG_DEVICE,
  FLAG_REPLAY,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './record-format.ts';

// Records begin at multiples of 8, so the low bits of an offset are free.
const HAS_DEVICE = 1;
const OFFSET_MASK = ~7;

export class Segment {
  readonly base: number;
  readonly salt: number;
  readonly leftOutBefore: number;
  /** Its file was compacted: it has only some of the records. */
  readonly isCompacted: boolean;
  /** Records, with those that are missing. */
  count = 0;
  unsettled = 0;
  /** Committed length of the file. */
  bytes = SEGMENT_HEADER_BYTES;
  /** Takes no more records. */
  closed = false;
  /** Sequence numbers of replayed dead letters: for the next start, in order. */
  readonly replays: number[] = [];
  /** Of a compacted file's records: their numbers from `base` on, in order. */
  #numbers: Uint32Array | null = null;
  /** In the arrays: with those that are missing, unless it is compacted. */
  #records = 0;
  #offsets: Uint32Array;
  #devices: Uint32Array;
  #times: Float64Array;
  #settled: Uint8Array;

  constructor(options: { base: number; salt: number; leftOutBefore: number; isCompacted?: boolean }) {
    const capacity = 64;
    this.base = options.base;
    this.salt = options.salt;
    this.leftOutBefore = options.leftOutBefore;
    this.isCompacted = options.isCompacted ?? false;
    if (this.isCompacted) this.#numbers = new Uint32Array(capacity);
    this.#offsets = new Uint32Array(capacity);
    this.#devices = new Uint32Array(capacity * 2);
    this.#times = new Float64Array(capacity);
    this.#settled = new Uint8Array(Math.ceil(capacity / 8));
  }

  get name(): string {
    return segmentName(this.base, this.salt);
  }

  /** The sequence number after its last. */
  get end(): number {
    return this.base + this.count;
  }

  /** Adds the record whose header is at word `at` of `words` and at byte `offset` of the file. */
  add(words: Uint32Array, times: Float64Array, at: number, offset: number): void {
    const i = this.#records;
    if (i === this.#offsets.length) this.#resize(i * 2);
    this.#reserveBits(this.count + 1);
    if (this.#numbers !== null) this.#numbers[i] = this.count;
    const flags = words[at + 4]! >>> 16;
    const hasDevice = (flags & FLAG_DEVICE) !== 0;
    if ((flags & FLAG_REPLAY) !== 0) this.replays.push(this.end);
    this.#offsets[i] = offset | (hasDevice ? HAS_DEVICE : 0);
    this.#devices[2 * i] = words[at + 7]!;
    this.#devices[2 * i + 1] = words[at + 8]!;
    this.#times[i] = times[(at >> 1) + 5]!;
    this.#records = i + 1;
    this.count += 1;
    this.unsettled += 1;
    this.bytes = offset + recordBytes(words, at);
  }

  /** Sequence numbers whose records are not in the file; they count as unsettled until they are settled. */
  addMissing(count: number): void {
    const needed = this.count + count;
    if (this.#numbers === null) {
      if (needed > this.#offsets.length) this.#resize(Math.max(needed, this.#offsets.length * 2));
      this.#records = needed;
    }
    this.#reserveBits(needed);
    this.count = needed;
    this.unsettled += count;
  }

  /** Records before `seq` that a compacted file does not have: settled. */
  addCompacted(seq: number): void {
    const from = this.end;
    this.addMissing(seq - from);
    for (let one = from; one < seq; one++) this.settle(one);
  }

  /** No more records: memory is cut to what is needed. */
  close(): void {
    this.closed = true;
    if (this.#offsets.length > this.#records) this.#resize(this.#records);
    if (this.#settled.length * 8 > this.count + 7) this.#settled = this.#settled.slice(0, Math.ceil(this.count / 8));
  }

  /** Forgets the records from `seq` on, which were never committed. Before any is settled. */
  cut(seq: number): void {
    this.bytes = this.offset(seq) || this.bytes;
    this.count = seq - this.base;
    this.#records = this.count;
    this.unsettled = this.count;
    this.close();
  }

  has(seq: number): boolean {
    return seq >= this.base && seq < this.base + this.count;
  }

  isSettled(seq: number): boolean {
    const i = seq - this.base;
    return (this.#settled[i >> 3]! & (1 << (i & 7))) !== 0;
  }

  /** False when it was settled already. */
  settle(seq: number): boolean {
    const i = seq - this.base;
    const bit = 1 << (i & 7);
    if ((this.#settled[i >> 3]! & bit) !== 0) return false;
    this.#settled[i >> 3]! |= bit;
    this.unsettled -= 1;
    return true;
  }

  /** Takes `settle` back when its transaction failed. */
  unsettle(seq: number): void {
    const i = seq - this.base;
    this.#settled[i >> 3]! &= ~(1 << (i & 7));
    this.unsettled += 1;
  }

  /** The bitmap to be stored; valid until the next change. */
  bitmap(): Uint8Array {
    return this.#settled.subarray(0, Math.ceil(this.count / 8));
  }

  /** Takes over a stored bitmap; it may be shorter than the segment. */
  applyBitmap(bitmap: Uint8Array): void {
    const bytes = Math.min(bitmap.length, Math.ceil(this.count / 8));
    this.#settled.set(bitmap.subarray(0, bytes));
    const beyond = this.count & 7;
    if (beyond !== 0) this.#settled[this.count >> 3]! &= (1 << beyond) - 1;
    this.unsettled = this.recount();
  }

  /** In the file; about, where bytes are damaged. */
  get recordCount(): number {
    return this.#records;
  }

  get settledCount(): number {
    return this.count - this.unsettled;
  }

  /** Counts the unsettled from the bitmap itself. */
  recount(): number {
    let settled = 0;
    const bytes = Math.ceil(this.count / 8);
    for (let i = 0; i < bytes; i++) {
      let byte = this.#settled[i]!;
      byte -= (byte >> 1) & 0x55;
      byte = (byte & 0x33) + ((byte >> 2) & 0x33);
      settled += (byte + (byte >> 4)) & 0x0f;
    }
    return this.count - settled;
  }

  /** The first unsettled sequence number from `seq` on, or `end`. */
  nextUnsettled(seq: number): number {
    let i = Math.max(0, seq - this.base);
    while (i < this.count) {
      if ((i & 7) === 0 && this.#settled[i >> 3] === 0xff) i += 8;
      else if ((this.#settled[i >> 3]! & (1 << (i & 7))) !== 0) i += 1;
      else return this.base + i;
    }
    return this.end;
  }

  /** Where the record begins in the file; 0 when it is missing. */
  offset(seq: number): number {
    const i = this.#indexOf(seq);
    return i < 0 ? 0 : (this.#offsets[i]! & OFFSET_MASK) >>> 0;
  }

  /** Where the record ends at the latest. */
  recordEnd(seq: number): number {
    for (let i = this.#indexOf(seq) + 1; i > 0 && i < this.#records; i++) {
      const offset = (this.#offsets[i]! & OFFSET_MASK) >>> 0;
      if (offset !== 0) return offset;
    }
    return this.bytes;
  }

  /** Of one record; 0 when it is missing. */
  bytesOf(seq: number): number {
    const offset = this.offset(seq);
    return offset === 0 ? 0 : this.recordEnd(seq) - offset;
  }

  /** Bytes of records that are not settled; about, where bytes between them are damaged. */
  unsettledBytes(): number {
    let bytes = 0;
    for (let seq = this.nextUnsettled(this.base); seq < this.end; seq = this.nextUnsettled(seq + 1)) {
      bytes += this.bytesOf(seq);
    }
    return bytes;
  }

  device(seq: number): string | null {
    const i = this.#indexOf(seq);
    if (i < 0 || (this.#offsets[i]! & HAS_DEVICE) === 0) return null;
    return deviceText(this.#devices[2 * i]!, this.#devices[2 * i + 1]!);
  }

  arrivedAt(seq: number): number {
    const i = this.#indexOf(seq);
    return i < 0 ? 0 : this.#times[i]!;
  }

  /** In the arrays; -1: a compacted file does not have it. */
  #indexOf(seq: number): number {
    const wanted = seq - this.base;
    const numbers = this.#numbers;
    if (numbers === null) return wanted;
    let low = 0;
    let high = this.#records;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low < this.#records && numbers[low] === wanted ? low : -1;
  }

  #reserveBits(count: number): void {
    const bytes = Math.ceil(count / 8);
    if (bytes <= this.#settled.length) return;
    const settled = new Uint8Array(Math.max(bytes, this.#settled.length * 2));
    settled.set(this.#settled);
    this.#settled = settled;
  }

  #resize(capacity: number): void {
    const kept = Math.min(this.#records, capacity);
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets.subarray(0, kept));
    const devices = new Uint32Array(capacity * 2);
    devices.set(this.#devices.subarray(0, kept * 2));
    const times = new Float64Array(capacity);
    times.set(this.#times.subarray(0, kept));
    if (this.#numbers !== null) {
      const numbers = new Uint32Array(capacity);
      numbers.set(this.#numbers.subarray(0, kept));
      this.#numbers = numbers;
    }
    this.#offsets = offsets;
    this.#devices = devices;
    this.#times = times;
  }
}
