// Journal files in which little is left unsettled are written anew with that little alone: one device that HERE does not take
// must not keep whole files, and so fill the journal.
//
// Order of durability: that the rest is settled (a barrier of the database), the new file beside the old one, then the
// rename. A kill before the rename leaves a `.tmp`, which the next start removes; afterwards the gaps in the file's numbers
// are settled ones (`record-format.ts`). Numbers and their order do not change.
import path from 'node:path';
import { describeError } from '../domain/errors.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { ReportIncident } from './incidents.ts';
import type { JournalReader } from './journal-reader.ts';
import type { Ranges } from './ranges.ts';
import {
  isRecordHeader,
  ownerOf,
  RECORD_HEADER_BYTES,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  writeSegmentHeader,
} from './record-format.ts';
import { readBody } from './scan.ts';
import { Segment } from './segment.ts';

export interface CompactionOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly ranges: Ranges;
  readonly reader: JournalReader;
  /** Bytes of the journal from which on it is worth the work. */
  readonly fromBytes: () => number;
  /** Of the journal now. */
  readonly bytes: () => number;
  /** Makes what the database has committed durable. */
  readonly barrier: () => Promise<void>;
  readonly report: ReportIncident;
}

/** At least so much of a file must be settled: then copying what is left costs less than it frees. */
const LEAST_SETTLED = 0.5;
const LEAST_FREED_BYTES = 32 * 1024;
/** Read at once, where no record is larger. */
const STEP_BYTES = 512 * 1024;

