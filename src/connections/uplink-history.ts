// How many uplinks of its own a connection received since when: by its ledger, noted once a minute for the last hour and kept
// in the connection's store. What came while nobody noted is in the count all the same, so that a restart loses nothing.
//
// On a topic that others share, its own are those that its matchers took; and messages that are no uplinks, or carry nothing, are left
// out before a matcher sees them. The ledger tells both apart once they are settled, which is at once, unless the memory is so full
// that they stay in the journal unread.
import { type Ledger, sumReasons } from '../domain/ledger.ts';

const MINUTE_MS = 60_000;
/** One hour, the longest gap, the first minutes after it, in which nothing is judged yet, and the notes on both sides. */
const KEEP_MS = 80 * MINUTE_MS;
/** Longer than this without a note (the worker was down): the observation begins anew. */
export const MAX_GAP_MS = 10 * MINUTE_MS;

interface Note {
  /** Wall-clock ms: a whole minute, by the clock as it was then. */
  at: number;
  readonly received: number;
  /** Of those: found to be none of its own. */
  readonly foreign: number;
  /** Of those: may be found so yet. */
  readonly pending: number;
}

/** Of a note by an older version, which kept `received` alone: what is found later may have been among it. */
const UNKNOWN = { foreign: 0, pending: Number.MAX_SAFE_INTEGER } as const;

export class UplinkHistory {
  /** Wall-clock ms: what ended up to here was judged. Kept with the notes, so that a restart leaves nothing out. */
  judgedTo = 0;
  #notes: Note[] = [];
  #from = 0;

  /** From a text that `text` has made; anything else counts as no history. */
  static from(text: string | null): UplinkHistory {
    const history = new UplinkHistory();
    const value = text === null ? null : parse(text);
    if (value !== null) {
      history.judgedTo = value.judgedTo;
      history.#from = value.from;
      history.#notes = value.notes;
    }
    return history;
  }

  /** Bounded: a note a minute. */
  get text(): string {
    const notes = this.#notes.map(({ at, received, foreign, pending }) => [at, received, foreign, pending]);
    return JSON.stringify({ from: this.#from, judgedTo: this.judgedTo, notes });
  }

  get isEmpty(): boolean {
    return this.#notes.length === 0;
  }

  /** Wall-clock ms of the last note. */
  get lastAt(): number {
    return this.#notes.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  }

  /** `at`: wall-clock ms of a whole minute, later than `lastAt`. */
  note(at: number, ledger: Readonly<Ledger>): void {
    const { received, pending } = ledger;
    const last = this.#notes.at(-1);
    const goesOn = last !== undefined && at > last.at && at - last.at <= MAX_GAP_MS && received >= last.received;
    if (!goesOn) {
      this.#from = this.judgedTo = at;
      this.#notes = [];
    }
    this.#notes.push({ at, received, foreign: foreignIn(ledger), pending });
    // The oldest that is kept may be older than the hour: it stands for what came before.
    while (this.#notes.length > 1 && (this.#notes[1] as Note).at <= at - KEEP_MS) this.#notes.shift();
  }

  /**
   * The wall clock was set: what was noted keeps its age, to the millisecond. In whole minutes, the next one could be that of the
   * last note once more, and the observation would begin anew.
   */
  shift(ms: number): void {
    const whole = Math.round(ms);
    this.#from += whole;
    for (const note of this.#notes) note.at += whole;
    // What ended where a small step jumped over is still to be judged. After a large one, nobody observed what lies in between.
    if (whole < 0 || whole > MAX_GAP_MS) this.judgedTo += whole;
  }

  /**
   * Its own uplinks received from `from` to `to`, or more; null: not observed from there on. Where nothing was noted at these very
   * moments, what came just before or after is counted too; and of those that were found to be foreign, as many as waited at `from`
   * may have come before. So an alarm is rather late than false.
   */
  count(from: number, to: number): number | null {
    if (this.#notes.length === 0 || from < this.#from) return null;
    const first = this.#notes.findLast(({ at }) => at <= from);
    const last = this.#notes.find(({ at }) => at >= to);
    if (first === undefined || last === undefined) return null;
    const foreign = Math.max(0, last.foreign - first.foreign - first.pending);
    const own = last.received - first.received - foreign;
    // Dead letters of before that no matcher takes any more were replayed.
    return own < 0 ? null : own;
  }
}

function foreignIn({ filtered, skipped }: Readonly<Ledger>): number {
  const { secondCopy = 0, unknownDevice = 0, retired = 0 } = skipped;
  return (filtered.noMatch ?? 0) + sumReasons(skipped) - secondCopy - unknownDevice - retired;
}

function parse(text: string): { from: number; judgedTo: number; notes: Note[] } | null {
  try {
    const { from, judgedTo, notes } = JSON.parse(text) as { from?: unknown; judgedTo?: unknown; notes?: unknown };
    if (!Number.isSafeInteger(from) || !Array.isArray(notes)) return null;
    const read = notes.map(readNote);
    if (!read.every((note) => note !== null)) return null;
    // An older version kept none: it judged as it noted.
    const judged = Number.isSafeInteger(judgedTo) ? (judgedTo as number) : (read.at(-1)?.at ?? 0);
    return { from: from as number, judgedTo: judged, notes: read };
  } catch {
    return null;
  }
}

function readNote(note: unknown): Note | null {
  if (!Array.isArray(note)) return null;
  const [at, received, foreign = UNKNOWN.foreign, pending = UNKNOWN.pending] = note.map(Number);
  const read = { at: at as number, received: received as number, foreign, pending };
  return Object.values(read).every(Number.isSafeInteger) ? read : null;
}
