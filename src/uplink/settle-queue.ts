// Final words that wait to be written, in slices: small ones while the store refuses, since what is small may still find room.
import type { ConnectionStore, Settlement } from '../domain/ports/store.ts';

/** Of one transaction. */
export const SLICE = 2_000;
/** Original messages of dead letters in one transaction: they are read, and written, while all else waits. */
const SLICE_BYTES = 512 * 1024;

export function isLetter({ outcome }: Settlement): boolean {
  return outcome.kind === 'deadLettered';
}

export class SettleQueue {
  readonly #store: Pick<ConnectionStore, 'bytesOf'>;
  #waiting: Settlement[] = [];
  #most = SLICE;

  constructor(store: Pick<ConnectionStore, 'bytesOf'>) {
    this.#store = store;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(...settlements: readonly Settlement[]): void {
    for (const settlement of settlements) this.#waiting.push(settlement);
  }

  /** What goes next, in order: at least one, if any waits. */
  next(): readonly Settlement[] {
    const most = Math.min(this.#most, this.#waiting.length);
    let count = 0;
    for (let bytes = 0; count < most; count++) {
      bytes += this.#bytesOf(this.#waiting[count] as Settlement);
      if (count > 0 && bytes > SLICE_BYTES) break;
    }
    return this.#waiting.slice(0, count);
  }

  /** The first `count` are written. */
  written(count: number): void {
    this.#waiting = this.#waiting.slice(count);
    this.#most = Math.min(SLICE, this.#most * 2);
  }

  /** The first `count` were refused together: half of them is tried next. */
  refused(count: number): void {
    this.#most = Math.max(1, count >> 1);
  }

  /** The first was refused alone: the others go before it. */
  putFirstLast(): void {
    this.#waiting.push(...this.#waiting.splice(0, 1));
  }

  /** All dead letters, in order. */
  takeLetters(): readonly Settlement[] {
    const letters = this.#waiting.filter(isLetter);
    this.#waiting = this.#waiting.filter((settlement) => !isLetter(settlement));
    return letters;
  }

  #bytesOf({ seq, outcome }: Settlement): number {
    return outcome.kind === 'deadLettered' ? this.#store.bytesOf(seq) + (outcome.detail.record?.length ?? 0) : 0;
  }
}
