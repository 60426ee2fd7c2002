// Low-rate alarms of one connection: raised when too few uplinks pass in their windows, cleared when enough pass again.
//
// The rate is that of its own uplinks received in the last full hour within the window, looked at once a minute from one hour
// after the window's beginning on, and at its end. A window shorter than an hour is judged once, at its end, pro rata.
// Nothing is judged outside of windows, so an alarm stays as it is from one window to the next; nor before the bridge has
// itself observed the whole hour (or the short window). In the first minutes after a restart the broker still hands out what it
// queued: nothing is raised then, and a window that ended meanwhile, or while the bridge was away, is judged after them.
import { createHash } from 'node:crypto';
import type { ActiveAlarm, AlarmDefinition } from '../domain/connection.ts';
import type { EventSink } from '../domain/events.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { AlarmCalendar } from './alarm-windows.ts';
import { MAX_GAP_MS, UplinkHistory } from './uplink-history.ts';

export interface AlarmOptions {
  readonly connectionId: string;
  readonly store: Pick<ConnectionStore, 'getState' | 'setState' | 'ledger'>;
  readonly events: EventSink;
  readonly clock: Clock;
  /** What is raised has changed. */
  readonly onChange: () => void;
}

interface Alarm {
  readonly key: string;
  readonly definition: AlarmDefinition;
  readonly calendar: AlarmCalendar;
}

interface Verdict {
  readonly uplinksPerHour: number;
  readonly tooFew: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SAVE_EVERY_MS = 5 * MINUTE_MS;
const SETTLE_MS = 5 * MINUTE_MS;
/** A smaller difference between wall clock and monotonic clock is no step. */
const STEP_MS = 2_000;
const HISTORY = 'uplinkHistory';
const RAISED = 'alarms';

export class LowRateAlarms {
  readonly #options: AlarmOptions;
  #definitions: readonly AlarmDefinition[] = [];
  #alarms: readonly Alarm[] = [];
  readonly #raised: Map<string, ActiveAlarm>;
  #history: UplinkHistory;
  #savedAt: number;
  /** Monotonic ms: nothing is raised before. */
  #quietUntil = 0;
  #skewMs: number;

