// How long no log-in is made after HERE refused fresh tokens.
import { expect, test } from 'vitest';
import { Rejections } from '../../src/here/rejections.ts';

test('tokens that several connections renewed in vain within a moment are one rejection', () => {
  const rejections = new Rejections();
  expect(rejections.noLogInBeforeMs).toBe(Number.NEGATIVE_INFINITY);
  for (const nowMs of [0, 100, 250, 300]) rejections.note(nowMs);
  expect(rejections.noLogInBeforeMs).toBe(10_300);
});

test('log-ins in vain come ever more seldom, until tokens have worked for a while', () => {
  const rejections = new Rejections();
  const gaps: number[] = [];
  for (let nowMs = 0, n = 0; n < 11; n++) {
    rejections.note(nowMs);
    gaps.push((rejections.noLogInBeforeMs - nowMs) / 1000);
    nowMs = rejections.noLogInBeforeMs;
  }
  expect(gaps).toEqual([10, 20, 20, 20, 40, 80, 160, 320, 640, 640, 640]);
  const later = rejections.noLogInBeforeMs + 3 * 640_000;
  rejections.note(later);
  expect(rejections.noLogInBeforeMs).toBe(later + 10_000);
  // A second time some minutes later: the first has nothing to do with it.
  rejections.note(later + 200_000);
  expect(rejections.noLogInBeforeMs).toBe(later + 200_000 + 10_000);
  rejections.note(later + 200_000 + 15_000);
  expect(rejections.noLogInBeforeMs).toBe(later + 200_000 + 15_000 + 20_000);
});
