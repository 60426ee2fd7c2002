// Keeps topics at their latest value: at most one publish a topic and second, coalesced; what could not be published waits.

import type { Publisher } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';

interface Topic {
  /** What should be there; null: nothing (an empty retained message). */
  wanted: string | null;
  /** Not known to be at the broker. */
  dirty: boolean;
  busy: boolean;
  /** Monotonic ms of the last publish. */
  sentAt: number;
  armed: boolean;
  /** Who waits until nothing is there. */
  readonly onGone: (() => void)[];
}

const MAX_IN_FLIGHT = 50;

export class LatestValues {
  readonly #publisher: Publisher;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #topics = new Map<string, Topic>();
  #inFlight = 0;
  #stopped = false;

  constructor(publisher: Publisher, clock: Clock, everyMs: number) {
    this.#publisher = publisher;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** The same value again costs nothing. Values of a topic arrive in order, though not each of them. */
  set(topic: string, value: string | null): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) {
      const fresh: Topic = { wanted: value, dirty: true, busy: false, sentAt: -Infinity, armed: false, onGone: [] };
      this.#topics.set(topic, fresh);
      this.#flush(topic, fresh);
    } else if (entry.wanted !== value) {
      entry.wanted = value;
      entry.dirty = true;
      this.#flush(topic, entry);
    }
  }

  /** Nothing is to be there any more, at once. Resolves when the broker knows; never, where something is wanted there again. */
  clear(topic: string): Promise<void> {
    const entry = this.#topics.get(topic);
    if (entry !== undefined) {
      entry.sentAt = -Infinity;
      entry.armed = false;
    }
    this.set(topic, null);
    return new Promise((resolve) => this.#topics.get(topic)?.onGone.push(resolve));
  }

  /** Something else is there than what was said last: it is said again. */
  again(topic: string): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined || entry.wanted === null) return;
    entry.dirty = true;
    this.#flush(topic, entry);
  }

  /** What is there is another's to say from now on: it stays, and nothing is published there any more. */
  leave(topic: string): void {
    this.#topics.delete(topic);
  }

  /** The broker is (back) there; it may have lost what it had, so everything is said again. */
  refresh(): void {
    for (const entry of this.#topics.values()) entry.dirty = true;
    this.#flushAll();
  }

  /** Publishes now what waits for its second, and resolves when no more can be published. */
  async drain(): Promise<void> {
    const waiting = [...this.#topics].filter(([, entry]) => entry.dirty);
    await Promise.all(waiting.map(([topic, entry]) => (this.#publisher.connected ? this.#send(topic, entry) : null)));
    this.#stopped = true;
  }

  #flushAll(): void {
    for (const [topic, entry] of this.#topics) {
      if (this.#inFlight >= MAX_IN_FLIGHT) return;
      if (entry.dirty) this.#flush(topic, entry);
    }
  }

  #flush(topic: string, entry: Topic): void {
    if (this.#stopped || entry.busy || entry.armed || !this.#publisher.connected) return;
    const waitMs = entry.sentAt + this.#everyMs - this.#clock.monotonic();
    if (waitMs > 0) {
      entry.armed = true;
      this.#clock.after(waitMs, () => {
        entry.armed = false;
        if (entry.dirty && this.#topics.get(topic) === entry) this.#flush(topic, entry);
      });
    } else if (this.#inFlight < MAX_IN_FLIGHT) void this.#send(topic, entry);
  }

  async #send(topic: string, entry: Topic): Promise<void> {
    entry.busy = true;
    entry.dirty = false;
    entry.sentAt = this.#clock.monotonic();
    const { wanted } = entry;
    this.#inFlight += 1;
    try {
      await this.#publisher.publish(topic, wanted ?? '', { retain: true });
      if (wanted === null && entry.wanted === null) {
        this.#topics.delete(topic);
        for (const resolve of entry.onGone) resolve();
      }
    } catch {
      // Said again after a second, or when the publisher is back.
      entry.dirty = true;
    }
    this.#inFlight -= 1;
    entry.busy = false;
    if (entry.dirty && this.#topics.get(topic) === entry) this.#flush(topic, entry);
    this.#flushAll();
  }
}
