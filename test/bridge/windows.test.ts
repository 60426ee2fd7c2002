import { expect, test } from 'vitest';
import { Windows } from '../../src/bridge/windows.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MIB = 1024 * 1024;

test('memory for waiting uplinks: many connections share one budget, and one that floods leaves the others their part', async () => {
  const clock = new ManualClock();
  const used = new Map<string, number>();
  const windows = new Windows({ clock, maxBytes: 16 * MIB, allMaxBytes: 32 * MIB, maxItems: 100, used: () => used });
  const limits = windows.of('a');
  expect(limits).toMatchObject({ maxBytes: 16 * MIB, maxItems: 100 });
  for (let i = 0; i < 8; i++) used.set(`c${i}`, i === 0 ? 18 * MIB : 0);
  used.set('a', 0);
  await clock.advance(500);
  // Half of the budget is taken by one: what is left is each one's own.
  expect(limits.maxBytes).toBe(Math.floor((16 * MIB) / 9));
  used.clear();
  used.set('a', 0);
  await clock.advance(500);
  expect(limits.maxBytes).toBe(16 * MIB);
});
