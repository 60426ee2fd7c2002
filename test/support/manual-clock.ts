// A deterministic Clock and Chance for tests: time passes only when the test says so; wall clock and monotonic clock apart.
import type { Cancel, Chance, Clock } from '../../src/domain/ports/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Lets promise callbacks and already finished I/O run: time does not pass. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** `wallMs`: the wall clock at the start; 2026-01-01T00:00:00Z by default. */
  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(ms: number, run: () => void): Cancel {
    const timer: Timer = { dueMs: this.#monotonicMs + Math.max(ms, 0), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Ms until the next timer; null for none. */
  get nextTimerMs(): number | null {
    const next = this.#next(Number.POSITIVE_INFINITY);
    return next === null ? null : next.dueMs - this.#monotonicMs;
  }

  /**
   * Lets both clocks run `ms` forward and fires each timer at its time, in order; after each, promise callbacks run before
   * time goes on, so timers armed meanwhile fire too. Fails after 100,000 timers: something re-arms itself for ever.
   */
  async advance(ms: number): Promise<void> {
    await settle();
    const endMs = this.#monotonicMs + ms;
    for (let fired = 0; ; fired++) {
      const timer = this.#next(endMs);
      if (timer === null) break;
      if (fired >= 100_000) throw new Error('100,000 timers fired: a timer re-arms itself without end');
      this.#timers.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.run();
      await settle(1);
    }
    this.#moveTo(endMs);
    await settle();
  }

  /** Somebody sets the wall clock: nothing else moves. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(monotonicMs: number): void {
    const ms = Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }

  #next(endMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}

/** Numbers and UUIDs (version 4 in form) that are the same in every run of one seed. */
export class SeededChance implements Chance {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed >>> 0;
  }

  random(): number {
    // xorshift over a Weyl sequence: plenty for tests.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => Math.floor(this.random() * 16).toString(16)).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}
