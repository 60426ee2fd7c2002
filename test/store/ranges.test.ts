import { expect, test } from 'vitest';
import { addRange, type Range } from '../../src/store/ranges.ts';

test('ranges that follow one another are one: as many as are left out one by one take no more room', () => {
  const ranges: Range[] = [];
  for (let base = 5; base < 1005; base++) addRange(ranges, { base, count: 1 });
  expect(ranges).toEqual([{ base: 5, count: 1000 }]);
  addRange(ranges, { base: 1006, count: 2 });
  addRange(ranges, { base: 1008, count: 3 });
  expect(ranges).toEqual([
    { base: 5, count: 1000 },
    { base: 1006, count: 5 },
  ]);
});
