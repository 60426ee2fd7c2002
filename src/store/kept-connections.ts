// Deleted connections whose dead letters are kept for a while: a row with nothing else. Defined again, a connection takes them back
// as imported ones; until then they can be looked at and exported, and at the end they go.
import type { KeptLetters } from '../domain/ports/dead-letters.ts';
import type { Database } from './database.ts';

/** The column `deleting`: only its letters are left. (1: its deletion is under way; 0: neither.) */
export const LETTERS_ONLY = 2;

export interface KeptRow extends Omit<KeptLetters, 'keptUntil'> {
  readonly key: number;
}

/** Inside a transaction, when all else of the connection is gone. */
export function keepLetters(database: Database, key: number, now: number): void {
  const { sql } = database;
  sql
    .prepare(
      `UPDATE connections SET deleting = ${LETTERS_ONLY}, deleted_at = ?, received = 0, floor = 0, uncounted = 0, replayed = 0, ` +
        'replayed_to = 0, imported = 0, dead_letters_dropped = 0, dead_letters_aged = 0, dead_letters_discarded = 0 WHERE key = ?',
    )
    .run(Math.round(now), key);
  // Numbers of messages of a journal that is gone: those of the next one begin anew.
  sql.prepare('UPDATE dead_letters SET seq = 0 WHERE connection = ?').run(key);
}

/** The connection is defined again: its kept letters count as imported. Returns how many. */
export function takeBackLetters(database: Database, key: number): number {
  const { sql } = database;
  return database.transaction(() => {
    const counts = sql
      .prepare('SELECT reason, COUNT(*) AS count FROM dead_letters WHERE connection = ? GROUP BY reason')
      .all(key);
    const insert = sql.prepare(
      "INSERT INTO ledger (connection, kind, reason, count) VALUES (?, 'deadLettered', ?, ?) " +
        'ON CONFLICT (connection, kind, reason) DO UPDATE SET count = excluded.count',
    );
    let imported = 0;
    for (const { reason, count } of counts) {
      insert.run(key, String(reason), Number(count));
      imported += Number(count);
    }
    // What was said of it while it was gone, such as a deletion that is read again.
    sql.prepare('DELETE FROM state WHERE connection = ?').run(key);
    sql
      .prepare(
        'UPDATE connections SET deleting = 0, deleted_at = NULL, imported = ?, ' +
          'dead_letters_dropped = 0, dead_letters_aged = 0, dead_letters_discarded = 0 WHERE key = ?',
      )
      .run(imported, key);
    return imported;
  });
}

/** The first deleted comes first. */
export function keptRows({ sql }: Database): KeptRow[] {
  const rows = sql
    .prepare(
      'SELECT c.key, c.id, c.deleted_at AS deletedAt, COUNT(d.id) AS count, COALESCE(SUM(d.bytes), 0) AS bytes ' +
        'FROM connections AS c LEFT JOIN dead_letters AS d ON d.connection = c.key ' +
        `WHERE c.deleting = ${LETTERS_ONLY} GROUP BY c.key ORDER BY c.deleted_at, c.key`,
    )
    .all();
  return rows.map(({ key, id, deletedAt, count, bytes }) => ({
    key: Number(key),
    id: String(id),
    deletedAt: Number(deletedAt),
    count: Number(count),
    bytes: Number(bytes),
  }));
}

/** When it was deleted, wall-clock ms; null: it was not. */
export function deletedAt({ sql }: Database, key: number): number | null {
  const at = sql
    .prepare(`SELECT deleted_at AS at FROM connections WHERE key = ? AND deleting = ${LETTERS_ONLY}`)
    .get(key)?.at;
  return typeof at === 'number' ? at : null;
}
