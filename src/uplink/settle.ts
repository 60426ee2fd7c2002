// Settle: gathers final words and commits them with the ledger; what the disk refuses is kept and tried again.
//
// Their order does not matter to the ledger, the journal or the places: dead letters that find no room are set aside, and what
// hardly needs any goes on without them. It is what empties the journal, and so makes room for them.
import { describeError } from '../domain/errors.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore, Settlement } from '../domain/ports/store.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { isLetter, SettleQueue, SLICE } from './settle-queue.ts';

/** Uplinks that need no answer from HERE are settled together; those of a request at once with its answer. */
const GATHER_MS = 10;
const RETRY_MS = 1_000;
/** Then others have their turn. */
const SLICES_A_TURN = 4;
/** Some megabytes: with as many the line takes and sends nothing more until the store has taken them. */
const MOST_HELD = 5 * SLICE;
/** A line that stops tries for so long. */
const STOP_MS = 500;

export function tooOld({ emittedAt }: { readonly emittedAt: number }): UplinkOutcome {
  return { kind: 'expired', reason: 'tooOld', emittedAt };
}

type Store = Pick<ConnectionStore, 'settle' | 'bytesOf'>;

export class Settler {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onSettled: (settlements: readonly Settlement[]) => void;
  readonly #gathered: SettleQueue;
  /** Dead letters, once the store has refused one alone. */
  readonly #aside: SettleQueue;
  #timer: Cancel | null = null;
  #asideTimer: Cancel | null = null;
  #writing = false;
  #failure: string | null = null;

  constructor(store: Store, clock: Clock, onSettled: (settlements: readonly Settlement[]) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onSettled = onSettled;
    this.#gathered = new SettleQueue(store);
    this.#aside = new SettleQueue(store);
  }

  /** Why the store refused the last attempt, dead letters that were set aside apart. */
  get failure(): string | null {
    return this.#failure;
  }

  /** What waits to be written, as a share of the most that may. */
  get heldShare(): number {
    return (this.#gathered.length + this.#aside.length) / MOST_HELD;
  }

  /** True: nothing more is to be sent, since its final word could not be written. */
  get isBlocked(): boolean {
    return this.#failure !== null || this.heldShare >= 1;
  }

  add(seq: number, outcome: UplinkOutcome): void {
    const settlement = { seq, outcome };
    if (this.#aside.length > 0 && isLetter(settlement)) {
      this.#aside.push(settlement);
      return;
    }
    this.#gathered.push(settlement);
    if (this.#gathered.length === SLICE && this.#failure === null) this.flush();
    if (this.#timer === null && this.#gathered.length > 0) this.#arm(GATHER_MS);
  }

  /** Commits what was gathered. Never throws: after a refusal it is tried again by itself. */
  flush(): void {
    if (this.#writing) return;
    this.#timer?.();
    this.#timer = null;
    const left = this.#write(this.#gathered, (one, why) => {
      if (isLetter(one)) {
        this.#setAside();
        return true;
      }
      this.#failure = why;
      return false;
    });
    if (left !== 'none' && this.#timer === null) this.#arm(left === 'more' ? 0 : RETRY_MS);
  }

  /** What is still refused then, the next line sends again. */
  stop(): void {
    const endsAt = this.#clock.monotonic() + STOP_MS;
    for (let before = Number.POSITIVE_INFINITY; this.heldShare < before && this.#clock.monotonic() < endsAt; ) {
      before = this.heldShare;
      this.flush();
      this.#flushAside();
    }
    this.#timer?.();
    this.#timer = null;
    this.#asideTimer?.();
    this.#asideTimer = null;
  }

  /** Writes slices until it is another's turn. `refusedAlone`: true when there may be more to go on with. */
  #write(queue: SettleQueue, refusedAlone: (one: Settlement, why: string) => boolean): 'none' | 'more' | 'refused' {
    this.#writing = true;
    try {
      for (let slices = 0; queue.length > 0; ) {
        if (slices === SLICES_A_TURN) return 'more';
        const slice = queue.next();
        const refusal = this.#settle(slice);
        if (refusal === null) {
          slices += 1;
          queue.written(slice.length);
          this.#failure = null;
          this.#onSettled(slice);
        } else if (slice.length > 1) {
          // At once: a refusal for want of room has just made some.
          queue.refused(slice.length);
        } else if (!refusedAlone(slice[0] as Settlement, refusal)) return 'refused';
      }
      return 'none';
    } finally {
      this.#writing = false;
    }
  }

  #settle(slice: readonly Settlement[]): string | null {
    try {
      this.#store.settle(slice);
      return null;
    } catch (error) {
      return describeError(error);
    }
  }

  #setAside(): void {
    this.#aside.push(...this.#gathered.takeLetters());
    this.#aside.refused(1);
    this.#aside.putFirstLast();
    this.#armAside(RETRY_MS);
  }

  #flushAside(): void {
    if (this.#writing) return;
    this.#asideTimer?.();
    this.#asideTimer = null;
    if (this.#aside.length === 0) return;
    const refused = (): false => {
      this.#aside.putFirstLast();
      return false;
    };
    // Where what is smaller finds no room, they find none.
    const left = this.#failure === null ? this.#write(this.#aside, refused) : 'refused';
    if (left !== 'none') this.#armAside(left === 'more' ? 0 : RETRY_MS);
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = null;
      this.flush();
    });
  }

  #armAside(ms: number): void {
    this.#asideTimer ??= this.#clock.after(ms, () => {
      this.#asideTimer = null;
      this.#flushAside();
    });
  }
}
