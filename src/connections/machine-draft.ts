// A step of a connection's state machine in the making: the state so far and the effects collected.
import type { EventKind, NewEvent } from '../domain/events.ts';
import type { Effect, Machine, MachineSettings, Step } from './machine.ts';
import { retryMs } from './reconnect-strategy.ts';

const OPEN = 'The connection is open: uplinks go to HERE.';
const RESTARTED =
  'Restarted, as the strategy AGGRESSIVE says, since no uplink had come for over an hour; the connection is open again. This goes on hourly, unsaid, until one comes: look whether the devices, their gateways and the broker work.';

export const HELD =
  'The connection is held: its uplinks wait, and one is tried every 10 minutes. Mend the cause; a restart tries at once.';
export const LIMITED =
  'HERE limits the rate, and the bridge obeys. If this stays, lower requestsPerSecond or ask HERE for more.';

export class Draft {
  protected m: Machine;
  protected readonly at: number;
  protected readonly settings: MachineSettings;
  readonly #before: Machine;
  readonly #effects: Effect[] = [];

  constructor(machine: Machine, at: number, settings: MachineSettings) {
    this.m = machine;
    this.at = at;
    this.settings = settings;
    this.#before = machine;
  }

  /** Timers belong to the phase that armed them. */
  finish(): Step {
    const { phase } = this.#before;
    const left = this.m.phase !== phase && (phase === 'OPENING' || phase === 'CLOSED');
    return { next: this.m, effects: left ? [{ kind: 'cancelTimers' }, ...this.#effects] : this.#effects };
  }

  protected set(change: Partial<Machine>): void {
    this.m = { ...this.m, ...change };
  }

  protected do(...effects: readonly Effect[]): void {
    this.#effects.push(...effects);
  }

  protected tell(kind: EventKind, severity: NewEvent['severity'], message: string): void {
    this.do({ kind: 'tell', event: { kind, severity, message } });
  }

  protected tellOpened(): void {
    const { restartedFor } = this.m;
    if (restartedFor === 'sameSilence') return;
    this.tell('connectionOpened', 'info', restartedFor === null ? OPEN : RESTARTED);
  }

  protected retryMs(): number {
    return retryMs(this.m.attempts, this.settings.retryMinMs, this.settings.retryMaxMs);
  }

  /** While it is closed for failure. */
  protected watchHost(): void {
    if (this.m.series !== null) this.do({ kind: 'watchHost', again: this.m.series.healthTried });
  }

  /** Once an outage, and only when it has lasted. */
  protected tellOutage(message: string, sinceMs: number): void {
    if (this.m.outageTold || sinceMs < this.settings.tellOutageAfterMs) return;
    this.set({ outageTold: true });
    this.tell(
      'hereUnavailable',
      'warning',
      `${sentence(message)} Uplinks wait in the journal; nothing needs to be done.`,
    );
  }
}

/** Words of HERE's, closed with a full stop so that others can follow. */
export function sentence(words: string): string {
  const trimmed = words.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** The reason of a held connection while it is tried. */
export function probing(heldFor: string): string {
  return `${sentence(heldFor)} Held; one uplink is tried.`;
}
