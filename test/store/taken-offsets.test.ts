// What a source's progress is told from: right whatever is settled in which order, and no larger than what waits.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Places } from '../../src/store/places.ts';
import { TakenOffsets } from '../../src/store/taken-offsets.ts';

test('one uplink, or thousands, that HERE never takes do not keep all that is taken after them', () => {
  const settled = new Set<number>();
  let looks = 0;
  const isSettled = (seq: number): boolean => {
    looks += 1;
    return settled.has(seq);
  };
  const save = (): void => places.saved();
  const places: Places = new Places({ saved: null, isSettled, read: async () => [], hasUnsettled: false, save });
  let next = 0;
  const take = (count: number, areSettled: boolean): void => {
    const each = Array.from({ length: count }, (_, i) => ({ name: 'up', partition: 1, offset: next + i }));
    places.committed(next + 1, each);
    for (let i = 0; i < count; i++) if (areSettled) settled.add(next + 1 + i);
    next += count;
  };
  const told = (): readonly number[] => places.progress('up', 1).unsettled;
  take(1, false);
  for (let second = 0; second < 50; second++) {
    take(1_000, true);
    looks = 0;
    expect(told()).toEqual([0]);
    expect(looks).toBeLessThan(1_100);
  }
  // More than are told at once.
  const held = next;
  take(3_000, false);
  for (let second = 0; second < 50; second++) {
    take(1_000, true);
    looks = 0;
    expect(told()).toHaveLength(2_000);
    expect(looks).toBeLessThan(2_100);
  }
  for (let i = 0; i < 3_000; i++) if (i !== 2_900) settled.add(held + 1 + i);
  settled.add(1);
  looks = 0;
  expect(told()).toEqual([held + 2_900]);
  expect(looks).toBeLessThan(8_000);
});

test('unsettled offsets are told in order, whatever was settled when, and not many more are kept', () => {
  // Of those that wait, more than are taken: else what is kept too long does not show beside them.
  const which = fc.array(fc.nat(), { maxLength: 16, size: 'max' });
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('tell' as const), most: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'find' as const }) },
  );
  const drawn = fc.array(step, { maxLength: 60, size: 'max' });
  const property = fc.property(drawn, fc.nat(4), fc.integer(), (steps, few, below) => {
    const settled = new Set<number>();
    const isSettled = (seq: number): boolean => settled.has(seq);
    let list = new TakenOffsets(isSettled, few);
    // Room before it for what is found later.
    const first = 1_000;
    let seqs: number[] = [];
    let next = first;
    let found = first;
    let mostUnsettled = 0;
    const unsettled = (): number[] => seqs.filter((seq) => !settled.has(seq));
    for (const each of steps) {
      if (each.kind === 'take') {
        for (let i = 0; i < each.count; i++) {
          list.add(next, 2 * next);
          seqs.push(next);
          next += 1;
        }
      } else if (each.kind === 'settle') {
        const waiting = unsettled();
        for (const at of each.which) for (const seq of waiting.splice(at % waiting.length, 1)) settled.add(seq);
      } else if (each.kind === 'find') {
        const older = new TakenOffsets(isSettled, few);
        found -= 1;
        older.add(found, 2 * found);
        older.append(list);
        list = older;
        seqs = [found, ...seqs];
      } else {
        const asked = (offset: number): boolean => offset % 3 !== 0 || offset < below;
        const due = unsettled().map((seq) => 2 * seq);
        expect(list.unsettled(each.most, asked)).toEqual(due.filter(asked).slice(0, each.most));
      }
      mostUnsettled = Math.max(mostUnsettled, unsettled().length);
      expect(list.size).toBeLessThanOrEqual(2 * mostUnsettled + few + 1);
    }
    expect(list.unsettled(Number.POSITIVE_INFINITY, () => true)).toEqual(unsettled().map((seq) => 2 * seq));
  });
  fc.assert(property, { numRuns: 500 });
});
