// Takes the bridge's events: gives each an id and a time, keeps storms apart from news, and hands them to store, topic and log.
import type { BridgeEvent, EventSink, NewEvent } from '../domain/events.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { EventStore } from '../domain/ports/store.ts';

export interface EventLogOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly store: EventStore;
  /** For topic and log; must not throw. */
  readonly onEvent: (event: BridgeEvent) => void;
  /** The store could not keep an event (a full disk). */
  readonly onStoreError?: (error: unknown) => void;
}

interface News {
  /** What came since it was last told, and in all. */
  waiting: number;
  total: number;
  latest: NewEvent;
  level: number;
  timer: Cancel;
}

/** When a storm is told again; the last one repeats. A quiet interval ends it, and the next one is news again. */
const AGAIN_MS = [10_000, 60_000, 300_000, 900_000, 3_600_000] as const;
const MAX_STORMS = 10_000;
const MAX_MESSAGE = 1000;
const ID = /^([0-9a-z]{9})-([0-9a-z]{4})-/;
/** More have no room in an id: of a clock that was years ahead they may all have one ms. */
const MAX_IN_MS = 36 ** 4;

export class EventLog implements EventSink {
  readonly #options: EventLogOptions;
  readonly #storms = new Map<string, News>();
  /** Of the last id: what comes next sorts behind it. */
  #lastMs = 0;
  #inMs = 0;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#goOn();
  }

  /**
   * The first of a kind, connection and key is told at once; its like are counted and told at growing intervals, with
   * `count` since the last telling and `details.total` since the first.
   */
  emit(event: NewEvent): void {
    const key = JSON.stringify([event.kind, event.connectionId, event.key ?? null]);
    const count = event.count ?? 1;
    const storm = this.#storms.get(key);
    if (storm !== undefined) {
      storm.waiting += count;
      storm.total += count;
      storm.latest = event;
      return;
    }
    if (this.#storms.size >= MAX_STORMS) this.#endOldest();
    this.#tell(event, count, null);
    const news: News = { waiting: 0, total: count, latest: event, level: 0, timer: () => {} };
    this.#storms.set(key, news);
    this.#arm(key, news);
  }

  /** Tells what was only counted so far. */
  stop(): void {
    for (const key of [...this.#storms.keys()]) this.#end(key);
  }

  #arm(key: string, news: News): void {
    const ms = AGAIN_MS[Math.min(news.level, AGAIN_MS.length - 1)] ?? 0;
    news.timer = this.#options.clock.after(ms, () => {
      if (news.waiting === 0) {
        this.#storms.delete(key);
        return;
      }
      news.level += 1;
      this.#tellWaiting(news);
      this.#arm(key, news);
    });
  }

  #endOldest(): void {
    for (const key of this.#storms.keys()) {
      this.#end(key);
      return;
    }
  }

  #end(key: string): void {
    const news = this.#storms.get(key);
    this.#storms.delete(key);
    news?.timer();
    if (news !== undefined && news.waiting > 0) this.#tellWaiting(news);
  }

  #tellWaiting(news: News): void {
    const count = news.waiting;
    news.waiting = 0;
    this.#tell(news.latest, count, news.total);
  }

  #tell(event: NewEvent, count: number, total: number | null): void {
    const told: BridgeEvent = {
      ...event,
      message: oneLine(event.message),
      count,
      ...(total === null ? {} : { details: { ...event.details, total } }),
      id: this.#nextId(),
      time: new Date(this.#options.clock.now()).toISOString(),
    };
    try {
      this.#options.store.append(told);
    } catch (error) {
      this.#options.onStoreError?.(error);
    }
    this.#options.onEvent(told);
  }

  /**
   * Behind what the process before has told: its clock may have been ahead. Who follows the stream comes back with the last id that
   * it saw, and gets what sorts behind it.
   */
  #goOn(): void {
    try {
      const [, time, inMs] = ID.exec(this.#options.store.highestId() ?? '') ?? [];
      if (time === undefined || inMs === undefined) return;
      this.#lastMs = Number.parseInt(time, 36);
      this.#inMs = Number.parseInt(inMs, 36);
    } catch (error) {
      this.#options.onStoreError?.(error);
    }
  }

  /** Ids sort by time within a worker, also when its clock steps back; the tail tells workers apart. */
  #nextId(): string {
    let ms = Math.max(Math.trunc(this.#options.clock.now()), this.#lastMs);
    this.#inMs = ms === this.#lastMs ? this.#inMs + 1 : 0;
    if (this.#inMs >= MAX_IN_MS) {
      ms += 1;
      this.#inMs = 0;
    }
    this.#lastMs = ms;
    const time = ms.toString(36).padStart(9, '0');
    return `${time}-${this.#inMs.toString(36).padStart(4, '0')}-${this.#options.chance.uuid().slice(0, 4)}`;
  }
}

/** Foreign words (a broker's, HERE's) may hold line breaks and control characters. */
function oneLine(message: string): string {
  const line = message.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}
