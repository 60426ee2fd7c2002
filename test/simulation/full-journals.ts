// When journals were full, as the bridge told it.

interface Time {
  readonly fromMs: number;
  untilMs: number;
}

export class FullJournals {
  readonly #times = new Map<string, Time[]>();

  full(connection: string, nowMs: number): void {
    const times = this.#times.get(connection) ?? [];
    this.#times.set(connection, times);
    if (times.at(-1)?.untilMs !== Number.POSITIVE_INFINITY) {
      times.push({ fromMs: nowMs, untilMs: Number.POSITIVE_INFINITY });
    }
  }

  hasRoom(connection: string, nowMs: number): void {
    const last = this.#times.get(connection)?.at(-1);
    if (last !== undefined) last.untilMs = Math.min(last.untilMs, nowMs);
  }

  /** Whether it was full at any time between these. */
  wasFull(connection: string, fromMs: number, untilMs: number): boolean {
    return this.#times.get(connection)?.some((time) => time.fromMs <= untilMs && time.untilMs > fromMs) === true;
  }

  /** A process that starts tells anew. */
  clear(): void {
    this.#times.clear();
  }
}
