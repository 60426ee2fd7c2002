// Notices when somebody sets the machine's clock: ages of uplinks and alarms' windows are told by it.
import type { EventSink } from '../domain/events.ts';
import type { Clock } from '../domain/ports/clock.ts';

/** Between two looks. Time services slew smaller differences. */
const STEP_MS = 2_000;

export class ClockWatch {
  readonly #clock: Clock;
  readonly #events: EventSink;
  #skewMs: number;

  constructor(clock: Clock, events: EventSink) {
    this.#clock = clock;
    this.#events = events;
    this.#skewMs = clock.now() - clock.monotonic();
  }

  /** About once a second. */
  look(): void {
    const skewMs = this.#clock.now() - this.#clock.monotonic();
    const stepMs = skewMs - this.#skewMs;
    this.#skewMs = skewMs;
    if (Math.abs(stepMs) < STEP_MS) return;
    const seconds = Math.round(Math.abs(stepMs) / 1000);
    const way = stepMs > 0 ? 'forward' : 'back';
    this.#events.emit({
      kind: 'clockStepped',
      severity: 'warning',
      connectionId: null,
      key: way,
      message: `The clock of this machine was set ${way} by ${seconds} s: uplinks may seem older or younger than they are, which uplinkTimeValidity goes by. Look at its time synchronisation (NTP).`,
      details: { stepMs: Math.round(stepMs) },
    });
  }
}
