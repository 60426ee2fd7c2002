// Drops one connection's dead letters when they are too old, and tells beforehand. It changes rows alone, so the connection need not
// be open: the ledger counts the letters as before, and its row counts them as dropped by age.
import type { DeadLetterTable } from './dead-letters.ts';
import { deadLettersDropped, type ReportIncident } from './incidents.ts';

export interface LetterAgeingOptions {
  readonly id: string;
  /** Of the connection's row. */
  readonly key: number;
  readonly table: DeadLetterTable;
  readonly maxAgeMs: number;
  readonly report: ReportIncident;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** From this share of the age on people are told. */
const NEARLY = 0.8;
/** Letters dropped in one turn, so that others are not held up. */
export const DROP_STEP = 500;

export class LetterAgeing {
  readonly #o: LetterAgeingOptions;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: LetterAgeingOptions) {
    this.#o = options;
  }

  /** `now`: wall-clock ms that are to be believed. Returns how many were dropped; `DROP_STEP`: there may be more. Throws what SQLite throws. */
  sweep(now: number, monotonic: number): number {
    const { table, key, maxAgeMs, id, report } = this.#o;
    const { oldestAt } = table.edges(key);
    if (oldestAt === null || oldestAt >= now - maxAgeMs * NEARLY) return 0;
    const dropped = table.dropOlder(key, now - maxAgeMs, DROP_STEP);
    if (dropped > 0) report(deadLettersDropped(id, dropped, `are older than ${wholeDays(maxAgeMs)}`));
    this.#tellAgeing(now, monotonic);
    return dropped;
  }

  /** Once a day. */
  #tellAgeing(now: number, monotonic: number): void {
    const { table, key, maxAgeMs, id } = this.#o;
    if (monotonic - this.#toldAt < DAY) return;
    const count = table.countOlder(key, now - maxAgeMs * NEARLY);
    if (count === 0) return;
    this.#toldAt = monotonic;
    this.#o.report({
      kind: 'deadLettersAgeing',
      connectionId: id,
      message:
        `${count} dead letters of ${id} are dropped within ${wholeDays(maxAgeMs * (1 - NEARLY))}: then they are older than ` +
        `${wholeDays(maxAgeMs)}. Replay, export or drop them (here-bridge dead-letters), or raise budgets.deadLetterMaxAgeMs.`,
    });
  }
}

function wholeDays(ms: number): string {
  const days = Math.max(1, Math.round(ms / DAY));
  return ms < DAY / 2 ? `${Math.round(ms / MINUTE)} minutes` : `${days} ${days === 1 ? 'day' : 'days'}`;
}
