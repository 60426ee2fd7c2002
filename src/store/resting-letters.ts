// The age of dead letters whose connection is not open: deactivated, or without a definition. Open ones see to theirs themselves;
// those of deleted connections have a time of their own (kept-upkeep.ts).
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionTables } from './connection-tables.ts';
import type { ReportIncident } from './incidents.ts';
import { DROP_STEP, LetterAgeing } from './letter-ageing.ts';
import type { LetterTables } from './letter-tables.ts';
import { TrustedTime } from './trusted-time.ts';

export interface RestingLettersOptions {
  readonly tables: ConnectionTables;
  readonly letters: LetterTables;
  readonly clock: Clock;
  readonly report: ReportIncident;
  /** It is open, being opened or being deleted. */
  readonly isBusy: (id: string) => boolean;
}

/** From round to round: it is a matter of days. */
const PACE_MS = 5 * 60_000;
/** Connections that are looked at in one turn. */
const SLICE = 100;

export class RestingLetters {
  readonly #o: RestingLettersOptions;
  readonly #time: TrustedTime;
  #nextAt: number;
  /** Whose turn is to come in this round; the next one is the last. */
  #waiting: string[] = [];
  /** Those of the round before, and of this one; by row and id, as a row's number may be another connection's next. */
  #known = new Map<string, LetterAgeing>();
  #seen = new Map<string, LetterAgeing>();

  constructor(options: RestingLettersOptions) {
    this.#o = options;
    this.#time = new TrustedTime(options.clock);
    this.#nextAt = options.clock.monotonic() + PACE_MS;
  }

  /** About once a second. Throws what SQLite throws; whose turn it was has it again. */
  tick(): void {
    const monotonic = this.#o.clock.monotonic();
    if (this.#waiting.length === 0) {
      if (monotonic < this.#nextAt) return;
      this.#nextAt = monotonic + PACE_MS;
      this.#known = this.#seen;
      this.#seen = new Map();
      this.#waiting = this.#o.tables.ids(false).reverse();
    }
    // Asked for in each turn, so that a clock that is set is noticed in the midst of a round.
    const now = this.#time.now();
    if (now === null) {
      this.#waiting = [];
      return;
    }
    let dropped = 0;
    for (let looked = 0; looked < SLICE && dropped < DROP_STEP; looked += 1) {
      const id = this.#waiting.at(-1);
      if (id === undefined) return;
      const more = this.#look(id, now, monotonic);
      dropped += more;
      if (more < DROP_STEP) this.#waiting.pop();
    }
  }

  #look(id: string, now: number, monotonic: number): number {
    const { tables, letters, report, isBusy } = this.#o;
    const key = isBusy(id) ? null : tables.liveKeyOf(id);
    if (key === null) return 0;
    const { letters: table, deadLettersMaxAgeMs: maxAgeMs } = letters;
    const name = `${key} ${id}`;
    const known = this.#seen.get(name) ?? this.#known.get(name);
    const ageing = known ?? new LetterAgeing({ id, key, table, maxAgeMs, report });
    this.#seen.set(name, ageing);
    return ageing.sweep(now, monotonic);
  }
}
