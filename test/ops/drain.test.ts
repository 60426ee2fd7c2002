// The forecast of a backlog's end.
import { expect, test } from 'vitest';
import { Drain } from '../../src/ops/drain.ts';

/** Second by second: so many come, so many are settled. */
function after(seconds: number, start: number, come: number, settle: number): Drain {
  const drain = new Drain();
  for (let s = 0; s <= seconds; s++) {
    const received = start + come * s;
    drain.note({ received, pending: Math.max(0, received - settle * s) }, s * 1000);
  }
  return drain;
}

test('a backlog that shrinks says when it is gone', () => {
  const forecast = after(120, 50_000, 10, 44).forecast();
  expect(forecast.waiting).toBe(50_000 - 34 * 120);
  expect(forecast.settledPerSecond).toBeCloseTo(44, 0);
  expect(forecast.receivedPerSecond).toBeCloseTo(10, 0);
  expect((forecast.emptyInMs as number) / 1000).toBeCloseTo(forecast.waiting / 34, -1);
});

test('one that does not shrink says so', () => {
  expect(after(60, 1000, 50, 50).forecast().emptyInMs).toBe(null);
  expect(after(60, 1000, 50, 20).forecast().emptyInMs).toBe(null);
  expect(after(60, 1000, 0, 0).forecast().emptyInMs).toBe(null);
});

test('what is on its way is no backlog', () => {
  const drain = new Drain();
  for (let s = 0; s <= 60; s++) drain.note({ received: 200 * s + 50, pending: 50 }, s * 1000);
  expect(drain.forecast()).toMatchObject({ waiting: 50, emptyInMs: 250 });
});

test('the last minute counts, not what was before', () => {
  const drain = new Drain();
  for (let s = 0; s <= 600; s++) {
    const settled = s < 500 ? 0 : (s - 500) * 100;
    drain.note({ received: 20_000, pending: 20_000 - settled }, s * 1000);
  }
  expect(drain.forecast()).toMatchObject({ waiting: 10_000, settledPerSecond: 100, emptyInMs: 100_000 });
});

test('before anything is known there is no forecast, and nothing waiting is empty at once', () => {
  const drain = new Drain();
  expect(drain.forecast().emptyInMs).toBe(null);
  drain.note({ received: 5, pending: 5 }, 0);
  expect(drain.forecast()).toMatchObject({ waiting: 5, emptyInMs: null });
  drain.note({ received: 5, pending: 0 }, 1000);
  expect(drain.forecast()).toMatchObject({ waiting: 0, emptyInMs: 0 });
});
