// The store of one connection: journal, settlements, ledger and dead letters as one thing.
// Order of durability: a record reaches the journal (fdatasync) before `done`; its settlement commits later, with the
// ledger, in SQLite. A kill between leaves the record pending: it is sent again. `pending` is kept by its own additions
// (commits) and subtractions (settlements); `verify` recounts it from the bitmaps.
import { BridgeError, describeError } from '../domain/errors.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { PassedOver } from '../domain/ports/broker.ts';
import type { ImportedLetter, ImportOutcome } from '../domain/ports/dead-letters.ts';
import type {
  ConnectionStore,
  DamagedRecord,
  DeadLetter,
  JournalEntry,
  JournalRecord,
  ReplayLetter,
  Settlement,
} from '../domain/ports/store.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { within } from '../domain/within.ts';
import { Books, PLACES } from './books.ts';
import { ConnectionLetters } from './connection-letters.ts';
import type { ConnectionStoreOptions } from './connection-store-options.ts';
import { type NewDeadLetter, newLetterKey } from './dead-letter-rows.ts';
import { handOver } from './hand-over.ts';
import { databaseDamaged, journalDamaged } from './incidents.ts';
import { JournalReader } from './journal-reader.ts';
import { JournalUpkeep } from './journal-upkeep.ts';
import { JournalWriter } from './journal-writer.ts';
import { openPlaces, type Places, placesIn } from './places.ts';
import type { Segment } from './segment.ts';
import { IDLE_SEGMENT_BYTES, largeSegmentBytes, segmentBytes } from './segment-size.ts';
import { isDamage } from './sqlite-errors.ts';

export class JournalledConnection implements ConnectionStore {
  readonly id: string;
  /** Its part of the budget of all journals. */
  share = Number.POSITIVE_INFINITY;
  readonly places: Places;
  readonly #options: ConnectionStoreOptions;
  readonly #books: Books;
  readonly #writer: JournalWriter;
  readonly #reader: JournalReader;
  readonly #upkeep: JournalUpkeep;
  readonly #letters: ConnectionLetters;
  readonly #diskListeners: ((error: Error | null) => void)[] = [];
  #damageTold = false;
  #closing: Promise<void> | null = null;
  readonly #hurry = new AbortController();

