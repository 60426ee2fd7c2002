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
    this.#list = sql.prepare('SELECT entry FROM audit WHERE key < ? ORDER BY key DESC');
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

  /** Reads no further than it must; the bound of the table is the most that it looks through. */
  list(query: AuditQuery): readonly AuditEntry[] {
    const { limit, beforeId } = query;
    const before = beforeId === undefined ? Number.MAX_SAFE_INTEGER : Number(this.#keyOf.get(beforeId)?.key ?? 0);
    const isAsked = filterOf(query);
    const entries: AuditEntry[] = [];
    for (const row of this.#list.iterate(before)) {
      const entry = JSON.parse(String(row.entry)) as AuditEntry;
      if (isAsked(entry) && entries.push(entry) >= limit) break;
    }
    return entries;
  }
}

/** Here and not in SQLite, which knows capitals of ASCII only. */
function filterOf({ who, action, target, outcome, from, to }: AuditQuery): (entry: AuditEntry) => boolean {
  const has = (part: string | undefined): ((words: string | null) => boolean) => {
    const wanted = part?.toLowerCase();
    return (words) => wanted === undefined || (words ?? '').toLowerCase().includes(wanted);
  };
  const [hasWho, hasAction, hasTarget] = [has(who), has(action), has(target)];
  return (entry) =>
    hasWho(entry.who) &&
    hasAction(entry.action) &&
    hasTarget(entry.target) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (from === undefined || entry.time >= from) &&
    (to === undefined || entry.time < to);
}
