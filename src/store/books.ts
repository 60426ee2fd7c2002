// The accounts of one connection: ledger, settlements and dead letters, changed in memory only when SQLite has committed them.
//
// received = last sequence number − uncounted − replayed + imported; `uncounted` are those whose outcomes were in a database that
// was set aside, and those handed over to another worker (messages and dead letters); `imported` those that never had a number: dead letters from elsewhere,
// and messages of Kafka that were of no concern here. A replayed dead letter takes a new sequence number: its
// message is `pending` under that one from the commit of the journal on. Booking the replay deletes the letter, takes one off
// `deadLettered` and counts the number as `replayed`, in one transaction. Until it is booked (at once; at the next transaction
// or at the next start when the disk refused or a kill came between) the copy counts as one more message received.
import { book, imbalance, type Ledger, sumReasons } from '../domain/ledger.ts';
import type { DeadLetter, ReplayLetter } from '../domain/ports/store.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import {
  booked,
  type ConnectionTables,
  countReceived,
  ledgerColumns,
  passedAs,
  type StoredNumbers,
  sumOf,
} from './connection-tables.ts';
import type { NewDeadLetter } from './dead-letter-rows.ts';
import type { DeadLetterTable, LetterTotals } from './dead-letters.ts';
import type { Places } from './places.ts';
import { addRange, type Range, type Ranges } from './ranges.ts';
import type { Recovered } from './recovery.ts';
import type { Segment } from './segment.ts';

/** The name of the state that holds the positions. */
export const PLACES = 'places';

export interface BooksOptions {
  readonly recovered: Recovered;
  readonly tables: ConnectionTables;
  readonly letters: DeadLetterTable;
  readonly deadLettersMaxBytes: () => number;
  readonly lastSeq: () => number;
  /** Wall-clock ms. */
  readonly now: () => number;
  /** Saved in the same transaction as what is settled of them. */
  readonly places: () => Pick<Places, 'toSave' | 'saved'>;
}

const NO_LETTERS: LetterTotals = { count: 0, bytes: 0, room: 0, age: 0, person: 0 };

const NONE_PASSED: ReadonlyMap<UplinkOutcome, number> = new Map();

interface Replay extends ReplayLetter {
  readonly seq: number;
}

export class Books {
  readonly key: number;
  readonly ranges: Ranges;
  readonly #options: BooksOptions;
  #ledger: Ledger;
  /** A copy of it; null: it has changed since. */
  #shown: Ledger | null = null;
  #numbers: StoredNumbers;
  /** Numbers given to left-out messages that are not in the database yet. */
  #unsaved: Range[] = [];
  /** In the journal, their letters still there. */
  #unbooked: Replay[] = [];
  /** Counted in memory and not in the database yet. */
  #passed = new Map<UplinkOutcome, number>();

  constructor(options: BooksOptions) {
    const { recovered } = options;
    this.#options = options;
    this.key = recovered.key;
    this.ranges = recovered.ranges;
    this.#numbers = recovered.numbers;
    this.#ledger = recovered.ledger;
  }

  /** The same object as long as nothing is booked: it is asked for once a second, and most connections are quiet. */
  ledger(): Readonly<Ledger> {
    this.#shown ??= booked(this.#ledger, []);
    return this.#shown;
  }

  countCommitted(count: number): void {
    this.#shown = null;
    this.#ledger.received += count;
    this.#ledger.pending += count;
  }

