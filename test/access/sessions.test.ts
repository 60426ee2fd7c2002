import { expect, test } from 'vitest';
import { EMPTY_BOOK, endSession, putUser, type StoredUser } from '../../src/access/book.ts';
import { Sessions } from '../../src/access/sessions.ts';
import { box, randomKey } from './support.ts';

const anna: StoredUser = { name: 'anna', role: 'operator', password: '', epoch: 'e1', createdAt: '', changedAt: '' };
const book = putUser(EMPTY_BOOK, anna);
const LIMITS = { idleMs: 60_000, maxMs: 3_600_000 };
const sessions = new Sessions(box(), LIMITS);
const T = 1_800_000_000_000;

test('a session is valid until it was idle for too long, and its use renews it', () => {
  const value = sessions.begin(anna, T);
  expect(value.length).toBeLessThan(400);
  const opened = sessions.open(value, book, T + 59_000);
  expect(opened).toMatchObject({ kind: 'valid', user: anna, until: T + 3_600_000 });
  const renewed = opened.kind === 'valid' ? opened.renewed! : '';
  expect(sessions.open(value, book, T + 60_001).kind).toBe('over');
  expect(sessions.open(renewed, book, T + 118_000).kind).toBe('valid');
});

test('no use keeps it beyond its end', () => {
  let value = sessions.begin(anna, T);
  for (let at = T; at <= T + 3_600_000; at += 50_000) {
    const opened = sessions.open(value, book, at);
    if (opened.kind !== 'valid') throw new Error(`over after ${at - T} ms`);
    value = opened.renewed ?? value;
  }
  expect(sessions.open(value, book, T + 3_600_001).kind).toBe('over');
});

test('another password or role, the user’s end, and a log-out end it', () => {
  const value = sessions.begin(anna, T);
  expect(sessions.open(value, putUser(book, { ...anna, epoch: 'e2' }), T).kind).toBe('over');
  expect(sessions.open(value, EMPTY_BOOK, T).kind).toBe('over');
  const opened = sessions.open(value, book, T);
  if (opened.kind !== 'valid') throw new Error('over');
  expect(sessions.open(value, endSession(book, opened, T), T).kind).toBe('over');
});

test('a cookie that was made up, changed, sealed for something else or by another bridge is none', () => {
  const content = JSON.stringify({ id: 'x', user: 'anna', epoch: 'e1', since: T, seen: T });
  const value = sessions.begin(anna, T);
  const strangers = new Sessions(box(randomKey()), LIMITS);
  const made = [
    content,
    Buffer.from(content).toString('base64'),
    box().encrypt(content, 'tenant-a/password'),
    strangers.begin(anna, T),
    `${value.slice(0, -2)}AA`,
    'enc:v1:',
    '',
    'x'.repeat(100_000),
  ];
  for (const text of made) expect(sessions.open(text, book, T).kind, text.slice(0, 40)).toBe('over');
});

test('a session of the future, after the clock stepped back, is over', () => {
  expect(sessions.open(sessions.begin(anna, T), book, T - 301_000).kind).toBe('over');
});
