// Removal of segments whose records are all settled: first in the database, durably; only then the files.
import path from 'node:path';
import { describeError } from '../domain/errors.ts';
import type { Books } from './books.ts';
import type { Disk } from './disk.ts';
import type { ReportIncident } from './incidents.ts';
import type { JournalReader } from './journal-reader.ts';

export interface RemovalOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly books: Books;
  readonly reader: JournalReader;
  /** Makes what the database has committed durable. */
  readonly barrier: () => Promise<void>;
  readonly report: ReportIncident;
}

export class SegmentRemoval {
  readonly #options: RemovalOptions;
  /** Gone from the ranges, their files still there. */
  readonly #dying: { readonly name: string; readonly bytes: number }[] = [];
  #running: Promise<void> | null = null;
  #told = false;
  #hurry: AbortSignal | null = null;

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  /** Bytes of files that are still to be removed. */
  get dyingBytes(): number {
    let bytes = 0;
    for (const file of this.#dying) bytes += file.bytes;
    return bytes;
  }

  /** Removes what can be removed now; a failure is told and left to the next call. */
  run(): Promise<void> {
    this.#running ??= this.#remove()
      .then(
        () => {
          this.#told = false;
        },
        (error) => this.#tell(error),
      )
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  /** As `run`; with `hurry` it ends with the call that the disk is at, and the next start removes the other files. */
  async stop(hurry: AbortSignal): Promise<void> {
    this.#hurry = hurry;
    await this.#running;
    await this.run();
  }

  async #remove(): Promise<void> {
    const { barrier, disk, directory } = this.#options;
    for (this.#retire(); this.#dying.length > 0 && !this.#hurry?.aborted; this.#retire()) {
      // After a power loss the database must still know that these were settled: their records will be gone.
      await barrier();
      for (let file = this.#dying[0]; file && !this.#hurry?.aborted; file = this.#dying[0]) {
        await disk.remove(path.join(directory, file.name));
        this.#dying.shift();
      }
    }
  }

  #retire(): void {
    const { books, reader } = this.#options;
    const done = books.ranges.segments.filter((segment) => segment.closed && segment.unsettled === 0);
    if (done.length === 0) return;
    books.retire(done);
    for (const segment of done) {
      reader.forget(segment);
      this.#dying.push({ name: segment.name, bytes: segment.bytes });
    }
  }

  #tell(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const { id, report } = this.#options;
    report({
      kind: 'upkeepFailed',
      connectionId: id,
      message: `Settled journal files of ${id} cannot be removed now: ${describeError(error)}. It is tried again.`,
    });
  }
}
