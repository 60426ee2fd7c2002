// What happened, as lines: the latest are kept for people, and all of them go into one hash that tells runs apart.

const KEPT = 4_000;

export interface TraceLine {
  readonly atMs: number;
  readonly text: string;
}

export class Trace {
  readonly #now: () => number;
  #lines: TraceLine[] = [];
  #low = 0xdeadbeef;
  #high = 0x41c6ce57;
  count = 0;
  /** Called with each line, for those who want to see all of them. */
  onLine: ((line: TraceLine) => void) | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(text: string): void {
    const line = { atMs: this.#now(), text };
    this.count += 1;
    this.#mix(line);
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT) this.#lines = this.#lines.slice(KEPT);
    this.onLine?.(line);
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines, and before them those that mention one of `words`. */
  shortened(words: readonly string[], last = 40, mentioned = 40): TraceLine[] {
    const tail = this.#lines.slice(-last);
    const before = this.#lines.slice(0, -last);
    const about = before.filter(({ text }) => text.startsWith('!') || words.some((word) => text.includes(word)));
    return [...about.slice(-mentioned), ...tail];
  }

  #mix({ atMs, text }: TraceLine): void {
    let low = Math.imul(this.#low ^ atMs, 2654435761);
    let high = Math.imul(this.#high ^ (atMs * 1.37), 1597334677) ^ (low >>> 13);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, 2654435761);
      high = Math.imul(high ^ (code * 1.37), 1597334677) ^ (low >>> 13);
    }
    this.#low = low;
    this.#high = high;
  }
}

export function timeText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${String(minutes).padStart(3, ' ')}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, '0')}`;
}
