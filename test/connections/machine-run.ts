// Drives a state machine in tests: signals in, effects out, on a clock of its own.
import {
  type Effect,
  initialMachine,
  type Machine,
  type MachineSettings,
  type Signal,
} from '../../src/connections/machine.ts';
import { step } from '../../src/connections/state-machine.ts';

const MINUTE = 60_000;

export const settings: MachineSettings = {
  strategy: 'NORMAL',
  closeAfterMs: 5 * MINUTE,
  retryMinMs: 500,
  retryMaxMs: 20_000,
  tellOutageAfterMs: 10_000,
  probeAfterMs: 10 * MINUTE,
};

export class Run {
  machine: Machine = initialMachine();
  at = 1000;
  readonly phases: string[] = [];
  settings = settings;

  give(...signals: (Signal | Signal['kind'])[]): Effect[] {
    const all: Effect[] = [];
    for (const signal of signals) {
      const whole = typeof signal === 'string' ? ({ kind: signal } as Signal) : signal;
      const { next, effects } = step(this.machine, whole, this.at, this.settings);
      if (next.phase !== this.machine.phase) this.phases.push(next.phase);
      this.machine = next;
      all.push(...effects);
    }
    return all;
  }

  get opened(): this {
    this.give('open', 'prepared', 'projectOpened');
    this.phases.length = 0;
    return this;
  }

  get closedForFailure(): this {
    this.opened.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 5 * MINUTE, rateLimited: false }, 'lineClosed');
    this.phases.length = 0;
    return this;
  }
}

export const refused: Signal = { kind: 'refused', message: 'Wrong password.', event: 'logInRefused' };

export const transient = (message = 'HTTP 503.', afterMs: number | null = null): Signal => ({
  kind: 'transient',
  message,
  afterMs,
});
