// What a connection's journal holds at start: files and database are brought together, and what is missing is booked.
//
// Every sequence number up to the last one must be accounted for: at or below the floor or in a gone range (settled, no
// file), in a segment (settled or with its record), given to a message that was left out, or lost. Lost ones were damaged
// on the disk: they become dead letters `storeDamaged`, so that the ledger balances and a person hears of it.
// The database may know less than the journal (a power loss took its last commits): then records are pending again.
import path from 'node:path';
import { imbalance, type Ledger } from '../domain/ledger.ts';
import { abortableDisk } from './abortable-disk.ts';
import { type ConnectionTables, countReceived, ledgerColumns, type StoredNumbers } from './connection-tables.ts';
import { type NewDeadLetter, newLetterKey } from './dead-letter-rows.ts';
import type { DeadLetterTable } from './dead-letters.ts';
import type { Disk } from './disk.ts';
import type { ReportIncident } from './incidents.ts';
import { type Range, Ranges } from './ranges.ts';
import { readSegments } from './recovery-files.ts';
import { findUnbooked } from './recovery-replays.ts';
import { Segment } from './segment.ts';
import { type Stray, setStraysAside } from './strays.ts';

/** Lost records beyond this number in one start are counted in the ledger, and as dropped: they have no letter of their own. */
const MAX_LOST_LETTERS = 1000;

export interface RecoveryOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly tables: ConnectionTables;
  readonly letters: DeadLetterTable;
  readonly report: ReportIncident;
  /** Wall-clock ms. */
  readonly now: number;
  /** Breaks it off; what was not done is done by the next one. */
  readonly signal?: AbortSignal | undefined;
}

export interface Recovered {
  /** Of the connection's row. */
  readonly key: number;
  readonly numbers: StoredNumbers;
  readonly ranges: Ranges;
  readonly lastSeq: number;
  readonly ledger: Ledger;
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { id, directory, tables, report, signal } = options;
  const disk = abortableDisk(options.disk, signal);
  const stored = tables.open(id);
  const { gone, bitmaps } = tables.loadRanges(stored.key);
  const before = new Ranges(stored.floor, gone, []);
  const files = await readSegments({ id, disk, directory, report, ranges: before, stored, bitmaps });

  const segments = files.segments;
  // What a compacted file does not have was settled; without its row nobody knows how.
  let compactedAway = 0;
  for (const segment of segments) if (!stored.existed && segment.isCompacted) compactedAway += segment.settledCount;
  for (const segment of segments) {
    const bitmap = bitmaps.get(segment.base);
    if (bitmap) extend(segment, bitmap, nextBase(segments, segment) - segment.base);
    bitmaps.delete(segment.base);
  }
  // Rows whose file is missing: what they say is settled is settled.
  for (const [base, bitmap] of bitmaps) {
    const orphan = new Segment({ base, salt: 0, leftOutBefore: 0 });
    const next = segments.find((segment) => segment.base > base)?.base ?? stored.received + 1;
    extend(orphan, bitmap, next - base);
    orphan.close();
    segments.push(orphan);
  }
  segments.sort((a, b) => a.base - b.base);

  const ranges = new Ranges(stored.floor, gone, segments);
  const lastSeq = Math.max(stored.received, stored.floor, segments.at(-1) ? segments.at(-1)!.end - 1 : 0, lastOf(gone));
  const gaps = findGaps(ranges, lastSeq);
  const lostInside = lostRecords(segments);
  const ledger = tables.loadLedger(stored.key);
  const unbooked = await findUnbooked({ ...options, disk }, stored, segments);
  const numbers = { ...stored };

  if (gaps.length > 0 || lostInside.length > 0 || unbooked.length > 0 || compactedAway > 0) {
    // Without its row, a connection's earlier numbers are not lost: their outcomes were in the database that was set aside.
    const forgotten = stored.existed ? [] : gaps.filter((gap) => !gap.leftOut);
    const lostGaps = stored.existed ? gaps.filter((gap) => !gap.leftOut) : [];
    numbers.uncounted += total(forgotten) + compactedAway;
    const leftOut = total(gaps) - total(forgotten) - total(lostGaps);
    const lost = lostInside.length + total(lostGaps);
    if (leftOut > 0) ledger.expired.journalFull = (ledger.expired.journalFull ?? 0) + leftOut;
    if (lost > 0) ledger.deadLettered.storeDamaged = (ledger.deadLettered.storeDamaged ?? 0) + lost;
    const touched = new Set<Segment>();
    for (const { segment, seq } of lostInside) {
      segment.settle(seq);
      touched.add(segment);
    }
    const change = ranges.plan(gaps);
    numbers.received = lastSeq;
    numbers.floor = change.floor;
    for (const { seq, reason } of unbooked) {
      ledger.deadLettered[reason] = (ledger.deadLettered[reason] ?? 0) - 1;
      numbers.replayed += 1;
      numbers.replayedTo = Math.max(numbers.replayedTo, seq);
    }
    tables.database.transaction(() => {
      for (const segment of touched) tables.saveBitmap(stored.key, segment.base, segment.count, segment.bitmap());
      tables.saveGone(stored.key, change);
      for (const column of ledgerColumns(ledger)) {
        tables.saveCount(stored.key, column.kind, column.reason, column.count);
      }
      tables.save(stored.key, numbers);
      options.letters.takeOut(stored.key, unbooked, options.now);
      keepLost(options, stored.key, lostInside, lostGaps);
    });
    options.letters.forgetTotals(stored.key);
    ranges.apply(change);
    tell(options, lost, total(forgotten) + compactedAway);
  }

