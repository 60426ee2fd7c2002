// Low-rate alarms: when they are raised and cleared.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlarmDefinition } from '../../src/domain/connection.ts';
import { HOUR, MINUTE, SECOND, Watched, WORKDAYS } from './watched.ts';

describe('a low-rate alarm', () => {
  it('is raised once an hour inside its window had too few uplinks, and cleared when an hour has enough', () => {
    // A Thursday, 06:00 in Paris.
    const watched = new Watched('2026-01-15T05:00:00Z', WORKDAYS);
    watched.run(2 * HOUR + 59 * MINUTE);
    expect(watched.kinds).toEqual([]);
    watched.run(2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
    expect(watched.events[0]).toMatchObject({ severity: 'warning', connectionId: 'a' });
    expect(watched.events[0]!.message).toContain(
      'Lorries are silent: 0 uplinks an hour passed; at least 10 are expected',
    );
    expect(watched.alarms.active).toEqual([
      {
        since: '2026-01-15T08:00:00.000Z',
        message: 'Lorries are silent',
        uplinksPerHour: 0,
        uplinkRateMinPerHour: 10,
      },
    ]);
    watched.run(29 * MINUTE, 20);
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.run(2 * MINUTE, 30);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared']);
    expect(watched.alarms.active).toEqual([]);
    expect(watched.changes).toBe(2);
  });

  it('judges nothing outside of its windows: it is neither raised nor cleared there', () => {
    const watched = new Watched('2026-01-16T07:00:00Z', WORKDAYS);
    watched.run(10 * HOUR, 12);
    watched.run(61 * HOUR);
    // Monday, a little after 08:00 in Paris, after a silent week-end.
    expect(new Date(watched.at).toISOString()).toBe('2026-01-19T06:00:00.000Z');
    watched.run(2 * HOUR - MINUTE);
    expect(watched.kinds).toEqual([]);
    watched.run(2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.run(9 * HOUR);
    watched.run(12 * HOUR, 100);
    // Tuesday, 06:01: outside, so it stays raised although uplinks come.
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.run(3 * HOUR, 100);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared']);
  });

  it('waits for a whole observed hour after the first start, in the midst of a window', () => {
    const watched = new Watched('2026-01-15T11:20:30Z', WORKDAYS);
    watched.run(HOUR - 40 * SECOND);
    expect(watched.kinds).toEqual([]);
    watched.run(2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('is judged once at the end of a window shorter than an hour, pro rata', () => {
    const short: AlarmDefinition = { ...WORKDAYS, startTime: '08:00', endTime: '08:15' };
    // 2 in a quarter of an hour are 8 an hour, 3 are 12.
    const watched = new Watched('2026-01-15T06:30:00Z', short);
    watched.run(30 * MINUTE, 100);
    watched.run(14 * MINUTE + 30 * SECOND, 9);
    expect(watched.kinds).toEqual([]);
    watched.run(45 * SECOND, 0);
    expect(watched.events).toMatchObject([{ kind: 'alarmRaised', details: { uplinksPerHour: 8 } }]);
    watched.run(23 * HOUR + 44 * MINUTE + 45 * SECOND);
    watched.run(15 * MINUTE + SECOND, 12.1);
    expect(watched.events[1]).toMatchObject({ kind: 'alarmCleared', details: { uplinksPerHour: 12 } });
  });

  it('goes on over midnight and over a change of the clock', () => {
    const night: AlarmDefinition = {
      ...WORKDAYS,
      startTime: '22:00',
      endTime: '04:00',
      recurrence: [{ frequency: 'weekly', byDays: ['saturday'] }],
    };
    // The night in which Paris goes from 02:00 to 03:00: the window is 21:00 to 02:00 in UTC.
    const watched = new Watched('2026-03-28T20:00:00Z', night);
    watched.run(5 * HOUR, 12);
    expect(watched.kinds).toEqual([]);
    watched.run(50 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
    const before = watched.events.length;
    watched.run(3 * HOUR, 100);
    expect(watched.kinds.slice(before)).toEqual(['alarmCleared']);
    const silent = new Watched('2026-03-28T20:00:00Z', night);
    silent.run(5 * HOUR + 55 * MINUTE, 12);
    silent.run(12 * HOUR);
    // Silent from five minutes before the end on: the last hour had 11.
    expect(silent.kinds).toEqual([]);
  });

  it('never asks for more than nothing', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', { ...WORKDAYS, uplinkRateMinPerHour: 0 });
    watched.run(5 * HOUR);
    expect(watched.kinds).toEqual([]);
  });
});

describe('a changed definition', () => {
  it('clears what is no longer defined, and judges a new alarm by what was observed', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(2 * HOUR, 5);
    expect(watched.kinds).toEqual(['alarmRaised']);
    // The same alarm in another order of days: nothing changes.
    watched.definitions = [structuredClone(WORKDAYS)];
    watched.run(MINUTE, 5);
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.definitions = [{ ...WORKDAYS, uplinkRateMinPerHour: 6 }];
    watched.run(MINUTE, 5);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared', 'alarmRaised']);
    watched.definitions = [];
    watched.run(10 * MINUTE, 5);
    expect(watched.kinds.slice(3)).toEqual(['alarmCleared']);
    watched.alarms.save();
    expect([...watched.state.keys()]).toEqual([]);
  });
});

describe('whatever comes when', () => {
  const always: AlarmDefinition = {
    ...WORKDAYS,
    startTime: '00:00',
    endTime: '24:00',
    recurrence: [
      { frequency: 'weekly', byDays: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] },
    ],
  };

  it('a connection is raised exactly when its last whole minutes of an hour had too few, by an independent count', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ minutes: fc.integer({ min: 1, max: 90 }), perHour: fc.integer({ min: 0, max: 25 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        (phases) => {
          const watched = new Watched('2026-01-15T07:00:00Z', always);
          const counts: number[] = [0];
          for (const { minutes, perHour } of phases) {
            for (let minute = 0; minute < minutes; minute += 1) {
              watched.run(MINUTE, perHour * (minute % 2 === 0 ? 2 : 0));
              counts.push(watched.received);
              if (counts.length <= 60) expect(watched.alarms.active).toEqual([]);
              else {
                const inHour = counts.at(-1)! - counts.at(-61)!;
                expect(watched.alarms.active.length).toBe(inHour < 10 ? 1 : 0);
              }
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
