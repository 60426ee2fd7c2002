// An index of the database that differs from its table: a start's quick look does not find it, and what has to delete the row fails.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import { append, DELIVERED, entries, REFUSED, readAll, TestStore } from './support.ts';

const PAGE = 4096;
const INDEX_LEAF = 0x0a;

/** Of a text that is found in leaf pages of indexes alone, one bit is another. The number of places. */
function flipInIndexes(file: string, text: string): number {
  const bytes = fs.readFileSync(file);
  let flipped = 0;
  for (let from = 0; from < bytes.length; from += PAGE) {
    if (bytes[from] !== INDEX_LEAF) continue;
    const at = bytes.subarray(from, from + PAGE).indexOf(text);
    if (at < 0) continue;
    bytes[from + at]! ^= 1;
    flipped += 1;
  }
  fs.writeFileSync(file, bytes);
  return flipped;
}

function integrity(file: string): unknown {
  using sql = new DatabaseSync(file, { readOnly: true });
  return sql.prepare('PRAGMA integrity_check').get()?.integrity_check;
}

const database = (s: TestStore): string => path.join(s.dataDir, 'bridge.db');
const marker = (s: TestStore): string => `${database(s)}.suspect`;

/** Five dead letters of which the third one's key is damaged in its index. */
async function damaged(s: TestStore): Promise<JournalledConnection> {
  const first = await s.connection();
  await append(first, entries(1, 5));
  first.settle([1, 2, 3, 4, 5].map((seq) => ({ seq, outcome: REFUSED })));
  const key = first.deadLetters(5).find(({ seq }) => seq === 3)!.key;
  const a = await s.reopen(() => expect(flipInIndexes(database(s), key)).toBe(1));
  expect(s.incidents).toEqual([]);
  return a;
}

function letter(a: JournalledConnection, seq: number) {
  return a.deadLetters(5).find((each) => each.seq === seq)!;
}

test('a dead letter that an index hides cannot be dropped; the next start repairs the index and keeps all', async () => {
  await using s = await TestStore.open();
  let a = await damaged(s);
  const { id } = letter(a, 3);
  expect(() => s.store.deadLetters('a')?.drop([id])).toThrow('malformed');

  a = await s.kill();
  expect([s.incidents, a.deadLetters(10).map(({ seq }) => seq)]).toEqual([[], [5, 4, 3, 2, 1]]);
  expect(s.store.deadLetters('a')?.drop([id])).toBe(1);
  expect(a.deadLetters(10).map(({ seq }) => seq)).toEqual([5, 4, 2, 1]);
  expect([a.verify(), fs.existsSync(marker(s))]).toEqual([0, false]);
  await s.store.close();
  expect(integrity(database(s))).toBe('ok');
});

test('a replay that cannot be booked holds its connection up until the next start, and no longer', async () => {
  await using s = await TestStore.open();
  let a = await damaged(s);
  await new Promise((resolve) => a.replay([letter(a, 3)], resolve));
  await append(a, entries(6, 1));
  expect(() => a.settle([{ seq: 7, outcome: DELIVERED }])).toThrow('malformed');
  expect(s.told('databaseDamaged').map(({ message }) => message)).toEqual([
    expect.stringMatching(/malformed.* A restart checks and repairs it; if it cannot be repaired, it is set aside/),
  ]);

  a = await s.kill();
  expect(s.told('databaseSetAside')).toEqual([]);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual([6, 7]);
  a.settle([6, 7].map((seq) => ({ seq, outcome: DELIVERED })));
  expect(a.ledger()).toMatchObject({ received: 6, pending: 0, delivered: 2, deadLettered: { refused: 4 } });
  expect([a.verify(), fs.existsSync(marker(s))]).toEqual([0, false]);
});

test('a connection that its index hides is found by the start, and goes on with its ledger and letters', async () => {
  await using s = await TestStore.open();
  const id = 'hidden-connection';
  const first = await s.connection(id);
  await append(first, entries(1, 5));
  first.settle([1, 2].map((seq) => ({ seq, outcome: REFUSED })));
  await s.store.close();
  await s.moveOn(() => expect(flipInIndexes(database(s), id)).toBeGreaterThan(0));
  const a = await s.connection(id);
  expect(s.incidents).toEqual([]);
  expect(a.ledger()).toMatchObject({ received: 5, pending: 3, deadLettered: { refused: 2 } });
  expect([a.deadLetters(10).map(({ seq }) => seq), a.verify()]).toEqual([[2, 1], 0]);
  await s.store.close();
  expect(integrity(database(s))).toBe('ok');
});

test('what cannot be repaired is set aside, once', async () => {
  await using s = await TestStore.open();
  const a = await damaged(s);
  expect(() => s.store.deadLetters('a')?.drop([letter(a, 3).id])).toThrow('malformed');
  await s.store.close();
  // Two rows of one key, as a damaged byte of the table makes them: no index that allows one of them can be made.
  {
    using sql = new DatabaseSync(database(s));
    sql.enableDefensive(false);
    sql.exec('PRAGMA writable_schema = ON');
    const index = "name = 'dead_letters_by_key'";
    sql.exec(`UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE INDEX', 'INDEX') WHERE ${index}`);
    sql.exec('PRAGMA writable_schema = RESET');
    sql.exec("REINDEX; UPDATE dead_letters SET key = 'same'");
    sql.exec('PRAGMA writable_schema = ON');
    sql.exec(`UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') WHERE ${index}`);
  }
  await s.moveOn();
  const after = await s.connection();
  expect(s.told('databaseSetAside').map(({ message }) => message)).toEqual([expect.stringContaining('UNIQUE')]);
  expect(after.deadLetters(10)).toEqual([]);
  await s.reopen();
  expect([s.told('databaseSetAside').length, fs.existsSync(marker(s))]).toEqual([1, false]);
});
