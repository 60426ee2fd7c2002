// Low-rate alarms where the machine's clock is set: none is false, and none is hidden.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, Watched, WORKDAYS } from './watched.ts';

describe('a clock that is set', () => {
  it.each([HOUR, -HOUR, 3 * HOUR, -40 * SECOND, 20 * SECOND])('by %i ms makes no false alarm', (ms) => {
    const watched = new Watched('2026-01-15T09:00:00Z', WORKDAYS);
    watched.run(2 * HOUR + 10 * SECOND, 15);
    watched.setClock(ms);
    watched.run(2 * HOUR, 15);
    expect(watched.kinds).toEqual([]);
    watched.run(HOUR + 2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('by a little, again and again, neither hides an alarm nor makes a false one', () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 1, max: 40 * MINUTE }),
      ms: fc.integer({ min: -90, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 59 }), (steps, second) => {
        const watched = new Watched('2026-01-15T07:00:00Z', { ...WORKDAYS, startTime: '00:00', endTime: '24:00' });
        watched.pass(second * SECOND);
        watched.run(HOUR + 2 * MINUTE, 12);
        for (const { afterMs, ms } of steps) {
          watched.run(afterMs, 12);
          watched.setClock(ms * SECOND + 0.25);
        }
        watched.run(SECOND, 12);
        expect(watched.kinds).toEqual([]);
        // Nothing is observed anew: what falls silent is told after an hour, and the steps' own uncertainty.
        let silentMs = 0;
        for (const { afterMs, ms } of steps) {
          watched.run(afterMs);
          watched.setClock(ms * SECOND);
          silentMs += afterMs;
        }
        watched.run(Math.max(0, HOUR + (2 + 2 * steps.length) * MINUTE - silentMs));
        expect(watched.kinds).toEqual(['alarmRaised']);
      }),
      { numRuns: 60 },
    );
  });

  it.each(Array.from({ length: 37 }, (_, i) => (i - 18) * 5 * SECOND))(
    'by %i ms every half an hour: silence is told',
    (ms) => {
      const watched = new Watched('2026-01-15T07:00:07Z', WORKDAYS);
      watched.run(HOUR + 2 * MINUTE, 12);
      for (let half = 0; half < 3; half += 1) {
        watched.setClock(ms);
        watched.run(30 * MINUTE);
      }
      expect(watched.kinds).toEqual(['alarmRaised']);
    },
  );

  it.each([-30 * SECOND, -5 * MINUTE, -3 * HOUR])('by %i ms while the bridge was down: silence is told', (ms) => {
    const watched = new Watched('2026-01-15T10:00:07Z', WORKDAYS);
    watched.run(HOUR, 12);
    watched.stop();
    watched.setClock(ms);
    watched.start();
    watched.run(HOUR + 10 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });

  it('over the end of a short window: the window is judged', () => {
    const watched = new Watched('2026-01-15T06:00:00Z', { ...WORKDAYS, startTime: '08:00', endTime: '08:30' });
    watched.run(HOUR + 29 * MINUTE + 50 * SECOND);
    watched.setClock(75 * SECOND);
    watched.run(2 * MINUTE);
    expect(watched.kinds).toEqual(['alarmRaised']);
  });
});
