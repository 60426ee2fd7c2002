// Settle: gathers final words and commits them with the ledger; what the disk refuses is kept and tried again.
import { describeError } from '../domain/errors.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore, Settlement } from '../domain/ports/store.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';

/** Uplinks that need no answer from HERE are settled together; those of a request at once with its answer. */
const GATHER_MS = 10;
const RETRY_MS = 1_000;
const AT_MOST = 2_000;

export function tooOld({ emittedAt }: { readonly emittedAt: number }): UplinkOutcome {
  return { kind: 'expired', reason: 'tooOld', emittedAt };
}

export class Settler {
  readonly #store: ConnectionStore;
  readonly #clock: Clock;
  readonly #onSettled: (settlements: readonly Settlement[]) => void;
  #gathered: Settlement[] = [];
  #timer: Cancel | null = null;
  #failure: string | null = null;

  constructor(store: ConnectionStore, clock: Clock, onSettled: (settlements: readonly Settlement[]) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onSettled = onSettled;
  }

  /** Why the store refused the last attempt; while it does, nothing more is sent. */
  get failure(): string | null {
    return this.#failure;
  }

  add(seq: number, outcome: UplinkOutcome): void {
    this.#gathered.push({ seq, outcome });
    if (this.#gathered.length >= AT_MOST && this.#failure === null) this.flush();
    else this.#arm(this.#failure === null ? GATHER_MS : RETRY_MS);
  }

  /** Commits what was gathered. Never throws: after a refusal it is tried again by itself. */
  flush(): void {
    if (this.#gathered.length === 0) return;
    const settlements = this.#gathered;
    try {
      this.#store.settle(settlements);
    } catch (error) {
      this.#failure = describeError(error);
      this.#arm(RETRY_MS);
      return;
    }
    this.#failure = null;
    this.#gathered = [];
    this.#timer?.();
    this.#timer = null;
    this.#onSettled(settlements);
  }

  stop(): void {
    this.flush();
    this.#timer?.();
    this.#timer = null;
  }

  #arm(ms: number): void {
    if (this.#timer !== null) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = null;
      this.flush();
    });
  }
}
