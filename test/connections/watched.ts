// A connection that is watched by its low-rate alarms, over days and restarts, in no time.
import { LowRateAlarms } from '../../src/connections/alarms.ts';
import type { AlarmDefinition } from '../../src/domain/connection.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { emptyLedger, type Ledger, sumReasons } from '../../src/domain/ledger.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export const WORKDAYS: AlarmDefinition = {
  startTime: '08:00',
  endTime: '18:00',
  timezone: 'Europe/Paris',
  recurrence: [{ frequency: 'weekly', byDays: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] }],
  uplinkRateMinPerHour: 10,
  message: 'Lorries are silent.',
};

/** A connection over days: its store outlives the alarms that watch it. */
export class Watched {
  readonly events: NewEvent[] = [];
  readonly state = new Map<string, string>();
  /** Its own uplinks, and what came on its topics besides: found to be so at once, or waiting for it. */
  received = 0;
  others: Pick<Ledger, 'filtered' | 'skipped'> = { filtered: {}, skipped: {} };
  waiting = 0;
  changes = 0;
  definitions: readonly AlarmDefinition[];
  alarms: LowRateAlarms;
  #wall: number;
  #monotonic = 0;
  /** Of the next uplink: so that parts of an hour add up to what the hour has. */
  #part = 0;

  constructor(at: string, ...definitions: AlarmDefinition[]) {
    this.#wall = Date.parse(at);
    this.definitions = definitions;
    this.alarms = this.#make();
  }

  get at(): number {
    return this.#wall;
  }

  get kinds(): string[] {
    return this.events.map((event) => event.kind);
  }

  #make(): LowRateAlarms {
    const clock: Clock = { now: () => this.#wall, monotonic: () => this.#monotonic, after: () => () => {} };
    const store = {
      getState: (key: string) => this.state.get(key) ?? null,
      setState: (key: string, value: string | null) =>
        void (value === null ? this.state.delete(key) : this.state.set(key, value)),
      ledger: () => this.#ledger(),
    };
    const events = { emit: (event: NewEvent) => void this.events.push(event) };
    return new LowRateAlarms({ connectionId: 'a', store, events, clock, onChange: () => void this.changes++ });
  }

  #ledger(): Ledger {
    const { filtered, skipped } = this.others;
    const received = this.received + this.waiting + sumReasons(filtered) + sumReasons(skipped);
    // None of its own waits.
    return { ...emptyLedger(), received, delivered: this.received, pending: this.waiting, filtered, skipped };
  }

  /** Time passes, the bridge running or not. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  setClock(ms: number): void {
    this.#wall += ms;
  }

  /** The bridge runs until then, with so many uplinks an hour, evenly. */
  run(ms: number, perHour = 0): void {
    const end = this.#wall + ms;
    const from = this.#wall;
    const before = this.received + this.#part;
    while (this.#wall < end) {
      this.pass(Math.min(SECOND, end - this.#wall));
      this.#count(before + ((this.#wall - from) * perHour) / HOUR);
      this.alarms.tick(this.definitions);
    }
  }

  /** The broker hands out what came in the meantime. */
  catchUp(ms: number, perHour: number): void {
    this.#count(this.received + this.#part + (ms * perHour) / HOUR);
  }

  #count(uplinks: number): void {
    this.received = Math.floor(uplinks);
    this.#part = uplinks - this.received;
  }

  /** In order, or as a kill does it. */
  stop(how: 'in order' | 'killed' = 'in order'): void {
    if (how === 'in order') this.alarms.save();
  }

  start(): void {
    this.alarms = this.#make();
  }
}
