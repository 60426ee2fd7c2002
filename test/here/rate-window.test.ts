// Starts by the rate, also where the rate changes in between.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateWindow } from '../../src/here/rate-window.ts';

/** Starts as early as the window allows; `rates`: what holds for so many starts each. Returns their times. */
function startsAt(rates: readonly { readonly perSecond: number; readonly starts: number }[]): number[] {
  const window = new RateWindow();
  const times: number[] = [];
  let nowMs = 0;
  for (const { perSecond, starts } of rates) {
    for (let n = 0; n < starts; n++) {
      for (let waitMs = window.waitMs(nowMs, perSecond); waitMs > 0; waitMs = window.waitMs(nowMs, perSecond)) {
        nowMs += waitMs;
      }
      window.started(nowMs);
      times.push(nowMs);
    }
  }
  return times;
}

test('a whole rate may be used up in a burst, a low one with a fraction is spaced', () => {
  expect(startsAt([{ perSecond: 20, starts: 41 }]).map((ms) => Math.round(ms))).toEqual(
    Array.from({ length: 41 }, (_, n) => Math.floor(n / 20) * 1000),
  );
  expect(startsAt([{ perSecond: 2.5, starts: 4 }])).toEqual([0, 400, 800, 1200]);
});

test('after a burst, a rate that falls puts nothing on top of it', () => {
  const times = startsAt([
    { perSecond: 20, starts: 20 },
    { perSecond: 2.18, starts: 3 },
  ]);
  expect(times[20]).toBeGreaterThanOrEqual(1000);
});

test('whatever rates follow each other, no second has more starts than the highest of them allows', () => {
  const rate = fc.record({
    perSecond: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.2, max: 60, noNaN: true })),
    starts: fc.integer({ min: 1, max: 80 }),
  });
  fc.assert(
    fc.property(fc.array(rate, { minLength: 1, maxLength: 6 }), (rates) => {
      const most = Math.max(...rates.map(({ perSecond }) => Math.ceil(perSecond)));
      const times = startsAt(rates);
      for (const [n, at] of times.entries()) {
        const earlier = times[n - most];
        if (earlier !== undefined) expect(at - earlier).toBeGreaterThan(1000 - 1e-6);
      }
    }),
    { numRuns: 500 },
  );
});
