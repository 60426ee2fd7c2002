import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fairShares } from '../../src/domain/fair-share.ts';

test('one that floods may have its own half and what nobody else uses of the common one; the others keep theirs', () => {
  expect(fairShares(1_000, [0, 0])).toEqual([750, 750]);
  expect(fairShares(1_000, [750, 0])).toEqual([750, 250]);
  expect(fairShares(1_000, [750, 200])).toEqual([750, 250]);
  expect(fairShares(1_000, [])).toEqual([]);
});

test('whatever they hold: each has its part of the half, and taking turns they never hold more than the whole', () => {
  const steps = fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -400, max: 400 })), { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 100, max: 2_000 }), steps, (count, total, turns) => {
      const used = new Array<number>(count).fill(0);
      for (const [who, change] of turns) {
        const one = who % count;
        const before = used[one] as number;
        const share = fairShares(total, used)[one] as number;
        expect(share).toBeGreaterThanOrEqual(Math.floor(total / 2 / count));
        used[one] = change > 0 ? Math.max(before, Math.min(share, before + change)) : Math.max(0, before + change);
        expect(used.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(total);
      }
    }),
  );
});
