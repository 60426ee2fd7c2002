// The real clock, which a test can move on by hours: timers that fall due meanwhile fire at once.
import type { Cancel, Clock } from '../../src/domain/ports/clock.ts';
import { systemClock } from '../../src/ops/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
  cancel: Cancel;
}

export class JumpClock implements Clock {
  #aheadMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return Date.now() + this.#aheadMs;
  }

  monotonic(): number {
    return performance.now() + this.#aheadMs;
  }

  after(ms: number, run: () => void): Cancel {
    const timer: Timer = { dueMs: this.monotonic() + ms, run, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => this.#drop(timer);
  }

  /** Both clocks go on by so much. */
  jump(ms: number): void {
    this.#aheadMs += ms;
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    timer.cancel();
    timer.cancel = systemClock.after(timer.dueMs - this.monotonic(), () => {
      this.#drop(timer);
      timer.run();
    });
  }

  #drop(timer: Timer): void {
    this.#timers.delete(timer);
    timer.cancel();
  }
}
