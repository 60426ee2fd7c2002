// When a low-rate alarm watches: the windows of its weekly recurrence, as instants.
//
// A window belongs to the day on which it begins, and ends on the next one when its end is not after its start. Its ends are
// the first instants at which the zone's clock shows them or a later time. So a window that lies in the hour which is skipped
// in spring does not take place that day, one in the hour which comes twice in autumn takes place in the first of the two, and
// one that contains such an hour is shorter or longer by it.
import type { AlarmDay, AlarmDefinition } from '../domain/connection.ts';
import { firstInstantOf, localDay } from './local-time.ts';

/** Wall-clock ms; `to` is not part of it. */
export interface AlarmWindow {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
/** Enough before and after a day that what adjoins there is seen as one window. */
const DAYS_AROUND = 3;
/** By `Date.getUTCDay`. */
const DAYS: readonly AlarmDay[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

export class AlarmCalendar {
  readonly #zone: string;
  readonly #startMs: number;
  readonly #lengthMs: number;
  readonly #days: ReadonlySet<AlarmDay>;
  #windows: readonly AlarmWindow[] = [];
  /** For which instants `#windows` was made. */
  #validFrom = 0;
  #validTo = 0;

  /** Throws a RangeError for a time zone that does not exist. */
  constructor(alarm: Pick<AlarmDefinition, 'startTime' | 'endTime' | 'timezone' | 'recurrence'>) {
    this.#zone = alarm.timezone;
    this.#startMs = timeOfDay(alarm.startTime);
    const endMs = timeOfDay(alarm.endTime);
    this.#lengthMs = endMs > this.#startMs ? endMs - this.#startMs : endMs + DAY_MS - this.#startMs;
    this.#days = new Set(alarm.recurrence.flatMap(({ byDays }) => byDays));
    localDay(this.#zone, 0);
  }

  /**
   * The windows within two days of `at` at least, in order; what touches or overlaps is one window. Where a window goes on
   * for days, its ends may be cut off two days before and after `at`.
   */
  around(at: number): readonly AlarmWindow[] {
    if (at < this.#validFrom || at >= this.#validTo) this.#make(localDay(this.#zone, at));
    return this.#windows;
  }

  #make(today: number): void {
    const windows: AlarmWindow[] = [];
    for (let day = today - DAYS_AROUND * DAY_MS; day <= today + DAYS_AROUND * DAY_MS; day += DAY_MS) {
      if (!this.#days.has(DAYS[new Date(day).getUTCDay()] as AlarmDay)) continue;
      const start = day + this.#startMs;
      const from = firstInstantOf(this.#zone, start);
      const to = firstInstantOf(this.#zone, start + this.#lengthMs);
      const last = windows.at(-1);
      if (last !== undefined && from <= last.to)
        windows[windows.length - 1] = { from: last.from, to: Math.max(to, last.to) };
      else if (from < to) windows.push({ from, to });
    }
    this.#windows = windows;
    this.#validFrom = firstInstantOf(this.#zone, today);
    this.#validTo = firstInstantOf(this.#zone, today + DAY_MS);
  }
}

/** ms since midnight of `08:30`, `08:30:15` or `24:00`. */
function timeOfDay(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}
