// The judge: what is missing, what is excused, and whether a ledger agrees with the books.
import { describe, expect, test } from 'vitest';
import { ProjectArrivals, uplinkKey } from '../../src/chaos/arrivals.ts';
import { type Acknowledged, judge, type LedgerSums } from '../../src/chaos/books.ts';

const T0 = 1_000_000;

function acknowledged(...times: readonly number[]): Acknowledged[] {
  return times.map((time) => ({ key: uplinkKey('A', time), isTelemetry: true, at: T0 + time }));
}

function ledger(sums: Partial<LedgerSums>): LedgerSums {
  const columns = { delivered: 0, pending: 0, expired: 0, filtered: 0, skipped: 0, deadLettered: 0, ...sums };
  const received = Object.values({ ...columns, received: 0 }).reduce((sum, count) => sum + count, 0);
  return { received, ...columns };
}

function arrived(...times: readonly number[]): ProjectArrivals {
  const arrivals = new ProjectArrivals();
  for (const time of times) arrivals.add('A', time, `hash-${time}`);
  return arrivals;
}

describe('The judge', () => {
  test('finds nothing wrong where all arrived', () => {
    const verdict = judge(acknowledged(1, 2, 3), arrived(1, 2, 3), [], ledger({ delivered: 3 }));
    expect(verdict).toMatchObject({ delivered: 3, missing: [], outOfOrder: 0, duplicates: 0, imbalances: [] });
  });

  test('misses what was acknowledged and is nowhere', () => {
    expect(judge(acknowledged(1, 2), arrived(1), [], ledger({ delivered: 1 })).missing).toEqual(['A 2']);
  });

  test('excuses what the broker may have lost, and only that', () => {
    const losses = [{ from: T0 + 2, to: T0 + 2 }];
    const verdict = judge(acknowledged(1, 2, 3), arrived(1), losses, ledger({ delivered: 1 }));
    expect(verdict).toMatchObject({ brokerLost: 1, missing: ['A 3'] });
  });

  test('takes what HERE has refused by name, and what carries no telemetry, as elsewhere', () => {
    const arrivals = arrived(1);
    arrivals.refused.add(uplinkKey('A', 2));
    const join = { key: uplinkKey('A', 3), isTelemetry: false, at: T0 };
    const books = [...acknowledged(1, 2), join];
    const sums = ledger({ delivered: 1, deadLettered: 1, skipped: 1 });
    expect(judge(books, arrivals, [], sums)).toMatchObject({ elsewhere: 2, missing: [], imbalances: [] });
    expect(judge(books, arrivals, [], ledger({ delivered: 1, skipped: 2 })).imbalances).not.toEqual([]);
  });

  test('wants what HERE has refused back, once all dead letters were replayed', () => {
    const arrivals = new ProjectArrivals();
    for (const time of [1, 2, 3]) arrivals.refused.add(uplinkKey('A', time));
    arrivals.add('A', 4, 'hash-4');
    for (const time of [1, 2]) arrivals.add('A', time, `hash-${time}`);
    const books = acknowledged(1, 2, 3, 4);
    expect(judge(books, arrivals, [], ledger({ delivered: 3, deadLettered: 1 }))).toMatchObject({
      elsewhere: 1,
      replayed: 2,
      missing: [],
      // A dead letter has given up its place in the order.
      outOfOrder: 0,
      imbalances: [],
    });
    const after = judge(books, arrivals, [], ledger({ delivered: 3, deadLettered: 1 }), true);
    expect(after).toMatchObject({ elsewhere: 0, missing: ['A 3'] });
    arrivals.add('A', 3, 'hash-3');
    expect(judge(books, arrivals, [], ledger({ delivered: 4 }), true)).toMatchObject({ missing: [], imbalances: [] });
    expect(judge(books, arrivals, [], ledger({ delivered: 3, deadLettered: 1 }), true).imbalances).not.toEqual([]);
  });

  test('counts second copies and late arrivals, but not a late second copy', () => {
    const verdict = judge(acknowledged(1, 2, 3), arrived(2, 1, 3, 2), [], ledger({ delivered: 3 }));
    expect(verdict).toMatchObject({ duplicates: 1, outOfOrder: 1, delivered: 3 });
  });

  test('lets the ledger be above the books by what was sent twice, never below', () => {
    const check = (sums: Partial<LedgerSums>) => judge(acknowledged(1, 2), arrived(1, 2), [], ledger(sums)).imbalances;
    expect(check({ delivered: 3 })).toEqual([]);
    expect(check({ delivered: 1 })).not.toEqual([]);
    expect(check({ delivered: 2, pending: 1 })).not.toEqual([]);
    expect(check({ delivered: 2, expired: 1 })).not.toEqual([]);
  });

  test('lets nothing be booked twice that was handed over once', () => {
    const check = (delivered: number, mostReceived: number | null) =>
      judge(acknowledged(1, 2), arrived(1, 2), [], ledger({ delivered }), false, mostReceived).imbalances;
    expect(check(4, 2)).toEqual(['received 4, but the broker has handed over 2, copies and all']);
    expect(check(3, 2)).toHaveLength(1);
    expect(check(4, 4)).toEqual([]);
    expect(check(2, 2)).toEqual([]);
    // What a fault swallowed on the way.
    expect(check(2, 5)).toEqual([]);
    // Nobody has counted.
    expect(check(4, null)).toEqual([]);
  });

  test('sees a ledger that does not add up', () => {
    const sums = { ...ledger({ delivered: 2 }), received: 3 };
    expect(judge(acknowledged(1, 2), arrived(1, 2), [], sums).imbalances).not.toEqual([]);
  });
});
