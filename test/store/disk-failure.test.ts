import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { append, DELIVERED, entries, entry, FaultyDisk, passTime, readAll, TestStore, until } from './support.ts';

function watch(a: { onDiskStatus(listen: (error: Error | null) => void): void }): (string | null)[] {
  const told: (string | null)[] = [];
  a.onDiskStatus((error) => told.push(error?.message ?? null));
  return told;
}

test('a full disk refuses messages, is told once, and the journal goes on by itself when there is room', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  let a = await s.connection();
  const told = watch(a);
  await append(a, entries(1, 10));
  disk.roomBytes = 500;
  await expect(append(a, entries(11, 10))).rejects.toThrow(/no space/);
  for (let n = 0; n < 5; n++) await expect(append(a, entries(11, 10))).rejects.toThrow(/no space/);
  expect(told).toEqual(['no space left on device']);
  expect(a.lastSeq).toBe(10);
  expect(a.ledger()).toMatchObject({ received: 10, pending: 10 });
  // What waits can still be read, sent and settled.
  expect((await readAll(a)).length).toBe(10);
  a.settle([{ seq: 1, outcome: DELIVERED }]);

  await s.clock.advance(5000);
  expect(told.length).toBe(1);
  disk.roomBytes = 1e9;
  await passTime(s.clock, () => told.length === 2);
  expect(told[1]).toBeNull();
  expect(await append(a, entries(11, 10))).toBe(11);
  expect((await readAll(a)).map((r) => r.device)).toEqual(entries(2, 19).map((e) => e.device));
  expect(a.verify()).toBe(0);
  a = await s.kill();
  expect((await readAll(a)).map((r) => r.device)).toEqual(entries(2, 19).map((e) => e.device));
  expect(a.verify()).toBe(0);
  expect(s.incidents).toEqual([]);
});

test('half a write is cut off before its call is refused, so that nothing of it is ever read or counted', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  await append(a, entries(1, 3));
  const file = path.join(s.journal(), s.segments()[0]!);
  const before = fs.statSync(file).size;
  disk.failures.push(new Error('input/output error'));
  await expect(append(a, entries(4, 100, 1000))).rejects.toThrow(/input/);
  expect(fs.statSync(file).size).toBe(before);
  const again = await s.kill();
  expect(again.ledger()).toMatchObject({ received: 3, pending: 3 });
  expect(s.incidents).toEqual([]);
});

test('all calls that share a failed write, and those behind it, are refused in their order', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  const answers: string[] = [];
  disk.held = [];
  for (let n = 1; n <= 4; n++) {
    a.append([entry(n)], (error) => {
      answers.push(`${n} ${error?.message}`);
      // A call made from an answer must not take its turn before the others.
      if (n === 1) a.append([entry(9)], (late) => answers.push(`late ${late?.message}`));
    });
  }
  a.countLeftOut(2);
  await until(() => disk.held!.length === 1);
  disk.failures.push(new Error('gone'));
  const [release] = disk.held;
  disk.held = null;
  release!();
  await until(() => answers.length === 5);
  expect(answers).toEqual(['1 gone', '2 gone', '3 gone', '4 gone', 'late gone']);
  // What was left out is counted all the same.
  expect(a.ledger()).toMatchObject({ received: 2, pending: 0, expired: { journalFull: 2 } });
  expect(a.verify()).toBe(0);
  const told = watch(a);
  await passTime(s.clock, () => told.at(-1) === null);
  expect(await append(a, [entry(5)])).toBe(3);
  expect((await (await s.kill()).read(1, 10, 1e6)).map((r) => r.device)).toEqual([entry(5).device]);
});

test('a write that failed and could not be cut off either is mended before the journal takes anything', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  const told = watch(a);
  await append(a, entries(1, 3));
  disk.truncateFails = true;
  disk.failures.push(new Error('input/output error'));
  await expect(append(a, entries(4, 3))).rejects.toThrow();
  await s.clock.advance(3000);
  expect(told).toEqual(['input/output error']);
  disk.truncateFails = false;
  await passTime(s.clock, () => told.length === 2);
  expect(await append(a, [entry(44)])).toBe(4);
  const again = await s.kill();
  expect((await readAll(again)).map((r) => r.device)).toEqual([1, 2, 3, 44].map((n) => entry(n).device));
  expect(s.incidents).toEqual([]);
});

test('a journal whose folder cannot be made refuses messages and goes on when it can', async () => {
  const disk = new FaultyDisk();
  const make = disk.makeDirectory;
  disk.makeDirectory = async () => {
    throw Object.assign(new Error('read-only file system'), { code: 'EROFS' });
  };
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  const told = watch(a);
  expect(told).toEqual(['read-only file system']);
  await expect(append(a, [entry(1)])).rejects.toThrow(/read-only/);
  await s.clock.advance(2000);
  disk.makeDirectory = make;
  await passTime(s.clock, () => told.length === 2);
  expect(await append(a, [entry(1)])).toBe(1);
});

test('a settlement that SQLite refuses throws and changes nothing; later it goes through', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 5));
  const before = a.ledger();
  // A trigger stands for a disk that is full just then.
  const { DatabaseSync } = await import('node:sqlite');
  const other = new DatabaseSync(path.join(s.dataDir, 'bridge.db'));
  other.exec("CREATE TRIGGER refuse BEFORE UPDATE ON connections BEGIN SELECT RAISE(ABORT, 'full'); END");
  expect(() => a.settle([{ seq: 1, outcome: DELIVERED }])).toThrow(/full/);
  expect(a.ledger()).toEqual(before);
  expect((await readAll(a)).length).toBe(5);
  // Left-out messages are counted in memory at once and stored as soon as that is possible.
  a.countLeftOut(3);
  expect(a.ledger()).toMatchObject({ received: 8, pending: 5, expired: { journalFull: 3 } });
  other.exec('DROP TRIGGER refuse');
  other.close();
  a.settle([{ seq: 1, outcome: DELIVERED }]);
  expect(a.verify()).toBe(0);
  const again = await s.kill();
  expect(again.ledger()).toMatchObject({ received: 8, pending: 4, delivered: 1, expired: { journalFull: 3 } });
  expect(again.verify()).toBe(0);
});

test('numbers that left-out messages took over from a refused write count once, even when a kill kept its remains', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  await append(a, entries(1, 3));
  disk.truncateFails = true;
  // Half of the write reaches the disk and cannot be cut off.
  disk.failures.push(new Error('timed out'));
  const size = () => fs.statSync(path.join(s.journal(), s.segments()[0]!)).size;
  const before = size();
  await expect(append(a, entries(4, 10, 3000))).rejects.toThrow();
  a.countLeftOut(4);
  expect(size()).toBeGreaterThan(before + 10_000);
  disk.truncateFails = false;
  const again = await s.kill();
  expect((await readAll(again)).map((r) => r.seq)).toEqual([1, 2, 3]);
  expect(again.ledger()).toMatchObject({ received: 7, pending: 3, expired: { journalFull: 4 } });
  expect(again.verify()).toBe(0);
  expect(await append(again, [entry(8)])).toBe(8);
  const last = await s.kill();
  expect(last.verify()).toBe(0);
  expect(s.incidents).toEqual([]);
});