  constructor(options: AlarmOptions) {
    const { store, clock } = options;
    this.#options = options;
    this.#history = UplinkHistory.from(store.getState(HISTORY));
    this.#raised = raisedFrom(store.getState(RAISED));
    this.#savedAt = clock.monotonic();
    this.#skewMs = clock.now() - clock.monotonic();
    if (!this.#history.isEmpty) this.#quietUntil = clock.monotonic() + SETTLE_MS;
    // The clock was set back meanwhile, by more than could be waited for.
    if (this.#history.lastAt > clock.now() + MAX_GAP_MS) this.#history = new UplinkHistory();
  }

  get active(): readonly ActiveAlarm[] {
    return [...this.#raised.values()];
  }

  /** About once a second; costs nothing within a minute. `definitions`: those in force, the same array while unchanged. */
  tick(definitions: readonly AlarmDefinition[]): void {
    if (definitions !== this.#definitions) this.#define(definitions);
    if (this.#alarms.length === 0) return;
    this.#noticeStep();
    const at = minuteOf(this.#options.clock.now());
    if (at <= this.#history.lastAt) return;
    this.#history.note(at, this.#options.store.ledger());
    let changed = false;
    const isQuiet = this.#options.clock.monotonic() < this.#quietUntil;
    for (const alarm of this.#alarms) changed = this.#look(alarm, at, isQuiet) || changed;
    if (!isQuiet) this.#history.judgedTo = at;
    if (changed) this.#onChanged();
    else if (this.#options.clock.monotonic() - this.#savedAt >= SAVE_EVERY_MS) this.save();
  }

  /** Keeps what a restart needs. Never throws: a failing disk is told by the journal. */
  save(): void {
    const { store, clock } = this.#options;
    this.#savedAt = clock.monotonic();
    try {
      if (this.#alarms.length > 0) store.setState(HISTORY, this.#history.text);
      else if (store.getState(HISTORY) !== null) store.setState(HISTORY, null);
      const raised = this.#raised.size === 0 ? null : JSON.stringify([...this.#raised]);
      if (store.getState(RAISED) !== raised) store.setState(RAISED, raised);
    } catch {
      // Told by the journal.
    }
  }

  #define(definitions: readonly AlarmDefinition[]): void {
    this.#definitions = definitions;
    const alarms = new Map<string, Alarm>();
    for (const definition of definitions) {
      const key = keyOf(definition);
      const alarm = alarmOf(key, definition);
      if (alarm !== null) alarms.set(key, alarm);
    }
    this.#alarms = [...alarms.values()];
    if (this.#alarms.length === 0) this.#history = new UplinkHistory();
    const gone = [...this.#raised].filter(([key]) => !alarms.has(key));
    for (const [key, { message }] of gone) {
      this.#raised.delete(key);
      this.#tell('alarmCleared', key, `${message}: the alarm is no longer defined, so it is cleared.`, {});
    }
    if (gone.length > 0) this.#onChanged();
  }

  /** True when it was raised or cleared. */
  #look(alarm: Alarm, at: number, isQuiet: boolean): boolean {
    const verdict = this.#judge(alarm, at);
    if (verdict === null || verdict.tooFew === this.#raised.has(alarm.key)) return false;
    const { uplinksPerHour } = verdict;
    const { uplinkRateMinPerHour, timezone, startTime, endTime } = alarm.definition;
    const message = labelOf(alarm.definition);
    const wanted = `at least ${uplinkRateMinPerHour} are expected from ${startTime} to ${endTime} (${timezone})`;
    const details = { uplinksPerHour, uplinkRateMinPerHour };
    if (!verdict.tooFew) {
      this.#raised.delete(alarm.key);
      this.#tell(
        'alarmCleared',
        alarm.key,
        `${message}: ${uplinksPerHour} uplinks an hour pass again; ${wanted}.`,
        details,
      );
      return true;
    }
    if (isQuiet) return false;
    const since = new Date(this.#options.clock.now()).toISOString();
    this.#raised.set(alarm.key, { since, message, uplinksPerHour, uplinkRateMinPerHour });
    const advice = 'Look whether the devices, their gateways and the broker work.';
    this.#tell(
      'alarmRaised',
      alarm.key,
      `${message}: ${uplinksPerHour} uplinks an hour passed; ${wanted}. ${advice}`,
      details,
    );
    return true;
  }

  /** null: nothing to judge now. */
  #judge({ calendar, definition }: Alarm, at: number): Verdict | null {
    const { judgedTo } = this.#history;
    const window = calendar.around(at).find(({ from, to }) => from < at && to > judgedTo);
    if (window === undefined) return null;
    const end = Math.min(at, window.to);
    const lengthMs = Math.min(HOUR_MS, window.to - window.from);
    if (end - window.from < lengthMs) return null;
    // Up to now: what came after a window's end may have waited at the broker since before.
    const count = this.#history.count(end - lengthMs, at);
    if (count === null) return null;
    const rate = (count * HOUR_MS) / lengthMs;
    return { uplinksPerHour: Math.round(rate * 10) / 10, tooFew: rate < definition.uplinkRateMinPerHour };
  }

  #noticeStep(): void {
    const { clock } = this.#options;
    const skewMs = clock.now() - clock.monotonic();
    const stepMs = skewMs - this.#skewMs;
    this.#skewMs = skewMs;
    if (Math.abs(stepMs) < STEP_MS) return;
    this.#history.shift(stepMs);
  }

  #onChanged(): void {
    this.save();
    this.#options.onChange();
  }

  #tell(
    kind: 'alarmRaised' | 'alarmCleared',
    key: string,
    message: string,
    details: Readonly<Record<string, number>>,
  ): void {
    const severity = kind === 'alarmRaised' ? 'warning' : 'info';
    this.#options.events.emit({ kind, severity, connectionId: this.#options.connectionId, key, message, details });
  }
}

function minuteOf(at: number): number {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS;
}

function labelOf({ message }: AlarmDefinition): string {
  return message === undefined || message.trim() === '' ? 'Few uplinks' : message.trim().replace(/[\s.:]+$/, '');
}

/** The same alarm after a restart; a changed one is another. */
function keyOf(definition: AlarmDefinition): string {
  const { startTime, endTime, timezone, recurrence, uplinkRateMinPerHour, message } = definition;
  const days = [...new Set(recurrence.flatMap(({ byDays }) => byDays))].sort();
  const text = JSON.stringify([startTime, endTime, timezone, days, uplinkRateMinPerHour, message ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** null: its time zone is not known here, though it was where the definition was checked. */
function alarmOf(key: string, definition: AlarmDefinition): Alarm | null {
  try {
    return { key, definition, calendar: new AlarmCalendar(definition) };
  } catch {
    return null;
  }
}

function raisedFrom(text: string | null): Map<string, ActiveAlarm> {
  try {
    return new Map(text === null ? [] : (JSON.parse(text) as [string, ActiveAlarm][]));
  } catch {
    return new Map();
  }
}
