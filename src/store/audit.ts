// The audit on disk, bounded: the oldest go first.
import type { StatementSync } from 'node:sqlite';
import type { AuditEntry } from '../domain/access.ts';
import type { AuditQuery, AuditStore } from '../domain/ports/access.ts';
import type { Database } from './database.ts';

/** Trimmed once in so many appends. */
const TRIM_EVERY = 100;

export class AuditTable implements AuditStore {
  readonly #database: Database;
  readonly #maxEntries: number;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #keyOf: StatementSync;
  readonly #list: StatementSync;
  #untilTrim = 1;

  constructor(database: Database, maxEntries: number) {
    const { sql } = database;
    this.#database = database;
    this.#maxEntries = maxEntries;
    this.#insert = sql.prepare('INSERT INTO audit (id, entry) VALUES (?, ?)');
    this.#trim = sql.prepare(
      'DELETE FROM audit WHERE key <= (SELECT key FROM audit ORDER BY key DESC LIMIT 1 OFFSET ?)',
    );
    this.#keyOf = sql.prepare('SELECT key FROM audit WHERE id = ?');
    this.#list = sql.prepare('SELECT entry FROM audit WHERE key < ? ORDER BY key DESC LIMIT ?');
  }

  /** Survives a kill; a power loss may take the last ones (the log has them too): log-ins that fail must not cost the line disk waits. Throws when the disk refuses. */
  append(entry: AuditEntry): void {
    this.#database.transaction(() => {
      this.#insert.run(entry.id, JSON.stringify(entry));
      this.#untilTrim -= 1;
      if (this.#untilTrim > 0) return;
      this.#trim.run(this.#maxEntries);
      this.#untilTrim = TRIM_EVERY;
    });
  }

  list({ limit, beforeId }: AuditQuery): readonly AuditEntry[] {
    const before = beforeId === undefined ? Number.MAX_SAFE_INTEGER : Number(this.#keyOf.get(beforeId)?.key ?? 0);
    return this.#list.all(before, limit).map((row) => JSON.parse(String(row.entry)) as AuditEntry);
  }
}
