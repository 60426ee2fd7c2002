// Log-ins that HERE has given no word of its own on: until when the same pair is not tried again.

/** After the first; doubled after each further one. The few attempts that there are outlast a short outage, and none waits for long after it. */
const GAP_MS = 5_000;
/**
 * A pair that has worked has attempts without end, and no longer gap than this: its password may have been changed meanwhile, and
 * five wrong ones within seconds would lock the account; but soon after HERE judges again it is to be used. A connection that opens
 * tries every 10 to 20 s by itself: a longer gap would make it miss its turn, and wait for another.
 */
const LONGEST_PROVEN_MS = 10_000;

/**
 * A host that fails in part may answer none of such a pair's log-ins for minutes. From the fourth on one goes only where the host answers
 * so many questions after its health, all at once, and all of them well.
 */
const TRIED_ANYHOW = 3;
const QUESTIONS = 5;

/** Times are monotonic ms. */
export class Unanswered {
  #fingerprint: string | null = null;
  #untilMs = Number.NEGATIVE_INFINITY;
  /** Of a pair that has worked: since then, or since another one. */
  #inARow = 0;

  /** `failed`: the attempts since the last log-in that worked, with this one. */
  note(fingerprint: string, failed: number, nowMs: number): void {
    this.#fingerprint = fingerprint;
    this.#inARow = 0;
    this.#untilMs = nowMs + GAP_MS * 2 ** Math.max(0, failed - 1);
  }

  noteProven(fingerprint: string, nowMs: number): void {
    this.#inARow = fingerprint === this.#fingerprint ? this.#inARow + 1 : 1;
    this.#fingerprint = fingerprint;
    this.#untilMs = nowMs + Math.min(GAP_MS * 2 ** (this.#inARow - 1), LONGEST_PROVEN_MS);
  }

  noLogInBeforeMs(fingerprint: string): number {
    return fingerprint === this.#fingerprint ? this.#untilMs : Number.NEGATIVE_INFINITY;
  }

  /** To be answered well before a pair that has worked is tried. */
  healthQuestions(fingerprint: string): number {
    return fingerprint === this.#fingerprint && this.#inARow >= TRIED_ANYHOW ? QUESTIONS : 0;
  }

  forget(): void {
    this.#fingerprint = null;
    this.#inARow = 0;
  }
}
