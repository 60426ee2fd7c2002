// What the store keeps for people, for all connections: dead letters with their budgets, and the list of what expired.
import type { Clock } from '../domain/ports/clock.ts';
import type { DeadLetterBox, KeptLetters } from '../domain/ports/dead-letters.ts';
import type { Database } from './database.ts';
import { DeadLetterPages } from './dead-letter-rows.ts';
import { DeadLetterTable } from './dead-letters.ts';
import { ExpiredTable } from './expired.ts';
import { deletedAt, keptRows } from './kept-connections.ts';
import { LetterBox } from './letter-box.ts';

export interface LetterBudgets {
  /** Per connection; the oldest are dropped and counted beyond it. As the configuration's default: 256 MiB. */
  readonly deadLettersMaxBytes?: number;
  /** Older ones are dropped and counted. 30 days by default. */
  readonly deadLettersMaxAgeMs?: number;
  /** How long those of a deleted connection are kept. 0, the default: they go with it. */
  readonly keepAfterDeleteMs?: number;
}

const DAY_MS = 24 * 3_600_000;

export class LetterTables {
  readonly letters: DeadLetterTable;
  readonly pages: DeadLetterPages;
  readonly expired: ExpiredTable;
  /** By the connection's row: its part of the common budget. */
  shares: ReadonlyMap<number, number> = new Map();
  readonly deadLettersMaxAgeMs: number;
  readonly keepAfterDeleteMs: number;
  readonly #maxBytes: number;
  readonly #database: Database;

  constructor(database: Database, budgets: LetterBudgets) {
    this.#database = database;
    this.letters = new DeadLetterTable(database);
    this.pages = new DeadLetterPages(database);
    this.expired = new ExpiredTable(database);
    this.#maxBytes = budgets.deadLettersMaxBytes ?? 256 * 1024 * 1024;
    this.deadLettersMaxAgeMs = budgets.deadLettersMaxAgeMs ?? 30 * DAY_MS;
    this.keepAfterDeleteMs = budgets.keepAfterDeleteMs ?? 0;
  }

  /** Of one connection's dead letters. */
  maxBytesOf(key: number): number {
    return Math.min(this.#maxBytes, this.shares.get(key) ?? this.#maxBytes);
  }

  /** Wall-clock ms; null: the connection is not deleted. */
  keptUntil(key: number): number | null {
    const at = deletedAt(this.#database, key);
    return at === null ? null : at + this.keepAfterDeleteMs;
  }

  /** Of deleted connections, the first deleted first. */
  kept(): readonly KeptLetters[] {
    return keptRows(this.#database).map(({ key: _key, ...row }) => ({
      ...row,
      keptUntil: row.deletedAt + this.keepAfterDeleteMs,
    }));
  }

  /** `key`: of the connection's row. */
  box(key: number, clock: Clock): DeadLetterBox {
    const { letters: table, pages, deadLettersMaxAgeMs: maxAgeMs } = this;
    return new LetterBox({
      key,
      table,
      pages,
      clock,
      maxBytes: () => this.maxBytesOf(key),
      maxAgeMs,
      keptUntil: () => this.keptUntil(key),
    });
  }

  /** The connection is deleted. */
  forget(key: number): void {
    this.letters.forgetTotals(key);
    this.expired.forget(key);
  }

  /** About once a second. The list of what expired may wait for a disk that takes it: the ledger has counted them. */
  flush(): void {
    try {
      this.expired.flush();
    } catch {
      // The next call tries again.
    }
  }
}
