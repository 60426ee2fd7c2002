// Keeps one connection's dead letters within their budget of bytes and age, and tells beforehand what will be dropped.
import type { Clock } from '../domain/ports/clock.ts';
import type { DeadLetterTable } from './dead-letters.ts';
import { deadLettersDropped, type ReportIncident } from './incidents.ts';
import { DROP_STEP, LetterAgeing } from './letter-ageing.ts';
import { TrustedTime } from './trusted-time.ts';

export interface LetterUpkeepOptions {
  readonly id: string;
  /** Of the connection's row. */
  readonly key: number;
  readonly table: DeadLetterTable;
  readonly maxBytes: () => number;
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly report: ReportIncident;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** From this share of the bytes on people are told. */
const NEARLY = 0.8;
/** Below this share it may be told again. */
const EASED = 0.7;

export class LetterUpkeep {
  readonly #o: LetterUpkeepOptions;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isNearlyFull = false;
  #nextSweepAt: number;
  readonly #time: TrustedTime;
  readonly #ageing: LetterAgeing;
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(options: LetterUpkeepOptions) {
    this.#o = options;
    this.#nextSweepAt = options.clock.monotonic() + MINUTE;
    this.#time = new TrustedTime(options.clock);
    this.#ageing = new LetterAgeing(options);
  }

  /** After a settlement: a comparison, unless the letters were `dropped` for want of room. */
  settled(dropped: number): void {
    this.#untold += dropped;
    this.#tellDropped();
    const { table, key } = this.#o;
    const maxBytes = this.#o.maxBytes();
    const { bytes, count } = table.totals(key);
    if (bytes < maxBytes * EASED) this.#isNearlyFull = false;
    if (this.#isNearlyFull || count === 0 || bytes < maxBytes * NEARLY) return;
    this.#isNearlyFull = true;
    this.#o.report({
      kind: 'deadLettersNearlyFull',
      connectionId: this.#o.id,
      message:
        `The ${count} dead letters of ${this.#o.id} take ${bytes} of ${maxBytes} bytes: when they are full the oldest are dropped. ` +
        'Replay, export or drop some (here-bridge dead-letters), or raise budgets.deadLetterMaxBytes.',
    });
  }

  /** About once a second. Throws what SQLite throws. */
  tick(): void {
    this.#tellDropped();
    const now = this.#o.clock.monotonic();
    if (now < this.#nextSweepAt) return;
    this.#nextSweepAt = now + MINUTE;
    this.#sweep();
  }

  #sweep(): void {
    const { table, key, maxAgeMs, clock } = this.#o;
    const monotonic = clock.monotonic();
    const now = this.#time.now();
    if (now === null) return;
    if (monotonic - this.#forgotAt > HOUR) {
      this.#forgotAt = monotonic;
      table.database.transaction(() => table.forgetReplayed(key, now - maxAgeMs));
    }
    if (this.#ageing.sweep(now, monotonic) === DROP_STEP) this.#nextSweepAt = monotonic;
  }

  /** At once, then at most once a minute. */
  #tellDropped(): void {
    const now = this.#o.clock.monotonic();
    const dropped = this.#untold;
    if (dropped === 0 || now - this.#toldAt < MINUTE) return;
    this.#untold = 0;
    this.#toldAt = now;
    this.#o.report(deadLettersDropped(this.#o.id, dropped, `take more than ${this.#o.maxBytes()} bytes`));
  }
}
