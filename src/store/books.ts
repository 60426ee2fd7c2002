// The accounts of one connection: ledger, settlements and dead letters, changed in memory only when SQLite has committed them.
import { imbalance, type Ledger } from '../domain/ledger.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { booked, type ConnectionTables, ledgerColumns } from './connection-tables.ts';
import type { DeadLetterTable, NewDeadLetter } from './dead-letters.ts';
import type { Range, Ranges } from './ranges.ts';
import type { Recovered } from './recovery.ts';
import type { Segment } from './segment.ts';

export interface BooksOptions {
  readonly recovered: Recovered;
  readonly tables: ConnectionTables;
  readonly letters: DeadLetterTable;
  readonly deadLettersMaxBytes: number;
  readonly lastSeq: () => number;
}

export class Books {
  readonly key: number;
  readonly ranges: Ranges;
  readonly #options: BooksOptions;
  readonly #uncounted: number;
  #ledger: Ledger;
  #letterBytes: number;
  /** Numbers given to left-out messages that are not in the database yet. */
  #unsaved: Range[] = [];
  #savedSeq: number;

  constructor(options: BooksOptions) {
    const { recovered, letters } = options;
    this.#options = options;
    this.key = recovered.stored.key;
    this.ranges = recovered.ranges;
    this.#uncounted = recovered.uncounted;
    this.#ledger = recovered.ledger;
    this.#letterBytes = letters.bytes(this.key);
    this.#savedSeq = recovered.stored.received;
  }

  /** A copy. */
  ledger(): Ledger {
    return booked(this.#ledger, []);
  }

  countCommitted(count: number): void {
    this.#ledger.received += count;
    this.#ledger.pending += count;
  }

  /** Counts at once; throws when the database refuses, and then the next transaction stores it. */
  countLeftOut(first: number, count: number): void {
    this.#ledger.received += count;
    this.#ledger.expired.journalFull = (this.#ledger.expired.journalFull ?? 0) + count;
    this.#unsaved.push({ base: first, count });
    this.saveProgress();
  }

  /**
   * Stores what no settlement has stored yet: left-out messages and the last sequence number, by which a later start tells
   * committed records that are missing from a tail that never was committed.
   */
  saveProgress(): void {
    if (this.#unsaved.length > 0 || this.#savedSeq !== this.#options.lastSeq()) this.#transact([], () => {});
  }

  /**
   * Bitmaps, ledger and dead letters in one transaction. The bits are set already: on a throw their owner takes them back.
   * Returns how many old dead letters had to go.
   */
  settle(segments: Iterable<Segment>, outcomes: readonly UplinkOutcome[], letters: readonly NewDeadLetter[]): number {
    const { tables, deadLettersMaxBytes, letters: table } = this.#options;
    const { key } = this;
    const ledger = booked(this.#ledger, outcomes);
    let letterBytes = this.#letterBytes;
    let dropped = 0;
    this.#transact([], () => {
      for (const segment of segments) tables.saveBitmap(key, segment.base, segment.count, segment.bitmap());
      this.#saveColumns(ledger, outcomes);
      if (letters.length === 0) return;
      for (const letter of letters) letterBytes += table.insert(key, letter);
      const trimmed = table.trim(key, letterBytes, deadLettersMaxBytes);
      letterBytes = trimmed.bytes;
      dropped = trimmed.dropped;
    });
    this.#ledger = ledger;
    this.#letterBytes = letterBytes;
    return dropped;
  }

  /** These ranges are settled and will have no file. */
  retire(ranges: readonly Range[]): void {
    this.#transact(ranges, () => {});
  }

  /** What is off: between the columns, the ranges and bitmaps, and the rows. 0: it balances. Writes nothing. */
  verify(): number {
    const ledger = this.#ledger;
    const lastSeq = this.#options.lastSeq();
    const unsaved = this.#unsaved.reduce((sum, { count }) => sum + count, 0);
    let off = Math.abs(imbalance(ledger));
    off += Math.abs(this.ranges.countAll() + unsaved - lastSeq);
    off += Math.abs(lastSeq - this.#uncounted - ledger.received);
    off += Math.abs(this.ranges.countUnsettled() - ledger.pending);
    // The rows must say what memory says: memory is gone at the next start.
    const stored = new Map<string, number>();
    for (const { kind, reason, count } of ledgerColumns(this.#options.tables.loadLedger(this.key))) {
      stored.set(`${kind}.${reason}`, count);
    }
    for (const { kind, reason, count } of ledgerColumns(ledger)) {
      const due = reason === 'journalFull' ? unsaved : 0;
      off += Math.abs(count - due - (stored.get(`${kind}.${reason}`) ?? 0));
    }
    return off;
  }

  #saveColumns(ledger: Ledger, outcomes: readonly UplinkOutcome[]): void {
    const { tables } = this.#options;
    const saved = new Set<string>();
    for (const outcome of outcomes) {
      const name = outcome.kind === 'delivered' ? outcome.kind : outcome.reason;
      if (saved.has(name)) continue;
      saved.add(name);
      if (outcome.kind === 'delivered') tables.saveCount(this.key, outcome.kind, '', ledger.delivered);
      else {
        const column: Record<string, number | undefined> = ledger[outcome.kind];
        tables.saveCount(this.key, outcome.kind, outcome.reason, column[outcome.reason] ?? 0);
      }
    }
  }

  #transact(retired: readonly Range[], run: () => void): void {
    const { tables } = this.#options;
    const { key, ranges } = this;
    const unsaved = this.#unsaved;
    const lastSeq = this.#options.lastSeq();
    const change = unsaved.length + retired.length > 0 ? ranges.plan([...unsaved, ...retired]) : null;
    tables.database.transaction(() => {
      if (change) tables.saveGone(key, change);
      if (unsaved.length > 0) tables.saveCount(key, 'expired', 'journalFull', this.#ledger.expired.journalFull ?? 0);
      run();
      tables.save(key, lastSeq, change?.floor ?? ranges.floor, this.#uncounted);
    });
    if (change) ranges.apply(change);
    this.#savedSeq = lastSeq;
    this.#unsaved = [];
  }
}
