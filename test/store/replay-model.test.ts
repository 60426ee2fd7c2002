// Replays, imports, edits, drops and kills at any moment against a simple model of where each message is.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { imbalance, sumReasons } from '../../src/domain/ledger.ts';
import type { DeadLetter } from '../../src/domain/ports/store.ts';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import {
  ALL_RUNS,
  append,
  DELIVERED,
  entries,
  FaultyDisk,
  passTime,
  REFUSED,
  readAll,
  TestStore,
  TIME_FOR_ALL_RUNS_MS,
} from './support.ts';

vi.setConfig({ testTimeout: TIME_FOR_ALL_RUNS_MS });

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('settle' as const, 'refuse' as const, 'replay' as const, 'drop' as const, 'carry' as const),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    // A replay whose journal is written and whose booking the database, or the process, does not live to see.
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('replayUnbooked' as const, 'replayThenKill' as const, 'replayThenFail' as const),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'reopen' as const, 'tick' as const) }) },
);

/** Without a size of its own fast-check draws ten at most, whatever `maxLength` allows. */
const history = fc.array(step, { maxLength: 25, size: 'max' });

const REFUSE_BOOKING = `CREATE TRIGGER refuse BEFORE DELETE ON dead_letters BEGIN SELECT RAISE(ABORT, 'disk is full'); END`;

function choose<T>(list: readonly T[], picks: readonly number[]): T[] {
  if (list.length === 0) return [];
  return [...new Set(picks.map((pick) => pick % list.length))].map((at) => list[at]!);
}

test('whatever is replayed, dropped, imported, interrupted and killed: each message is in one column, and received counts it once', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const disk = new FaultyDisk();
      await using s = await TestStore.open({ disk });
      let a = await s.connection();
      // By content: how often a message is pending, and dead; and what is final.
      let received = 0;
      let delivered = 0;
      let dropped = 0;
      let pending = 0;
      let dead = 0;
      const letters = (): readonly DeadLetter[] => a.deadLetters(1000);
      const replay = (chosen: readonly DeadLetter[]) =>
        new Promise<void>((resolve, reject) => {
          if (chosen.length === 0) resolve();
          else a.replay(chosen, (error) => (error ? reject(error) : resolve()));
        });
      const settle = async (picks: readonly number[], outcome: typeof DELIVERED): Promise<number> => {
        const chosen = choose(await readAll(a), picks);
        a.settle(chosen.map(({ seq }) => ({ seq, outcome })));
        return chosen.length;
      };
      const refusingBookings = async (run: () => Promise<void>): Promise<void> => {
        const refuse = (text: string): void => {
          using sql = new DatabaseSync(path.join(s.dataDir, 'bridge.db'));
          sql.exec(text);
        };
        refuse(REFUSE_BOOKING);
        await run();
        refuse('DROP TRIGGER refuse');
      };

      for (const one of steps) {
        if (one.do === 'append') {
          await append(a, entries(received + 1, one.count));
          received += one.count;
          pending += one.count;
        } else if (one.do === 'settle') {
          const count = await settle(one.picks, DELIVERED);
          pending -= count;
          delivered += count;
        } else if (one.do === 'refuse') {
          const count = await settle(one.picks, REFUSED);
          pending -= count;
          dead += count;
        } else if (one.do === 'drop') {
          const chosen = choose(letters(), one.picks);
          s.store.deadLetters('a')?.drop(chosen.map(({ id }) => id));
          dead -= chosen.length;
          dropped += chosen.length;
        } else if (one.do === 'carry') {
          const fresh = one.picks.map((n) => ({ ...template(), key: n.toString(16).padStart(16, '0') }));
          const outcome = a.importDeadLetters(fresh);
          if (outcome.kind !== 'ok') throw new Error('no room');
          received += outcome.imported;
          dead += outcome.imported;
        } else if (one.do === 'replay') {
          const chosen = choose(letters(), one.picks);
          await replay(chosen);
          dead -= chosen.length;
          pending += chosen.length;
        } else if (one.do === 'replayUnbooked' || one.do === 'replayThenKill') {
          const chosen = choose(letters(), one.picks);
          await refusingBookings(async () => {
            await replay(chosen);
            // Until they are booked the copies count as messages of their own: the ledger balances even so.
            expect(a.ledger().received).toBe(received + chosen.length);
            expect([a.verify(), imbalance(a.ledger())]).toEqual([0, 0]);
          });
          if (one.do === 'replayThenKill') a = await s.kill();
          else await s.clock.advance(1000);
          dead -= chosen.length;
          pending += chosen.length;
        } else if (one.do === 'replayThenFail') {
          const chosen = choose(letters(), one.picks);
          if (chosen.length === 0) continue;
          disk.failures.push(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
          await expect(replay(chosen)).rejects.toThrow(/no space/);
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
        expect([ledger.received, ledger.pending, ledger.delivered]).toEqual([received, pending, delivered]);
        expect(sumReasons(ledger.deadLettered)).toBe(dead + dropped);
        expect([letters().length, (await readAll(a)).length]).toEqual([dead, pending]);
        expect(s.store.deadLetters('a')?.totals()).toMatchObject({ count: dead, dropped: { person: dropped } });
      }
      expect(s.incidents).toEqual([]);
    }),
    ALL_RUNS,
  );
});

function template(): Parameters<JournalledConnection['importDeadLetters']>[0][number] {
  return {
    key: '',
    arrivedAt: 1,
    topic: 't',
    payload: Buffer.from('carried'),
    device: null,
    reason: 'notJson',
    detail: { message: 'no' },
  };
}
