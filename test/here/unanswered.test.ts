// How soon a pair is tried again that HERE has given no word on.
import { expect, test } from 'vitest';
import { Unanswered } from '../../src/here/unanswered.ts';

test('a pair that has worked goes at growing gaps too: changed meanwhile, five wrong ones would lock the account', () => {
  const unanswered = new Unanswered();
  const gaps: number[] = [];
  let nowMs = 1_000;
  for (let n = 0; n < 5; n++) {
    unanswered.noteProven('a', nowMs);
    const untilMs = unanswered.noLogInBeforeMs('a');
    gaps.push(untilMs - nowMs);
    nowMs = untilMs;
  }
  expect(gaps).toEqual([5_000, 10_000, 10_000, 10_000, 10_000]);
  expect(unanswered.noLogInBeforeMs('b')).toBe(Number.NEGATIVE_INFINITY);
  unanswered.forget();
  unanswered.noteProven('a', nowMs);
  expect(unanswered.noLogInBeforeMs('a') - nowMs).toBe(5_000);
});
