import { expect, test } from 'vitest';
import { LogInLimits } from '../../src/domain/log-in-limits.ts';
import { network } from '../../src/domain/network.ts';
import { Throttle } from '../../src/domain/throttle.ts';
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

const from = (address: string, name = 'anna') => ({ name, from: address });
const taken = (waits: readonly number[]): number => waits.filter((waitMs) => waitMs === 0).length;

test('five wrong passwords of one address for one name are looked at, then one a minute; right ones cost nothing', async () => {
  const clock = new ManualClock();
  const limits = new LogInLimits(clock);
  for (let n = 0; n < 100; n++) {
    expect(limits.take(from('192.0.2.1'))).toBe(0);
    limits.succeeded(from('192.0.2.1'));
  }
  for (let n = 0; n < 5; n++) expect(limits.take(from('192.0.2.1', 'Anna'))).toBe(0);
  expect(limits.take(from('192.0.2.1'))).toBe(60_000);
  // Anna herself, from where she works.
  expect(limits.take(from('192.0.2.2'))).toBe(0);
  await clock.advance(60_000);
  expect(limits.take(from('192.0.2.1'))).toBe(0);
});

test('one address trying many names, and many addresses trying one name, are slowed down too', () => {
  const limits = new LogInLimits(new ManualClock());
  const names = Array.from({ length: 30 }, (_, n) => limits.take(from('192.0.2.1', `name${n}`)));
  expect(taken(names)).toBe(20);
  const addresses = Array.from({ length: 80 }, (_, n) => limits.take(from(`198.51.100.${n}`)));
  expect(taken(addresses)).toBe(50);
});

test('the addresses of one IPv6 network count as one, for one name and for many', () => {
  const limits = new LogInLimits(new ManualClock());
  const one = Array.from({ length: 60 }, (_, n) => limits.take(from(`2001:db8:1:2::${n.toString(16)}`)));
  expect(taken(one)).toBe(5);
  const many = Array.from({ length: 60 }, (_, n) => limits.take(from(`2001:db8:1:2:${n}::1`, `name${n}`)));
  expect(taken(many)).toBe(15);
  expect(limits.take(from('2001:db8:1:3::1'))).toBe(0);
});

test('strangers of many networks slow down strangers, and not who has logged in well from where they are', async () => {
  const clock = new ManualClock();
  const limits = new LogInLimits(clock);
  expect(limits.take(from('192.0.2.7'))).toBe(0);
  limits.succeeded(from('192.0.2.7'));
  // For an hour whatever is given is taken: for her name from everywhere, and for other names from her own network.
  for (let n = 0; n < 3600; n++) {
    limits.take(from(`2001:db8:0:${n.toString(16)}::1`));
    limits.take(from('192.0.2.7', `name${n}`));
    if (n % 60 === 0) {
      expect(limits.take(from('192.0.2.7'))).toBe(0);
      limits.succeeded(from('192.0.2.7'));
    }
    await clock.advance(1000);
  }
  expect(limits.take(from('198.51.100.1'))).toBe(0);
  expect(limits.take(from('192.0.2.8'))).toBeGreaterThan(0);
  // Guesses from where she is are guesses.
  expect(taken(Array.from({ length: 10 }, () => limits.take(from('192.0.2.7'))))).toBe(5);
});

test('an attempt that was not looked at costs nothing', () => {
  const limits = new LogInLimits(new ManualClock());
  for (let n = 0; n < 100; n++) {
    expect(limits.take(from('192.0.2.1'))).toBe(0);
    limits.giveBack(from('192.0.2.1'));
  }
});

test('a user who logs in from many places pushes out no place of another one', () => {
  const limits = new LogInLimits(new ManualClock());
  limits.succeeded(from('192.0.2.7'));
  for (let n = 0; n < 11_000; n++) limits.succeeded(from(`2001:db8:0:${n.toString(16)}::1`, 'bert'));
  for (let n = 0; n < 60; n++) limits.take(from(`198.51.100.${n}`));
  expect(limits.take(from('192.0.2.8'))).toBeGreaterThan(0);
  expect(limits.take(from('192.0.2.7'))).toBe(0);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8:0:0:1::', '2001:db8:0:0::/64'],
  ['2001:0db8:0000:0000:0001:0002:0003:0004', '2001:db8:0:0::/64'],
  ['1:2:3::8', '1:2:3:0::/64'],
  ['1:2:3:0:5:6:7:8', '1:2:3:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is of the network %s', (address, expected) => {
  expect(network(address)).toBe(expected);
});
