// Low-rate alarms after a restart: evaluated from what is stored, none false, none left out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlarmDefinition } from '../../src/domain/connection.ts';
import { HOUR, MINUTE, SECOND, Watched, WORKDAYS } from './watched.ts';

describe('after a restart', () => {
  const always: AlarmDefinition = {
    ...WORKDAYS,
    startTime: '00:00',
    endTime: '24:00',
    recurrence: [
      { frequency: 'weekly', byDays: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] },
    ],
  };

  it.each(['in order', 'killed'] as const)('what is stored is gone on from (stopped %s)', (how) => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(30 * MINUTE, 100);
    watched.run(15 * MINUTE);
    watched.stop(how);
    watched.pass(5 * MINUTE);
    watched.start();
    // At 08:23 UTC the last hour still had 11 uplinks.
    watched.run(33 * MINUTE);
    expect(watched.kinds).toEqual([]);
    watched.run(2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('uplinks that came between the last note and the kill, and those that the broker kept, count', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(2 * HOUR + 4 * MINUTE, 11);
    watched.stop('killed');
    watched.pass(9 * MINUTE);
    watched.start();
    // What waited at the broker comes three minutes later.
    watched.run(3 * MINUTE);
    watched.received += 3;
    watched.run(3 * HOUR, 11);
    expect(watched.kinds).toEqual([]);
  });

  it('a raised alarm is still raised, and cleared when enough pass again', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(HOUR + MINUTE);
    const raised = watched.alarms.active;
    expect(raised).toHaveLength(1);
    watched.stop('killed');
    watched.pass(2 * HOUR);
    watched.start();
    expect(watched.alarms.active).toEqual(raised);
    watched.run(59 * MINUTE, 20);
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.run(3 * MINUTE, 20);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared']);
  });

  it('the observation begins anew when the bridge was away for longer', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(2 * HOUR, 100);
    watched.stop();
    watched.pass(2 * HOUR);
    watched.start();
    watched.run(59 * MINUTE);
    expect(watched.kinds).toEqual([]);
    watched.run(3 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('what is stored and cannot be read counts as nothing', () => {
    for (const text of ['', '{', '[]', '{"from":1,"notes":[[1]]}', '{"from":1,"notes":[null]}', 'null']) {
      const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
      watched.state.set('uplinkHistory', text).set('alarms', text);
      watched.start();
      watched.run(2 * HOUR, 12);
      expect(watched.kinds).toEqual([]);
    }
  });

  const SHORT: AlarmDefinition = { ...WORKDAYS, startTime: '08:00', endTime: '08:30' };
  const HOWS = ['in order', 'killed'] as const;

  it.each(HOWS)('a window that ended while the bridge was down is judged (stopped %s)', (how) => {
    const watched = new Watched('2026-01-15T06:00:00Z', SHORT);
    watched.run(HOUR + 27 * MINUTE);
    watched.stop(how);
    watched.pass(6 * MINUTE);
    watched.start();
    watched.run(4 * MINUTE);
    // The broker may still hand out what waited.
    expect(watched.kinds).toEqual([]);
    watched.run(3 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
    watched.run(24 * HOUR, 12);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared']);
  });

  it.each(HOWS)('a window that ends in the first minutes is judged after them (stopped %s)', (how) => {
    const watched = new Watched('2026-01-15T06:00:00Z', SHORT);
    watched.run(HOUR + 26 * MINUTE);
    // Once more within those minutes.
    for (let starts = 0; starts < 2; starts += 1) {
      watched.stop(how);
      watched.pass(10 * SECOND);
      watched.start();
      watched.run(3 * MINUTE);
    }
    expect(watched.kinds).toEqual([]);
    watched.run(4 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it.each(HOWS)('the last hour of a long window is judged, though it ended meanwhile (stopped %s)', (how) => {
    const watched = new Watched('2026-01-15T14:00:00Z', WORKDAYS);
    watched.run(2 * HOUR + 48 * MINUTE, 12);
    // Until its end, 17:00 in UTC, the last hour will have lost two more.
    watched.run(9 * MINUTE);
    watched.stop(how);
    watched.pass(6 * MINUTE);
    watched.start();
    expect(watched.kinds).toEqual([]);
    watched.run(7 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('what waited at the broker counts for a window that ended meanwhile', () => {
    const watched = new Watched('2026-01-15T06:00:00Z', SHORT);
    watched.run(HOUR + 20 * MINUTE, 6);
    watched.stop('killed');
    watched.pass(9 * MINUTE);
    watched.start();
    watched.run(4 * MINUTE);
    watched.received += 4;
    watched.run(2 * HOUR);
    expect(watched.kinds).toEqual([]);
  });

  it('a history that an older version has stored is gone on from', () => {
    const watched = new Watched('2026-01-15T06:00:00Z', SHORT);
    watched.run(HOUR + 27 * MINUTE);
    watched.stop();
    const { judgedTo: _, ...old } = JSON.parse(watched.state.get('uplinkHistory')!);
    watched.state.set('uplinkHistory', JSON.stringify(old));
    watched.start();
    watched.run(10 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('a steady fleet is never told to be silent, however often the bridge is restarted', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            runMs: fc.integer({ min: SECOND, max: 3 * HOUR }),
            awayMs: fc.oneof(fc.integer({ min: 0, max: 9 * MINUTE }), fc.integer({ min: 0, max: 5 * HOUR })),
            how: fc.constantFrom('in order' as const, 'killed' as const),
          }),
          { minLength: 1, maxLength: 6 },
        ),
        (lives) => {
          const watched = new Watched('2026-01-15T07:00:13Z', always);
          for (const { runMs, awayMs, how } of lives) {
            watched.run(runMs, 14);
            watched.stop(how);
            watched.pass(awayMs);
            watched.start();
            watched.run(MINUTE, 14);
            watched.catchUp(awayMs, 14);
          }
          watched.run(2 * HOUR, 14);
          expect(watched.kinds).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });
});
