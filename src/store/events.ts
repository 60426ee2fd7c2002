// Events on disk, bounded: the oldest go first. An event of a known id takes its place (one event that grows).
import type { StatementSync } from 'node:sqlite';
import type { BridgeEvent } from '../domain/events.ts';
import type { EventQuery, EventStore } from '../domain/ports/store.ts';
import type { Database } from './database.ts';

/** Trimmed once in so many appends. */
const TRIM_EVERY = 100;
const MAX_FORMS = 50;

export class EventTable implements EventStore {
  readonly #database: Database;
  readonly #maxEvents: number;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #keyOf: StatementSync;
  /** By their conditions. */
  readonly #lists = new Map<string, StatementSync>();
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

  list(query: EventQuery): readonly BridgeEvent[] {
    const { connectionId, limit, beforeId, afterId, from, to, kinds, severities } = query;
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, ...given: (string | number)[]): void => {
      conditions.push(condition);
      values.push(...given);
    };
    if (connectionId !== undefined) where('connection = ?', connectionId);
    if (beforeId !== undefined) where('key < ?', Number(this.#keyOf.get(beforeId)?.key ?? 0));
    if (afterId !== undefined) where('id > ?', afterId);
    // Ids begin with the time, but of a clock that may have stepped: the event's own time decides.
    if (from !== undefined) where("json_extract(event, '$.time') >= ?", from);
    if (to !== undefined) where("json_extract(event, '$.time') < ?", to);
    if (kinds !== undefined) where(`json_extract(event, '$.kind') IN (${marks(kinds)})`, ...kinds);
    if (severities !== undefined) where(`json_extract(event, '$.severity') IN (${marks(severities)})`, ...severities);
    const order = afterId === undefined ? 'key DESC' : 'id ASC';
    const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')} `;
    const rows = this.#prepared(`SELECT event FROM events ${filter}ORDER BY ${order} LIMIT ?`).all(...values, limit);
    return rows.map((row) => JSON.parse(String(row.event)) as BridgeEvent);
  }

  highestId(): string | null {
    const id = this.#database.sql.prepare('SELECT MAX(id) AS id FROM events').get()?.id;
    return typeof id === 'string' ? id : null;
  }

  /** Few forms are ever asked for: they differ by their conditions alone. */
  #prepared(text: string): StatementSync {
    let statement = this.#lists.get(text);
    if (statement === undefined) {
      statement = this.#database.sql.prepare(text);
      if (this.#lists.size >= MAX_FORMS) this.#lists.clear();
      this.#lists.set(text, statement);
    }
    return statement;
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
