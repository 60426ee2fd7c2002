// What is known in memory of one segment file: where its records are and which of them are settled (20 bytes a record).
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
  /** Records, with those that are missing. */
  count = 0;
  unsettled = 0;
  /** Committed length of the file. */
  bytes = SEGMENT_HEADER_BYTES;
  /** Takes no more records. */
  closed = false;
  /** Sequence numbers of replayed dead letters: for the next start, in order. */
  readonly replays: number[] = [];
  #offsets: Uint32Array;
  #devices: Uint32Array;
  #times: Float64Array;
  #settled: Uint8Array;

  constructor(options: { base: number; salt: number; leftOutBefore: number; expected?: number }) {
    const capacity = Math.max(64, options.expected ?? 0);
    this.base = options.base;
    this.salt = options.salt;
    this.leftOutBefore = options.leftOutBefore;
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
    const i = this.count;
    if (i === this.#offsets.length) this.#resize(i * 2);
    const flags = words[at + 4]! >>> 16;
    const hasDevice = (flags & FLAG_DEVICE) !== 0;
    if ((flags & FLAG_REPLAY) !== 0) this.replays.push(this.end);
    this.#offsets[i] = offset | (hasDevice ? HAS_DEVICE : 0);
    this.#devices[2 * i] = words[at + 7]!;
    this.#devices[2 * i + 1] = words[at + 8]!;
    this.#times[i] = times[(at >> 1) + 5]!;
    this.count = i + 1;
    this.unsettled += 1;
    this.bytes = offset + recordBytes(words, at);
  }

  /** Sequence numbers whose records are not in the file; they count as unsettled until they are settled. */
  addMissing(count: number): void {
    const needed = this.count + count;
    if (needed > this.#offsets.length) this.#resize(Math.max(needed, this.#offsets.length * 2));
    this.count = needed;
    this.unsettled += count;
  }

  /** No more records: memory is cut to what is needed. */
  close(): void {
    this.closed = true;
    if (this.#offsets.length > this.count) this.#resize(this.count);
  }

  /** Forgets the records from `seq` on, which were never committed. Before any is settled. */
  cut(seq: number): void {
    this.bytes = this.offset(seq) || this.bytes;
    this.count = seq - this.base;
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
    return (this.#offsets[seq - this.base]! & OFFSET_MASK) >>> 0;
  }

  /** Where the record ends at the latest. */
  recordEnd(seq: number): number {
    for (let next = seq + 1; next < this.end; next++) {
      const offset = this.offset(next);
      if (offset !== 0) return offset;
    }
    return this.bytes;
  }

  device(seq: number): string | null {
    const i = seq - this.base;
    if ((this.#offsets[i]! & HAS_DEVICE) === 0) return null;
    return deviceText(this.#devices[2 * i]!, this.#devices[2 * i + 1]!);
  }

  arrivedAt(seq: number): number {
    return this.#times[seq - this.base]!;
  }

  #resize(capacity: number): void {
    const kept = Math.min(this.count, capacity);
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets.subarray(0, kept));
    const devices = new Uint32Array(capacity * 2);
    devices.set(this.#devices.subarray(0, kept * 2));
    const times = new Float64Array(capacity);
    times.set(this.#times.subarray(0, kept));
    const settled = new Uint8Array(Math.ceil(capacity / 8));
    settled.set(this.#settled.subarray(0, Math.min(this.#settled.length, settled.length)));
    this.#offsets = offsets;
    this.#devices = devices;
    this.#times = times;
    this.#settled = settled;
  }
}
