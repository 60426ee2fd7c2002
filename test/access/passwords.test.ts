import { expect, test } from 'vitest';
import { Passwords, passwordFault } from '../../src/access/passwords.ts';
import { CHEAP, PASSWORD } from './support.ts';

test.each([
  ['fourteen chars', 'must have at least 15 characters; a few words do well'],
  ['x'.repeat(257), 'must have at most 256 characters'],
  ['aaaaaaaaaaaaaaaa', 'is too easy to guess: take other words'],
  ['abcdefghijklmnopq', 'is too easy to guess: take other words'],
  ['9876543210987654', 'is too easy to guess: take other words'],
  ['iloveyouiloveyou', 'is too easy to guess: take other words'],
  ['1q2w3e4r5t6y7u8i9o0p', 'is too easy to guess: take other words'],
  ['1qaz2wsx3edc4rfv', 'is too easy to guess: take other words'],
  ['qwertyuiopasdfghjkl', 'is too easy to guess: take other words'],
  ['qwertyuiopasdfg1!', 'is too easy to guess: take other words'],
  ['maria.lopez-maria.lopez1', 'is too easy to guess: take other words'],
  ['Password-Password-1!', 'is too easy to guess: take other words'],
  ['here-bridge2026!here-bridge', 'is too easy to guess: take other words'],
])('%s is refused as a password, with what is wrong', (password, fault) => {
  expect(passwordFault(password, 'maria.lopez')).toBe(fault);
});

test.each([PASSWORD, 'пароль из слов и еще', '🐎🔋📎🎻🐎🔋📎🎻🐎🔋📎🎻🦊🐙🐸', '                a b c d e f'])(
  '%s is taken as a password',
  (password) => {
    expect(passwordFault(password, 'maria')).toBe(null);
  },
);

test('the right password is right, any other is wrong, and two hashes of one password differ', async () => {
  const hash = await CHEAP.hash(PASSWORD);
  expect(hash).not.toBe(await CHEAP.hash(PASSWORD));
  expect(hash).not.toContain('horse');
  expect(await CHEAP.check(PASSWORD, hash)).toBe('right');
  expect(await CHEAP.check(`${PASSWORD} `, hash)).toBe('wrong');
  expect(await CHEAP.check('', hash)).toBe('wrong');
  expect(await CHEAP.check(PASSWORD, null)).toBe('wrong');
});

test('a password typed with combining characters is the same', async () => {
  const hash = await CHEAP.hash('Ångström über alles');
  expect(await CHEAP.check('Ångström über alles', hash)).toBe('right');
});

test.each([
  '',
  'plain',
  '$scrypt$ln=30,r=8,p=1$AAAAAAAAAAA=$AAAAAAAAAAA=',
  '$scrypt$ln=16,r=99,p=1$AAAAAAAAAAA=$AAAAAAAAAAA=',
])('a record with the hash %j lets nobody in and costs nothing', async (stored) => {
  expect(await CHEAP.check(PASSWORD, stored)).toBe('wrong');
});

test('attempts that come faster than they can be checked are turned away', async () => {
  const passwords = new Passwords({ ln: 12, r: 8, p: 1 });
  const hash = await passwords.hash(PASSWORD);
  const verdicts = await Promise.all(Array.from({ length: 40 }, () => passwords.check(PASSWORD, hash)));
  expect(verdicts.filter((verdict) => verdict === 'right')).toHaveLength(16);
  expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(24);
  expect(await passwords.check(PASSWORD, hash)).toBe('right');
});
