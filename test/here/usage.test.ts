// How much of HERE an app ID uses, over the last minute, hour and day.
import { expect, test } from 'vitest';
import { Gate } from '../../src/here/gate.ts';
import type { HttpAnswer } from '../../src/here/http.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function answer(status: number, headers: Record<string, string> = {}): HttpAnswer {
  return { kind: 'answer', status, headers, body: '', requestId: 'r' };
}

function setUp() {
  const clock = new ManualClock();
  const limits = { requestsPerSecond: null, concurrency: 4, maxRecords: 500, maxBytes: 1e6, rampMs: 60_000 };
  const gate = new Gate({ ...limits, rateLimitPeriodMs: 1000 }, clock);
  return { clock, gate };
}

test('requests and records are counted by minute, hour and day', async () => {
  const { clock, gate } = setUp();
  for (const [atMs, records] of [
    [0, 100],
    [2 * HOUR, 10],
    [25 * HOUR, 7],
    [26 * HOUR - 10 * MINUTE, 5],
    [26 * HOUR - 5_000, 3],
  ] as const) {
    await clock.advance(atMs - clock.monotonic());
    gate.observe(answer(204), clock.monotonic() - 20);
    gate.tookBatch(records, 1000);
  }
  await clock.advance(26 * HOUR - clock.monotonic());
  const { lastMinute, lastHour, lastDay, records, results, durations } = gate.usage;
  expect(lastMinute).toEqual({ requests: 1, records: 3, refused: 0 });
  expect(lastHour).toEqual({ requests: 2, records: 8, refused: 0 });
  // Of two hours after the start nothing is left but what is at most a day old.
  expect(lastDay).toEqual({ requests: 3, records: 15, refused: 0 });
  expect(records).toBe(125);
  expect(results.accepted).toBe(5);
  expect(durations).toMatchObject({ count: 5, sumMs: 100 });
  expect(durations.counts[0]).toBe(5);
});

test('refusals are counted by kind; what we stopped ourselves is not', () => {
  const { gate } = setUp();
  for (const status of [429, 503, 500, 400, 404, 401, 403, 413]) gate.observe(answer(status));
  gate.observe({ kind: 'noAnswer', cause: 'timeout', maybeSent: true, message: '', requestId: 'r' });
  gate.observe({ kind: 'noAnswer', cause: 'stopped', maybeSent: true, message: '', requestId: 'r' });
  expect(gate.usage.results).toEqual({
    accepted: 0,
    refused: 2,
    unauthorized: 1,
    forbidden: 1,
    tooLarge: 1,
    rateLimited: 1,
    unavailable: 2,
    noAnswer: 1,
  });
  expect(gate.usage.lastMinute).toMatchObject({ requests: 9, refused: 2 });
});

test('records that HERE may have although no answer came are counted: they are sent again', () => {
  const { gate } = setUp();
  const none = { kind: 'noAnswer', cause: 'connection', message: '', requestId: 'r' } as const;
  gate.observe({ ...none, maybeSent: true }, 0, 500);
  gate.observe({ ...none, cause: 'stopped', maybeSent: true }, 0, 20);
  // Nothing of it was sent.
  gate.observe({ ...none, maybeSent: false }, 0, 500);
  // HERE has said what became of them.
  gate.observe(answer(503), 0, 500);
  expect(gate.usage.recordsInDoubt).toBe(520);
});

test('what HERE tells of its limit is shown', () => {
  const { gate, clock } = setUp();
  expect(gate.usage.limit).toBe(null);
  gate.observe(answer(204, { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '12' }));
  expect(gate.usage.limit).toEqual({ requests: 20, periodMs: 1000, remaining: 12, toldAt: clock.now() });
  expect(gate.usage.requestsPerSecond).toBeCloseTo(19.4);
});
