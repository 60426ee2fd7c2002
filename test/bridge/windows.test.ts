import { expect, test } from 'vitest';
import { Windows } from '../../src/bridge/windows.ts';
import type { ConnectionStore } from '../../src/domain/ports/store.ts';
import { Backlog } from '../../src/uplink/backlog.ts';
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

test('memory for waiting uplinks: what thousands of connections are left with stays within the budget, and each goes on', async () => {
  const clock = new ManualClock();
  const used = new Map<string, number>();
  const allMaxBytes = 128 * MIB;
  const windows = new Windows({ clock, maxBytes: 256 * MIB, allMaxBytes, maxItems: 100_000, used: () => used });
  // One has taken all that is common.
  for (let i = 0; i < 5_000; i++) used.set(`c${i}`, i === 0 ? 80 * MIB : 0);
  const allowed = () => [...used.keys()].reduce((sum, id) => sum + windows.of(id).maxBytes, 0);
  await clock.advance(500);
  expect(allowed()).toBeLessThanOrEqual(80 * MIB + allMaxBytes / 2);
  used.set('c0', (64 + 64 / 5_000) * MIB);
  await clock.advance(500);
  expect(allowed()).toBeLessThanOrEqual(allMaxBytes);
  for (const id of used.keys()) used.set(id, Math.max(used.get(id) as number, windows.of(id).maxBytes));
  await clock.advance(500);
  expect(allowed()).toBeLessThanOrEqual(allMaxBytes);
  // Also one that has come since, until they are counted again.
  for (const id of ['c4999', 'new']) {
    const { maxBytes } = windows.of(id);
    expect(maxBytes).toBeLessThanOrEqual(allMaxBytes / 2 / 5_000);
    // Larger than its share, and still it goes: alone.
    const backlog = new Backlog({ lastSeq: 3 } as ConnectionStore, windows.of(id));
    expect(backlog.admit(1, 'A', 0, 0, false)).toBe(true);
    expect(backlog.admit(2, 'B', MIB, 1, false)).toBe(false);
    expect([backlog.wantsReading(MIB, 1, 0, 1), backlog.wantsReading(0, 0, 0, 1)]).toEqual([false, true]);
  }
});
