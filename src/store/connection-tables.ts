// The rows of connections: sequence numbers, bitmaps of settlements, ledger, small states.
import type { StatementSync } from 'node:sqlite';
import { book, emptyLedger, type Ledger } from '../domain/ledger.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { Database } from './database.ts';
import { keepLetters, LETTERS_ONLY, takeBackLetters } from './kept-connections.ts';
import type { GoneChange, Range } from './ranges.ts';

export interface StoredConnection extends StoredNumbers {
  readonly key: number;
  /** False: nothing was known of it, or no more than its name. */
  readonly existed: boolean;
}

export interface StoredNumbers {
  /** The last sequence number known to be committed. */
  readonly received: number;
  readonly floor: number;
  /** Sequence numbers whose outcomes were in a database that was set aside. */
  readonly uncounted: number;
  /** Sequence numbers given to replayed dead letters, and the last of them. */
  readonly replayed: number;
  readonly replayedTo: number;
  /** Messages that have no sequence number: imported dead letters, and those of no concern that were counted as they passed. */
  readonly imported: number;
}

const NO_NUMBERS: StoredNumbers = { received: 0, floor: 0, uncounted: 0, replayed: 0, replayedTo: 0, imported: 0 };

/** Messages that were ever taken, with `received` as the last sequence number. */
export function countReceived({ received, uncounted, replayed, imported }: StoredNumbers): number {
  return received - uncounted - replayed + imported;
}

/** A ledger's column and reason; `delivered` has no reason. */
export type Column = Pick<Exclude<UplinkOutcome, { kind: 'delivered' }>, 'kind' | 'reason'> | { kind: 'delivered' };

const REASONED = ['expired', 'filtered', 'skipped', 'deadLettered'] as const;

/** See commands.ts and shadows.ts. */
const COMMAND_TABLES = ['commands', 'command_ledger', 'riding_versions', 'served_devices'];

/** The names and counts of a ledger's columns. */
export function ledgerColumns(ledger: Ledger): { kind: string; reason: string; count: number }[] {
  const columns = [{ kind: 'delivered', reason: '', count: ledger.delivered }];
  for (const kind of REASONED) {
    for (const [reason, count] of Object.entries(ledger[kind])) columns.push({ kind, reason, count: count ?? 0 });
  }
  return columns;
}

export class ConnectionTables {
  readonly database: Database;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #ids: StatementSync;
  readonly #save: StatementSync;
  readonly #saveCount: StatementSync;
  readonly #keys: StatementSync;
  readonly #counts: StatementSync;
  readonly #saveSegment: StatementSync;
  readonly #dropSegment: StatementSync;
  readonly #segments: StatementSync;
  readonly #getState: StatementSync;
  readonly #setState: StatementSync;
  readonly #dropState: StatementSync;

