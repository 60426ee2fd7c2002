// Budgets of all connections together: one that floods is full, and the others go on.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { append, entries, REFUSED, TestStore } from './support.ts';

const MIB = 1024 * 1024;

test('a journal that takes all of the common budget is full; another still has its own part, and room comes back', async () => {
  await using s = await TestStore.open({ allJournalsMaxBytes: MIB });
  const flood = await s.connection('flood');
  const other = await s.connection('other');
  await s.clock.advance(1_000);
  expect([flood.maxBytes, other.maxBytes]).toEqual([0.75 * MIB, 0.75 * MIB]);
  while (flood.bytes < flood.maxBytes) await append(flood, entries(flood.lastSeq + 1, 20, 2_000));
  await append(other, entries(1, 5, 2_000));
  await s.clock.advance(1_000);
  expect(flood.bytes).toBeGreaterThanOrEqual(flood.maxBytes);
  expect(other.maxBytes).toBeGreaterThan(0.24 * MIB);
  expect(other.bytes).toBeLessThan(other.maxBytes);
  flood.settle(Array.from({ length: flood.lastSeq }, (_, i) => ({ seq: i + 1, outcome: { kind: 'delivered' } })));
  await flood.close();
  await s.clock.advance(1_000);
  expect(other.maxBytes).toBe(MIB);
});

test('dead letters: the one with too many loses its oldest, counted; the others lose none', async () => {
  await using s = await TestStore.open({ allDeadLettersMaxBytes: 200_000 });
  const flood = await s.connection('flood');
  const other = await s.connection('other');
  const refuse = async (store: typeof flood, count: number): Promise<void> => {
    const first = await append(store, entries(store.lastSeq + 1, count, 1_000));
    store.settle(Array.from({ length: count }, (_, i) => ({ seq: first + i, outcome: REFUSED })));
    await s.clock.advance(1_000);
  };
  await refuse(other, 20);
  for (let turn = 0; turn < 30; turn++) await refuse(flood, 10);
  const totals = (id: string) => s.store.deadLetters(id)!.totals();
  expect(totals('flood').bytes).toBeLessThanOrEqual(160_000);
  expect(totals('flood').dropped.room).toBe(300 - totals('flood').count);
  expect(totals('flood').dropped.room).toBeGreaterThan(100);
  await refuse(other, 20);
  expect(totals('other')).toMatchObject({ count: 40, dropped: { room: 0 } });
  expect([flood.verify(), other.verify()]).toEqual([0, 0]);
});

test('a database that cannot be read for a while is told of, and the store goes on by itself', async () => {
  await using s = await TestStore.open({ allDeadLettersMaxBytes: 200_000, keepAfterDeleteMs: 60_000 });
  const a = await s.connection();
  const other = new DatabaseSync(path.join(s.dataDir, 'bridge.db'));
  const told = () => s.told('upkeepFailed').map(({ message }) => message.split(' now:')[0]);
  other.exec('ALTER TABLE connections RENAME TO away');
  await s.clock.advance(70_000);
  expect(told()).toEqual([
    'The budget of all dead letters cannot be shared out',
    'The dead letters of deleted connections cannot be looked through',
  ]);
  other.exec('ALTER TABLE away RENAME TO connections');
  await s.clock.advance(70_000);
  expect(told()).toHaveLength(2);
  expect(await append(a, entries(1, 5))).toBe(1);
  // The next failure is news again.
  other.exec('ALTER TABLE connections RENAME TO away');
  await s.clock.advance(70_000);
  expect(told()).toHaveLength(4);
  other.exec('ALTER TABLE away RENAME TO connections');
  other.close();
});
