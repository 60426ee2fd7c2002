// What waits goes to HERE before a connection leaves, as long as HERE takes it.
import { expect, test } from 'vitest';
import { drainLine } from '../../src/connections/drain-line.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** Ms until it is drained. `waiting`: how many wait, by the ms that have passed. */
async function drained(waiting: (ms: number) => number, signal = new AbortController().signal): Promise<number> {
  const clock = new ManualClock();
  let endedAt: number | null = null;
  const line = {
    get waiting() {
      return { count: waiting(clock.monotonic()), oldestMs: 0 };
    },
  };
  void drainLine(line, clock, signal).then(() => {
    endedAt = clock.monotonic();
  });
  for (let step = 0; step < 300 && endedAt === null; step++) await clock.advance(10);
  expect(clock.pendingTimers).toBe(0);
  return endedAt ?? Number.NaN;
}

test('nothing waits: at once', async () => {
  expect(await drained(() => 0)).toBeLessThanOrEqual(10);
});

test('what goes is waited for, for a second', async () => {
  expect(await drained((ms) => Math.max(0, 50 - ms / 10))).toBeLessThanOrEqual(520);
  const slow = await drained((ms) => 100_000 - ms);
  expect(slow).toBeGreaterThanOrEqual(1_000);
  expect(slow).toBeLessThanOrEqual(1_020);
});

test('HERE takes nothing: for a quarter of a second', async () => {
  const still = await drained(() => 7);
  expect(still).toBeGreaterThanOrEqual(250);
  expect(still).toBeLessThanOrEqual(270);
});

test('there is a hurry: not at all', async () => {
  expect(await drained(() => 7, AbortSignal.abort())).toBeLessThanOrEqual(10);
});
