// Dead letters on disk: the original message, why it was refused, and HERE's answer. Bounded by bytes and age, the oldest go first.
//
// Totals are kept in memory beside the rows, for connections that are open and those that are not; they change only after a
// commit (`note`). A letter that is being replayed (`replaying`) is left alone by all others until its message is booked.
import type { StatementSync } from 'node:sqlite';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { Database } from './database.ts';
import { bytesWith, letterBytes, type NewDeadLetter, toDeadLetter } from './dead-letter-rows.ts';

export interface LetterTotals {
  readonly count: number;
  readonly bytes: number;
  /** Dropped for want of room, by age, by a person. */
  readonly room: number;
  readonly age: number;
  readonly person: number;
}

/** Keys of replayed letters that are remembered per connection. */
const MAX_REPLAYED_KEYS = 100_000;
const NOTHING: LetterTotals = { count: 0, bytes: 0, room: 0, age: 0, person: 0 };

export class DeadLetterTable {
  readonly database: Database;
  /** Ids; they are unique over all connections. */
  readonly replaying = new Set<number>();
  readonly #totals = new Map<number, LetterTotals>();
  readonly #insert: StatementSync;
  readonly #oldest: StatementSync;
  readonly #aged: StatementSync;
  readonly #countAged: StatementSync;
  readonly #delete: StatementSync;
  readonly #get: StatementSync;
  readonly #byKey: StatementSync;
  readonly #sum: StatementSync;
  readonly #addDropped: StatementSync;
  readonly #readDropped: StatementSync;
  readonly #remember: StatementSync;
  readonly #remembered: StatementSync;
  readonly #forget: StatementSync;
  readonly #edit: StatementSync;
  readonly #oldestTime: StatementSync;
  readonly #lastId: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.database = database;
    this.#insert = sql.prepare(
      'INSERT INTO dead_letters (connection, key, seq, time, arrived_at, device, reason, bytes, topic, detail, payload) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (connection, key) DO NOTHING',
    );
    this.#oldest = sql.prepare('SELECT id, bytes FROM dead_letters WHERE connection = ? ORDER BY id LIMIT ?');
    this.#aged = sql.prepare('SELECT id FROM dead_letters WHERE connection = ? AND time < ? ORDER BY time LIMIT ?');
    this.#countAged = sql.prepare('SELECT COUNT(*) AS count FROM dead_letters WHERE connection = ? AND time < ?');
    this.#delete = sql.prepare('DELETE FROM dead_letters WHERE id = ? AND connection = ? RETURNING bytes');
    this.#get = sql.prepare('SELECT * FROM dead_letters WHERE connection = ? AND id = ?');
    this.#byKey = sql.prepare('SELECT id, reason FROM dead_letters WHERE connection = ? AND key = ?');
    this.#sum = sql.prepare(
      'SELECT COUNT(*) AS count, COALESCE(SUM(bytes), 0) AS bytes FROM dead_letters WHERE connection = ?',
    );
    this.#addDropped = sql.prepare(
      'UPDATE connections SET dead_letters_dropped = dead_letters_dropped + ?, ' +
        'dead_letters_aged = dead_letters_aged + ?, dead_letters_discarded = dead_letters_discarded + ? WHERE key = ?',
    );
    this.#readDropped = sql.prepare(
      'SELECT dead_letters_dropped AS room, dead_letters_aged AS age, dead_letters_discarded AS person ' +
        'FROM connections WHERE key = ?',
    );
    this.#remember = sql.prepare('INSERT OR REPLACE INTO replayed_letters (connection, key, time) VALUES (?, ?, ?)');
    this.#remembered = sql.prepare('SELECT 1 AS yes FROM replayed_letters WHERE connection = ? AND key = ?');
    this.#forget = sql.prepare(
      'DELETE FROM replayed_letters WHERE connection = ?1 AND (time < ?2 OR key IN ' +
        '(SELECT key FROM replayed_letters WHERE connection = ?1 ORDER BY time DESC LIMIT -1 OFFSET ?3))',
    );
    this.#edit = sql.prepare(
      'UPDATE dead_letters SET topic = ?, payload = ?, edited_at = ?, original_topic = ?, original_payload = ?, ' +
        'bytes = ? WHERE id = ?',
    );
    this.#oldestTime = sql.prepare('SELECT MIN(time) AS time FROM dead_letters WHERE connection = ?');
    this.#lastId = sql.prepare('SELECT MAX(id) AS id FROM dead_letters WHERE connection = ?');
  }

  /** Read once; whatever changes rows asks for them beforehand. */
  totals(connection: number): LetterTotals {
    let totals = this.#totals.get(connection);
    if (totals === undefined) {
      const { count, bytes } = this.#sum.get(connection) ?? {};
      const { room, age, person } = this.#readDropped.get(connection) ?? {};
      totals = {
        count: Number(count ?? 0),
        bytes: Number(bytes ?? 0),
        room: Number(room ?? 0),
        age: Number(age ?? 0),
        person: Number(person ?? 0),
      };
      this.#totals.set(connection, totals);
    }
    return totals;
  }

  /** After the commit of what returned `change`. */
  note(connection: number, change: LetterTotals): void {
    if (change !== NOTHING) this.#totals.set(connection, sum(this.totals(connection), change));
  }

  /** The connection is deleted. */
  forgetTotals(connection: number): void {
    this.#totals.delete(connection);
  }

  get(connection: number, id: number): DeadLetter | null {
    const row = this.#get.get(connection, id);
    return row === undefined ? null : toDeadLetter(row);
  }

  withKey(connection: number, key: string): { readonly id: number; readonly reason: string } | null {
    const row = this.#byKey.get(connection, key);
    return row === undefined ? null : { id: Number(row.id), reason: String(row.reason) };
  }

  /** Wall-clock ms of the oldest and the highest id. */
  edges(connection: number): { readonly oldestAt: number | null; readonly lastId: number } {
    const oldestAt = this.#oldestTime.get(connection)?.time;
    return {
      oldestAt: typeof oldestAt === 'number' ? oldestAt : null,
      lastId: Number(this.#lastId.get(connection)?.id ?? 0),
    };
  }

  /** True for the key of a letter that was replayed and is not here any more. */
  wasReplayed(connection: number, key: string): boolean {
    return this.#remembered.get(connection, key) !== undefined;
  }

  // What follows is called inside a transaction; the change that is returned must be noted after its commit.

  /** Adds letters (but those whose key is there) and drops the oldest until the rest fits; the newest always stays. */
  keep(connection: number, letters: readonly NewDeadLetter[], maxBytes: number): LetterTotals {
    if (letters.length === 0) return NOTHING;
    const before = this.totals(connection).bytes;
    let count = 0;
    let bytes = 0;
    for (const letter of letters) {
      const added = this.#insertOne(connection, letter);
      if (added > 0) count += 1;
      bytes += added;
    }
    return sum({ ...NOTHING, count, bytes }, this.#trim(connection, before + bytes, maxBytes));
  }

  /** Counted in the ledger, but without letters of their own. */
  countLost(connection: number, count: number): LetterTotals {
    if (count === 0) return NOTHING;
    this.#addDropped.run(count, 0, 0, connection);
    return { ...NOTHING, room: count };
  }

  /** Their messages are in the journal again. `taken`: those that were there. */
  takeOut<L extends { readonly id: number; readonly key: string }>(
    connection: number,
    letters: readonly L[],
    now: number,
  ): { readonly change: LetterTotals; readonly taken: readonly L[] } {
    const out = this.giveAway(connection, letters);
    for (const { key } of out.taken) this.#remember.run(connection, key, Math.round(now));
    return out;
  }

  /** Another directory has them from now on. They may come back from there. */
  giveAway<L extends { readonly id: number }>(
    connection: number,
    letters: readonly L[],
  ): { readonly change: LetterTotals; readonly taken: readonly L[] } {
    let change = NOTHING;
    this.totals(connection);
    const taken: L[] = [];
    for (const letter of letters) {
      const row = this.#delete.get(letter.id, connection);
      if (row === undefined) continue;
      change = sum(change, { ...NOTHING, count: -1, bytes: -Number(row.bytes) });
      taken.push(letter);
    }
    return { change, taken };
  }

  /** Remembers replays no longer than `before` and no more than a bounded number of them. */
  forgetReplayed(connection: number, before: number): void {
    this.#forget.run(connection, Math.round(before), MAX_REPLAYED_KEYS);
  }

  // What follows makes transactions of its own.

  countOlder(connection: number, before: number): number {
    return Number(this.#countAged.get(connection, Math.round(before))?.count ?? 0);
  }

  /** Drops letters that are older, `limit` at most; returns how many. */
  dropOlder(connection: number, before: number, limit: number): number {
    const ids = this.#aged.all(connection, Math.round(before), limit).map((row) => Number(row.id));
    return this.#dropNow(connection, ids, 'age');
  }

  /** By a person; returns how many were there. */
  drop(connection: number, ids: readonly number[]): number {
    return this.#dropNow(connection, ids, 'person');
  }

  /** `editedAt` null: back to the original. */
  change(connection: number, letter: DeadLetter, topic: string, payload: Buffer, editedAt: number | null): void {
    this.totals(connection);
    const before = bytesWith(letter, letter.topic, letter.payload, letter.original);
    const original = editedAt === null ? null : (letter.original ?? { topic: letter.topic, payload: letter.payload });
    const bytes = bytesWith(letter, topic, payload, original);
    this.database.durably(() => {
      const kept = original ?? { topic: null, payload: null };
      this.#edit.run(topic, payload, editedAt, kept.topic, kept.payload, bytes, letter.id);
    });
    this.note(connection, { ...NOTHING, bytes: bytes - before });
  }

  #dropNow(connection: number, ids: readonly number[], why: 'age' | 'person'): number {
    const free = ids.filter((id) => !this.replaying.has(id));
    if (free.length === 0) return 0;
    this.totals(connection);
    const change = this.database.transaction(() => {
      const removed = this.#remove(connection, free, why);
      this.#addDropped.run(0, removed.age, removed.person, connection);
      return removed;
    });
    this.note(connection, change);
    return -change.count;
  }

  #remove(connection: number, ids: readonly number[], why: 'age' | 'person'): LetterTotals {
    let count = 0;
    let bytes = 0;
    for (const id of ids) {
      const row = this.#delete.get(id, connection);
      if (row === undefined) continue;
      count += 1;
      bytes += Number(row.bytes);
    }
    return { ...NOTHING, count: -count, bytes: -bytes, [why]: count };
  }

  #insertOne(connection: number, letter: NewDeadLetter): number {
    const detail = JSON.stringify(letter.detail);
    const bytes = letterBytes(letter, detail);
    const { changes } = this.#insert.run(
      connection,
      letter.key,
      letter.seq,
      Math.round(letter.time),
      Math.round(letter.arrivedAt),
      letter.device,
      letter.reason,
      bytes,
      letter.topic,
      detail,
      letter.payload,
    );
    return Number(changes) === 0 ? 0 : bytes;
  }

  #trim(connection: number, bytes: number, maxBytes: number): LetterTotals {
    if (bytes <= maxBytes) return NOTHING;
    let left = bytes;
    let room = 0;
    while (left > maxBytes) {
      const rows = this.#oldest.all(connection, this.replaying.size + 1);
      const row = rows.find(({ id }) => !this.replaying.has(Number(id)));
      if (!row || Number(row.bytes) === left) break;
      this.#delete.run(Number(row.id), connection);
      left -= Number(row.bytes);
      room += 1;
    }
    if (room > 0) this.#addDropped.run(room, 0, 0, connection);
    return { ...NOTHING, count: -room, bytes: left - bytes, room };
  }
}

function sum(a: LetterTotals, b: LetterTotals): LetterTotals {
  return {
    count: a.count + b.count,
    bytes: a.bytes + b.bytes,
    room: a.room + b.room,
    age: a.age + b.age,
    person: a.person + b.person,
  };
}
