// The writing side of one journal: group commits (at most one in flight), new segments, and what happens when the disk refuses.
import path from 'node:path';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { JournalEntry } from '../domain/ports/store.ts';
import { within } from '../domain/within.ts';
import { abortableDisk } from './abortable-disk.ts';
import type { Disk, DiskFile } from './disk.ts';
import { probeDisk, type Remains, removeRemains } from './disk-probe.ts';
import { type BufferPool, type Done, Group } from './group.ts';
import { ownerOf, SEGMENT_HEADER_BYTES, writeSegmentHeader } from './record-format.ts';
import { Segment } from './segment.ts';

/** A segment's bitmap is rewritten with each settlement: this keeps it at 8 KiB. */
const MAX_SEGMENT_RECORDS = 65_536;
const PROBE_MS = 1000;
const MIN_PROBE_BYTES = 64 * 1024;

export interface WriterListener {
  /** A new segment has its first records; it is the last one. */
  onSegment(segment: Segment): void;
  /** Records are durable and in their segment's index; their `done` come after this. */
  onCommit(count: number): void;
  /** Sequence numbers `first`… were given to messages that were left out. */
  onLeftOut(first: number, count: number): void;
  onDisk(error: Error | null): void;
}

export interface WriterOptions {
  /** The connection's. */
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly pool: BufferPool;
  /** Random, one per run. */
  readonly salt: number;
  readonly segmentBytes: number;
  readonly lastSeq: number;
  /** False: there may be room, but it is needed for something else. */
  readonly mayResume: () => boolean;
  readonly listener: WriterListener;
}

