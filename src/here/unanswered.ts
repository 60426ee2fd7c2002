// Log-ins that HERE has given no word of its own on, of pairs that never worked: until when the same pair is not tried again.

/** After the first; doubled after each further one. The few attempts that there are outlast a short outage, and none waits for long after it. */
const GAP_MS = 5_000;

/** Times are monotonic ms. */
export class Unanswered {
  #fingerprint: string | null = null;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** `failed`: the attempts since the last log-in that worked, with this one. */
  note(fingerprint: string, failed: number, nowMs: number): void {
    this.#fingerprint = fingerprint;
    this.#untilMs = nowMs + GAP_MS * 2 ** Math.max(0, failed - 1);
  }

  noLogInBeforeMs(fingerprint: string): number {
    return fingerprint === this.#fingerprint ? this.#untilMs : Number.NEGATIVE_INFINITY;
  }

  forget(): void {
    this.#fingerprint = null;
  }
}
