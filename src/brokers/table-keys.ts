// The keys that a table holds, which nobody has judged yet: whoever may write there can make as many as he likes.

/** Twice what any of the bridge's own tables comes to: a worker knows at most 100,000 ledgers, states or shared records. */
export const MAX_KEYS = 200_000;
/** Nobody looks for longer ones: ids have at most 63 characters, and those of two in one key fit too. They are not remembered. */
const MAX_LENGTH = 256;

export class TableKeys {
  readonly max: number;
  readonly #keys = new Set<string>();

  constructor(max = MAX_KEYS) {
    this.max = max;
  }

  /** False: one more than there may be. */
  add(key: string): boolean {
    if (key.length > MAX_LENGTH) return true;
    if (this.#keys.size >= this.max && !this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }

  delete(key: string): void {
    this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
  }

  /** A copy: the table goes on while it is looked at. */
  snapshot(): ReadonlySet<string> {
    return new Set(this.#keys);
  }
}
