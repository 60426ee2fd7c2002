// New dead letters on `{prefix}/dead-letters/{connection}`, for those who watch them there: best effort, the store has them.
import { recordOf } from '../api/dead-letter-records.ts';
import { describeError } from '../domain/errors.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { Logger } from '../ops/logger.ts';

/** Beyond so many on their way to the broker the rest are only in the store. */
const MAX_UNDER_WAY = 1_000;

export type PublishedLetter = Omit<DeadLetter, 'id' | 'editedAt' | 'original'>;

export class LetterTopic {
  readonly #logger: Logger;
  #publisher: Publisher | null = null;
  #prefix = '';
  #underWay = 0;
  #failing = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  publishBy(publisher: Publisher, prefix: string): void {
    this.#publisher = publisher;
    this.#prefix = prefix;
  }

  /** Never throws. Each is a message of its own, as a line of an export has it. */
  publish(connectionId: string, letters: readonly PublishedLetter[]): void {
    const publisher = this.#publisher;
    if (publisher === null) return;
    for (const letter of letters) {
      if (this.#underWay >= MAX_UNDER_WAY) {
        this.#failed(connectionId, `more than ${MAX_UNDER_WAY} are on their way`);
        return;
      }
      const { id: _id, ...record } = recordOf(connectionId, { ...letter, id: 0, editedAt: null, original: null }, true);
      this.#underWay += 1;
      publisher
        .publish(`${this.#prefix}/dead-letters/${connectionId}`, JSON.stringify(record))
        .then(
          () => {
            this.#failing = false;
          },
          (error) => this.#failed(connectionId, describeError(error)),
        )
        .finally(() => {
          this.#underWay -= 1;
        });
    }
  }

  #failed(connectionId: string, why: string): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#logger.warn({ connectionId }, `Dead letters are not published: ${why}. They are in the store.`);
  }
}
