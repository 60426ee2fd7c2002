// Dead letters as rows and values: keys, sizes, and pages by filter that never hold up the event loop for long.
import { randomBytes } from 'node:crypto';
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { DeadLetterFilter, DeadLetterPage, DeadLetterQuery } from '../domain/ports/dead-letters.ts';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { DeadLetterDetail, DeadLetterReason } from '../domain/uplink.ts';
import type { Database } from './database.ts';
import { REPLAY_KEY_BYTES } from './record-format.ts';
import { isDamage } from './sqlite-errors.ts';

/** A row's own cost beside its texts, roughly. */
const ROW_BYTES = 100;
/** Rows that one page looks at: some ms, whatever the filter leaves of them. */
const ROWS_A_TURN = 2000;

type Row = Record<string, SQLOutputValue>;

export type NewDeadLetter = Omit<DeadLetter, 'id' | 'editedAt' | 'original'>;

export function newLetterKey(): string {
  return randomBytes(REPLAY_KEY_BYTES / 2).toString('hex');
}

/** What a letter takes of the budget. */
export function letterBytes(
  { topic, payload, detail }: Pick<DeadLetter, 'topic' | 'payload' | 'detail'>,
  detailText = JSON.stringify(detail),
): number {
  return ROW_BYTES + topic.length + payload.length + detailText.length;
}

/** The same with another topic and message, and the original beside them. */
export function bytesWith(
  letter: DeadLetter,
  topic: string,
  payload: Buffer,
  original: DeadLetter['original'],
): number {
  const kept = original === null ? 0 : original.topic.length + original.payload.length;
  return letterBytes({ topic, payload, detail: letter.detail }) + kept;
}

export function toDeadLetter(row: Row): DeadLetter {
  const { device, edited_at: editedAt, original_topic: topic, original_payload: payload } = row;
  return {
    id: Number(row.id),
    key: String(row.key),
    seq: Number(row.seq),
    time: Number(row.time),
    arrivedAt: Number(row.arrived_at),
    topic: String(row.topic),
    payload: bufferOf(row.payload as Uint8Array),
    device: typeof device === 'string' ? device : null,
    reason: String(row.reason) as DeadLetterReason,
    detail: JSON.parse(String(row.detail)) as DeadLetterDetail,
    editedAt: editedAt === null || editedAt === undefined ? null : Number(editedAt),
    original: payload instanceof Uint8Array ? { topic: String(topic), payload: bufferOf(payload) } : null,
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class DeadLetterPages {
  readonly #database: Database;
  readonly #older: StatementSync;
  readonly #newer: StatementSync;
  readonly #letter: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.#database = database;
    const columns = 'SELECT id, time, device, reason, bytes FROM dead_letters WHERE connection = ?';
    this.#older = sql.prepare(`${columns} AND id < ? ORDER BY id DESC LIMIT ${ROWS_A_TURN}`);
    this.#newer = sql.prepare(`${columns} AND id > ? ORDER BY id LIMIT ${ROWS_A_TURN}`);
    this.#letter = sql.prepare('SELECT * FROM dead_letters WHERE id = ?');
  }

  /** Throws what SQLite throws. */
  page(connection: number, query: DeadLetterQuery): DeadLetterPage {
    try {
      return this.#page(connection, query);
    } catch (error) {
      if (isDamage(error)) this.#database.suspect();
      throw error;
    }
  }

  #page(connection: number, { filter, order, after, limit, maxBytes }: DeadLetterQuery): DeadLetterPage {
    const isNewestFirst = order === 'newest';
    const from = after ?? (isNewestFirst ? Number.MAX_SAFE_INTEGER : 0);
    const ids = filter.ids === undefined ? null : new Set(filter.ids);
    const rows = (isNewestFirst ? this.#older : this.#newer).all(connection, from);
    const letters: DeadLetter[] = [];
    let bytes = 0;
    for (const row of rows) {
      if (!isWanted(row, filter, ids)) continue;
      bytes += Number(row.bytes);
      const last = letters.at(-1);
      if (last !== undefined && (letters.length >= limit || bytes > maxBytes)) return { letters, next: last.id };
      letters.push(toDeadLetter(this.#letter.get(row.id as number) as Row));
    }
    const next = rows.length < ROWS_A_TURN ? null : Number(rows.at(-1)?.id);
    return { letters, next };
  }
}

function isWanted(row: Row, filter: DeadLetterFilter, ids: ReadonlySet<number> | null): boolean {
  const { reasons, device, since, until } = filter;
  const time = Number(row.time);
  return (
    (ids === null || ids.has(Number(row.id))) &&
    (reasons === undefined || reasons.includes(row.reason as DeadLetterReason)) &&
    (device === undefined || row.device === device) &&
    (since === undefined || time >= since) &&
    (until === undefined || time < until)
  );
}