  /** Counts at once; throws when the database refuses, and then the next transaction stores it. */
  countLeftOut(first: number, count: number): void {
    this.#shown = null;
    this.#ledger.received += count;
    this.#ledger.expired.journalFull = (this.#ledger.expired.journalFull ?? 0) + count;
    addRange(this.#unsaved, { base: first, count });
    this.saveProgress();
  }

  /**
   * Received and settled at once, without a number; the next transaction stores it. `moveOn` moves the places behind them, in the
   * same go: a transaction in between would save the one without the other.
   */
  countPassed(counts: ReadonlyMap<UplinkOutcome, number> = NONE_PASSED, moveOn: () => void): void {
    if (counts.size > 0) this.#shown = null;
    for (const [outcome, count] of counts) {
      this.#ledger.received += count;
      book(this.#ledger, outcome, count);
      this.#passed.set(outcome, (this.#passed.get(outcome) ?? 0) + count);
    }
    moveOn();
  }

  /** Their messages are in the journal from `first` on. Throws when the database refuses; then the next transaction books it. */
  countReplayed(first: number, letters: readonly ReplayLetter[]): void {
    for (const [i, letter] of letters.entries()) this.#unbooked.push({ ...letter, seq: first + i });
    this.saveProgress();
  }

  /**
   * Stores what no settlement has stored yet: left-out messages and the last sequence number, by which a later start tells
   * committed records that are missing from a tail that never was committed.
   */
  saveProgress(): void {
    if (this.#options.places().toSave() !== null || this.#passed.size > 0) this.#transact({});
    else this.saveNumbers();
  }

  /**
   * As `saveProgress`, but places and what was passed over can wait: their source has them saved before its group is told, and
   * else offers the messages again.
   */
  saveNumbers(): void {
    const isSaved = this.#numbers.received === this.#options.lastSeq();
    if (!isSaved || this.#unsaved.length + this.#unbooked.length > 0) this.#transact({});
  }

  /**
   * Bitmaps, ledger and dead letters in one transaction. The bits are set already: on a throw their owner takes them back.
   * Returns how many old dead letters had to go.
   */
  settle(segments: Iterable<Segment>, outcomes: readonly UplinkOutcome[], letters: readonly NewDeadLetter[]): number {
    const { tables, deadLettersMaxBytes, letters: table } = this.#options;
    let dropped = 0;
    this.#transact({
      outcomes,
      also: (freed) => {
        for (const segment of segments) tables.saveBitmap(this.key, segment.base, segment.count, segment.bitmap());
        const change = table.keep(this.key, letters, deadLettersMaxBytes() + freed);
        dropped = change.room;
        return change;
      },
    });
    return dropped;
  }

  /** Dead letters from elsewhere: received and dead-lettered, at once. */
  import(letters: readonly NewDeadLetter[]): void {
    const outcomes = letters.map(({ reason, detail }) => ({ kind: 'deadLettered' as const, reason, detail }));
    const { deadLettersMaxBytes, letters: table } = this.#options;
    this.#transact({
      outcomes,
      imported: letters.length,
      also: (freed) => table.keep(this.key, letters, deadLettersMaxBytes() + freed),
    });
  }

