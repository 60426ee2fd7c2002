// Dead letters of deleted connections: kept for their time, taken back by a connection that is defined again, then gone.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Disk, realDisk } from '../../src/store/disk.ts';
import { append, entries, passTime, REFUSED, TestStore, temporaryFolder } from './support.ts';

const HOUR = 3_600_000;

async function withLetters(s: TestStore, id: string, count: number): Promise<void> {
  const connection = await s.connection(id);
  const first = await append(connection, entries(1, count + 1));
  connection.setState('sessions', '[]');
  connection.settle(Array.from({ length: count }, (_, i) => ({ seq: first + i, outcome: REFUSED })));
  await connection.close();
}

test('they stay when their connection is deleted, can be read and dropped, and go when their time is over', async () => {
  await using s = await TestStore.open({ keepAfterDeleteMs: 3 * HOUR });
  await withLetters(s, 'a', 3);
  const deletedAt = s.clock.now();
  await s.store.deleteConnection('a');
  expect(s.store.connectionIds()).toEqual([]);
  expect(s.segments()).toEqual([]);
  const kept = { id: 'a', deletedAt, keptUntil: deletedAt + 3 * HOUR, count: 3 };
  expect(s.store.keptLetters()).toMatchObject([kept]);
  const box = s.store.deadLetters('a');
  expect(box?.totals()).toMatchObject({ count: 3, keptUntil: kept.keptUntil });
  const { letters = [] } = box?.page({ filter: {}, order: 'oldest', limit: 10, maxBytes: 1e6 }) ?? {};
  expect(letters.map(({ device }) => device)).toEqual(entries(1, 3).map(({ device }) => device));
  expect(box?.drop([letters[0]?.id ?? 0])).toBe(1);
  await s.clock.advance(3 * HOUR - 120_000);
  expect(s.store.keptLetters()).toMatchObject([{ count: 2 }]);
  await passTime(s.clock, () => s.store.deadLetters('a') === null);
  expect(s.clock.now()).toBeLessThan(deletedAt + 3 * HOUR + 180_000);
});

test('a connection that is defined again takes its own back: the ledger balances, and a replay goes its way', async () => {
  await using s = await TestStore.open({ keepAfterDeleteMs: HOUR });
  await withLetters(s, 'a', 3);
  await s.store.deleteConnection('a');
  const [first] =
    s.store.deadLetters('a')?.page({ filter: {}, order: 'oldest', limit: 1, maxBytes: 1e6 }).letters ?? [];
  s.store.deadLetters('a')?.drop([first?.id ?? 0]);
  // A deletion that is read once more, as Kafka's tombstones are.
  s.store.setState('a', 'deleting', '1');
  // Else the connection that is defined anew would be taken for one whose deletion a crash interrupted.
  expect(s.store.getState('a', 'deleting')).toBeNull();
  const a = await s.connection();
  expect(a.getState('deleting')).toBeNull();
  expect(a.ledger()).toMatchObject({ received: 2, pending: 0, deadLettered: { refused: 2 } });
  expect([a.verify(), s.store.keptLetters()]).toEqual([0, []]);
  expect(s.store.deadLetters('a')?.totals()).toMatchObject({
    keptUntil: null,
    dropped: { room: 0, age: 0, person: 0 },
  });
  const letters = a.deadLetters(1);
  await new Promise<void>((resolve, reject) => a.replay(letters, (error) => (error ? reject(error) : resolve())));
  expect(a.ledger()).toMatchObject({ received: 2, pending: 1, deadLettered: { refused: 1 } });
  expect(a.verify()).toBe(0);
  const again = await s.kill();
  expect([again.ledger().received, again.ledger().pending, again.verify()]).toEqual([2, 1, 0]);
});

test('a kill at any step of a deletion loses none of them; of one without any nothing is left', async () => {
  // The directory as a kill before or after a step leaves it.
  let copies: string[] = [];
  const copied = async (step: () => Promise<void>): Promise<void> => {
    keep();
    await step();
    keep();
  };
  const disk: Disk = {
    ...realDisk,
    removeDirectory: (directory) => copied(() => realDisk.removeDirectory(directory)),
    syncDirectory: (directory) => copied(() => realDisk.syncDirectory(directory)),
  };
  await using s = await TestStore.open({ keepAfterDeleteMs: HOUR, disk });
  function keep(): void {
    const copy = path.join(temporaryFolder(), 'data');
    fs.cpSync(s.dataDir, copy, { recursive: true });
    copies.push(copy);
  }
  async function deleted(id: string): Promise<TestStore[]> {
    copies = [];
    await s.store.deleteConnection(id);
    keep();
    expect(copies.length).toBe(5);
    return Promise.all(copies.map((dataDir) => TestStore.openAt(dataDir, { keepAfterDeleteMs: HOUR })));
  }
  await withLetters(s, 'a', 2);
  await withLetters(s, 'b', 0);
  for (const later of await deleted('a')) {
    expect(later.store.connectionIds()).toEqual(['b']);
    expect(later.store.keptLetters()).toMatchObject([{ id: 'a', count: 2 }]);
    expect([later.segments('a'), later.incidents]).toEqual([[], []]);
    await later.store.close();
  }
  for (const later of await deleted('b')) {
    expect([later.store.connectionIds(), later.store.deadLetters('b')]).toEqual([[], null]);
    expect(later.store.keptLetters()).toMatchObject([{ id: 'a', count: 2 }]);
    expect([fs.readdirSync(path.join(later.dataDir, 'journals')), later.incidents]).toEqual([[], []]);
    await later.store.close();
  }
});

test('they end at the next look where the setting says so after a restart', async () => {
  await using s = await TestStore.open({ keepAfterDeleteMs: HOUR });
  await withLetters(s, 'a', 2);
  await s.store.deleteConnection('a');
  s.options = { ...s.options, keepAfterDeleteMs: 0 };
  await s.moveOn();
  await passTime(s.clock, () => s.store.deadLetters('a') === null);
});

test('where they take more than their part of the budget the first deleted go first, and people are told', async () => {
  await using s = await TestStore.open({ keepAfterDeleteMs: HOUR, allDeadLettersMaxBytes: 4_000 });
  for (const id of ['a', 'b', 'c']) {
    await withLetters(s, id, 2);
    await s.store.deleteConnection(id);
    await s.clock.advance(10);
  }
  const each = s.store.keptLetters()[0]?.bytes ?? 0;
  expect(each * 2).toBeLessThan(1_000);
  expect(each * 3).toBeGreaterThan(1_000);
  await passTime(s.clock, () => s.store.keptLetters().length < 3);
  expect(s.store.keptLetters().map(({ id }) => id)).toEqual(['b', 'c']);
  expect(s.told('deadLettersDropped')).toMatchObject([{ connectionId: 'a', dropped: 2 }]);
});
