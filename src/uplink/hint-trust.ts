// Whether HERE's hints at records are followed. HERE publishes no form of them, and hints at other records cost up to five requests
// a batch: too many for a rate that grows anew after an outage.

/** Batches in a row in which a hint was wrong, after which hints are passed over; */
const MISLED = 2;
/** but for one batch in so many: HERE's texts may change. */
const TRIED_AGAIN_EACH = 16;

export class HintTrust {
  #misled = 0;
  #passedOver = 0;

  /** Asked once for each refused batch. */
  follows(): boolean {
    if (this.#misled < MISLED) return true;
    this.#passedOver = (this.#passedOver + 1) % TRIED_AGAIN_EACH;
    return this.#passedOver === 0;
  }

  /** HERE refused the record that it had named, alone. */
  right(): void {
    this.#misled = 0;
  }

  /** HERE took it. */
  wrong(): void {
    this.#misled += 1;
  }
}
