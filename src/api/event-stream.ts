// Server-sent events for many listeners at little cost: an item is written as text once, listeners of the same things share the
// text of a quarter of a second, and each gets one write for it.
//
// A listener that does not read is hung up on: it comes back with `Last-Event-ID` and is told what it missed.
import type { ServerResponse } from 'node:http';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Feed, FeedItem } from '../domain/ports/feed.ts';

const FLUSH_MS = 250;
/** So that a console sees within 5 s that the bridge is gone. */
const PING_MS = 4_000;
const MAX_UNREAD_BYTES = 1024 * 1024;
const MAX_LISTENERS = 1_000;
/** Then a listener has to come again, and its right is looked at anew. */
const MAX_AGE_MS = 15 * 60_000;
/** What one burst may hold; beyond it listeners are told to read anew. */
const MAX_WAITING_CHARACTERS = 512 * 1024;

interface Listener {
  readonly stream: ServerResponse;
  readonly until: number;
}

/** Those who want to hear the same. */
interface Group {
  readonly listeners: Set<Listener>;
  waiting: string;
}

const ALL = '';

export class EventStreams {
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Group>();
  #count = 0;
  #unsubscribe: Cancel | null = null;
  #flushTimer: Cancel | null = null;
  #pingTimer: Cancel | null = null;

  constructor(feed: Feed, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#count >= MAX_LISTENERS;
  }

  /** `connectionId` null: events and states of all. The head of the answer has been written. */
  add(stream: ServerResponse, connectionId: string | null, first: string): void {
    const key = connectionId ?? ALL;
    const group = this.#groups.get(key) ?? { listeners: new Set(), waiting: '' };
    this.#groups.set(key, group);
    const listener = { stream, until: this.#clock.monotonic() + MAX_AGE_MS };
    group.listeners.add(listener);
    this.#count += 1;
    this.#unsubscribe ??= this.#feed.subscribe((item) => this.#take(item));
    this.#armPing();
    stream.write(`retry: 2000\n\n${first}`);
    stream.on('close', () => {
      if (!group.listeners.delete(listener)) return;
      this.#count -= 1;
      if (group.listeners.size === 0 && this.#groups.get(key) === group) this.#groups.delete(key);
      if (this.#count > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = null;
      this.#pingTimer?.();
      this.#pingTimer = null;
    });
  }

  #take(item: FeedItem): void {
    const all = this.#groups.get(ALL);
    const one = item.connectionId === null ? undefined : this.#groups.get(item.connectionId);
    // Figures that move each second are for those who look at that connection.
    const isForAll = all !== undefined && item.kind !== 'ledger';
    if (!isForAll && one === undefined) return;
    const text = textOf(item);
    if (isForAll) this.#put(all, text);
    if (one !== undefined) this.#put(one, text);
    this.#flushTimer ??= this.#clock.after(FLUSH_MS, () => {
      this.#flushTimer = null;
      this.#flush();
    });
  }

  #put(group: Group, text: string): void {
    group.waiting = group.waiting.length > MAX_WAITING_CHARACTERS ? RESET : group.waiting + text;
  }

  #flush(): void {
    for (const group of this.#groups.values()) {
      const { waiting } = group;
      if (waiting === '') continue;
      group.waiting = '';
      this.#write(group, waiting);
    }
  }

  #write(group: Group, text: string): void {
    const bytes = Buffer.from(text);
    const now = this.#clock.monotonic();
    for (const { stream, until } of group.listeners) {
      if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy();
      else if (until <= now) stream.end(bytes);
      else stream.write(bytes);
    }
  }

  #armPing(): void {
    this.#pingTimer ??= this.#clock.after(PING_MS, () => {
      this.#pingTimer = null;
      for (const group of this.#groups.values()) this.#write(group, ': ping\n\n');
      if (this.#count > 0) this.#armPing();
    });
  }
}

/** More happened than can be told: read what is shown anew. */
export const RESET = 'event: reset\ndata: {}\n\n';

export function textOf(item: FeedItem): string {
  switch (item.kind) {
    case 'event':
      return `id: ${item.event.id}\nevent: event\ndata: ${JSON.stringify(item.event)}\n\n`;
    case 'status':
      return `event: status\ndata: ${JSON.stringify(item.status)}\n\n`;
    case 'ledger':
      return `event: ledger\ndata: ${JSON.stringify({ id: item.connectionId, ledger: item.ledger })}\n\n`;
    case 'removed':
      return `event: removed\ndata: ${JSON.stringify({ id: item.connectionId })}\n\n`;
  }
}
