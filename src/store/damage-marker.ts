// Damage that shows in use and that the look at a start does not find: an index that differs from its table. Such a row cannot be
// deleted, and whatever has to delete it fails each time. So it is written down beside the database that damage was seen; the next
// start makes the indexes anew from the tables and looks at everything, which takes too long for each start.
import fs from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { describeError } from '../domain/errors.ts';
import { damage, resultCode, SQLITE_CONSTRAINT } from './sqlite-errors.ts';

const START_TABLES = ['connections', 'segments'];

export class DamageMarker {
  readonly #file: string;
  #isSet: boolean;

  /** `database`: its file. Throws what the file system throws. */
  constructor(database: string) {
    this.#file = `${database}.suspect`;
    this.#isSet = fs.existsSync(this.#file);
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** Does not throw: on a disk that takes no more, a later sight of the damage tries again. */
  set(): void {
    if (this.#isSet) return;
    try {
      const fd = fs.openSync(this.#file, 'w', 0o600);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      this.#isSet = true;
    } catch {
      // The start after this one finds the database as this one did.
    }
  }

  clear(): void {
    fs.rmSync(this.#file, { force: true });
    this.#isSet = false;
  }
}

/**
 * Of the tables by which a start finds everything else: a connection that its index hides would begin anew beside its own rows, and
 * nothing would fail. They are small. Throws what SQLite throws.
 */
export function hasSoundIndexes(sql: DatabaseSync): boolean {
  return START_TABLES.every((table) => {
    const isThere = sql.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;
    return !isThere || sql.prepare(`PRAGMA integrity_check(${table})`).get()?.integrity_check === 'ok';
  });
}

/**
 * Indexes anew, and a look at everything; where that fails, the file stays as it was. Throws an `isDamage` error where it cannot be
 * repaired, and whatever else SQLite throws.
 */
export function repair(sql: DatabaseSync): void {
  sql.exec('BEGIN IMMEDIATE');
  try {
    sql.exec('REINDEX');
    const verdict = sql.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
    if (verdict !== 'ok') throw damage(String(verdict));
    sql.exec('COMMIT');
  } catch (error) {
    if (sql.isTransaction) sql.exec('ROLLBACK');
    // Two rows with one key: an index that allows one cannot be made of them.
    if (resultCode(error) === SQLITE_CONSTRAINT) throw damage(describeError(error));
    throw error;
  }
}
