// Publishing at a steady rate: on a clock that the test turns by hand.
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/domain/ports/clock.ts';
import { createFleet, type FleetMessage } from '../../../src/sandbox/fleet/fleet.ts';
import { runFleet } from '../../../src/sandbox/fleet/run.ts';

class HandClock implements Clock {
  private timeMs = 0;
  private timers: { atMs: number; run: () => void }[] = [];

  now(): number {
    return 1_800_000_000_000 + this.timeMs;
  }

  monotonic(): number {
    return this.timeMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.timeMs + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Turns the clock on in steps of `stepMs`: a coarse step is a late timer. */
  turn(ms: number, stepMs = 1): void {
    for (const endMs = this.timeMs + ms; this.timeMs < endMs; ) {
      this.timeMs = Math.min(endMs, this.timeMs + stepMs);
      const due = this.timers.filter((timer) => timer.atMs <= this.timeMs);
      this.timers = this.timers.filter((timer) => timer.atMs > this.timeMs);
      for (const timer of due) timer.run();
    }
  }
}

const fleet = createFleet({ seed: 1, devices: 5 });
const acknowledge = (_message: FleetMessage, done: (error: Error | null) => void): void => done(null);
const never = new AbortController().signal;

describe('a run of the fleet', () => {
  test('keeps its rate over a minute, with late timers too', async () => {
    for (const stepMs of [1, 37]) {
      const clock = new HandClock();
      const run = runFleet({ fleet, publish: acknowledge, ratePerSecond: 250, clock, signal: never, forMs: 60_000 });
      clock.turn(60_050, stepMs);
      const result = await run.done;
      expect(result.published).toBe(15_001);
      expect(result.acknowledged).toBe(15_001);
      expect(result.unanswered).toBe(0);
    }
  });

  test('ends after its total, and tells which messages were acknowledged', async () => {
    const clock = new HandClock();
    const known: FleetMessage[] = [];
    const run = runFleet({
      fleet,
      publish: acknowledge,
      ratePerSecond: 1000,
      clock,
      signal: never,
      total: 10,
      onAcknowledged: (message) => known.push(message),
    });
    clock.turn(100);
    expect((await run.done).acknowledged).toBe(10);
    expect(known).toHaveLength(10);
  });

  test('holds back while the broker owes acknowledgements, and then catches up', async () => {
    const clock = new HandClock();
    const owed: ((error: Error | null) => void)[] = [];
    const stop = new AbortController();
    let stalled = true;
    const run = runFleet({
      fleet,
      publish: (_message, done) => (stalled ? owed.push(done) : done(null)),
      ratePerSecond: 100,
      clock,
      signal: stop.signal,
      maxUnacknowledged: 30,
    });
    clock.turn(5000);
    expect(run.counts.published).toBe(30);
    stalled = false;
    for (const done of owed) done(null);
    clock.turn(5000);
    expect(run.counts.published).toBe(1001);
    stop.abort();
    expect((await run.done).unanswered).toBe(0);
  });

  test('waits for acknowledgements when stopped, but not for ever', async () => {
    const clock = new HandClock();
    const stop = new AbortController();
    const owed: ((error: Error | null) => void)[] = [];
    const run = runFleet({
      fleet,
      publish: (_message, done) => owed.push(done),
      ratePerSecond: 100,
      clock,
      signal: stop.signal,
      drainMs: 500,
    });
    clock.turn(40);
    stop.abort();
    owed[0]?.(null);
    owed[1]?.(new Error('closed'));
    clock.turn(600);
    const result = await run.done;
    expect(result).toMatchObject({ acknowledged: 1, failed: 1 });
    expect(result.unanswered).toBe(result.published - 2);
  });
});
