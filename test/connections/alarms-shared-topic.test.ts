// Low-rate alarms of a connection whose topic others share: their uplinks neither hide an alarm nor make one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SKIP_REASONS } from '../../src/domain/uplink.ts';
import { HOUR, MINUTE, Watched, WORKDAYS } from './watched.ts';

const ITS_OWN = ['secondCopy', 'unknownDevice', 'retired'];
const PER_MINUTE = 40;

describe('on a topic that others share', () => {
  it('an alarm is raised when its own fall silent while those of others go on', () => {
    const watched = new Watched('2026-01-15T06:00:00Z', WORKDAYS);
    watched.others.filtered.noMatch = 5_000;
    const runMinutes = (count: number, perHour: number): void => {
      for (let minute = 0; minute < count; minute += 1) {
        watched.run(MINUTE, perHour);
        watched.others.filtered.noMatch! += PER_MINUTE;
        watched.others.skipped.report = (watched.others.skipped.report ?? 0) + PER_MINUTE;
      }
    };
    runMinutes(150, 60);
    expect(watched.kinds).toEqual([]);
    runMinutes(62, 0);
    expect(watched.events).toMatchObject([{ kind: 'alarmRaised' }]);
    runMinutes(30, 60);
    expect(watched.kinds).toEqual(['alarmRaised', 'alarmCleared']);
  });

  it.each(SKIP_REASONS)('skipped (%s) counts as its own uplink where it is one', (reason) => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    for (let minute = 0; minute < 62; minute += 1) {
      watched.run(MINUTE);
      watched.others.skipped[reason] = (watched.others.skipped[reason] ?? 0) + 1;
    }
    expect(watched.kinds).toEqual(ITS_OWN.includes(reason) ? [] : ['alarmRaised']);
  });

  it('none is raised, whenever those of others are found to be so', () => {
    const phase = fc.record({ minutes: fc.integer({ min: 1, max: 90 }), found: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(phase, { minLength: 1, maxLength: 8 }), (phases) => {
        const watched = new Watched('2026-01-15T06:00:00Z', { ...WORKDAYS, startTime: '00:00', endTime: '24:00' });
        for (const { minutes, found } of phases) {
          for (let minute = 0; minute < minutes; minute += 1) {
            watched.run(MINUTE, 60);
            watched.waiting += PER_MINUTE;
          }
          const count = Math.floor((watched.waiting * found) / 100);
          watched.waiting -= count;
          watched.others.filtered.noMatch = (watched.others.filtered.noMatch ?? 0) + count;
          expect(watched.kinds).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('a history that an older version has stored is gone on from, without a jump', () => {
    const watched = new Watched('2026-01-15T06:00:00Z', WORKDAYS);
    watched.others.filtered.noMatch = 1_000_000;
    watched.run(HOUR + 40 * MINUTE, 12);
    watched.stop();
    const { from, notes } = JSON.parse(watched.state.get('uplinkHistory')!);
    const old = { from, notes: notes.map((note: number[]) => note.slice(0, 2)) };
    watched.state.set('uplinkHistory', JSON.stringify(old));
    watched.start();
    for (let minute = 0; minute < 90; minute += 1) {
      watched.run(MINUTE, 12);
      watched.others.filtered.noMatch += PER_MINUTE;
    }
    expect(watched.kinds).toEqual([]);
    watched.run(HOUR);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('replayed dead letters that no matcher takes any more raise nothing', () => {
    const watched = new Watched('2026-01-15T07:00:00Z', WORKDAYS);
    watched.run(HOUR, 12);
    watched.received -= 100;
    watched.others.filtered.noMatch = 100;
    watched.run(30 * MINUTE, 12);
    expect(watched.kinds).toEqual([]);
  });
});
