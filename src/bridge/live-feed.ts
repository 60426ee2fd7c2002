// Hands events, states and ledgers to those who follow live.
import type { Cancel } from '../domain/ports/clock.ts';
import type { Feed, FeedItem } from '../domain/ports/feed.ts';

export class LiveFeed implements Feed {
  readonly #listeners = new Set<(item: FeedItem) => void>();

  subscribe(listener: (item: FeedItem) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Costs nothing while nobody listens: ask before an item is made. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  tell(item: FeedItem): void {
    for (const listener of this.#listeners) listener(item);
  }
}
