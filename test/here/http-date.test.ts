// Dates in HTTP headers: the three forms that RFC 9110 obliges to read, all of them UTC wherever the bridge runs; nothing else.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { httpDate } from '../../src/here/http-date.ts';
import { retryAfterMs } from '../../src/here/outcome.ts';

const NOW = Date.UTC(2026, 0, 1);
const OUTCOME = path.join(import.meta.dirname, '../../src/here/outcome.ts');
/** HERE's time, and 30 s later. */
const FORMS = [
  ['Thu, 01 Jan 2026 10:00:00 GMT', 'Thu, 01 Jan 2026 10:00:30 GMT'],
  ['Thursday, 01-Jan-26 10:00:00 GMT', 'Thursday, 01-Jan-26 10:00:30 GMT'],
  ['Thu Jan  1 10:00:00 2026', 'Thu Jan  1 10:00:30 2026'],
] as const;

test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
  '%s is a date, in UTC',
  (text) => {
    expect(httpDate(text, NOW)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  },
);

test.each(['UTC', 'Asia/Tokyo', 'America/New_York'])('a Retry-After is as long in %s, in whichever forms', (zone) => {
  // A process of its own: a thread cannot change its time zone.
  const script =
    `import { retryAfterMs } from ${JSON.stringify(OUTCOME)};` +
    `const forms = ${JSON.stringify(FORMS)};` +
    'const waits = forms.flatMap(([date]) => forms.map(([, until]) => retryAfterMs({ date, "retry-after": until }, Date.UTC(2025, 0))));' +
    'const of = (until) => retryAfterMs({ "retry-after": until }, Date.UTC(2026, 0, 1, 10));' +
    'console.log(JSON.stringify([new Date(0).getTimezoneOffset(), waits, forms.map(([, until]) => of(until))]));';
  const text = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, TZ: zone },
    encoding: 'utf8',
  });
  const [offset, waits, withoutDate] = JSON.parse(text);
  expect(offset === 0).toBe(zone === 'UTC');
  expect(waits).toEqual(Array(9).fill(30_000));
  expect(withoutDate).toEqual(Array(3).fill(30_000));
});

test('a year of two digits is at most 50 years ahead', () => {
  const yearOf = (digits: string, nowMs = NOW) =>
    new Date(httpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, nowMs) ?? Number.NaN).getUTCFullYear();
  expect([yearOf('26'), yearOf('76'), yearOf('77'), yearOf('99')]).toEqual([2026, 2076, 1977, 1999]);
  expect(yearOf('02', Date.UTC(2099, 0, 1))).toBe(2102);
});

test.each([
  '',
  'soon',
  '-5',
  '2026-01-01T10:00:00Z',
  'Thu, 01 Jan 2026 10:00:00',
  'Thu, 01 Jan 2026 10:00:00 +0900',
  'Thu, 31 Feb 2026 10:00:00 GMT',
  'Thu, 01 Jan 2026 24:00:00 GMT',
  'Thu Jan 1 10:00:00 2026',
  'Thu Jan  1 10:00:00 2026 GMT',
])('"%s" is none, and no Retry-After', (text) => {
  expect(httpDate(text, NOW)).toBeNull();
  expect(retryAfterMs({ 'retry-after': text }, NOW)).toBeNull();
});
