import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { imbalance } from '../../src/domain/ledger.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import {
  ALL_RUNS,
  append,
  DELIVERED,
  entry,
  FaultyDisk,
  passTime,
  REFUSED,
  readAll,
  TestStore,
  TIME_FOR_ALL_RUNS_MS,
} from './support.ts';

vi.setConfig({ testTimeout: TIME_FOR_ALL_RUNS_MS });

const OUTCOMES: readonly UplinkOutcome[] = [
  DELIVERED,
  REFUSED,
  { kind: 'skipped', reason: 'join' },
  { kind: 'expired', reason: 'tooOld' },
  { kind: 'filtered', reason: 'noMatch' },
];

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('append' as const), counts: fc.array(fc.nat(9), { maxLength: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      picks: fc.array(fc.tuple(fc.nat(), fc.nat(4)), { maxLength: 30, size: 'max' }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settleAll' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leaveOut' as const), count: fc.nat(5), between: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'reopen' as const, 'tick' as const) }) },
);
/** Without a size of its own fast-check draws ten at most, whatever `maxLength` allows. */
const history = fc.array(step, { maxLength: 25, size: 'max' });

test('whatever is appended, settled, left out, refused by the disk and killed: contents and ledger are those of a simple model', async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.integer({ min: 200, max: 60_000 }), async (steps, bytes) => {
      const disk = new FaultyDisk();
      await using s = await TestStore.open({ disk });
      let a = await s.connection('a', 1);
      let lastSeq = 0;
      const pending = new Map<number, number>();
      const counts: Record<string, number> = {};
      const take = async (count: number): Promise<void> => {
        const from = lastSeq + 1;
        const list = Array.from({ length: count }, (_, i) => entry(from + i, bytes));
        lastSeq += count;
        expect(await append(a, list)).toBe(from);
        for (let i = 0; i < count; i++) pending.set(from + i, from + i);
      };
      const settle = (seqs: readonly (readonly [number, number])[]): void => {
        a.settle(seqs.map(([seq, outcome]) => ({ seq, outcome: OUTCOMES[outcome]! })));
        for (const [seq, outcome] of seqs) {
          if (!pending.delete(seq)) continue;
          const { kind } = OUTCOMES[outcome]!;
          counts[kind] = (counts[kind] ?? 0) + 1;
        }
      };
      for (const one of steps) {
        if (one.do === 'append') await Promise.all(one.counts.map((count) => take(count)));
        else if (one.do === 'settle' && lastSeq > 0) settle(one.picks.map(([n, o]) => [(n % lastSeq) + 1, o]));
        else if (one.do === 'settleAll') settle([...pending.keys()].map((seq) => [seq, 0]));
        else if (one.do === 'leaveOut') {
          const before = one.between ? take(2) : null;
          a.countLeftOut(one.count);
          lastSeq += one.count;
          counts.expired = (counts.expired ?? 0) + one.count;
          await Promise.all([before, one.between ? take(1) : null]);
        } else if (one.do === 'fail') {
          disk.failures.push(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
          const list = Array.from({ length: one.count }, () => entry(0, bytes));
          await expect(append(a, list)).rejects.toThrow(/no space/);
          let failing = true;
          a.onDiskStatus((error) => {
            failing = error !== null;
          });
          await passTime(s.clock, () => !failing);
        } else if (one.do === 'kill') a = await s.kill();
        else if (one.do === 'reopen') a = await s.reopen();
        else await s.clock.advance(1000);

        expect(a.verify()).toBe(0);
        const ledger = a.ledger();
        expect(imbalance(ledger)).toBe(0);
        expect(a.lastSeq).toBe(lastSeq);
        expect([ledger.received, ledger.pending, ledger.delivered]).toEqual([
          lastSeq,
          pending.size,
          counts.delivered ?? 0,
        ]);
        expect((ledger.expired.journalFull ?? 0) + (ledger.expired.tooOld ?? 0)).toBe(counts.expired ?? 0);
        expect(ledger.deadLettered.refused ?? 0).toBe(counts.deadLettered ?? 0);
        const records = await readAll(a, 7, 100_000);
        expect(records.map((r) => [r.seq, r.device])).toEqual([...pending.keys()].map((n) => [n, entry(n).device]));
      }
      expect(s.incidents.filter((i) => i.kind !== 'deadLettersDropped')).toEqual([]);
    }),
    ALL_RUNS,
  );
});
