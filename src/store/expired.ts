// The list of what expired: the last 1,000 uplinks of each connection with device and age, for people. The ledger counts them.
//
// It is written once a second, so that a backlog of a million uplinks that are all too old costs nothing: a kill may take
// the last second of the list, never of the count.
import type { StatementSync } from 'node:sqlite';
import type { ExpiredUplink } from '../domain/ports/dead-letters.ts';
import type { ExpiryReason } from '../domain/uplink.ts';
import type { Database } from './database.ts';

const KEPT = 1000;

export class ExpiredTable {
  readonly #database: Database;
  /** Not written yet, by connection. */
  readonly #waiting = new Map<number, ExpiredUplink[]>();
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #list: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.#database = database;
    this.#insert = sql.prepare(
      'INSERT INTO expired (connection, time, seq, device, reason, age_ms) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#trim = sql.prepare(
      'DELETE FROM expired WHERE connection = ?1 AND id <= ' +
        '(SELECT id FROM expired WHERE connection = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
    );
    this.#list = sql.prepare('SELECT * FROM expired WHERE connection = ? ORDER BY id DESC LIMIT ?');
  }

  add(connection: number, uplink: ExpiredUplink): void {
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) this.#waiting.set(connection, [uplink]);
    else {
      if (waiting.length >= 2 * KEPT) waiting.splice(0, KEPT);
      waiting.push(uplink);
    }
  }

  /** Throws when the disk refuses; then it is for the next call. */
  flush(): void {
    if (this.#waiting.size === 0) return;
    this.#database.transaction(() => {
      for (const [connection, uplinks] of this.#waiting) {
        for (const { time, seq, device, reason, ageMs } of uplinks.slice(-KEPT)) {
          this.#insert.run(connection, Math.round(time), seq, device, reason, Math.round(ageMs));
        }
        this.#trim.run(connection, KEPT);
      }
    });
    this.#waiting.clear();
  }

  /** Throws when the disk refuses. Returns how many there were. */
  forgetDevice(connection: number, device: string): number {
    this.flush();
    const drop = this.#database.sql.prepare('DELETE FROM expired WHERE connection = ? AND device = ?');
    return this.#database.transaction(() => Number(drop.run(connection, device).changes));
  }

  /** The connection is deleted. */
  forget(connection: number): void {
    this.#waiting.delete(connection);
  }

  /** The latest first. */
  list(connection: number, limit: number): ExpiredUplink[] {
    const waiting = (this.#waiting.get(connection) ?? []).slice(-limit).reverse();
    const rows = this.#list.all(connection, Math.min(limit, KEPT) - Math.min(waiting.length, KEPT));
    const written = rows.map((row) => ({
      time: Number(row.time),
      seq: row.seq === null ? null : Number(row.seq),
      device: typeof row.device === 'string' ? row.device : null,
      reason: String(row.reason) as ExpiryReason,
      ageMs: Number(row.age_ms),
    }));
    return [...waiting, ...written].slice(0, Math.min(limit, KEPT));
  }
}
