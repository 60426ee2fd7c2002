// Cumulative counts of a connection, noted each minute for an hour and each quarter of an hour for a day: differences of two
// notes are what passed between them, also over a restart.
import { FIGURES, type FigureSeries, type Figures } from '../domain/ports/figures.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

interface Note {
  /** Wall-clock ms, a whole step. */
  readonly at: number;
  readonly counts: readonly number[];
}

/** Of one step and period. */
class Ring {
  readonly stepMs: number;
  readonly #periodMs: number;
  notes: Note[] = [];

  constructor(stepMs: number, periodMs: number) {
    this.stepMs = stepMs;
    this.#periodMs = periodMs;
  }

  note(now: number, counts: readonly number[]): void {
    const at = Math.floor(now / this.stepMs) * this.stepMs;
    const last = this.notes.at(-1);
    // A clock that stepped back, or counts that began anew (another store): what was noted means nothing any more.
    if (last !== undefined && (at < last.at || counts.some((count, i) => count < (last.counts[i] ?? 0))))
      this.notes = [];
    if (last?.at === at) return;
    this.notes.push({ at, counts });
    // One older than the period stands for what came before.
    while (this.notes.length > 1 && (this.notes[1] as Note).at <= now - this.#periodMs) this.notes.shift();
  }

  since(now: number, counts: readonly number[]): readonly number[] {
    const from = this.notes.findLast(({ at }) => at <= now - this.#periodMs) ?? this.notes[0];
    return difference(counts, from?.counts ?? counts);
  }

  series(now: number, counts: readonly number[]): FigureSeries {
    const notes = this.notes.filter(({ at }) => at > now - this.#periodMs - this.stepMs);
    const points = notes.map(({ at, counts: begin }, i) => {
      const end = notes[i + 1];
      const isGap = end !== undefined && end.at - at > this.stepMs;
      return {
        at: isGap && end !== undefined ? end.at - this.stepMs : at,
        ...named(difference(end?.counts ?? counts, begin)),
      };
    });
    return { stepMs: this.stepMs, points, total: named(this.since(now, counts)) };
  }
}

export class FigureNotes {
  readonly #hour = new Ring(MINUTE_MS, HOUR_MS);
  readonly #day = new Ring(QUARTER_MS, DAY_MS);

  /** From a text that `text` has made; anything else counts as nothing noted. */
  static from(text: string | null): FigureNotes {
    const notes = new FigureNotes();
    try {
      const { hour, day } = JSON.parse(text ?? '') as { hour?: unknown; day?: unknown };
      notes.#hour.notes = readNotes(hour);
      notes.#day.notes = readNotes(day);
    } catch {
      // Nothing was noted, or by another version.
    }
    return notes;
  }

  /** Bounded: about 160 notes. */
  get text(): string {
    const write = ({ notes }: Ring) => notes.map(({ at, counts }) => [at, ...counts]);
    return JSON.stringify({ hour: write(this.#hour), day: write(this.#day) });
  }

  /** `counts`: in the order of FIGURES, since ever. */
  note(now: number, counts: readonly number[]): void {
    this.#hour.note(now, counts);
    this.#day.note(now, counts);
  }

  of(period: 'hour' | 'day', now: number, counts: readonly number[]): Figures {
    return named((period === 'hour' ? this.#hour : this.#day).since(now, counts));
  }

  series(period: 'hour' | 'day', now: number, counts: readonly number[]): FigureSeries {
    return (period === 'hour' ? this.#hour : this.#day).series(now, counts);
  }
}

function difference(to: readonly number[], from: readonly number[]): readonly number[] {
  return to.map((count, i) => Math.max(0, count - (from[i] ?? 0)));
}

function named(counts: readonly number[]): Figures {
  return Object.fromEntries(FIGURES.map((figure, i) => [figure, counts[i] ?? 0])) as Record<
    (typeof FIGURES)[number],
    number
  >;
}

function readNotes(value: unknown): Note[] {
  if (!Array.isArray(value)) return [];
  const notes = value.map((row) => {
    const [at, ...counts] = Array.isArray(row) ? (row as unknown[]) : [];
    const isSound = [at, ...counts].every(Number.isSafeInteger) && counts.length === FIGURES.length;
    return isSound ? { at: at as number, counts: counts as number[] } : null;
  });
  return notes.every((note) => note !== null) ? notes : [];
}
