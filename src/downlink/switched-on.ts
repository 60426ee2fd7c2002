// Since when a connection has commands, and in which project, kept in its store: what was desired before is never sent.
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const SINCE = 'downlinkSince';
const SINCE_HERE = 'downlinkSinceHere';
const PROJECT = 'downlinkProject';

export class SwitchedOn {
  readonly #store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly #clock: Clock;
  /** Our wall clock, ms; null: switched off. */
  #since: number | null = null;
  /** The same in HERE's time, once that is known: our clock may be set since. */
  #sinceHere: number | null = null;
  #project: string | null;

  constructor(store: Pick<ConnectionStore, 'getState' | 'setState'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#since = numberOf(store.getState(SINCE));
    this.#sinceHere = numberOf(store.getState(SINCE_HERE));
    this.#project = store.getState(PROJECT);
  }

  /** HERE's ms. `offsetMs`: how much its clock is ahead of ours. While switched off: now. */
  sinceAt(offsetMs: number): number {
    if (this.#since === null) return this.#clock.now() + offsetMs;
    if (this.#sinceHere === null) {
      this.#sinceHere = this.#since + offsetMs;
      this.#keep(SINCE_HERE, String(this.#sinceHere));
    }
    return this.#sinceHere;
  }

  set(enabled: boolean): void {
    if (enabled === (this.#since !== null)) return;
    this.#since = enabled ? this.#clock.now() : null;
    this.#sinceHere = null;
    this.#keep(SINCE, this.#since === null ? null : String(this.#since));
    this.#keep(SINCE_HERE, null);
  }

  /** `host|appId` of the last opening; null: it has never opened. */
  get project(): string | null {
    return this.#project;
  }

  set project(key: string) {
    this.#project = key;
    this.#keep(PROJECT, key);
  }

  /** A failing disk is told by the journal; a restart would then begin anew. */
  #keep(name: string, value: string | null): void {
    try {
      this.#store.setState(name, value);
    } catch {
      // As above.
    }
  }
}

function numberOf(text: string | null): number | null {
  const number = Number(text ?? Number.NaN);
  return Number.isFinite(number) ? number : null;
}