export class Compaction {
  readonly #options: CompactionOptions;
  /** Damaged, with how many were unsettled then: reading them settles what is not good. */
  readonly #passedOver = new WeakMap<Segment, number>();
  #running: Promise<void> | null = null;
  #stopped = false;
  #told = false;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /** Compacts what is worth it now, a file after the other; a failure is told and left to the next call. */
  run(): Promise<void> {
    if (this.#running !== null) return this.#running;
    return this.#begin(
      this.#compactAll().then(() => {
        this.#told = false;
      }),
    );
  }

  /** Every closed file that holds settled records is written anew without them, however little that frees. */
  erase(): Promise<void> {
    const before = this.#running ?? Promise.resolve();
    const erasing = before.then(async () => {
      for (const segment of [...this.#options.ranges.segments]) {
        const isMixed = segment.closed && segment.unsettled > 0 && segment.unsettled < segment.recordCount;
        if (isMixed && !this.#stopped) await this.#compact(segment);
      }
    });
    return this.#begin(erasing);
  }

  /** What began last is what is under way: it waits for what was before. */
  #begin(work: Promise<void>): Promise<void> {
    const mine: Promise<void> = work
      .catch((error) => this.#tell(error))
      .finally(() => {
        if (this.#running === mine) this.#running = null;
      });
    this.#running = mine;
    return mine;
  }

  /** Resolves when nothing is under way. A file half written anew is left: on a slow disk it would keep the worker from stopping. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #compactAll(): Promise<void> {
    const { bytes, fromBytes } = this.#options;
    while (!this.#stopped && bytes() >= fromBytes()) {
      const segment = this.#choose();
      if (segment === null) return;
      await this.#compact(segment);
    }
  }

  #choose(): Segment | null {
    for (const segment of this.#options.ranges.segments) {
      if (!segment.closed || segment.unsettled === 0) continue;
      if (this.#passedOver.get(segment) === segment.unsettled) continue;
      // Cheap, and right where records are alike; what it passes over is looked at when more is settled.
      if (segment.unsettled > segment.recordCount * LEAST_SETTLED) continue;
      const freed = segment.bytes - SEGMENT_HEADER_BYTES - segment.unsettledBytes();
      if (freed >= LEAST_FREED_BYTES && freed >= segment.bytes * LEAST_SETTLED) return segment;
    }
    return null;
  }

  async #compact(segment: Segment): Promise<void> {
    const { id, disk, directory, ranges, barrier } = this.#options;
    const temporary = path.join(directory, `${segment.name}.tmp`);
    const seqs: number[] = [];
    for (let seq = segment.nextUnsettled(segment.base); seq < segment.end; seq = segment.nextUnsettled(seq + 1)) {
      seqs.push(seq);
    }
    await barrier();
    if (this.#stopped) return;
    await disk.remove(temporary);
    if (this.#stopped) return;
    const from = await disk.open(path.join(directory, segment.name)).catch((error: Error) => {
      // All of it was settled meanwhile, and the file removed.
      if (!ranges.segments.includes(segment)) return null;
      throw error;
    });
    if (from === null) return;
    let compacted: Segment | null = null;
    try {
      const to = this.#stopped ? null : await disk.create(temporary);
      try {
        if (to !== null) compacted = await copy(segment, seqs, from, to, ownerOf(id), () => this.#stopped);
      } finally {
        await to?.close();
      }
    } finally {
      await from.close().catch(() => {});
      // The next start removes what a stop leaves.
      if (compacted === null && !this.#stopped) await disk.remove(temporary).catch(() => {});
    }
    if (this.#stopped) return;
    if (compacted === null) {
      this.#passedOver.set(segment, seqs.length);
      return;
    }
    if (await this.#exchange(segment, compacted, temporary)) await disk.syncDirectory(directory);
    else await disk.remove(temporary);
  }

  /** In one go, so that nobody looks for a record where it is not. False: there is nothing to exchange any more. */
  #exchange(segment: Segment, by: Segment, temporary: string): Promise<boolean> {
    const { disk, directory, ranges, reader } = this.#options;
    return new Promise((resolve, reject) => {
      reader.betweenReads(() => {
        try {
          if (segment.unsettled === 0 || !ranges.segments.includes(segment)) return resolve(false);
          disk.replaceSync(temporary, path.join(directory, segment.name));
          // What was settled meanwhile is settled there too.
          by.applyBitmap(segment.bitmap());
          ranges.replace(segment, by);
          reader.forget(segment);
          resolve(true);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #tell(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const { id, report } = this.#options;
    report({
      kind: 'upkeepFailed',
      connectionId: id,
      message: `Journal files of ${id} cannot be compacted now: ${describeError(error)}. It is tried again.`,
    });
  }
}

/** Null: a record is not what was written, or is missing; or there is no time left for it. */
async function copy(
  segment: Segment,
  seqs: readonly number[],
  from: DiskFile,
  to: DiskFile,
  owner: number,
  isStopped: () => boolean,
): Promise<Segment | null> {
  const { base, salt, leftOutBefore } = segment;
  const compacted = new Segment({ base, salt, leftOutBefore, isCompacted: true });
  for (let i = 0; i < seqs.length; ) {
    if (isStopped()) return null;
    const start = segment.offset(seqs[i]!);
    let last = i;
    while (last + 1 < seqs.length && segment.recordEnd(seqs[last + 1]!) - start <= STEP_BYTES) last += 1;
    const end = segment.recordEnd(seqs[last]!);
    // Room for the file's header comes first. With an ArrayBuffer of its own its views are aligned.
    const buffer = Buffer.allocUnsafeSlow(SEGMENT_HEADER_BYTES + end - start);
    const words = new Uint32Array(buffer.buffer, 0, buffer.length >> 2);
    const times = new Float64Array(buffer.buffer, 0, buffer.length >> 3);
    const read = await from.read(buffer, SEGMENT_HEADER_BYTES, end - start, start);
    if (isStopped()) return null;
    const isFirst = i === 0;
    let length = SEGMENT_HEADER_BYTES;
    const at = compacted.bytes;
    for (; i <= last; i++) {
      const offset = segment.offset(seqs[i]!);
      const found = SEGMENT_HEADER_BYTES + offset - start;
      if (offset === 0 || found + RECORD_HEADER_BYTES > SEGMENT_HEADER_BYTES + read) return null;
      if (!isRecordHeader(words, found >> 2, salt) || readBody(buffer, found) === null) return null;
      const bytes = recordBytes(words, found >> 2);
      buffer.copyWithin(length, found, found + bytes);
      compacted.addCompacted(seqs[i]!);
      compacted.add(words, times, length >> 2, at + length - SEGMENT_HEADER_BYTES);
      length += bytes;
    }
    if (isFirst) {
      writeSegmentHeader(buffer, segment, owner, segment.count);
      await to.writeDurably(buffer, 0, length, 0);
    } else await to.writeDurably(buffer, SEGMENT_HEADER_BYTES, length - SEGMENT_HEADER_BYTES, at);
  }
  compacted.addCompacted(segment.end);
  compacted.close();
  return compacted;
}
