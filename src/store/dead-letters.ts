// Dead letters on disk: the original message, why it was refused, and HERE's answer. Bounded by bytes, the oldest go first.
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { DeadLetterDetail, DeadLetterReason } from '../domain/uplink.ts';
import type { Database } from './database.ts';

export type NewDeadLetter = Omit<DeadLetter, 'id'>;

/** A row's own cost beside its texts, roughly. */
const ROW_BYTES = 100;

export class DeadLetterTable {
  readonly #insert: StatementSync;
  readonly #oldest: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;
  readonly #sum: StatementSync;
  readonly #dropped: StatementSync;
  readonly #readDropped: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.#insert = sql.prepare(
      'INSERT INTO dead_letters (connection, seq, time, arrived_at, device, reason, topic, payload, detail, bytes) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#oldest = sql.prepare('SELECT id, bytes FROM dead_letters WHERE connection = ? ORDER BY id LIMIT 1');
    this.#delete = sql.prepare('DELETE FROM dead_letters WHERE id = ?');
    this.#list = sql.prepare(
      'SELECT id, seq, time, arrived_at, device, reason, topic, payload, detail FROM dead_letters ' +
        'WHERE connection = ? ORDER BY id DESC LIMIT ?',
    );
    this.#sum = sql.prepare('SELECT COALESCE(SUM(bytes), 0) AS bytes FROM dead_letters WHERE connection = ?');
    this.#dropped = sql.prepare('UPDATE connections SET dead_letters_dropped = dead_letters_dropped + ? WHERE key = ?');
    this.#readDropped = sql.prepare('SELECT dead_letters_dropped AS dropped FROM connections WHERE key = ?');
  }

  bytes(connection: number): number {
    return Number(this.#sum.get(connection)?.bytes ?? 0);
  }

  /** How many were dropped for want of room since the connection exists. */
  dropped(connection: number): number {
    return Number(this.#readDropped.get(connection)?.dropped ?? 0);
  }

  /** Inside a transaction. Returns the bytes it takes. */
  insert(connection: number, letter: NewDeadLetter): number {
    const detail = JSON.stringify(letter.detail);
    const bytes = ROW_BYTES + letter.topic.length + letter.payload.length + detail.length;
    this.#insert.run(
      connection,
      letter.seq,
      Math.round(letter.time),
      Math.round(letter.arrivedAt),
      letter.device,
      letter.reason,
      letter.topic,
      letter.payload,
      detail,
      bytes,
    );
    return bytes;
  }

  /** Inside a transaction: drops the oldest until the rest fits; the newest always stays. */
  trim(connection: number, bytes: number, maxBytes: number): { readonly bytes: number; readonly dropped: number } {
    let left = bytes;
    let dropped = 0;
    while (left > maxBytes) {
      const row = this.#oldest.get(connection);
      if (!row || Number(row.bytes) === left) break;
      this.#delete.run(Number(row.id));
      left -= Number(row.bytes);
      dropped += 1;
    }
    if (dropped > 0) this.#dropped.run(dropped, connection);
    return { bytes: left, dropped };
  }

  /** The latest first. */
  list(connection: number, limit: number): DeadLetter[] {
    return this.#list.all(connection, limit).map(toDeadLetter);
  }
}

function toDeadLetter(row: Record<string, SQLOutputValue>): DeadLetter {
  const payload = row.payload as Uint8Array;
  const device = row.device;
  return {
    id: Number(row.id),
    seq: Number(row.seq),
    time: Number(row.time),
    arrivedAt: Number(row.arrived_at),
    topic: String(row.topic),
    payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    device: typeof device === 'string' ? device : null,
    reason: String(row.reason) as DeadLetterReason,
    detail: JSON.parse(String(row.detail)) as DeadLetterDetail,
  };
}
