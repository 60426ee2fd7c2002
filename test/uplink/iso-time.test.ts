import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyTime, isoTime } from '../../src/uplink/iso-time.ts';

describe('An ISO 8601 time', () => {
  test('is read as Date.parse reads it', () => {
    const dates = fc.date({ min: new Date(0), max: new Date('2100-12-31'), noInvalidDate: true });
    const zones = fc.constantFrom('Z', '+00:00', '+02:00', '-03:30', '+14:00', '-11:59');
    fc.assert(
      fc.property(dates, zones, (date, zone) => {
        const text = date.toISOString().replace('Z', zone);
        expect(isoTime(text)).toBe(Date.parse(text));
      }),
    );
  });

  test.each([
    ['2025-01-13T12:46:30.201000+00:00', '2025-01-13T12:46:30.201Z'],
    ['2020-07-09T16:06:38.49+02:00', '2020-07-09T14:06:38.490Z'],
    ['2024-02-29 10:00Z', '2024-02-29T10:00:00Z'],
    ['2024-02-29T10:00:00+0130', '2024-02-29T08:30:00Z'],
    ['2024-02-29T10:00:00-02', '2024-02-29T12:00:00Z'],
    ['2024-02-29T10:00:00', '2024-02-29T10:00:00Z'],
    ['Wed, 21 Oct 2015 07:28:00 GMT', '2015-10-21T07:28:00Z'],
  ])('%s', (text, same) => expect(isoTime(text)).toBe(Date.parse(same)));

  test.each([
    '',
    'now',
    '2024-02-30T10:00:00Z',
    '2023-02-29T10:00:00Z',
    '2024-13-01T10:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60:00Z',
    '2015-01-27T10:00.123:46+01:00',
    '2024-01-01',
    '2024-01-01T10:00:00+',
    '2024-01-01T10:00:00.Z',
    '2024-01-01T10:00:00ZZ',
    '2024-01-01T10:00:00+25:00',
    'XXXX-XX-XXTXX:XX:XX.XXXZ',
    `2024-01-01T10:00:00.${'0'.repeat(100)}Z`,
  ])('%j is none', (text) => expect(isoTime(text)).toBeNaN());

  test('or an epoch number in s or ms', () => {
    expect(anyTime(1_571_137_201)).toBe(1_571_137_201_000);
    expect(anyTime('1688776093000')).toBe(1_688_776_093_000);
    for (const no of [0, 6179, 1e20, -1e12, null, true, {}, 'x', '12']) expect(anyTime(no)).toBeNaN();
  });
});
