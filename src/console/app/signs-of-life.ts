// Asks the bridge over and over whether it lives, and says so after each answer, also after the one that did not come.

/** Between an answer and the next question, and how long an answer may take: lost contact shows within five seconds. */
const ASK_MS = 1_500;
const PATIENCE_MS = 2_500;

export class SignsOfLife {
  readonly #ask: (signal: AbortSignal) => Promise<boolean>;
  readonly #tell: (live: boolean) => void;
  /** Until the next question; null while one waits for its answer. */
  #pause: ReturnType<typeof setTimeout> | null = null;

  /** @param ask - resolves to whether the bridge says that it lives; rejects where it says nothing, or when its signal aborts. */
  constructor(ask: (signal: AbortSignal) => Promise<boolean>, tell: (live: boolean) => void) {
    this.#ask = ask;
    this.#tell = tell;
  }

  start(): void {
    void this.#round();
  }

  /** Something broke off that the bridge keeps open while it lives: it is asked at once. */
  doubt(): void {
    if (this.#pause === null) return;
    clearTimeout(this.#pause);
    void this.#round();
  }

  async #round(): Promise<void> {
    this.#pause = null;
    const patience = new AbortController();
    const end = setTimeout(() => patience.abort(), PATIENCE_MS);
    let live = false;
    try {
      live = await this.#ask(patience.signal);
    } catch {
      // No answer is the answer.
    }
    clearTimeout(end);
    this.#tell(live);
    this.#pause = setTimeout(() => void this.#round(), ASK_MS);
  }
}
