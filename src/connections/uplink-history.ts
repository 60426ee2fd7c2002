// How many uplinks a connection received since when: the journal's own count, noted once a minute for the last hour and kept
// in the connection's store. What came while nobody noted is in the count all the same, so that a restart loses nothing.

const MINUTE_MS = 60_000;
/** One hour, and the notes on both sides of it. */
const KEEP_MS = 62 * MINUTE_MS;
/** Longer than this without a note (the worker was down): the observation begins anew. */
export const MAX_GAP_MS = 10 * MINUTE_MS;

interface Note {
  /** Wall-clock ms: a whole minute, by the clock as it was then. */
  at: number;
  readonly received: number;
}

export class UplinkHistory {
  #notes: Note[] = [];
  #from = 0;

  /** From a text that `text` has made; anything else counts as no history. */
  static from(text: string | null): UplinkHistory {
    const history = new UplinkHistory();
    const value = text === null ? null : parse(text);
    if (value !== null) {
      history.#from = value.from;
      history.#notes = value.notes;
    }
    return history;
  }

  /** Bounded: a note a minute. */
  get text(): string {
    return JSON.stringify({ from: this.#from, notes: this.#notes.map(({ at, received }) => [at, received]) });
  }

  get isEmpty(): boolean {
    return this.#notes.length === 0;
  }

  /** Wall-clock ms of the last note. */
  get lastAt(): number {
    return this.#notes.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * `at`: wall-clock ms of a whole minute, later than `lastAt`. `received`: all that the connection has ever received.
   * False: there was no history that this could go on from.
   */
  note(at: number, received: number): boolean {
    const last = this.#notes.at(-1);
    const goesOn = last !== undefined && at > last.at && at - last.at <= MAX_GAP_MS && received >= last.received;
    if (!goesOn) {
      this.#from = at;
      this.#notes = [];
    }
    this.#notes.push({ at, received });
    // The oldest that is kept may be older than the hour: it stands for what came before.
    while (this.#notes.length > 1 && (this.#notes[1] as Note).at <= at - KEEP_MS) this.#notes.shift();
    return goesOn;
  }

  /**
   * The wall clock was set: what was noted keeps its age, to the millisecond. In whole minutes, the next one could be that of the
   * last note once more, and the observation would begin anew.
   */
  shift(ms: number): void {
    const whole = Math.round(ms);
    this.#from += whole;
    for (const note of this.#notes) note.at += whole;
  }

  /**
   * Uplinks received from `from` to `to`; null: not observed from there on. Where nothing was noted at these very moments,
   * what came just before or after is counted too, so that an alarm is rather late than false.
   */
  count(from: number, to: number): number | null {
    if (this.#notes.length === 0 || from < this.#from) return null;
    const first = this.#notes.findLast(({ at }) => at <= from);
    const last = this.#notes.find(({ at }) => at >= to);
    return first === undefined || last === undefined ? null : last.received - first.received;
  }
}

function parse(text: string): { from: number; notes: Note[] } | null {
  try {
    const { from, notes } = JSON.parse(text) as { from?: unknown; notes?: unknown };
    if (!Number.isSafeInteger(from) || !Array.isArray(notes)) return null;
    const read = notes.map((note) => (Array.isArray(note) ? { at: Number(note[0]), received: Number(note[1]) } : null));
    if (!read.every((note) => note !== null && Number.isSafeInteger(note.at) && Number.isSafeInteger(note.received))) {
      return null;
    }
    return { from: from as number, notes: read as Note[] };
  } catch {
    return null;
  }
}