  ledger.received = countReceived({ ...numbers, received: lastSeq });
  ledger.pending = ranges.countUnsettled();
  // Messages that are missing from the counts may be in what the database calls gone.
  const isCounted = imbalance(ledger) === 0;
  const uncounted = files.gone.map((name): Stray => ({ name, why: 'gone' }));
  await setStraysAside({ id, disk, directory, report }, isCounted ? files.strays : [...files.strays, ...uncounted]);
  const obsolete = isCounted ? [...files.obsolete, ...files.gone] : files.obsolete;
  // After a power loss the database must still know that these were settled.
  if (obsolete.length > 0) await tables.database.barrier();
  for (const name of obsolete) {
    signal?.throwIfAborted();
    await disk.remove(path.join(directory, name));
  }
  return { key: stored.key, numbers, ranges, lastSeq, ledger };
}

/** Marks what the row says is settled, also of records that the file has no more. */
function extend(segment: Segment, bitmap: Uint8Array, room: number): void {
  const known = Math.min(lastBit(bitmap), room);
  if (known > segment.count) segment.addMissing(known - segment.count);
  segment.applyBitmap(bitmap);
}

/** Records up to the last settled one. */
function lastBit(bitmap: Uint8Array): number {
  for (let i = bitmap.length - 1; i >= 0; i--) {
    if (bitmap[i] !== 0) return i * 8 + 32 - Math.clz32(bitmap[i]!);
  }
  return 0;
}

function nextBase(segments: readonly Segment[], segment: Segment): number {
  return segments[segments.indexOf(segment) + 1]?.base ?? Number.POSITIVE_INFINITY;
}

function lastOf(gone: readonly Range[]): number {
  const last = gone.at(-1);
  return last ? last.base + last.count - 1 : 0;
}

interface Gap extends Range {
  /** True: given to messages that were left out; their file says so. */
  readonly leftOut: boolean;
}

/** Sequence numbers up to `lastSeq` that nothing accounts for. */
function findGaps(ranges: Ranges, lastSeq: number): Gap[] {
  const covered = [
    ...ranges.gone.map((range) => ({ base: range.base, end: range.base + range.count, leftOutBefore: 0 })),
    ...ranges.segments.map(({ base, end, leftOutBefore }) => ({ base, end, leftOutBefore })),
    { base: lastSeq + 1, end: lastSeq + 1, leftOutBefore: 0 },
  ].sort((a, b) => a.base - b.base);
  const gaps: Gap[] = [];
  let next = ranges.floor + 1;
  for (const { base, end, leftOutBefore } of covered) {
    if (base > next) {
      const leftOut = Math.min(leftOutBefore, base - next);
      const missing = base - next - leftOut;
      if (missing > 0) gaps.push({ base: next, count: missing, leftOut: false });
      if (leftOut > 0) gaps.push({ base: base - leftOut, count: leftOut, leftOut: true });
    }
    next = Math.max(next, end);
  }
  return gaps;
}

interface LostRecord {
  readonly segment: Segment;
  readonly seq: number;
}

function lostRecords(segments: readonly Segment[]): LostRecord[] {
  const lost: LostRecord[] = [];
  for (const segment of segments) {
    for (let seq = segment.nextUnsettled(segment.base); seq < segment.end; seq = segment.nextUnsettled(seq + 1)) {
      if (segment.offset(seq) === 0) lost.push({ segment, seq });
    }
  }
  return lost;
}

function keepLost(options: RecoveryOptions, key: number, inside: readonly LostRecord[], gaps: readonly Range[]): void {
  const { letters, now } = options;
  const kept: NewDeadLetter[] = [];
  const keep = (seq: number): void => {
    kept.push({
      key: newLetterKey(),
      seq,
      time: now,
      arrivedAt: now,
      topic: '',
      payload: Buffer.alloc(0),
      device: null,
      reason: 'storeDamaged',
      detail: { message: 'The journal was damaged on the disk: this message could not be read any more.' },
    });
  };
  const hasRoom = (): boolean => kept.length < MAX_LOST_LETTERS;
  for (const { seq } of inside) if (hasRoom()) keep(seq);
  for (const gap of gaps) for (let seq = gap.base; seq < gap.base + gap.count && hasRoom(); seq++) keep(seq);
  letters.keep(key, kept, Number.POSITIVE_INFINITY);
  letters.countLost(key, inside.length + total(gaps) - kept.length);
}

function total(ranges: readonly Range[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

function tell({ id, report }: RecoveryOptions, lost: number, forgotten: number): void {
  if (lost > 0) {
    report({
      kind: 'journalDamaged',
      connectionId: id,
      lost,
      message:
        `The journal of ${id} was damaged on the disk: ${lost} message(s) could not be read any more and are counted ` +
        'as dead letters (storeDamaged). Check the disk.',
    });
  }
  if (forgotten > 0) {
    report({
      kind: 'ledgerRestarted',
      connectionId: id,
      message:
        `The ledger of ${id} starts anew: the outcomes of ${forgotten} earlier message(s) were in a database that is gone. ` +
        'Messages still in the journal are sent again.',
    });
  }
}
