// Journals of workers that are gone, on the disk that this worker sees: their locks are free. What waits in them is handed over;
// then they are let go of, for a worker that comes to take them up again.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { HandOver, HeldDirectory } from '../connections/hand-over.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { directoriesUnder, openUnlessTaken } from './directories.ts';

export interface AdoptionOptions {
  readonly dataDir: string;
  /** This worker's own. */
  readonly own: HeldDirectory & { readonly directory: string };
  readonly open: (directory: string) => Promise<BridgeStore>;
  readonly events: EventSink;
}

export class Adoption {
  readonly #options: AdoptionOptions;
  readonly #adopted = new Map<string, HeldDirectory>();
  /** Nothing waited in them when they were let go of, at that state of their files. */
  readonly #drained = new Map<string, string>();

  constructor(options: AdoptionOptions) {
    this.#options = options;
  }

  held(): readonly HeldDirectory[] {
    return [this.#options.own, ...this.#adopted.values()];
  }

  /** Every few seconds. */
  async look(handOver: Pick<HandOver, 'isDrained'>): Promise<void> {
    const { dataDir, own, open, events } = this.#options;
    for (const [directory, held] of this.#adopted) {
      if (!handOver.isDrained(held)) continue;
      this.#adopted.delete(directory);
      await held.store.close();
      this.#drained.set(directory, traceOf(directory));
    }
    for (const directory of directoriesUnder(dataDir)) {
      if (directory === own.directory || this.#adopted.has(directory)) continue;
      if (this.#drained.get(directory) === traceOf(directory)) continue;
      try {
        const store = await openUnlessTaken(directory, open);
        if (store === null) continue;
        const id = idOf(directory);
        this.#adopted.set(directory, { id, store, isOwn: false });
        const message = `The journals of ${id} (${directory}) are looked through: its worker is gone.`;
        events.emit({ kind: 'journalAdopted', severity: 'info', connectionId: null, key: id, message });
      } catch (error) {
        const message = `The journals in ${directory} cannot be opened: ${describeError(error)}. What waits in them stays there.`;
        events.emit({ kind: 'diskFailed', severity: 'error', connectionId: null, key: directory, message });
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#adopted.values()].map(({ store }) => store.close()));
    this.#adopted.clear();
  }
}

function idOf(directory: string): string {
  try {
    return readFileSync(path.join(directory, 'worker-id'), 'utf8').trim();
  } catch {
    return path.basename(directory);
  }
}

/** Changes with each worker that has it: the last one's start. */
function traceOf(directory: string): string {
  try {
    return readFileSync(path.join(directory, 'used-by.json'), 'utf8');
  } catch {
    return '';
  }
}
