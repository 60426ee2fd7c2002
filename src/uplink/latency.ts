// Latency histogram of a connection: arrival in the bridge → accepted by HERE. Fixed memory, logarithmic buckets (±4 %).

import type { HistogramFacts } from '../domain/ports/facts.ts';

const PER_OCTAVE = 16;
const OCTAVES = 24;

export class LatencyHistogram {
  readonly #counts = new Float64Array(PER_OCTAVE * OCTAVES);
  #total = 0;
  #sumMs = 0;

  record(ms: number): void {
    const bucket = ms <= 1 ? 0 : Math.floor(Math.log2(ms) * PER_OCTAVE);
    const index = Math.min(bucket, this.#counts.length - 1);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#total += 1;
    this.#sumMs += ms;
  }

  get total(): number {
    return this.#total;
  }

  /** ms at quantile `q` in 0..1; 0 when nothing was recorded. */
  quantile(q: number): number {
    if (this.#total === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#total));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i] as number;
      if (seen >= rank) return 2 ** ((i + 0.5) / PER_OCTAVE);
    }
    return 2 ** OCTAVES;
  }

  /** How many took at most each of `boundsMs` (ascending; to the nearest bucket), all of them, and their sum. */
  cumulative(boundsMs: readonly number[]): HistogramFacts {
    const counts: number[] = [];
    let seen = 0;
    let i = 0;
    for (const bound of boundsMs) {
      const end = Math.round(Math.log2(bound) * PER_OCTAVE);
      for (; i < end && i < this.#counts.length; i++) seen += this.#counts[i] as number;
      counts.push(seen);
    }
    return { boundsMs, counts, count: this.#total, sumMs: this.#sumMs };
  }

  addTo(other: LatencyHistogram): void {
    for (let i = 0; i < this.#counts.length; i++) {
      other.#counts[i] = (other.#counts[i] as number) + (this.#counts[i] as number);
    }
    other.#total += this.#total;
    other.#sumMs += this.#sumMs;
  }
}
