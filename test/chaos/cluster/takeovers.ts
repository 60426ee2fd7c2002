// How long the connections of a worker that was killed or frozen send nothing: until an uplink arrives that was acknowledged to
// its publisher after the fault.
import type { Acknowledged } from '../../../src/chaos/books.ts';

type Look = (id: string) => {
  readonly acknowledged: readonly Acknowledged[];
  readonly accepted: ReadonlyMap<string, number>;
};

interface Waiting {
  readonly id: string;
  readonly sinceMs: number;
  /** Of the acknowledged ones: where to begin to look. */
  from: number;
}

export class Takeovers {
  readonly #look: Look;
  readonly #times: number[] = [];
  #waiting: Waiting[] = [];

  constructor(look: Look) {
    this.#look = look;
  }

  /** Their worker is gone from now on. */
  began(ids: readonly string[]): void {
    const sinceMs = Date.now();
    for (const id of ids) this.#waiting.push({ id, sinceMs, from: this.#look(id).acknowledged.length });
  }

  look(): void {
    const now = Date.now();
    this.#waiting = this.#waiting.filter((waiting) => {
      const { acknowledged, accepted } = this.#look(waiting.id);
      const hasArrived = acknowledged.slice(waiting.from).some(({ key }) => accepted.has(key));
      if (hasArrived) this.#times.push(now - waiting.sinceMs);
      return !hasArrived;
    });
  }

  /** A connection has sent nothing yet. */
  get isOpen(): boolean {
    return this.#waiting.length > 0;
  }

  /** A connection sends nothing of what was published since: where nothing was, nothing can arrive. */
  get hasFailed(): boolean {
    return this.#waiting.some(({ id, from }) => {
      return this.#look(id)
        .acknowledged.slice(from)
        .some((each) => each.isTelemetry);
    });
  }

  summary(): { readonly p50: number | null; readonly max: number | null } {
    const sorted = [...this.#times].sort((a, b) => a - b);
    return { p50: sorted[Math.floor((sorted.length - 1) / 2)] ?? null, max: sorted.at(-1) ?? null };
  }
}