  constructor(database: Database) {
    this.database = database;
    const { sql } = database;
    this.#find = sql.prepare(
      'SELECT key, received, floor, uncounted, replayed, replayed_to AS replayedTo, imported, deleting FROM connections WHERE id = ?',
    );
    this.#insert = sql.prepare('INSERT INTO connections (id) VALUES (?)');
    this.#ids = sql.prepare('SELECT id FROM connections WHERE deleting = ? ORDER BY id');
    this.#keys = sql.prepare('SELECT key FROM connections');
    this.#save = sql.prepare(
      'UPDATE connections SET received = ?, floor = ?, uncounted = ?, replayed = ?, replayed_to = ?, imported = ? WHERE key = ?',
    );
    this.#saveCount = sql.prepare(
      'INSERT INTO ledger (connection, kind, reason, count) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (connection, kind, reason) DO UPDATE SET count = excluded.count',
    );
    this.#counts = sql.prepare('SELECT kind, reason, count FROM ledger WHERE connection = ?');
    this.#saveSegment = sql.prepare(
      'INSERT INTO segments (connection, base, count, settled) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (connection, base) DO UPDATE SET count = excluded.count, settled = excluded.settled',
    );
    this.#dropSegment = sql.prepare('DELETE FROM segments WHERE connection = ? AND base = ?');
    this.#segments = sql.prepare('SELECT base, count, settled FROM segments WHERE connection = ? ORDER BY base');
    this.#getState = sql.prepare('SELECT value FROM state WHERE connection = ? AND name = ?');
    this.#setState = sql.prepare(
      'INSERT INTO state (connection, name, value) VALUES (?, ?, ?) ' +
        'ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value',
    );
    this.#dropState = sql.prepare('DELETE FROM state WHERE connection = ? AND name = ?');
  }

  ids(deleting: boolean): string[] {
    return this.#ids.all(deleting ? 1 : 0).map((row) => String(row.id));
  }

  /** Finds the connection's row or makes it. */
  open(id: string): StoredConnection {
    const row = this.#find.get(id);
    if (!row) {
      const { lastInsertRowid } = this.database.transaction(() => this.#insert.run(id));
      return { key: Number(lastInsertRowid), existed: false, ...NO_NUMBERS };
    }
    const key = Number(row.key);
    if (Number(row.deleting) === LETTERS_ONLY) {
      return { key, existed: true, ...NO_NUMBERS, imported: takeBackLetters(this.database, key) };
    }
    const numbers: StoredNumbers = {
      received: Number(row.received),
      floor: Number(row.floor),
      uncounted: Number(row.uncounted),
      replayed: Number(row.replayed),
      replayedTo: Number(row.replayedTo),
      imported: Number(row.imported),
    };
    return { key, existed: this.#isKnown(key, numbers), ...numbers };
  }

  /** False: the row is as it was made. An opening that was broken off before the journal was read leaves it so. */
  #isKnown(key: number, numbers: StoredNumbers): boolean {
    if (Object.values(numbers).some((number) => number !== 0)) return true;
    return this.#segments.get(key) !== undefined || this.#counts.get(key) !== undefined;
  }

  /** Of all connections' rows. */
  keys(): number[] {
    return this.#keys.all().map(({ key }) => Number(key));
  }

  /** As `keyOf`; null too where only its dead letters are kept: it has no states that anybody may set or ask for. */
  liveKeyOf(id: string): number | null {
    const row = this.#find.get(id);
    return row === undefined || Number(row.deleting) === LETTERS_ONLY ? null : Number(row.key);
  }

  /** Null: nothing is stored of it. */
  keyOf(id: string): number | null {
    const row = this.#find.get(id);
    return row === undefined ? null : Number(row.key);
  }

  /** The columns of outcomes; `received` and `pending` are left at 0. */
  loadLedger(key: number): Ledger {
    const ledger = emptyLedger();
    for (const { kind, reason, count } of this.#counts.all(key)) {
      if (kind === 'delivered') ledger.delivered = Number(count);
      else {
        const column: Record<string, number> | undefined = ledger[kind as (typeof REASONED)[number]];
        if (column) column[String(reason)] = Number(count);
      }
    }
    return ledger;
  }

  loadRanges(key: number): { gone: Range[]; bitmaps: Map<number, Uint8Array> } {
    const gone: Range[] = [];
    const bitmaps = new Map<number, Uint8Array>();
    for (const { base, count, settled } of this.#segments.all(key)) {
      if (settled instanceof Uint8Array) bitmaps.set(Number(base), settled);
      else gone.push({ base: Number(base), count: Number(count) });
    }
    return { gone, bitmaps };
  }

  // What follows is called inside a transaction.

  save(key: number, { received, floor, uncounted, replayed, replayedTo, imported }: StoredNumbers): void {
    this.#save.run(received, floor, uncounted, replayed, replayedTo, imported, key);
  }

  saveCount(key: number, kind: string, reason: string, count: number): void {
    this.#saveCount.run(key, kind, reason, count);
  }

  saveBitmap(key: number, base: number, count: number, bitmap: Uint8Array): void {
    this.#saveSegment.run(key, base, count, bitmap);
  }

  saveGone(key: number, change: GoneChange): void {
    for (const base of change.removed) this.#dropSegment.run(key, base);
    for (const range of change.written) this.#saveSegment.run(key, range.base, range.count, null);
  }

  saveState(key: number, name: string, value: string): void {
    this.#setState.run(key, name, value);
  }

  getState(key: number, name: string): string | null {
    const value = this.#getState.get(key, name)?.value;
    return typeof value === 'string' ? value : null;
  }

  setState(key: number, name: string, value: string | null): void {
    this.database.durably(() => {
      if (value === null) this.#dropState.run(key, name);
      else this.#setState.run(key, name, value);
    });
  }

  /** Marks a connection so that its deletion is finished even by a later process. Durable. */
  markDeleting(id: string): void {
    const mark = this.database.sql.prepare(
      'INSERT INTO connections (id, deleting) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET deleting = 1',
    );
    this.database.durably(() => mark.run(id));
  }

  /** All but its dead letters goes, and they are kept from `now` on. False: there are none, or they were kept already. */
  keepLettersOnly(id: string, now: number): boolean {
    const { sql } = this.database;
    const row = sql.prepare('SELECT key, deleted_at AS deletedAt FROM connections WHERE id = ?').get(id);
    if (row === undefined || row.deletedAt !== null) return false;
    const key = Number(row.key);
    if (sql.prepare('SELECT 1 FROM dead_letters WHERE connection = ? LIMIT 1').get(key) === undefined) return false;
    this.database.durably(() => {
      this.#deleteAllButLetters(key);
      keepLetters(this.database, key, now);
    });
    return true;
  }

  /** Removes up to `limit` of its dead letters; false when none were left and the rest of its rows is gone too. */
  deleteSome(id: string, limit: number): boolean {
    const { sql } = this.database;
    const found = this.#find.get(id)?.key;
    if (found === undefined) return false;
    const key = Number(found);
    return this.database.transaction(() => {
      const letters = sql.prepare(
        'DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE connection = ? LIMIT ?)',
      );
      if (Number(letters.run(key, limit).changes) > 0) return true;
      this.#deleteAllButLetters(key);
      sql.prepare('DELETE FROM connections WHERE key = ?').run(key);
      return false;
    });
  }

  #deleteAllButLetters(key: number): void {
    for (const table of ['segments', 'ledger', 'state', 'replayed_letters', 'expired', ...COMMAND_TABLES]) {
      this.database.sql.prepare(`DELETE FROM ${table} WHERE connection = ?`).run(key);
    }
  }
}

/** The ledger with these outcomes booked; `pending` less their number. The given one is not changed. */
export function booked(ledger: Ledger, outcomes: readonly UplinkOutcome[]): Ledger {
  const after: Ledger = {
    ...ledger,
    expired: { ...ledger.expired },
    filtered: { ...ledger.filtered },
    skipped: { ...ledger.skipped },
    deadLettered: { ...ledger.deadLettered },
  };
  for (const outcome of outcomes) book(after, outcome);
  after.pending -= outcomes.length;
  return after;
}

export function sumOf(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

/** Of one column, what is counted in memory alone. */
export function passedAs(passed: ReadonlyMap<UplinkOutcome, number>, kind: string, reason: string): number {
  let sum = 0;
  for (const [outcome, count] of passed) {
    if (outcome.kind === kind && outcome.kind !== 'delivered' && outcome.reason === reason) sum += count;
  }
  return sum;
}
