// Ends the keeping of deleted connections' dead letters: when their time is over, when there are none left, and the first deleted
// first where they take more than their part of the common budget.
import type { Clock } from '../domain/ports/clock.ts';
import type { Database } from './database.ts';
import type { ReportIncident } from './incidents.ts';
import { type KeptRow, keptRows } from './kept-connections.ts';
import { TrustedTime } from './trusted-time.ts';

export interface KeptUpkeepOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly keepMs: number;
  /** Of all kept letters together. */
  readonly maxBytes: number;
  /** Removes the rest of the connection. Never rejects. */
  readonly remove: (id: string) => Promise<void>;
  readonly report: ReportIncident;
}

const MINUTE_MS = 60_000;

export class KeptUpkeep {
  readonly #o: KeptUpkeepOptions;
  readonly #time: TrustedTime;
  #nextAt: number;
  #busy = false;

  constructor(options: KeptUpkeepOptions) {
    this.#o = options;
    this.#time = new TrustedTime(options.clock);
    this.#nextAt = options.clock.monotonic();
  }

  /** About once a second; looks once a minute. Throws what SQLite throws. */
  tick(): void {
    const monotonic = this.#o.clock.monotonic();
    if (this.#busy || monotonic < this.#nextAt) return;
    const over = this.#over();
    // Where the database refuses it is looked again at the next tick.
    this.#nextAt = monotonic + MINUTE_MS;
    if (over.length === 0) return;
    this.#busy = true;
    void this.#removeAll(over).finally(() => {
      this.#busy = false;
    });
  }

  #over(): KeptRow[] {
    const { database, keepMs, maxBytes, report } = this.#o;
    const now = this.#time.now();
    const over: KeptRow[] = [];
    const rest: KeptRow[] = [];
    for (const row of keptRows(database)) {
      const isOver = row.count === 0 || keepMs === 0 || (now !== null && row.deletedAt + keepMs <= now);
      (isOver ? over : rest).push(row);
    }
    let bytes = rest.reduce((sum, row) => sum + row.bytes, 0);
    for (const row of rest) {
      if (bytes <= maxBytes) break;
      bytes -= row.bytes;
      over.push(row);
      report({
        kind: 'deadLettersDropped',
        connectionId: row.id,
        dropped: row.count,
        message: `The ${row.count} kept dead letters of the deleted connection ${row.id} were dropped before their time: those of deleted connections take more than ${maxBytes} bytes.`,
      });
    }
    return over;
  }

  async #removeAll(rows: readonly KeptRow[]): Promise<void> {
    for (const { id } of rows) await this.#o.remove(id);
  }
}
