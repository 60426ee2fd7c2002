import { expect, test } from 'vitest';
import { HintTrust } from '../../src/uplink/hint-trust.ts';

test('hints that are wrong in two batches in a row are passed over, but for one batch in sixteen', () => {
  const hints = new HintTrust();
  expect([hints.follows(), hints.follows()]).toEqual([true, true]);
  hints.wrong();
  expect(hints.follows()).toBe(true);
  hints.wrong();
  const next = Array.from({ length: 48 }, () => hints.follows());
  expect(next.flatMap((follows, i) => (follows ? [i + 1] : []))).toEqual([16, 32, 48]);
});

test('a right one is enough to follow them again', () => {
  const hints = new HintTrust();
  for (let i = 0; i < 5; i++) hints.wrong();
  expect(hints.follows()).toBe(false);
  hints.right();
  expect(hints.follows()).toBe(true);
  hints.wrong();
  expect(hints.follows()).toBe(true);
});
