// Of one partition: which of the messages that were taken from it are not settled. Settled ones are dropped when they are met, and all
// are looked through whenever they have doubled: one that stays unsettled (of a device that HERE does not take) must not keep all that
// is taken after it in memory.

/** So many more are not worth looking through. */
const FEW = 1_000;

export class TakenOffsets {
  readonly #isSettled: (seq: number) => boolean;
  readonly #few: number;
  // Two arrays in the order of taking: they take a third of the memory of one with objects.
  readonly #seqs: number[] = [];
  readonly #offsets: number[] = [];
  #sweepAt: number;

  constructor(isSettled: (seq: number) => boolean, few = FEW) {
    this.#isSettled = isSettled;
    this.#few = few;
    this.#sweepAt = few;
  }

  /** With settled ones that were not met yet. */
  get size(): number {
    return this.#seqs.length;
  }

  add(seq: number, offset: number): void {
    if (this.#seqs.length >= this.#sweepAt) this.#sweep();
    this.#seqs.push(seq);
    this.#offsets.push(offset);
  }

  /** What was taken after all that is here. */
  append(younger: TakenOffsets): void {
    for (let i = 0; i < younger.size; i++) this.add(younger.#seqs[i] as number, younger.#offsets[i] as number);
  }

  /** The first `most` offsets that are not settled and are `asked` for, in the order of taking. */
  unsettled(most: number, asked: (offset: number) => boolean): number[] {
    const seqs = this.#seqs;
    const offsets = this.#offsets;
    const found: number[] = [];
    let kept = 0;
    let at = 0;
    for (; at < seqs.length && found.length < most; at++) {
      const offset = offsets[at] as number;
      if (this.#isSettled(seqs[at] as number)) continue;
      seqs[kept] = seqs[at] as number;
      offsets[kept] = offset;
      kept += 1;
      if (asked(offset)) found.push(offset);
    }
    if (at === seqs.length) this.#sweepAt = 2 * kept + this.#few;
    if (kept < at) {
      seqs.splice(kept, at - kept);
      offsets.splice(kept, at - kept);
    }
    return found;
  }

  #sweep(): void {
    this.unsettled(Number.POSITIVE_INFINITY, () => false);
  }
}
