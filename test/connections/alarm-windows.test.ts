// The calendar of low-rate alarms, against examples and an independent slow computation.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmCalendar } from '../../src/connections/alarm-windows.ts';
import { firstInstantOf, localTime } from '../../src/connections/local-time.ts';
import type { AlarmDay } from '../../src/domain/connection.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK: readonly AlarmDay[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

function calendar(
  startTime: string,
  endTime: string,
  timezone: string,
  byDays: readonly AlarmDay[] = WEEK,
): AlarmCalendar {
  return new AlarmCalendar({
    startTime,
    endTime,
    timezone,
    recurrence: [{ frequency: 'weekly', byDays: [...byDays] }],
  });
}

/** The windows that begin on or after the day of `at` in UTC, as text. */
function shown(of: AlarmCalendar, at: string, count = 1): string[] {
  const windows = of.around(Date.parse(at)).filter(({ to }) => to > Date.parse(at));
  return windows.slice(0, count).map(({ from, to }) => `${new Date(from).toISOString()}/${new Date(to).toISOString()}`);
}

describe('windows of an alarm', () => {
  it('begin and end by the clock of their time zone', () => {
    expect(shown(calendar('08:00', '18:30', 'Europe/Paris'), '2026-01-15T03:00:00Z')).toEqual([
      '2026-01-15T07:00:00.000Z/2026-01-15T17:30:00.000Z',
    ]);
    expect(shown(calendar('08:00', '18:30', 'Asia/Kathmandu'), '2026-01-15T02:00:00Z')).toEqual([
      '2026-01-15T02:15:00.000Z/2026-01-15T12:45:00.000Z',
    ]);
  });

  it('over midnight belong to the day on which they begin', () => {
    const friday = calendar('22:00', '06:00', 'Europe/Paris', ['friday']);
    expect(shown(friday, '2026-01-16T12:00:00Z', 2)).toEqual(['2026-01-16T21:00:00.000Z/2026-01-17T05:00:00.000Z']);
    expect(shown(friday, '2026-01-17T04:59:00Z', 2)).toEqual(['2026-01-16T21:00:00.000Z/2026-01-17T05:00:00.000Z']);
    expect(shown(friday, '2026-01-17T05:00:00Z', 2)).toEqual([]);
  });

  it('that contain a change of the clock are shorter or longer by it', () => {
    const night = calendar('22:00', '06:00', 'Europe/Paris');
    expect(shown(night, '2026-03-28T12:00:00Z')).toEqual(['2026-03-28T21:00:00.000Z/2026-03-29T04:00:00.000Z']);
    expect(shown(night, '2026-10-24T12:00:00Z')).toEqual(['2026-10-24T20:00:00.000Z/2026-10-25T05:00:00.000Z']);
  });

  it('in the hour that is skipped do not take place; in the one that comes twice they take place the first time', () => {
    const sundays = calendar('02:15', '02:45', 'Europe/Paris', ['sunday']);
    expect(shown(sundays, '2026-03-28T12:00:00Z')).toEqual([]);
    expect(shown(sundays, '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:15:00.000Z/2026-10-25T00:45:00.000Z']);
    // One that begins in the skipped hour begins at the change.
    expect(shown(calendar('02:30', '04:00', 'Europe/Paris', ['sunday']), '2026-03-28T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z/2026-03-29T02:00:00.000Z',
    ]);
  });

  it('on a day that a zone left out do not take place', () => {
    const fridays = calendar('08:00', '12:00', 'Pacific/Apia', ['friday']);
    expect(shown(fridays, '2011-12-30T00:00:00Z', 2)).toEqual([]);
  });

  it('that touch are one', () => {
    const always = calendar('00:00', '24:00', 'America/New_York').around(Date.parse('2026-03-08T12:00:00Z'));
    expect(always).toHaveLength(1);
    expect(always[0]!.from).toBeLessThanOrEqual(Date.parse('2026-03-06T12:00:00Z'));
    expect(always[0]!.to).toBeGreaterThanOrEqual(Date.parse('2026-03-10T12:00:00Z'));
  });

  it('need a time zone that exists', () => {
    expect(() => calendar('08:00', '09:00', 'Europe/Nowhere')).toThrow(RangeError);
  });
});

