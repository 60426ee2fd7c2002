// Log-ins that HERE has given no word of its own on, of pairs that never worked: until when the same pair is not tried again.

/** After the first; each further one waits four times as long, so that the few attempts there are outlast a short outage. */
const GAP_MS = 5_000;

/** Times are monotonic ms. */
export class Unanswered {
  #fingerprint: string | null = null;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** `failed`: the attempts since the last log-in that worked, with this one. */
  note(fingerprint: string, failed: number, nowMs: number): void {
    this.#fingerprint = fingerprint;
    this.#untilMs = nowMs + GAP_MS * 4 ** Math.max(0, failed - 1);
  }

  noLogInBeforeMs(fingerprint: string): number {
    return fingerprint === this.#fingerprint ? this.#untilMs : Number.NEGATIVE_INFINITY;
  }

  forget(): void {
    this.#fingerprint = null;
  }
}
