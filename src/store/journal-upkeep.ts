// What keeps a journal small: files whose records are all settled go, those in which little is left are written anew.
import { Compaction, type CompactionOptions } from './compaction.ts';
import { type RemovalOptions, SegmentRemoval } from './segment-removal.ts';

/** Share of its budget from which on a journal is compacted. */
const COMPACTS_FROM = 0.25;

export interface UpkeepOptions extends RemovalOptions, Omit<CompactionOptions, 'ranges' | 'fromBytes'> {
  readonly maxBytes: () => number;
}

export class JournalUpkeep {
  readonly #removal: SegmentRemoval;
  readonly #compaction: Compaction;

  constructor(options: UpkeepOptions) {
    const { ranges } = options.books;
    this.#removal = new SegmentRemoval(options);
    this.#compaction = new Compaction({ ...options, ranges, fromBytes: () => options.maxBytes() * COMPACTS_FROM });
  }

  /** Bytes of files that are still to be removed. */
  get dyingBytes(): number {
    return this.#removal.dyingBytes;
  }

  /** Something was settled. */
  remove(): void {
    void this.#removal.run();
  }

  /** About once a second. */
  tick(): void {
    void this.#removal.run();
    void this.#compaction.run();
  }

  /** No settled record stays in a closed file. */
  async erase(): Promise<void> {
    await this.#removal.run();
    await this.#compaction.erase();
    await this.#removal.run();
  }

  /** No file is written anew any more. Resolves when none is. */
  stopCompaction(): Promise<void> {
    return this.#compaction.stop();
  }

  /** Removes what can be removed; with `hurry`, the rest is left to the next start. */
  removeLast(hurry: AbortSignal): Promise<void> {
    return this.#removal.stop(hurry);
  }
}
