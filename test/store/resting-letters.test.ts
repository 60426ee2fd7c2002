// Dead letters of connections that are not open (deactivated, or without a definition) go at their age too, told before and counted.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { append, entries, REFUSED, TestStore } from './support.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const AGE = { deadLettersMaxAgeMs: 100 * MINUTE_MS };

async function rest(s: TestStore, id: string, count: number): Promise<void> {
  const connection = await s.connection(id);
  const first = await append(connection, entries(1, count));
  connection.settle(Array.from({ length: count }, (_, i) => ({ seq: first + i, outcome: REFUSED })));
  await connection.close();
}

/** Its row and its letters, under other names: to open so many takes long. */
function copyConnection(file: string, id: string, copies: number): void {
  const sql = new DatabaseSync(file);
  sql.exec('BEGIN');
  const columns = 'key, seq, time, arrived_at, device, reason, bytes, topic, detail, payload';
  for (let copy = 0; copy < copies; copy++) {
    const { lastInsertRowid } = sql.prepare('INSERT INTO connections (id) VALUES (?)').run(`${id}${copy}`);
    sql
      .prepare(
        `INSERT INTO dead_letters (connection, ${columns}) SELECT ?, ${columns} FROM dead_letters ` +
          'WHERE connection = (SELECT key FROM connections WHERE id = ?)',
      )
      .run(lastInsertRowid, id);
  }
  sql.exec('COMMIT');
  sql.close();
}

const totals = (s: TestStore, id: string) => s.store.deadLetters(id)?.totals();

test('told before, dropped, counted: whoever opens the connection later finds its books in balance', async () => {
  await using s = await TestStore.open(AGE);
  await rest(s, 'a', 3);
  await s.clock.advance(79 * MINUTE_MS);
  expect(s.told('deadLettersAgeing')).toEqual([]);
  await s.clock.advance(7 * MINUTE_MS);
  expect(s.told('deadLettersAgeing')[0]?.message).toMatch(/3 dead letters of a are dropped within 20 minutes/);
  await s.clock.advance(13 * MINUTE_MS);
  expect([totals(s, 'a')?.count, s.told('deadLettersDropped')]).toEqual([3, []]);
  await s.clock.advance(7 * MINUTE_MS);
  expect(totals(s, 'a')).toMatchObject({ count: 0, bytes: 0, dropped: { room: 0, age: 3, person: 0 } });
  expect(s.told('deadLettersAgeing').length).toBe(1);
  expect(s.told('deadLettersDropped')).toMatchObject([{ connectionId: 'a', dropped: 3 }]);
  const a = await s.connection();
  expect([a.ledger().received, a.ledger().deadLettered.refused, a.verify()]).toEqual([3, 3, 0]);
  const again = await s.kill();
  expect([again.ledger().deadLettered.refused, again.verify()]).toEqual([3, 0]);
});

test('also in a process that never opened it; open ones and those of deleted connections are left to others', async () => {
  await using s = await TestStore.open({ ...AGE, keepAfterDeleteMs: 10 * DAY_MS });
  await rest(s, 'a', 2);
  await rest(s, 'deleted', 2);
  await s.store.deleteConnection('deleted');
  await rest(s, 'open', 2);
  await s.store.close();
  await s.moveOn();
  const open = await s.connection('open');
  await s.clock.advance(110 * MINUTE_MS);
  expect([totals(s, 'a')?.count, totals(s, 'deleted')?.count, totals(s, 'open')?.count]).toEqual([0, 2, 0]);
  const told = s.told('deadLettersDropped').map(({ connectionId }) => connectionId);
  expect(told.sort()).toEqual(['a', 'open']);
  expect(open.verify()).toBe(0);
});

test('in slices: 500 letters or a hundred connections at a time', async () => {
  await using s = await TestStore.open({ deadLettersMaxAgeMs: 98 * MINUTE_MS });
  await rest(s, 'a', 1200);
  await rest(s, 'b', 1);
  await s.store.close();
  await s.moveOn((dataDir) => copyConnection(path.join(dataDir, 'bridge.db'), 'b', 209));
  const dropped: number[] = [];
  await s.clock.advance(99 * MINUTE_MS);
  for (let second = 0; second < 2 * 60; second++) {
    const before = s.told('deadLettersDropped').length;
    await s.clock.advance(1000);
    const told = s.told('deadLettersDropped').slice(before);
    if (told.length > 0) dropped.push(told.reduce((sum, each) => sum + ('dropped' in each ? each.dropped : 0), 0));
  }
  expect(dropped).toEqual([500, 500, 200 + 99, 100, 11]);
  expect(totals(s, 'a')).toMatchObject({ count: 0, dropped: { age: 1200 } });
  const a = await s.connection();
  expect([a.ledger().deadLettered.refused, a.verify()]).toEqual([1200, 0]);
});

test('a clock that somebody sets two months ahead costs none', async () => {
  await using s = await TestStore.open();
  await rest(s, 'a', 3);
  await s.clock.advance(2 * 60 * MINUTE_MS);
  s.clock.stepWall(60 * DAY_MS);
  await s.clock.advance(60 * MINUTE_MS);
  expect([totals(s, 'a')?.count, s.told('deadLettersAgeing').length]).toEqual([3, 0]);
});
