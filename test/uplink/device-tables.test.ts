// Tables of devices that stay of one size, however many devices there are.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeldDevices } from '../../src/uplink/held-devices.ts';
import { UnreadCounts } from '../../src/uplink/unread-counts.ts';

const eui = (n: number): string => n.toString(16).toUpperCase().padStart(16, '0');

test('unread counts: no device that waits is taken for one that does not, and nothing is left of those that are read', () => {
  const device = fc.integer({ min: 0, max: 30 });
  const step = fc.record({ device, isAdded: fc.boolean() });
  const property = fc.property(
    fc.array(step, { maxLength: 300, size: 'max' }),
    fc.integer({ min: 0, max: 12 }),
    fc.constantFrom(1, 4, 16, 1024),
    (steps, maxExact, slots) => {
      const counts = new UnreadCounts(maxExact, slots);
      const model = new Map<string, number>();
      const change = (name: string, by: 1 | -1): void => {
        if (by > 0) counts.add(name);
        else counts.remove(name);
        model.set(name, (model.get(name) ?? 0) + by);
        const wrong = [...model].filter(([each, count]) => counts.of(each) < count || (count > 0 && !counts.has(each)));
        if (wrong.length > 0) expect(wrong).toEqual([]);
      };
      for (const { device: n, isAdded } of steps) {
        const name = eui(n);
        if (isAdded) change(name, 1);
        else if ((model.get(name) ?? 0) > 0) change(name, -1);
      }
      for (const [name, count] of [...model]) for (let left = count; left > 0; left--) change(name, -1);
      expect([...model.keys()].filter((name) => counts.has(name) || counts.of(name) !== 0)).toEqual([]);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test('unread counts: exact up to the bound, and again once the many have gone', () => {
  const counts = new UnreadCounts(100, 1);
  const all = Array.from({ length: 101 }, (_, n) => eui(n));
  for (const each of all) counts.add(each);
  expect([counts.of(eui(0)), counts.of(eui(100)), counts.has(eui(200))]).toEqual([2, 1, true]);
  counts.remove(eui(100));
  expect([counts.of(eui(0)), counts.has(eui(200))]).toEqual([1, false]);
  for (const each of all.slice(0, 60)) counts.remove(each);
  counts.add(eui(200));
  expect([counts.of(eui(200)), counts.has(eui(0)), counts.has(eui(201))]).toEqual([1, false, false]);
  counts.clear();
  expect(all.some((each) => counts.has(each))).toBe(false);
});

test('unread counts: devices in sequence share few slots', () => {
  const counts = new UnreadCounts(0, 2 ** 12);
  for (let n = 0; n < 256; n++) counts.add(eui(n));
  let taken = 0;
  for (let n = 1_000; n < 11_000; n++) taken += counts.has(eui(n)) ? 1 : 0;
  // About 6 % of the slots are taken.
  expect(taken / 10_000).toBeGreaterThan(0.02);
  expect(taken / 10_000).toBeLessThan(0.15);
});

test('held devices: all that are beyond those named are recognized, few others, and not the same ones the next time', () => {
  const held = new HeldDevices(10, 2 ** 14);
  const all = Array.from({ length: 2_000 }, (_, n) => eui(n));
  const hold = (): string[] => {
    expect(all.filter((each) => held.add(each))).toEqual(all.slice(0, 10));
    expect(held.hasOthers).toBe(true);
    expect(held.count).toBeGreaterThan(1_800);
    expect(held.count).toBeLessThanOrEqual(2_000);
    expect(all.every((each) => held.mayHave(each))).toBe(true);
    expect([held.has(eui(9)), held.has(eui(10))]).toEqual([true, false]);
    return Array.from({ length: 10_000 }, (_, n) => eui(100_000 + n)).filter((each) => held.mayHave(each));
  };
  const wrong = hold();
  expect(wrong.length).toBeLessThan(1_000);
  held.forgetOthers();
  expect([held.count, held.mayHave(eui(9)), held.mayHave(eui(10))]).toEqual([10, true, false]);
  expect(held.delete(eui(9))).toBe(true);
  expect(held.mayHave(eui(9))).toBe(false);
  held.add(eui(9));
  const again = new Set(hold());
  expect(wrong.filter((each) => again.has(each)).length).toBeLessThan(Math.max(30, wrong.length / 4));
  held.clear();
  expect([held.count, held.mayHave(eui(0)), held.mayHave(eui(10))]).toEqual([0, false, false]);
});