describe('the calendar', () => {
  const STEP = 5 * MINUTE;
  const zones = [
    'UTC',
    'Europe/Paris',
    'Europe/Dublin',
    'America/New_York',
    'America/St_Johns',
    'America/Sao_Paulo',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Pacific/Kiritimati',
    'Pacific/Niue',
    'Asia/Kathmandu',
    'Asia/Tehran',
    'Africa/Casablanca',
    'Antarctica/Troll',
  ];
  /** Changes of clocks: in spring and autumn, at midnight, by half an hour, by two hours, by a day. */
  const changes: [string, number][] = (
    [
      ['Europe/Paris', '2026-03-29T01:00Z'],
      ['Europe/Paris', '2026-10-25T01:00Z'],
      ['Europe/Dublin', '2026-10-25T01:00Z'],
      ['America/New_York', '2026-03-08T07:00Z'],
      ['America/St_Johns', '2026-11-01T04:30Z'],
      ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
      ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
      ['America/Sao_Paulo', '2018-11-04T03:00Z'],
      ['America/Sao_Paulo', '2018-02-18T02:00Z'],
      ['Pacific/Apia', '2011-12-30T10:00Z'],
      ['Asia/Tehran', '2021-03-21T20:30Z'],
      ['Africa/Casablanca', '2026-02-15T02:00Z'],
      ['Antarctica/Troll', '2026-03-29T01:00Z'],
    ] as const
  ).map(([zone, at]) => [zone, Date.parse(at)]);
  /** A zone and an instant, mostly near a change of its clock. */
  const moment = (within: number): fc.Arbitrary<[string, number]> =>
    fc.oneof(
      {
        weight: 1,
        arbitrary: fc.tuple(
          fc.constantFrom(...zones),
          fc.integer({ min: Date.UTC(2005, 0, 1) / STEP, max: Date.UTC(2035, 0, 1) / STEP }).map((at) => at * STEP),
        ),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(...changes), fc.integer({ min: -within, max: within }))
          .map(([[zone, at], steps]): [string, number] => [zone, at + steps * STEP]),
      },
    );
  const timeOfDay = fc
    .oneof(fc.integer({ min: 0, max: 287 }), fc.integer({ min: 0, max: 48 }))
    .map((steps) => [Math.floor(steps / 12), (steps % 12) * 5].map((part) => String(part).padStart(2, '0')).join(':'));

  /** `2026-03-29 02:15` as another of Intl's ways shows it: text that sorts by time. */
  function textOf(zone: string): (at: number) => string {
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
    return (at) => format.format(at);
  }

  it('agrees with looking at the clock every five minutes', () => {
    fc.assert(
      fc.property(
        moment(300),
        timeOfDay,
        fc.oneof(timeOfDay, fc.constant('24:00')),
        fc.subarray([...WEEK], { minLength: 1 }),
        ([zone, at], start, end, byDays) => {
          fc.pre(start !== end);
          const of = calendar(start, end, zone, byDays);
          const text = textOf(zone);
          const moments: { at: number; text: string }[] = [];
          for (let each = at - 4 * DAY; each <= at + 4 * DAY; each += STEP)
            moments.push({ at: each, text: text(each) });
          const first = (target: string): number =>
            moments.find((moment) => moment.text >= target)?.at ?? Number.POSITIVE_INFINITY;
          // Every date near `at`, whether or not the zone has it.
          const inside = new Set<number>();
          for (let day = -3; day <= 3; day += 1) {
            const date = new Date(Math.floor(at / DAY) * DAY + day * DAY);
            if (!byDays.includes(WEEK[(date.getUTCDay() + 6) % 7]!)) continue;
            const dateText = date.toISOString().slice(0, 10);
            const nextText = new Date(date.getTime() + DAY).toISOString().slice(0, 10);
            const from = first(`${dateText} ${start}`);
            const to =
              end === '24:00' ? first(`${nextText} 00:00`) : first(`${end > start ? dateText : nextText} ${end}`);
            for (const moment of moments) if (moment.at >= from && moment.at < to) inside.add(moment.at);
          }
          const windows = of.around(at);
          for (let each = at - DAY; each <= at + DAY; each += STEP) {
            const isInside = windows.some(({ from, to }) => each >= from && each < to);
            if (isInside !== inside.has(each)) {
              expect.fail(`${zone} ${start}-${end} ${byDays}: at ${new Date(each).toISOString()} ${isInside}`);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('finds the first instant at which a clock shows a time', () => {
    fc.assert(
      fc.property(moment(40), ([zone, at]) => {
        // Times of day around the change, also those that its clock never shows.
        const local = localTime(zone, at) + (at % (2 * HOUR));
        const found = firstInstantOf(zone, local);
        expect(localTime(zone, found)).toBeGreaterThanOrEqual(local);
        for (let before = found - 1; before > found - 30 * HOUR; before -= STEP) {
          expect(localTime(zone, before)).toBeLessThan(local);
        }
      }),
      { numRuns: 200 },
    );
  });
});
