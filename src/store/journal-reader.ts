// The reading side of one journal: spans of records in few reads, each checked against its checksum.
import path from 'node:path';
import { type KeptHeaders, readHeaders } from '../domain/message-headers.ts';
import type { DamagedRecord, JournalRecord } from '../domain/ports/store.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { Ranges } from './ranges.ts';
import { readBody } from './scan.ts';
import type { Segment } from './segment.ts';

/** Settled records between wanted ones are read along up to this size; it is cheaper than another read. */
const MAX_HOLE_BYTES = 64 * 1024;
const KEPT_FILES = 2;

interface Span {
  readonly segment: Segment;
  readonly from: number;
  to: number;
  readonly seqs: number[];
}

export class JournalReader {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #ranges: Ranges;
  readonly #files = new Map<Segment, { readonly file: Promise<DiskFile>; users: number }>();
  #reading = 0;
  #closed = false;
  readonly #whenIdle: (() => void)[] = [];
  /** For `readSync`: the file that it read last. */
  #syncFile: { readonly segment: Segment; readonly file: DiskFile } | null = null;

  constructor(disk: Disk, directory: string, ranges: Ranges) {
    this.#disk = disk;
    this.#directory = directory;
    this.#ranges = ranges;
  }

  /**
   * Unsettled records in order. `damaged` is called for those whose bytes are not what was written; they are left out. Rejects once
   * it is closed: who reads on in turns would open files again that nobody closes.
   */
  async read(
    fromSeq: number,
    maxRecords: number,
    maxBytes: number,
    damaged: (record: DamagedRecord) => void,
  ): Promise<JournalRecord[]> {
    if (this.#closed) throw closed();
    const records: JournalRecord[] = [];
    let next = fromSeq;
    this.#reading += 1;
    try {
      // Another turn only when all that was found was damaged or settled meanwhile: an empty answer means "none".
      while (records.length === 0) {
        const spans = this.#plan(next, maxRecords, maxBytes);
        const last = spans.at(-1)?.seqs.at(-1);
        if (last === undefined) break;
        for (const span of spans) {
          await this.#readSpan(span, records, damaged);
          if (this.#closed) throw closed();
        }
        next = last + 1;
      }
    } finally {
      this.#reading -= 1;
      if (this.#reading === 0) for (const run of this.#whenIdle.splice(0)) run();
    }
    return records;
  }

  /** Calls `run` when no read is under way: then files may be replaced. `run` must not wait. */
  betweenReads(run: () => void): void {
    if (this.#reading === 0) run();
    else this.#whenIdle.push(run);
  }

  /** One record, at once: for the original of a dead letter. `sound` false: its bytes are damaged. Throws when the disk does. */
  readSync(
    segment: Segment,
    seq: number,
  ): JournalRecord & { readonly sound: boolean; readonly kept: KeptHeaders | null } {
    const offset = segment.offset(seq);
    const buffer = Buffer.allocUnsafe(segment.recordEnd(seq) - offset);
    const bytes = this.#openSync(segment)?.readSync(buffer, 0, buffer.length, offset) ?? 0;
    const body = readBody(buffer.subarray(0, bytes), 0, false);
    return {
      seq,
      device: segment.device(seq),
      arrivedAt: segment.arrivedAt(seq),
      topic: body?.topic ?? '',
      payload: body?.payload ?? Buffer.alloc(0),
      retain: body?.retain ?? false,
      sound: body?.sound ?? false,
      kept: readHeaders(body?.headers),
    };
  }

  /** The segment's file is about to be removed, or was replaced. Reads under way end as they would have. */
  forget(segment: Segment): void {
    if (this.#syncFile?.segment === segment) this.#closeSyncFile();
    const kept = this.#files.get(segment);
    if (kept?.users === 0) this.#drop(segment);
  }

  /** What the disk is at ends first; reads of more than that reject. Never rejects: nothing depends on when such a file is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    try {
      this.#closeSyncFile();
    } catch {
      // It was only read.
    }
    await new Promise<void>((resolve) => this.betweenReads(resolve));
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map(({ file }) => file.then((opened) => opened.close()).catch(() => {})));
  }

  #plan(fromSeq: number, maxRecords: number, maxBytes: number): Span[] {
    const spans: Span[] = [];
    const { segments } = this.#ranges;
    let count = 0;
    let bytes = 0;
    for (let i = this.#ranges.indexFrom(fromSeq); i < segments.length; i++) {
      const segment = segments[i]!;
      if (segment.unsettled === 0) continue;
      let span: Span | null = null;
      for (let seq = segment.nextUnsettled(fromSeq); seq < segment.end; seq = segment.nextUnsettled(seq + 1)) {
        const offset = segment.offset(seq);
        if (offset === 0) continue;
        const end = segment.recordEnd(seq);
        if (count === maxRecords || (count > 0 && bytes + (end - offset) > maxBytes)) return spans;
        if (span && offset - span.to <= MAX_HOLE_BYTES) {
          span.to = end;
          span.seqs.push(seq);
        } else {
          span = { segment, from: offset, to: end, seqs: [seq] };
          spans.push(span);
        }
        count += 1;
        bytes += end - offset;
      }
    }
    return spans;
  }

  async #readSpan(span: Span, records: JournalRecord[], damaged: (record: DamagedRecord) => void): Promise<void> {
    const { segment, from } = span;
    const kept = this.#take(segment);
    const buffer = Buffer.allocUnsafeSlow(span.to - from);
    let bytes = 0;
    try {
      bytes = await (await kept.file).read(buffer, 0, buffer.length, from);
    } catch (error) {
      // Removed: by us, when all of it was settled meanwhile; else by another's hand, and its records are lost.
      if (!isMissing(error)) throw error;
    } finally {
      kept.users -= 1;
      this.#trim();
    }
    const whole = buffer.subarray(0, bytes);
    for (const seq of span.seqs) {
      if (segment.isSettled(seq)) continue;
      const body = readBody(whole, segment.offset(seq) - from);
      if (!body) {
        damaged({ seq, device: segment.device(seq), arrivedAt: segment.arrivedAt(seq) });
        continue;
      }
      const record = {
        seq,
        device: segment.device(seq),
        arrivedAt: segment.arrivedAt(seq),
        topic: body.topic,
        payload: body.payload,
        retain: body.retain,
      };
      const { replayOf, partition, offset, headers } = body;
      if (headers !== undefined) {
        const place = partition === undefined || offset === undefined ? {} : { partition, offset };
        records.push({ ...record, ...(replayOf === undefined ? place : { replayOf }), headers });
      } else if (replayOf !== undefined) records.push({ ...record, replayOf });
      else if (partition !== undefined && offset !== undefined) records.push({ ...record, partition, offset });
      else records.push(record);
    }
  }

  #take(segment: Segment): { readonly file: Promise<DiskFile>; users: number } {
    let kept = this.#files.get(segment);
    if (!kept) {
      kept = { file: this.#disk.open(path.join(this.#directory, segment.name)), users: 0 };
      this.#files.set(segment, kept);
      kept.file.catch(() => this.#files.delete(segment));
    }
    kept.users += 1;
    return kept;
  }

  #trim(): void {
    for (const [segment, { users }] of this.#files) {
      const removed = segment.closed && segment.unsettled === 0;
      if (users === 0 && (removed || this.#files.size > KEPT_FILES)) this.#drop(segment);
    }
  }

  #drop(segment: Segment): void {
    const kept = this.#files.get(segment);
    this.#files.delete(segment);
    kept?.file.then((file) => file.close()).catch(() => {});
  }

  /** Null when the file is missing. */
  #openSync(segment: Segment): DiskFile | null {
    if (this.#syncFile?.segment !== segment) {
      this.#closeSyncFile();
      try {
        this.#syncFile = { segment, file: this.#disk.openSync(path.join(this.#directory, segment.name)) };
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    return this.#syncFile?.file ?? null;
  }

  #closeSyncFile(): void {
    this.#syncFile?.file.closeSync();
    this.#syncFile = null;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function closed(): Error {
  return new Error('the journal is closed');
}