export class JournalWriter {
  /** The last sequence number that is committed or was left out. */
  lastSeq: number;
  readonly #options: WriterOptions;
  #nextSeq: number;
  readonly #queue: Group[] = [];
  #inFlight: Group | null = null;
  #open: { segment: Segment; file: DiskFile } | null = null;
  #leftOutRun = 0;
  #failure: Error | null = null;
  #closed = false;
  /** Ends a probe of the disk: nothing is written any more. */
  readonly #ended = new AbortController();
  #idle: Promise<void> = Promise.resolve();
  #cancelProbe: Cancel | null = null;
  #probing: Promise<void> = Promise.resolve();
  /** What a failed write may have left behind: to be mended before the journal takes records again. */
  #remains: Remains | null = null;
  #probeBytes = MIN_PROBE_BYTES;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.lastSeq = options.lastSeq;
    this.#nextSeq = options.lastSeq + 1;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  append(entries: readonly JournalEntry[], done: Done): number {
    const first = this.#nextSeq;
    const refusal = this.#closed ? new Error('The journal is closed') : this.#failure;
    if (refusal || entries.length === 0) {
      const last = this.#queue.at(-1) ?? this.#inFlight;
      if (!refusal && last) last.waiters.push(done);
      else queueMicrotask(() => done(refusal));
      return first;
    }
    const tail = this.#queue.at(-1);
    const group = tail && tail.leftOutAfter === 0 ? tail : new Group(this.#options.pool, first, this.#options.salt);
    try {
      group.add(entries);
    } catch (error) {
      // Nothing of this call was added.
      if (group !== tail) group.release();
      queueMicrotask(() => done(error as Error));
      return first;
    }
    if (group !== tail) this.#queue.push(group);
    group.waiters.push(done);
    this.#nextSeq += entries.length;
    if (!this.#inFlight) this.#idle = this.#flush();
    return first;
  }

  /** Gives sequence numbers to messages that are not stored, in order with what was appended before. */
  leaveOut(count: number): void {
    const last = this.#queue.at(-1) ?? this.#inFlight;
    if (last) {
      last.leftOutAfter += count;
      this.#nextSeq += count;
    } else this.#bookLeftOut(count);
  }

  /**
   * Closes the open segment from `bytes` on, and from `settledBytes` on when all of it is settled, so that it can be
   * compacted or removed even if nothing is appended any more.
   */
  closeSegmentFrom(bytes: number, settledBytes: number): void {
    if (!this.#open || this.#inFlight) return;
    const { segment } = this.#open;
    if (segment.bytes >= (segment.unsettled === 0 ? Math.min(settledBytes, bytes) : bytes)) this.#closeSegment();
  }

  /** The journal's directory cannot be had: as after a failed write, appends are refused until a probe passes. */
  refuse(error: Error): void {
    this.#failure = error;
    this.#options.listener.onDisk(error);
    this.#probeLater();
  }

  /** Resolves when nothing is in flight. Appends after this are refused. */
  async close(hurry: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#ended.abort();
    await this.#idle;
    this.#cancelProbe?.();
    await this.#probing;
    if (this.#open) {
      const { segment, file } = this.#open;
      this.#open = null;
      segment.close();
      await within(file.close(), hurry);
    }
  }

  async #flush(): Promise<void> {
    // Taken before the first await: `append` starts no second flush while one is in flight.
    for (let group = this.#queue.shift(); group; group = this.#queue.shift()) {
      this.#inFlight = group;
      try {
        await this.#write(group);
      } catch (error) {
        // Before anybody hears that it was not kept: records that a failed write has left whole would be found after a kill.
        // Where the disk refuses that too, it is tried again before the journal takes anything.
        await this.#mend().catch(() => {});
        this.#fail(group, error as Error);
        break;
      }
      this.#commit(group);
      if (group.leftOutAfter > 0) this.#bookLeftOut(group.leftOutAfter);
      group.release();
    }
    this.#inFlight = null;
    if (this.#failure && !this.#closed) await this.#recover();
  }

  async #write(group: Group): Promise<void> {
    const { disk, directory, segmentBytes, salt } = this.#options;
    const bytes = group.length - SEGMENT_HEADER_BYTES;
    let open = this.#open;
    if (open && (open.segment.bytes + bytes > segmentBytes || open.segment.count >= MAX_SEGMENT_RECORDS)) {
      this.#closeSegment();
      open = null;
    }
    if (open) {
      this.#remains = { file: open.segment.name, length: open.segment.bytes };
      await open.file.writeDurably(group.buffer, SEGMENT_HEADER_BYTES, bytes, open.segment.bytes);
    } else {
      const segment = new Segment({ base: group.firstSeq, salt, leftOutBefore: this.#leftOutRun });
      this.#remains = { file: segment.name, length: 0 };
      const file = await disk.create(path.join(directory, segment.name));
      try {
        writeSegmentHeader(group.buffer, segment, ownerOf(this.#options.id));
        await file.writeDurably(group.buffer, 0, group.length, 0);
        await disk.syncDirectory(directory);
      } catch (error) {
        await file.close().catch(() => {});
        throw error;
      }
      this.#open = { segment, file };
      this.#leftOutRun = 0;
    }
    this.#remains = null;
  }

  #commit(group: Group): void {
    const { segment } = this.#open!;
    const isNew = segment.count === 0;
    const shift = segment.bytes - SEGMENT_HEADER_BYTES;
    for (let i = 0; i < group.count; i++) {
      const offset = group.offset(i);
      segment.add(group.words, group.times, offset >> 2, offset + shift);
    }
    this.lastSeq = group.firstSeq + group.count - 1;
    if (isNew) this.#options.listener.onSegment(segment);
    this.#options.listener.onCommit(group.count);
    finish(group, null);
  }

  #bookLeftOut(count: number): void {
    const first = this.lastSeq + 1;
    this.lastSeq += count;
    this.#leftOutRun += count;
    if (this.#nextSeq <= this.lastSeq) this.#nextSeq = this.lastSeq + 1;
    // The gap in the numbers must be between two files.
    this.#closeSegment();
    this.#options.listener.onLeftOut(first, count);
  }

  #closeSegment(): void {
    if (!this.#open) return;
    const { segment, file } = this.#open;
    this.#open = null;
    segment.close();
    // All of it is durable: a failing close takes nothing away.
    file.close().catch(() => {});
  }

  /** Nothing that is in flight or waiting will be read or counted: its numbers are given again. */
  #fail(group: Group, error: Error): void {
    this.#failure = error;
    this.#inFlight = null;
    const failed = [group, ...this.#queue.splice(0)];
    this.#nextSeq = this.lastSeq + 1;
    this.#closeSegment();
    this.#probeBytes = MIN_PROBE_BYTES;
    let leftOut = 0;
    for (const one of failed) {
      this.#probeBytes = Math.max(this.#probeBytes, one.length);
      leftOut += one.leftOutAfter;
    }
    if (leftOut > 0) this.#bookLeftOut(leftOut);
    this.#options.listener.onDisk(error);
    for (const one of failed) {
      finish(one, error);
      one.release();
    }
  }

  /** Cuts off what the failed write left, then waits for room. */
  async #recover(): Promise<void> {
    await this.#mend().catch(() => {});
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#closed) return;
    this.#cancelProbe = this.#options.clock.after(PROBE_MS, () => {
      this.#probing = this.#probe();
    });
  }

  async #probe(): Promise<void> {
    const { disk, directory, listener } = this.#options;
    try {
      await this.#mend();
      if (!this.#options.mayResume()) return this.#probeLater();
      await probeDisk(abortableDisk(disk, this.#ended.signal), directory, this.#probeBytes);
    } catch {
      this.#probeLater();
      return;
    }
    if (this.#closed) return;
    this.#failure = null;
    listener.onDisk(null);
  }

  async #mend(): Promise<void> {
    if (!this.#remains) return;
    await removeRemains(this.#options.disk, this.#options.directory, this.#remains);
    this.#remains = null;
  }
}

function finish(group: Group, error: Error | null): void {
  for (const done of group.waiters) {
    try {
      done(error);
    } catch (thrown) {
      // A listener's defect must not cost the others their answer; it is still an uncaught error.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}