  /** As `settle`, for messages that another directory counts from now on. */
  handOver(segments: Iterable<Segment>, count: number): void {
    const { tables } = this.#options;
    this.#transact({
      handedOver: count,
      also: () => {
        for (const segment of segments) tables.saveBitmap(this.key, segment.base, segment.count, segment.bitmap());
        return NO_LETTERS;
      },
    });
  }

  /** Dead letters that another directory has, and counts, from now on. */
  handOverLetters(given: readonly DeadLetter[]): void {
    this.#transact({ given });
  }

  /** These ranges are settled and will have no file. */
  retire(ranges: readonly Range[]): void {
    this.#transact({ retired: ranges });
  }

  /** What is off: between the columns, the ranges and bitmaps, and the rows. 0: it balances. Writes nothing. */
  verify(): number {
    const ledger = this.#ledger;
    const { tables, letters } = this.#options;
    const lastSeq = this.#options.lastSeq();
    const unsaved = this.#unsaved.reduce((sum, { count }) => sum + count, 0);
    let off = Math.abs(imbalance(ledger));
    off += Math.abs(this.ranges.countAll() + unsaved - lastSeq);
    const passed = sumOf(this.#passed.values());
    off += Math.abs(countReceived({ ...this.#numbers, received: lastSeq }) + passed - ledger.received);
    off += Math.abs(this.ranges.countUnsettled() - ledger.pending);
    // Each dead letter is there, or was dropped.
    const { count, room, age, person } = letters.totals(this.key);
    off += Math.abs(sumReasons(ledger.deadLettered) - count - room - age - person);
    // The rows must say what memory says: memory is gone at the next start.
    const stored = new Map<string, number>();
    for (const { kind, reason, count } of ledgerColumns(tables.loadLedger(this.key))) {
      stored.set(`${kind}.${reason}`, count);
    }
    for (const { kind, reason, count } of ledgerColumns(ledger)) {
      const due = (reason === 'journalFull' ? unsaved : 0) + passedAs(this.#passed, kind, reason);
      off += Math.abs(count - due - (stored.get(`${kind}.${reason}`) ?? 0));
    }
    return off;
  }

  /** The columns that `outcomes` and letters that are `gone` have changed. */
  #saveColumns(ledger: Ledger, outcomes: readonly UplinkOutcome[], gone: readonly Pick<DeadLetter, 'reason'>[]): void {
    const { tables } = this.#options;
    const saved = new Set<string>();
    const save = (kind: Exclude<UplinkOutcome['kind'], 'delivered'>, reason: string): void => {
      if (saved.has(reason)) return;
      saved.add(reason);
      const column: Record<string, number | undefined> = ledger[kind];
      tables.saveCount(this.key, kind, reason, column[reason] ?? 0);
    };
    for (const { reason } of gone) save('deadLettered', reason);
    let delivered = false;
    for (const outcome of outcomes) {
      if (outcome.kind === 'delivered') delivered = true;
      else save(outcome.kind, outcome.reason);
    }
    if (delivered) tables.saveCount(this.key, 'delivered', '', ledger.delivered);
  }

  #transact(what: {
    readonly outcomes?: readonly UplinkOutcome[];
    readonly retired?: readonly Range[];
    readonly imported?: number;
    readonly handedOver?: number;
    readonly given?: readonly DeadLetter[];
    /** `freed`: bytes of dead letters that were taken out in this transaction before. */
    readonly also?: (freed: number) => LetterTotals;
  }): void {
    const { tables, letters, lastSeq, now } = this.#options;
    const places = this.#options.places();
    const { key, ranges } = this;
    const { outcomes = [], retired = [], imported = 0, handedOver = 0, given = [], also } = what;
    const unsaved = this.#unsaved;
    const unbooked = this.#unbooked;
    const passed = this.#passed;
    const ledger = booked(this.#ledger, outcomes);
    // Imported ones were never pending.
    ledger.received += imported - handedOver;
    ledger.pending += imported - handedOver;
    const change = unsaved.length + retired.length > 0 ? ranges.plan([...unsaved, ...retired]) : null;
    const numbers = {
      ...this.#numbers,
      received: lastSeq(),
      floor: change?.floor ?? ranges.floor,
      imported: this.#numbers.imported + imported + sumOf(passed.values()),
      uncounted: this.#numbers.uncounted + handedOver,
    };
    const positions = places.toSave();
    const changes: LetterTotals[] = [];
    const commit = (): void => {
      if (change) tables.saveGone(key, change);
      if (unsaved.length > 0) tables.saveCount(key, 'expired', 'journalFull', this.#ledger.expired.journalFull ?? 0);
      const replays = letters.takeOut(key, unbooked, now());
      changes.push(replays.change);
      for (const { reason, seq } of replays.taken) {
        ledger.received -= 1;
        ledger.deadLettered[reason] = (ledger.deadLettered[reason] ?? 0) - 1;
        numbers.replayed += 1;
        numbers.replayedTo = Math.max(numbers.replayedTo, seq);
      }
      const givenAway = letters.giveAway(key, given);
      changes.push(givenAway.change);
      for (const { reason } of givenAway.taken) {
        ledger.received -= 1;
        ledger.deadLettered[reason] = (ledger.deadLettered[reason] ?? 0) - 1;
        numbers.uncounted += 1;
      }
      const gone = [...replays.taken, ...givenAway.taken];
      this.#saveColumns(ledger, passed.size === 0 ? outcomes : [...outcomes, ...passed.keys()], gone);
      if (also) changes.push(also(-replays.change.bytes));
      tables.save(key, numbers);
      if (positions !== null) tables.saveState(key, PLACES, positions);
    };
    // Who imports may delete the file afterwards; what was handed over must not come back.
    if (imported + handedOver + given.length > 0) tables.database.durably(commit);
    else tables.database.transaction(commit);
    if (positions !== null) places.saved();
    if (change) ranges.apply(change);
    for (const changed of changes) letters.note(key, changed);
    for (const { id } of unbooked) letters.replaying.delete(id);
    this.#ledger = ledger;
    this.#shown = null;
    this.#numbers = numbers;
    this.#unsaved = [];
    this.#unbooked = [];
    this.#passed = new Map();
  }
}
