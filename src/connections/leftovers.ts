// What is stored here of a connection that is another worker's: of one that was deleted it goes. A disk that refuses is told, and stops nothing.
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { isMarkedDeleting } from './purge.ts';

type Store = Pick<BridgeStore, 'getState' | 'connectionIds' | 'deleteConnection'>;

export class Leftovers {
  readonly #store: Store;
  readonly #events: EventSink;

  constructor(store: Store, events: EventSink) {
    this.#store = store;
    this.#events = events;
  }

  /** Where that cannot be read it counts as not: nothing is dropped then. */
  isMarked(id: string): boolean {
    try {
      return isMarkedDeleting(this.#store, id);
    } catch (error) {
      this.#tell(
        id,
        `Whether it is being deleted cannot be read: ${describeError(error)}. What is stored of it stays.`,
      );
      return false;
    }
  }

  /** What travels of it stays: another worker has it. */
  async drop(id: string): Promise<void> {
    try {
      if (this.#store.connectionIds().includes(id)) await this.#store.deleteConnection(id, { onlyHere: true });
    } catch (error) {
      this.#tell(id, `It could not be deleted: ${describeError(error)}. Restart the worker.`);
    }
  }

  #tell(connectionId: string, message: string): void {
    this.#events.emit({ kind: 'diskFailed', severity: 'error', connectionId, message });
  }
}
