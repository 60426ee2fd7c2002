// Whether the bridge is in contact, and what it says of its own accord: one event stream for the whole console.
import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { SignsOfLife } from './signs-of-life.ts';

const RECONNECT_MS = 2_000;

export interface Contact {
  readonly live: boolean;
  /** ms since the epoch of the last sign of life. */
  readonly lastHeardAt: number;
}

/** A change that the bridge tells: what kind of resource, and of which connection. */
export interface Change {
  readonly type: string;
  readonly connectionId: string | null;
}

class LiveLink {
  #contact: Contact = { live: true, lastHeardAt: Date.now() };
  readonly #watchers = new Set<() => void>();
  #source: EventSource | null = null;
  #onChange: (change: Change) => void = () => {};
  readonly #signs = new SignsOfLife(
    async (signal) => (await fetch('/health/live', { cache: 'no-store', signal })).ok,
    (live) => this.#tell(live),
  );

  start(onChange: (change: Change) => void): void {
    this.#onChange = onChange;
    document.addEventListener('visibilitychange', () => this.#see());
    if (!document.hidden) this.#open();
    this.#signs.start();
  }

  /**
   * A page that nobody sees keeps no stream: a browser has six connections to a bridge without HTTP/2, and as many tabs would
   * leave none for what a seventh asks. Seen again, it fetches anew what it missed.
   */
  #see(): void {
    if (document.hidden) {
      this.#source?.close();
      this.#source = null;
    } else if (this.#source === null) {
      this.#open();
      this.#onChange({ type: 'all', connectionId: null });
    }
  }

  get contact(): Contact {
    return this.#contact;
  }

  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  #open(): void {
    const source = new EventSource('/events/stream');
    this.#source = source;
    for (const type of ['event', 'status', 'removed', 'reset']) {
      source.addEventListener(type, (message) => this.#onChange({ type, connectionId: idOf(message.data) }));
    }
    source.onerror = () => {
      this.#signs.doubt();
      // Closed for good (an answer that is no stream): the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#reopen(source), RECONNECT_MS);
    };
  }

  #reopen(source: EventSource): void {
    if (this.#source !== source) return;
    source.close();
    this.#open();
  }

  #tell(live: boolean): void {
    const wasLive = this.#contact.live;
    this.#contact = { live, lastHeardAt: live ? Date.now() : this.#contact.lastHeardAt };
    if (live === wasLive) return;
    // What was missed meanwhile is fetched anew.
    if (live) this.#onChange({ type: 'all', connectionId: null });
    for (const watcher of this.#watchers) watcher();
  }
}

function idOf(data: unknown): string | null {
  try {
    const { connectionId } = JSON.parse(String(data)) as { connectionId?: unknown };
    return typeof connectionId === 'string' ? connectionId : null;
  } catch {
    return null;
  }
}

const link = new LiveLink();

/** What the bridge tells makes what was fetched of it stale. */
export function startLive(queries: QueryClient): void {
  link.start(({ type, connectionId }) => {
    if (type === 'all' || type === 'reset') void queries.invalidateQueries();
    else if (type === 'event') void queries.invalidateQueries({ queryKey: ['events'] });
    else if (connectionId !== null) void queries.invalidateQueries({ queryKey: ['connections', connectionId] });
  });
}

export function useContact(): Contact {
  return useSyncExternalStore(link.watch, () => link.contact);
}
