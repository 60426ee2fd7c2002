import { expect, test } from 'vitest';
import { LogInLimits } from '../../src/access/log-in-limits.ts';
import { Throttle } from '../../src/access/throttle.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('what is beyond the burst waits for its turn, and each key has its own', async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(clock, { burst: 2, everyMs: 1000 });
  expect([throttle.take('a'), throttle.take('a'), throttle.take('a'), throttle.take('b')]).toEqual([0, 0, 1000, 0]);
  await clock.advance(999);
  expect(throttle.take('a')).toBe(1);
  await clock.advance(1);
  expect([throttle.take('a'), throttle.take('a')]).toEqual([0, 1000]);
  await clock.advance(60_000);
  expect([throttle.take('a'), throttle.take('a'), throttle.take('a')]).toEqual([0, 0, 1000]);
});

test('a million addresses take no more memory than ten thousand', () => {
  const throttle = new Throttle(new ManualClock(), { burst: 1, everyMs: 1000, maxKeys: 100 });
  for (let n = 0; n < 1000; n++) throttle.take(`address ${n}`);
  expect(throttle.size).toBe(100);
});

test('five wrong passwords of one address for one name are looked at, then one a minute; right ones cost nothing', async () => {
  const clock = new ManualClock();
  const limits = new LogInLimits(clock);
  for (let n = 0; n < 100; n++) {
    expect(limits.take('anna', '192.0.2.1')).toBe(0);
    limits.succeeded('anna', '192.0.2.1');
  }
  for (let n = 0; n < 5; n++) expect(limits.take('Anna', '192.0.2.1')).toBe(0);
  expect(limits.take('anna', '192.0.2.1')).toBe(60_000);
  // Anna herself, from where she works.
  expect(limits.take('anna', '192.0.2.2')).toBe(0);
  await clock.advance(60_000);
  expect(limits.take('anna', '192.0.2.1')).toBe(0);
});

test('one address trying many names, and many addresses trying one name, are slowed down too', () => {
  const limits = new LogInLimits(new ManualClock());
  const byAddress = Array.from({ length: 30 }, (_, n) => limits.take(`name${n}`, '192.0.2.1'));
  expect(byAddress.filter((waitMs) => waitMs === 0)).toHaveLength(20);
  const byName = Array.from({ length: 80 }, (_, n) => limits.take('anna', `198.51.100.${n}`));
  expect(byName.filter((waitMs) => waitMs === 0)).toHaveLength(50);
});
