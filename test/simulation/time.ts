// Simulated time: one queue of events for the whole world, and the clock that a simulated process sees of it.
import type { Cancel, Clock } from '../../src/domain/ports/clock.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';

interface SimEvent {
  readonly dueMs: number;
  readonly order: number;
  run: (() => void) | null;
  /** The process that it belongs to: with its end the event is void. null: the world's. */
  readonly life: Life | null;
}

/** Wall clock at the start: a Monday in spring. */
const START = Date.UTC(2026, 2, 2, 6, 0, 0);

function wallAt(ms: number): number {
  return START + Math.floor(ms);
}

export class SimTime {
  nowMs = 0;
  readonly #heap: SimEvent[] = [];
  #order = 0;

  /** `run` is called at `dueMs`, after what was arranged for the same time before. */
  at(dueMs: number, run: () => void, life: Life | null = null): Cancel {
    const event: SimEvent = { dueMs: Math.max(dueMs, this.nowMs), order: this.#order++, run, life };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  after(ms: number, run: () => void, life: Life | null = null): Cancel {
    return this.at(this.nowMs + ms, run, life);
  }

  /** Moves to the next event and returns what it does; null: nothing will ever happen again. */
  next(): (() => void) | null {
    for (let event = this.#pop(); event !== null; event = this.#pop()) {
      if (event.run === null || event.life?.alive === false) continue;
      this.nowMs = event.dueMs;
      return event.run;
    }
    return null;
  }

  /** The world's wall clock, which is always right. */
  get wallMs(): number {
    return wallAt(this.nowMs);
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const above = (i - 1) >> 1;
      const parent = heap[above] as SimEvent;
      if (!isBefore(event, parent)) break;
      heap[i] = parent;
      i = above;
    }
    heap[i] = event;
  }

  #pop(): SimEvent | null {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return null;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let below = 2 * i + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as SimEvent, heap[below] as SimEvent)) below += 1;
      const child = heap[below] as SimEvent;
      if (!isBefore(child, last)) break;
      heap[i] = child;
      i = below;
    }
    heap[i] = last;
    return top;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** What somebody may do to the machine's wall clock. */
export interface WallClock {
  skewMs: number;
}

/** The machine's wall clock, and what it has shown: people set it. */
export class MachineClock implements WallClock {
  skewMs = 0;
  readonly #time: SimTime;
  /** When it was set, and by how much it was off until then. */
  readonly #steps: { readonly atMs: number; readonly skewMs: number }[] = [];

  constructor(time: SimTime) {
    this.#time = time;
  }

  step(ms: number): void {
    this.#steps.push({ atMs: this.#time.nowMs, skewMs: this.skewMs });
    this.skewMs += ms;
  }

  /** The latest time that it showed between two simulated ones. */
  latest(fromMs: number, untilMs: number): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const { endMs, skewMs } of this.#stretches()) {
      if (endMs >= fromMs) latest = Math.max(latest, wallAt(Math.min(endMs, untilMs)) + skewMs);
      if (endMs >= untilMs) break;
    }
    return latest;
  }

  /** The last simulated time at which it showed this one (the end of that millisecond); null: it never did. */
  lastShown(wallMs: number): number | null {
    let shown: number | null = null;
    let fromMs = 0;
    for (const { endMs, skewMs } of this.#stretches()) {
      const atMs = wallMs - skewMs - START;
      if (atMs + 1 > fromMs && atMs <= endMs) shown = Math.min(atMs + 1, endMs);
      fromMs = endMs;
    }
    return shown;
  }

  /** Between two times at which it was set. */
  #stretches(): readonly { readonly endMs: number; readonly skewMs: number }[] {
    const past = this.#steps.map(({ atMs, skewMs }) => ({ endMs: atMs, skewMs }));
    return [...past, { endMs: this.#time.nowMs, skewMs: this.skewMs }];
  }
}

/**
 * The clock of one process. Timers behave as Node's do: whole milliseconds, never sooner than one, mostly a little late and
 * now and then a little early (libuv counts from the start of the loop's turn).
 */
export function processClock(time: SimTime, life: Life, wall: WallClock, dice: Dice): Clock {
  const startedMs = time.nowMs;
  const offsetMs = dice.between(20, 200);
  return {
    now: () => time.wallMs + wall.skewMs,
    monotonic: () => time.nowMs - startedMs + offsetMs,
    after(ms, run) {
      const wholeMs = Math.max(1, Math.ceil(ms));
      const drift = dice.random();
      const actualMs = drift < 0.1 ? wholeMs - drift * 9 : wholeMs + drift;
      return time.after(Math.max(0.01, actualMs), run, life);
    },
  };
}
