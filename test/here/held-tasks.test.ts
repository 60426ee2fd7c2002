// Tasks with a permit whose worker may not act for a while.
import { expect, test } from 'vitest';
import { Gate } from '../../src/here/gate.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { never } from './support.ts';

const LIMITS = {
  requestsPerSecond: null,
  concurrency: 4,
  maxRecords: 500,
  maxBytes: 1e6,
  rampMs: 0,
  rateLimitPeriodMs: 1000,
};

test('what is held since this worker may not act goes once it may, told or not', async () => {
  const clock = new ManualClock();
  let mayAct = false;
  const gate = new Gate(LIMITS, clock, () => mayAct);
  const starts: string[] = [];
  const run = (name: string) => gate.run(1, never(), async () => void starts.push(name));
  const first = run('first');
  await settle();
  await clock.advance(5_000);
  expect(starts).toEqual([]);
  mayAct = true;
  gate.actAgain();
  await first;
  mayAct = false;
  const second = run('second');
  await settle();
  mayAct = true;
  expect(starts).toEqual(['first']);
  await clock.advance(1_000);
  await second;
  expect(starts).toEqual(['first', 'second']);
});

test('those that were held together go by the rate', async () => {
  const clock = new ManualClock();
  let mayAct = false;
  const gate = new Gate({ ...LIMITS, requestsPerSecond: 2, concurrency: 8 }, clock, () => mayAct);
  const starts: number[] = [];
  for (let n = 0; n < 6; n++) void gate.run(1, never(), async () => void starts.push(clock.monotonic()));
  await settle();
  await clock.advance(10_000);
  expect(starts).toEqual([]);
  mayAct = true;
  gate.actAgain();
  for (let n = 0; n < 40; n++) await clock.advance(100);
  expect(starts).toHaveLength(6);
  for (const at of starts)
    expect(starts.filter((other) => other >= at && other < at + 1_000).length).toBeLessThanOrEqual(2);
});
