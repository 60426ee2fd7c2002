// Replay: dead letters go their way again, a few at a time, behind what comes from the source.
//
// A letter is journalled again, read back with the backlogs and mapped by the definition of now: matchers, device rules and
// validity apply. Letters that the line would only make dead letters again, and those that are too old for the connection
// by now, stay where they are. What HERE refuses again is a dead letter again; it does not count towards a hold.
import { describeError } from '../domain/errors.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { DeadLetterBox, DeadLetterFilter, KeptReason, ReplayEnd } from '../domain/ports/dead-letters.ts';
import type { UplinkMessage } from '../domain/ports/line.ts';
import type { ReplayLetter } from '../domain/ports/store.ts';
import type { Prepared, UplinkOutcome } from '../domain/uplink.ts';

/** The line as a replay uses it. */
export interface ReplayLine {
  readonly hasRoom: boolean;
  readonly waiting: { readonly count: number };
  /** Resolves with the first sequence number once the messages are in the journal; rejects when the disk refuses or the line has stopped. */
  replay(letters: readonly ReplayLetter[]): Promise<number>;
  follow(listener: (trace: { readonly seq: number; readonly outcome: UplinkOutcome }) => void): Cancel;
}

export interface ReplayOptions {
  readonly line: ReplayLine;
  readonly box: DeadLetterBox;
  readonly prepare: (message: UplinkMessage, nowMs: number) => Prepared;
  readonly uplinkTimeValidityMs: number | null;
  readonly clock: Clock;
  readonly filter: DeadLetterFilter;
  readonly perSecond: number;
  /** Ends the replay between two steps; what was replayed is. */
  readonly signal: AbortSignal;
  /** About once a second. */
  readonly onProgress: (progress: Omit<ReplayEnd, 'end'>) => void;
}

const STEP_MS = 200;
const TELL_MS = 1_000;
/** Replayed letters without a final word, in seconds of the rate: HERE's pace is the replay's pace. */
const AHEAD_SECONDS = 2;
/** While more than this waits beside the replay, it goes at a tenth of its rate. */
const OTHERS_WAIT = 50;
/** At the end: how long without any final word before the rest is left to take its way alone. */
const PATIENCE_MS = 10_000;
const PAGE = 500;

export async function replayDeadLetters(options: ReplayOptions): Promise<ReplayEnd> {
  const run = new Run(options);
  const unfollow = options.line.follow(({ seq, outcome }) => run.settled(seq, outcome));
  try {
    const end = await run.replayAll();
    await run.awaitOutcomes();
    return { ...run.progress(), end };
  } catch (error) {
    return { ...run.progress(), end: 'failed', message: describeError(error) };
  } finally {
    unfollow();
  }
}

class Run {
  readonly #o: ReplayOptions;
  readonly #waiting = new Set<number>();
  readonly #kept: Partial<Record<KeptReason, number>> = {};
  readonly #outcomes: Partial<Record<UplinkOutcome['kind'], number>> = {};
  #replayed = 0;
  #tokens = 1;
  #lastStepAt: number;
  #toldAt: number;
  #settledAt: number;

  constructor(options: ReplayOptions) {
    this.#o = options;
    this.#lastStepAt = this.#toldAt = this.#settledAt = options.clock.monotonic();
  }

  settled(seq: number, outcome: UplinkOutcome): void {
    if (!this.#waiting.delete(seq)) return;
    this.#settledAt = this.#o.clock.monotonic();
    this.#outcomes[outcome.kind] = (this.#outcomes[outcome.kind] ?? 0) + 1;
  }

  progress(): Omit<ReplayEnd, 'end'> {
    const { size } = this.#waiting;
    return { replayed: this.#replayed, kept: { ...this.#kept }, outcomes: { ...this.#outcomes }, waiting: size };
  }

  /** Oldest first; letters that come meanwhile (refused again) are not among them. */
  async replayAll(): Promise<'done' | 'stopped'> {
    const { box, filter, signal } = this.#o;
    const upTo = box.totals().lastId;
    for (let after: number | null = 0; after !== null && after < upTo; ) {
      const page = box.page({ filter, order: 'oldest', after, limit: PAGE, maxBytes: 1024 * 1024 });
      // Ids alone: a letter is looked at again when its turn comes, for it may have been edited or dropped meanwhile.
      const ids = page.letters.map(({ id }) => id).filter((id) => id <= upTo);
      while (ids.length > 0) {
        if (signal.aborted) return 'stopped';
        await this.#step(ids);
      }
      after = page.next;
      if (page.letters.length === 0) await this.#sleep(0);
    }
    return signal.aborted ? 'stopped' : 'done';
  }

  async awaitOutcomes(): Promise<void> {
    const { clock, signal } = this.#o;
    this.#settledAt = clock.monotonic();
    while (this.#waiting.size > 0 && !signal.aborted && clock.monotonic() - this.#settledAt < PATIENCE_MS) {
      await this.#sleep(STEP_MS);
    }
  }

  /** Replays as many of `ids` as are due by now and takes them off; then waits for the next step. */
  async #step(ids: number[]): Promise<void> {
    const { line, box } = this.#o;
    const letters: ReplayLetter[] = [];
    for (let due = this.#due(); due > 0 && ids.length > 0; due--) {
      const id = ids.shift() as number;
      const letter = box.isReplaying(id) ? null : box.get(id);
      const ready = letter === null ? null : this.#judge(letter);
      if (ready !== null) letters.push(ready);
    }
    if (letters.length > 0) {
      const first = await line.replay(letters);
      for (let i = 0; i < letters.length; i++) this.#waiting.add(first + i);
      this.#replayed += letters.length;
    }
    if (ids.length > 0) await this.#sleep(STEP_MS);
  }

  /** How many letters may go now. */
  #due(): number {
    const { clock, line, perSecond } = this.#o;
    const now = clock.monotonic();
    const others = line.waiting.count - this.#waiting.size;
    const rate = others > OTHERS_WAIT ? perSecond / 10 : perSecond;
    this.#tokens = Math.min(this.#tokens + ((now - this.#lastStepAt) / 1000) * rate, Math.max(1, perSecond));
    this.#lastStepAt = now;
    if (!line.hasRoom) return 0;
    const ahead = Math.max(1, perSecond * AHEAD_SECONDS) - this.#waiting.size;
    const due = Math.max(0, Math.min(Math.floor(this.#tokens), Math.ceil(ahead)));
    this.#tokens -= due;
    return due;
  }

  /** Null: it stays a dead letter. */
  #judge(letter: ReplayLetter): ReplayLetter | null {
    const { prepare, clock, uplinkTimeValidityMs } = this.#o;
    const { topic, payload, arrivedAt } = letter;
    const now = clock.now();
    const prepared = prepare({ topic, payload, arrivedAt, retain: false }, now);
    const { outcome } = prepared;
    if (outcome?.kind === 'deadLettered') return this.#keep(outcome.reason);
    const isLate = outcome === null && uplinkTimeValidityMs !== null && now - prepared.emittedAt > uplinkTimeValidityMs;
    if (isLate || outcome?.kind === 'expired') return this.#keep('tooOld');
    return { ...letter, device: prepared.device };
  }

  #keep(reason: KeptReason): null {
    this.#kept[reason] = (this.#kept[reason] ?? 0) + 1;
    return null;
  }

  async #sleep(ms: number): Promise<void> {
    const { clock, signal, onProgress } = this.#o;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
    if (clock.monotonic() - this.#toldAt < TELL_MS) return;
    this.#toldAt = clock.monotonic();
    onProgress(this.progress());
  }
}
