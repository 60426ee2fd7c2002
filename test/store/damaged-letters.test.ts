// A database that is damaged while it holds dead letters: what is set aside, what is told, and what the ledger says afterwards.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import { append, DELIVERED, entries, REFUSED, readAll, TestStore } from './support.ts';

const COUNT = 4000;
/** Their part of the journal is gone: the database had the only copy. */
const GONE = [5, 6, 7];
/** Their part of the journal is there, for what waits beside it. */
const STILL_THERE = [3000, 3001];

/** 4000 messages of which 2505 are settled. The journal has let go of the first of them; dead letters are there on both sides. */
async function filled(s: TestStore): Promise<number> {
  const a = await s.connection('a', 8 * 1024 * 1024);
  for (let n = 1; n <= COUNT; n += 100) await append(a, entries(n, 100, 1000));
  const outcome = (seq: number) => ([...GONE, ...STILL_THERE].includes(seq) ? REFUSED : DELIVERED);
  const settled = [...Array.from({ length: 2500 }, (_, i) => i + 1), ...STILL_THERE];
  a.settle(settled.map((seq) => ({ seq, outcome: outcome(seq) })));
  expect(a.ledger()).toMatchObject({ received: COUNT, deadLettered: { refused: 5 } });
  expect(
    a
      .deadLetters(10)
      .map(({ seq }) => seq)
      .sort(),
  ).toEqual([3000, 3001, 5, 6, 7].sort());
  await a.close();
  const base = Number(s.segments()[0]?.slice(0, 16));
  expect(base).toBeGreaterThan(GONE.at(-1) as number);
  await s.store.close();
  return base;
}

/** The database and what belongs to it, as they were set aside. */
function setAside(s: TestStore): Buffer {
  const names = fs.readdirSync(s.dataDir).filter((name) => name.startsWith('bridge.db.corrupt-'));
  return Buffer.concat(names.map((name) => fs.readFileSync(path.join(s.dataDir, name))));
}

/** Bytes of pages are damaged, as by a bad sector: most of what is in it is there. */
function damageInside(file: string): void {
  const bytes = fs.readFileSync(file);
  for (let page = 1; page < bytes.length / 4096; page++) bytes.fill(0x77, page * 4096, page * 4096 + 64);
  fs.writeFileSync(file, bytes);
}

const overwrite = (file: string): void => fs.writeFileSync(file, 'nonsense '.repeat(1000));

for (const [how, harm, keepsBytes] of [
  ['overwritten', overwrite, false],
  ['damaged inside', damageInside, true],
] as const) {
  test(`dead letters of a database that was ${how} start anew, which is told; the ledger balances without them`, async () => {
    await using s = await TestStore.open();
    const base = await filled(s);
    await s.moveOn((dir) => harm(path.join(dir, 'bridge.db')));

    let a: JournalledConnection = await s.connection();
    const [told, ...more] = s.told('databaseSetAside');
    expect(more).toEqual([]);
    expect(told?.message).toMatch(
      /database is damaged .* set aside as .*bridge\.db\.corrupt-.*dead letters.* start anew/,
    );
    // Where they are now, and how to look at them.
    expect(told?.message).toMatch(/dead letters that it held are in that file only: `sqlite3 FILE .*dead_letters/);
    const [restarted, ...others] = s.told('ledgerRestarted');
    expect([restarted?.connectionId, others]).toEqual(['a', []]);
    expect(restarted?.message).toContain(
      `the outcomes of ${base - 1} earlier message(s) were in a database that is gone`,
    );

    // For a person to look at: the bytes of a letter whose journal is gone are in no other place.
    expect(setAside(s).includes('payload 6 payload 6')).toBe(keepsBytes);

    for (let round = 0; round < 2; round++) {
      const waiting = COUNT - base + 1;
      expect(a.ledger()).toMatchObject({ received: waiting, pending: waiting, delivered: 0, deadLettered: {} });
      expect([a.verify(), a.deadLetters(10)]).toEqual([0, []]);
      expect(s.store.deadLetters('a')?.totals()).toMatchObject({ count: 0, dropped: { room: 0, age: 0, person: 0 } });
      // What the journal still has of them goes its way again.
      const seqs = (await readAll(a)).map(({ seq }) => seq);
      expect(seqs).toHaveLength(waiting);
      expect(seqs).toEqual(expect.arrayContaining(STILL_THERE));
      a = await s.kill();
    }

    a.settle(STILL_THERE.map((seq) => ({ seq, outcome: REFUSED })));
    expect(a.deadLetters(10).map(({ seq }) => seq)).toEqual([3001, 3000]);
    expect(a.ledger()).toMatchObject({ deadLettered: { refused: 2 } });
    expect(a.verify()).toBe(0);
    expect([s.told('databaseSetAside').length, s.told('ledgerRestarted').length]).toEqual([1, 1]);
  });
}

test('where nothing waits, only the word on the database tells of the dead letters that are gone', async () => {
  await using s = await TestStore.open();
  const first = await s.connection();
  await append(first, entries(1, 3));
  first.settle([1, 2, 3].map((seq) => ({ seq, outcome: REFUSED })));
  await first.close();
  expect(s.segments()).toEqual([]);
  await s.store.close();
  await s.moveOn((dir) => overwrite(path.join(dir, 'bridge.db')));
  const a = await s.connection();
  expect(s.incidents).toMatchObject([{ kind: 'databaseSetAside', message: expect.stringContaining('dead letters') }]);
  expect(a.ledger()).toMatchObject({ received: 0, pending: 0, deadLettered: {} });
  expect([a.deadLetters(10), a.verify()]).toEqual([[], 0]);
});