  constructor(options: ConnectionStoreOptions) {
    const { recovered, disk, directory, tables, letterTables, clock } = options;
    this.id = options.id;
    this.#options = options;
    const now = { lastSeq: () => this.#writer.lastSeq, now: () => clock.now(), places: () => this.places };
    const deadLettersMaxBytes = () => letterTables.maxBytesOf(recovered.key);
    this.#books = new Books({ recovered, tables, letters: letterTables.letters, deadLettersMaxBytes, ...now });
    this.#reader = new JournalReader(disk, directory, recovered.ranges);
    this.places = openPlaces(recovered, tables.getState(recovered.key, PLACES), this.#reader, () =>
      this.#books.saveProgress(),
    );
    this.#writer = new JournalWriter({
      ...options,
      segmentBytes: segmentBytes(options.maxBytes),
      lastSeq: recovered.lastSeq,
      listener: {
        onSegment: (segment) => recovered.ranges.segments.push(segment),
        onCommit: (count) => this.#books.countCommitted(count),
        onLeftOut: (first, count) => this.#orLater(() => this.#books.countLeftOut(first, count)),
        onDisk: (error) => {
          for (const listen of this.#diskListeners) listen(error);
        },
      },
    });
    const barrier = () => tables.database.barrier();
    this.#upkeep = new JournalUpkeep({
      ...options,
      books: this.#books,
      reader: this.#reader,
      bytes: () => this.bytes,
      maxBytes: () => this.maxBytes,
      barrier,
    });
    this.#letters = new ConnectionLetters({
      ...options,
      tables: letterTables,
      barrier,
      books: this.#books,
      writer: this.#writer,
      orLater: (run) => this.#orLater(run),
    });
  }

  /** Takes up work: removes what is settled already. `refusal`: the journal's directory could not be made. */
  start(refusal: Error | null): void {
    if (refusal) this.#writer.refuse(refusal);
    this.#upkeep.remove();
  }

  append(entries: readonly JournalEntry[], done: (error: Error | null) => void, passed?: PassedOver): number {
    const places = placesIn(entries);
    const first = this.#writer.append(entries, (error) => {
      if (error === null)
        this.#books.countPassed(passed?.counts, () => this.places.committed(first, places, passed?.until));
      done(error);
    });
    return first;
  }

  countLeftOut(count: number, devices: readonly (string | null)[] = []): void {
    if (count <= 0) return;
    this.#writer.leaveOut(count);
    for (let i = 0; i < count; i++) this.#letters.leftOut(devices[i] ?? null);
  }

  replay(letters: readonly ReplayLetter[], done: (error: Error | null, first: number) => void): void {
    this.#letters.replay(letters, done);
  }

  importDeadLetters(letters: readonly ImportedLetter[]): ImportOutcome {
    this.#assertOpen();
    return this.#letters.import(letters);
  }

  settle(settlements: readonly Settlement[]): void {
    this.#assertOpen();
    const touched = new Map<Segment, number[]>();
    const outcomes: UplinkOutcome[] = [];
    const letters: NewDeadLetter[] = [];
    let dropped = 0;
    try {
      for (const { seq, outcome } of settlements) {
        const segment = this.#settleOne(seq);
        if (!segment) continue;
        const seqs = touched.get(segment);
        if (seqs) seqs.push(seq);
        else touched.set(segment, [seq]);
        outcomes.push(outcome);
        if (outcome.kind === 'deadLettered') letters.push(this.#deadLetter(segment, seq, outcome));
      }
      this.#letters.assertRoom(letters);
      if (outcomes.length > 0) dropped = this.#books.settle(touched.keys(), outcomes, letters);
    } catch (error) {
      for (const [segment, seqs] of touched) for (const seq of seqs) segment.unsettle(seq);
      this.#tellIfDamaged(error);
      throw error;
    }
    this.#letters.settled(settlements, letters, dropped);
    const damaged = letters.filter(({ reason }) => reason === 'storeDamaged').length;
    if (damaged > 0) this.#options.report(journalDamaged(this.id, damaged));
    for (const segment of touched.keys()) if (segment.closed && segment.unsettled === 0) this.#upkeep.remove();
  }

  bytesOf(seq: number): number {
    return this.#books.ranges.segmentOf(seq)?.bytesOf(seq) ?? 0;
  }

  handOver(seqs: readonly number[]): void {
    this.#assertOpen();
    handOver(this.#books, seqs, (seq) => this.#settleOne(seq));
    this.#upkeep.remove();
  }

  handOverDeadLetters(letters: readonly DeadLetter[]): void {
    this.#assertOpen();
    this.#books.handOverLetters(letters);
  }

  async read(
    fromSeq: number,
    maxRecords: number,
    maxBytes: number,
    damaged: (record: DamagedRecord) => void = () => {},
  ): Promise<readonly JournalRecord[]> {
    this.#assertOpen();
    return this.#reader.read(fromSeq, maxRecords, maxBytes, damaged);
  }

  forEachUnsettled(visit: (seq: number, device: string | null, arrivedAt: number) => void): void {
    this.#books.ranges.forEachUnsettled(visit);
  }

  get lastSeq(): number {
    return this.#writer.lastSeq;
  }

  ledger(): Readonly<Ledger> {
    return this.#books.ledger();
  }

  verify(): number {
    this.#assertOpen();
    return this.#books.verify();
  }

  get maxBytes(): number {
    return Math.min(this.#options.maxBytes, this.share);
  }

  get bytes(): number {
    return this.#books.ranges.segments.reduce((sum, { bytes }) => sum + bytes, this.#upkeep.dyingBytes);
  }

  /** The latest first. */
  deadLetters(limit: number): readonly DeadLetter[] {
    return this.#letters.latest(limit);
  }

  getState(key: string): string | null {
    return this.#options.tables.getState(this.#books.key, key);
  }

  setState(key: string, value: string | null): void {
    this.#options.tables.setState(this.#books.key, key, value);
  }

  onDiskStatus(listen: (error: Error | null) => void): void {
    this.#diskListeners.push(listen);
    if (this.#writer.failure) listen(this.#writer.failure);
  }

  /** About once a second: gives up settled segments and repeats what failed. */
  tick(): void {
    if (this.#closing) return;
    this.#orLater(() => this.#books.saveNumbers());
    this.#orLater(() => this.#letters.tick());
    this.#writer.closeSegmentFrom(largeSegmentBytes(this.maxBytes), IDLE_SEGMENT_BYTES);
    this.#upkeep.tick();
  }

  /** Takes what is settled out of the files. False: a file that is written to, or that waits, still holds some. */
  async erase(): Promise<boolean> {
    this.#writer.closeSegmentFrom(Number.POSITIVE_INFINITY, 0);
    await this.#upkeep.erase();
    return this.#books.ranges.segments.every((segment) => segment.unsettled === segment.recordCount);
  }

  close(hurry?: AbortSignal): Promise<void> {
    if (hurry?.aborted) this.#hurry.abort();
    else hurry?.addEventListener('abort', () => this.#hurry.abort(), { once: true });
    this.#closing ??= this.#close(this.#hurry.signal);
    return this.#closing;
  }

  /** Nothing depends on when a file is closed: on a slow disk, who is in a hurry does not wait for that. */
  async #close(hurry: AbortSignal): Promise<void> {
    try {
      const compacted = this.#upkeep.stopCompaction();
      const readerClosed = this.#reader.close();
      await this.#writer.close(hurry);
      await compacted;
      await this.#upkeep.removeLast(hurry);
      await within(readerClosed, hurry);
      this.#books.saveProgress();
    } catch (error) {
      const message = `The store of ${this.id} could not be closed in order: ${describeError(error)}. Nothing is lost.`;
      this.#options.report({ kind: 'upkeepFailed', connectionId: this.id, message });
    } finally {
      this.#options.onClosed();
    }
  }

  /** Null: settled already. */
  #settleOne(seq: number): Segment | null {
    const { ranges } = this.#books;
    const segment = ranges.segmentOf(seq);
    if (segment) return segment.settle(seq) ? segment : null;
    if (seq <= this.lastSeq && seq > 0) return null;
    throw new RangeError(`Sequence number ${seq} of ${this.id} is not committed (the last one is ${this.lastSeq})`);
  }

  #deadLetter(
    segment: Segment,
    seq: number,
    { reason, detail }: Extract<UplinkOutcome, { kind: 'deadLettered' }>,
  ): NewDeadLetter {
    const { topic, payload, device, arrivedAt, kept } = this.#reader.readSync(segment, seq);
    const letter = { key: newLetterKey(), seq, arrivedAt, topic, payload, device, reason };
    return { ...letter, time: this.#options.clock.now(), detail: { ...detail, ...kept } };
  }

  /** For what the next tick or transaction repeats by itself. */
  #orLater(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#tellIfDamaged(error);
    }
  }

  #tellIfDamaged(error: unknown): void {
    if (this.#damageTold || !isDamage(error)) return;
    this.#damageTold = true;
    this.#options.tables.database.suspect();
    this.#options.report(databaseDamaged(this.id, error));
  }

  #assertOpen(): void {
    if (this.#closing) throw new BridgeError('storeClosed', `The store of ${this.id} is closed`);
  }
}
