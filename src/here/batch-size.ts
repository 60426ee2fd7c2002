// How large a batch HERE takes: the configured bounds, lowered by 413 and slowly grown again.

/** Accepted full batches after which a learnt bound is tried a little larger. */
const GROW_AFTER = 50;
const GROWTH = 1.1;

export class BatchSize {
  readonly #limits: { readonly maxRecords: number; readonly maxBytes: number };
  #records: number;
  #bytes: number;
  #fullOnes = 0;

  constructor(limits: { readonly maxRecords: number; readonly maxBytes: number }) {
    this.#limits = limits;
    this.#records = limits.maxRecords;
    this.#bytes = limits.maxBytes;
  }

  get maxRecords(): number {
    return Math.floor(this.#records);
  }

  get maxBytes(): number {
    return Math.floor(this.#bytes);
  }

  /**
   * HERE refused a batch of this size. Which of the two was too many is not told, so both come down to half of what was
   * sent. A single record cannot be split: it is the line's matter and says nothing about batches.
   */
  tooLarge(records: number, bytes: number): void {
    if (records <= 1) return;
    this.#fullOnes = 0;
    this.#records = Math.max(1, Math.min(this.#records, Math.floor(records / 2)));
    this.#bytes = Math.max(1000, Math.min(this.#bytes, Math.floor(bytes / 2)));
  }

  /** HERE accepted a batch of this size: only those near the bound tell anything. */
  accepted(records: number, bytes: number): void {
    if (records < this.#records * 0.9 && bytes < this.#bytes * 0.9) return;
    if (++this.#fullOnes < GROW_AFTER) return;
    this.#fullOnes = 0;
    this.#records = Math.min(this.#limits.maxRecords, Math.max(this.#records + 1, this.#records * GROWTH));
    this.#bytes = Math.min(this.#limits.maxBytes, this.#bytes * GROWTH);
  }
}
