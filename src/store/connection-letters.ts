// The dead letters and the expired uplinks of an open connection: kept with settlements, replayed into the journal, imported.

import { keptHeadersOf } from '../domain/message-headers.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { ImportedLetter, ImportOutcome } from '../domain/ports/dead-letters.ts';
import type { DeadLetter, ReplayLetter, Settlement } from '../domain/ports/store.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { Books } from './books.ts';
import { planImport } from './dead-letter-import.ts';
import type { NewDeadLetter } from './dead-letter-rows.ts';
import type { ReportIncident } from './incidents.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { LetterTables } from './letter-tables.ts';
import { LetterUpkeep } from './letter-upkeep.ts';

/** Beside its message each letter changes a page of an index: their keys are random. */
const LETTER_PAGE_BYTES = 4096;

export interface ConnectionLettersOptions {
  readonly id: string;
  readonly tables: LetterTables;
  readonly clock: Clock;
  readonly books: Books;
  readonly writer: Pick<JournalWriter, 'append'>;
  readonly report: ReportIncident;
  /** Makes what the database has committed durable. */
  readonly barrier: () => Promise<void>;
  /** New dead letters, after their commit. */
  readonly onDeadLetters: (letters: readonly NewDeadLetter[]) => void;
  /** Runs what the next tick or transaction repeats by itself. */
  readonly orLater: (run: () => void) => void;
}

export class ConnectionLetters {
  readonly #o: ConnectionLettersOptions;
  readonly #upkeep: LetterUpkeep;

  constructor(options: ConnectionLettersOptions) {
    const { id, books, clock, report } = options;
    const { letters: table, deadLettersMaxAgeMs: maxAgeMs } = options.tables;
    const maxBytes = () => options.tables.maxBytesOf(books.key);
    this.#o = options;
    this.#upkeep = new LetterUpkeep({ id, key: books.key, table, maxBytes, maxAgeMs, clock, report });
  }

  /** The latest first. */
  latest(limit: number): readonly DeadLetter[] {
    const { tables, books } = this.#o;
    return tables.pages.page(books.key, { filter: {}, order: 'newest', limit, maxBytes: Number.POSITIVE_INFINITY })
      .letters;
  }

  /** Throws as a full disk does when they would take what is left of it. */
  assertRoom(letters: readonly NewDeadLetter[]): void {
    if (letters.length === 0) return;
    let bytes = 0;
    for (const { payload, topic, detail } of letters) {
      bytes += LETTER_PAGE_BYTES + payload.length + topic.length + (detail.record?.length ?? 0);
    }
    this.#o.tables.letters.database.assertRoom(bytes);
  }

  /** After their commit, with the dead letters among them; `dropped`: how many old ones had to go. */
  settled(settlements: readonly Settlement[], letters: readonly NewDeadLetter[], dropped: number): void {
    for (const { seq, outcome } of settlements) if (outcome.kind === 'expired') this.#listExpired(seq, outcome);
    if (letters.length === 0) return;
    this.#upkeep.settled(dropped);
    this.#o.onDeadLetters(letters);
  }

  /** A message had no room in the journal. */
  leftOut(device: string | null): void {
    const time = this.#o.clock.now();
    this.#o.tables.expired.add(this.#o.books.key, { time, seq: null, device, reason: 'journalFull', ageMs: 0 });
  }

  replay(letters: readonly ReplayLetter[], done: (error: Error | null, first: number) => void): void {
    const { barrier, tables } = this.#o;
    for (const { id } of letters) tables.letters.replaying.add(id);
    // What is put on its way must be known as a letter after a power loss too: else its copy would be one more message then,
    // beside the letter that this one had come of.
    barrier().then(
      () => this.#append(letters, done),
      (error: Error) => {
        for (const { id } of letters) tables.letters.replaying.delete(id);
        done(error, 0);
      },
    );
  }

  #append(letters: readonly ReplayLetter[], done: (error: Error | null, first: number) => void): void {
    const { writer, books, orLater } = this.#o;
    const { replaying } = this.#o.tables.letters;
    const entries = letters.map(({ topic, payload, arrivedAt, device, key, detail }) => {
      const kept = keptHeadersOf(detail);
      const headers = kept === null ? {} : { headers: JSON.stringify(kept) };
      return { topic, payload, arrivedAt, device, retain: false, replayOf: key, ...headers };
    });
    const first = writer.append(entries, (error) => {
      // What is not in the journal is a dead letter as before.
      if (error) for (const { id } of letters) replaying.delete(id);
      else orLater(() => books.countReplayed(first, letters));
      done(error, first);
    });
  }

  import(imported: readonly ImportedLetter[]): ImportOutcome {
    const { tables, books, clock } = this.#o;
    const maxBytes = tables.maxBytesOf(books.key);
    const { fresh, outcome } = planImport(tables.letters, books.key, imported, maxBytes, clock.now());
    if (fresh.length > 0) books.import(fresh);
    this.#upkeep.settled(0);
    return outcome;
  }

  /** About once a second. Throws what SQLite throws. */
  tick(): void {
    this.#upkeep.tick();
  }

  #listExpired(seq: number, { reason, emittedAt }: Extract<UplinkOutcome, { kind: 'expired' }>): void {
    const { clock, books, tables } = this.#o;
    const segment = books.ranges.segmentOf(seq);
    if (segment === null) return;
    const time = clock.now();
    const ageMs = Math.max(0, time - (emittedAt ?? segment.arrivedAt(seq)));
    tables.expired.add(books.key, { time, seq, device: segment.device(seq), reason, ageMs });
  }
}
