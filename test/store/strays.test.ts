// Journal files that a start cannot place are set aside and told, never removed: what they hold may be waiting.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { append, DELIVERED, entries, readAll, TestStore } from './support.ts';

function change(dataDir: string, sql: string): void {
  const database = new DatabaseSync(path.join(dataDir, 'bridge.db'));
  database.exec(sql);
  database.close();
}

const setAside = (s: TestStore, id = 'a') => fs.readdirSync(s.journal(id)).filter((name) => name.endsWith('.corrupt'));

test.for([
  { what: 'some of which is settled', settled: 50 },
  { what: 'none of which is settled', settled: 0 },
])('a file that a wrong floor calls gone stays, $what', async ({ settled }) => {
  await using s = await TestStore.open();
  const before = await s.connection();
  await append(before, entries(1, 200));
  before.settle(Array.from({ length: settled }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  await before.close();
  const [file] = s.segments();
  const bytes = fs.readFileSync(path.join(s.journal(), file!));
  const a = await s.reopen((dataDir) => change(dataDir, 'UPDATE connections SET floor = 200'));
  expect(setAside(s)).toEqual([`${file}.corrupt`]);
  expect(fs.readFileSync(path.join(s.journal(), `${file}.corrupt`))).toEqual(bytes);
  expect(s.told('journalDamaged')).toMatchObject([{ connectionId: 'a', message: expect.stringContaining(file!) }]);
  expect(await append(a, entries(1, 1))).toBe(201);
});

test('a settled file that a kill has left is removed, and nothing is told', async () => {
  await using s = await TestStore.open();
  await append(await s.connection(), entries(1, 20));
  const a = await s.reopen();
  await append(a, entries(21, 20));
  const file = path.join(s.journal(), s.segments()[0]!);
  const bytes = fs.readFileSync(file);
  a.settle(Array.from({ length: 20 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  const after = await s.reopen(() => fs.writeFileSync(file, bytes));
  expect(s.segments().map((name) => Number(name.slice(0, 16)))).toEqual([21]);
  expect(after.verify()).toBe(0);
  expect([setAside(s), s.incidents]).toEqual([[], []]);
});

test('of two files with the same numbers the larger one is read, and the other one stays', async () => {
  await using other = await TestStore.open();
  await append(await other.connection(), entries(1, 30));
  const [larger] = other.segments();
  await using s = await TestStore.open();
  await append(await s.connection(), entries(1, 20));
  const [smaller] = s.segments();
  for (let round = 0; round < 2; round++) {
    const a = await s.reopen(() => {
      if (round === 0) fs.copyFileSync(path.join(other.journal(), larger!), path.join(s.journal(), larger!));
    });
    expect((await readAll(a)).length).toBe(30);
    expect(a.verify()).toBe(0);
    expect(s.segments()).toEqual([larger]);
    expect(setAside(s)).toEqual([`${smaller}.corrupt`]);
    expect(s.incidents).toMatchObject([{ kind: 'journalDamaged', connectionId: 'a' }]);
  }
});

test('a file of another connection is not read as its own, and its own stays', async () => {
  await using s = await TestStore.open();
  await append(await s.connection('a'), entries(1, 30));
  const b = await s.connection('b');
  await append(b, entries(101, 20));
  const [foreign] = s.segments('a');
  const own = s.segments('b');
  await s.reopen(() => fs.copyFileSync(path.join(s.journal('a'), foreign!), path.join(s.journal('b'), foreign!)));
  const after = await s.connection('b');
  expect((await readAll(after)).map(({ device }) => device)).toEqual(entries(101, 20).map(({ device }) => device));
  expect(after.verify()).toBe(0);
  expect(s.segments('b')).toEqual(own);
  expect(setAside(s, 'b')).toEqual([`${foreign}.corrupt`]);
  expect(s.incidents).toMatchObject([{ kind: 'journalDamaged', connectionId: 'b' }]);
});
