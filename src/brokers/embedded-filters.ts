// Bounds the filters of the embedded broker's clients without a session: how many one has, and what all of theirs weigh. Those of
// sessions are bounded where they are written (embedded-subscriptions.ts), which aedes does for no others.
import type { AedesOptions, Client } from 'aedes';

export interface FilterLimits {
  /** Per client. */
  readonly maxFilters: number;
  /** Of all sessions together, and of all clients without one; beyond it each still has its own room. */
  readonly maxFilterBytes: number;
}

export interface FilterOptions {
  readonly limits: FilterLimits;
  /** What may be subscribed to at all. */
  readonly authorize: NonNullable<AedesOptions['authorizeSubscribe']>;
  readonly onNotice: (message: string) => void;
}

/** What a filter takes of memory, about: aedes, its persistence and we have a tree each, with a node for each of its levels. */
export function weightOf(filter: string): number {
  let levels = 1;
  for (let at = filter.indexOf('/'); at >= 0; at = filter.indexOf('/', at + 1)) levels += 1;
  return 1_000 + 700 * levels + 4 * filter.length;
}

/** What a client's filters may weigh though those of all are too much: nobody else can fill its place. */
const OWN_ROOM = 64 * 1024;

/** Whether a client that has filters already may have `bytes` more in its own room. */
export function hasOwnRoom(bytes: number, filters: Iterable<string>): boolean {
  let weight = bytes;
  for (const filter of filters) {
    if (weight > OWN_ROOM) break;
    weight += weightOf(filter);
  }
  return weight <= OWN_ROOM;
}

export class ConnectionFilters {
  readonly #options: FilterOptions;
  readonly #granted = new Map<Client, Set<string>>();
  #bytes = 0;

  constructor(options: FilterOptions) {
    this.#options = options;
  }

  /** What is too much is answered as refused (SUBACK 128), and told; the connection stays. */
  readonly authorizeSubscribe: NonNullable<AedesOptions['authorizeSubscribe']> = (client, wanted, done) => {
    this.#options.authorize(client, wanted, (error, granted) => {
      // aedes does not subscribe those that have gone.
      const isCounted = granted && client.clean && !client.closed;
      done(error, isCounted && !this.#take(client, granted.topic) ? null : granted);
    });
  };

  /** They are unsubscribed. */
  forget(client: Client, filters: readonly string[]): void {
    const granted = this.#granted.get(client);
    if (granted === undefined) return;
    for (const filter of filters) if (granted.delete(filter)) this.#bytes -= weightOf(filter);
    if (granted.size === 0) this.#granted.delete(client);
  }

  /** The connection has ended. */
  leave(client: Client): void {
    const granted = this.#granted.get(client);
    if (granted !== undefined) this.forget(client, [...granted]);
  }

  #take(client: Client, filter: string): boolean {
    const granted = this.#granted.get(client) ?? new Set();
    if (granted.has(filter)) return true;
    const { maxFilters, maxFilterBytes } = this.#options.limits;
    const bytes = weightOf(filter);
    const isOneTooMany = granted.size >= maxFilters;
    if (isOneTooMany || (this.#bytes + bytes > maxFilterBytes && !hasOwnRoom(bytes, granted))) {
      const why = isOneTooMany ? `it has ${granted.size} already` : 'those of all clients take too much memory already';
      this.#options.onNotice(`filters of client "${client.id.slice(0, 100)}" are refused: ${why}`);
      return false;
    }
    this.#granted.set(client, granted.add(filter));
    this.#bytes += bytes;
    return true;
  }
}
