// Events on disk, bounded: the oldest go first. An event of a known id takes its place (one event that grows).
import type { StatementSync } from 'node:sqlite';
import type { BridgeEvent } from '../domain/events.ts';
import type { EventStore } from '../domain/ports/store.ts';
import type { Database } from './database.ts';

/** Trimmed once in so many appends. */
const TRIM_EVERY = 100;

export class EventTable implements EventStore {
  readonly #database: Database;
  readonly #maxEvents: number;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #keyOf: StatementSync;
  readonly #list: StatementSync;
  readonly #listOf: StatementSync;
  #untilTrim = 1;

  constructor(database: Database, maxEvents: number) {
    const { sql } = database;
    this.#database = database;
    this.#maxEvents = maxEvents;
    this.#insert = sql.prepare(
      'INSERT INTO events (id, connection, event) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET event = excluded.event',
    );
    this.#trim = sql.prepare(
      'DELETE FROM events WHERE key <= (SELECT key FROM events ORDER BY key DESC LIMIT 1 OFFSET ?)',
    );
    this.#keyOf = sql.prepare('SELECT key FROM events WHERE id = ?');
    this.#list = sql.prepare('SELECT event FROM events WHERE key < ? ORDER BY key DESC LIMIT ?');
    this.#listOf = sql.prepare('SELECT event FROM events WHERE connection = ? AND key < ? ORDER BY key DESC LIMIT ?');
  }

  append(event: BridgeEvent): void {
    this.#database.transaction(() => {
      this.#insert.run(event.id, event.connectionId, JSON.stringify(event));
      this.#untilTrim -= 1;
      if (this.#untilTrim > 0) return;
      this.#trim.run(this.#maxEvents);
      this.#untilTrim = TRIM_EVERY;
    });
  }

  /** The latest first. `beforeId` of an event that is gone: none. */
  list({ connectionId, limit, beforeId }: Parameters<EventStore['list']>[0]): readonly BridgeEvent[] {
    let before = Number.MAX_SAFE_INTEGER;
    if (beforeId !== undefined) before = Number(this.#keyOf.get(beforeId)?.key ?? 0);
    const rows =
      connectionId === undefined ? this.#list.all(before, limit) : this.#listOf.all(connectionId, before, limit);
    return rows.map((row) => JSON.parse(String(row.event)) as BridgeEvent);
  }
}
