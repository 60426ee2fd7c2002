// The schedule of faults: repeatable, complete, bounded.
import { describe, expect, test } from 'vitest';
import { drawSchedule, FAULT_KINDS, FAULTS, LAST_END_MS, type ScheduleOptions } from '../../src/chaos/schedule.ts';

const usual: ScheduleOptions = { seed: 1, rounds: 20, brokers: ['mosquitto', 'embedded'], without: [] };
const seeds = Array.from({ length: 50 }, (_, index) => index);

describe('The schedule', () => {
  test('is the same for the same seed and another one for another', () => {
    expect(drawSchedule(usual)).toEqual(drawSchedule(usual));
    expect(drawSchedule(usual)).not.toEqual(drawSchedule({ ...usual, seed: 2 }));
  });

  test('begins the same, however many rounds are drawn', () => {
    expect(drawSchedule({ ...usual, rounds: 7 })).toEqual(drawSchedule(usual).slice(0, 7));
  });

  test.each(seeds)('shows every kind of fault in twenty rounds (seed %i)', (seed) => {
    const shown = new Set(drawSchedule({ ...usual, seed }).flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    expect(FAULT_KINDS.filter((kind) => !shown.has(kind))).toEqual([]);
  });

  test('has at least three faults a round, all within the time, those of a lane one after the other', () => {
    for (const seed of seeds) {
      for (const { faults } of drawSchedule({ ...usual, seed })) {
        expect(faults.length).toBeGreaterThanOrEqual(3);
        const ends = new Map<string, number>();
        for (const { lane, startMs, durationMs } of faults) {
          expect(startMs).toBeGreaterThanOrEqual(ends.get(lane) ?? 0);
          ends.set(lane, startMs + durationMs);
          expect(startMs + durationMs).toBeLessThanOrEqual(LAST_END_MS);
        }
      }
    }
  });

  test('leaves out what cannot be done, and Mosquitto’s faults where there is none', () => {
    const options: ScheduleOptions = { ...usual, brokers: ['embedded'], without: ['diskFull'] };
    const kinds = drawSchedule(options).flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect(kinds).not.toContain('diskFull');
    expect(kinds.filter((kind) => 'only' in FAULTS[kind])).toEqual([]);
  });
});
