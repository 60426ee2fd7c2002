// The dead letters of one connection at the port: for people, whether the connection runs or not.
import type { Clock } from '../domain/ports/clock.ts';
import type {
  DeadLetterBox,
  DeadLetterChange,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterTotals,
} from '../domain/ports/dead-letters.ts';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { DeadLetterPages } from './dead-letter-rows.ts';
import type { DeadLetterTable } from './dead-letters.ts';

export interface LetterBoxOptions {
  /** Of the connection's row. */
  readonly key: number;
  readonly table: DeadLetterTable;
  readonly pages: DeadLetterPages;
  readonly clock: Clock;
  readonly maxBytes: () => number;
  readonly maxAgeMs: number;
  readonly keptUntil: () => number | null;
}

export class LetterBox implements DeadLetterBox {
  readonly #o: LetterBoxOptions;

  constructor(options: LetterBoxOptions) {
    this.#o = options;
  }

  totals(): DeadLetterTotals {
    const { table, key, maxBytes, maxAgeMs, keptUntil } = this.#o;
    const { count, bytes, room, age, person } = table.totals(key);
    const dropped = { room, age, person };
    return { count, bytes, maxBytes: maxBytes(), maxAgeMs, keptUntil: keptUntil(), ...table.edges(key), dropped };
  }

  page(query: DeadLetterQuery): DeadLetterPage {
    return this.#o.pages.page(this.#o.key, query);
  }

  get(id: number): DeadLetter | null {
    return this.#o.table.get(this.#o.key, id);
  }

  edit(id: number, change: DeadLetterChange): 'ok' | 'notFound' | 'busy' {
    const editedAt = Math.round(this.#o.clock.now());
    return this.#change(id, ({ topic, payload }) => ({ topic, payload, ...change, editedAt }));
  }

  revert(id: number): 'ok' | 'notFound' | 'busy' {
    return this.#change(id, (letter) => ({ ...(letter.original ?? letter), editedAt: null }));
  }

  isReplaying(id: number): boolean {
    return this.#o.table.replaying.has(id);
  }

  drop(ids: readonly number[]): number {
    return this.#o.table.drop(this.#o.key, ids);
  }

  #change(
    id: number,
    to: (letter: DeadLetter) => { readonly topic: string; readonly payload: Buffer; readonly editedAt: number | null },
  ): 'ok' | 'notFound' | 'busy' {
    const { table, key } = this.#o;
    const letter = table.get(key, id);
    if (letter === null) return 'notFound';
    if (table.replaying.has(id)) return 'busy';
    const { topic, payload, editedAt } = to(letter);
    table.change(key, letter, topic, payload, editedAt);
    return 'ok';
  }
}
