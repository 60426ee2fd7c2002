// Since when a connection has commands, and in which project, kept in its store: what was desired before is never sent.
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const SINCE = 'downlinkSince';
const PROJECT = 'downlinkProject';

export class SwitchedOn {
  readonly #store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly #clock: Clock;
  #since: number | null = null;
  #project: string | null;

  constructor(store: Pick<ConnectionStore, 'getState' | 'setState'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const kept = Number(store.getState(SINCE) ?? Number.NaN);
    if (Number.isFinite(kept)) this.#since = kept;
    this.#project = store.getState(PROJECT);
  }

  /** Our wall clock, ms. While switched off: now. */
  get since(): number {
    return this.#since ?? this.#clock.now();
  }

  set(enabled: boolean): void {
    if (enabled === (this.#since !== null)) return;
    this.#since = enabled ? this.#clock.now() : null;
    this.#keep(SINCE, this.#since === null ? null : String(this.#since));
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
