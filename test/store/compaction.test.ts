// A journal of which little is left unsettled takes little room: its files are written anew with what is left alone.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ConnectionStore } from '../../src/domain/ports/store.ts';
import { Compaction } from '../../src/store/compaction.ts';
import { type Disk, realDisk } from '../../src/store/disk.ts';
import type { JournalReader } from '../../src/store/journal-reader.ts';
import type { Ranges } from '../../src/store/ranges.ts';
import { append, DELIVERED, entries, FaultyDisk, passTime, readAll, TestStore, until } from './support.ts';

const BUDGET = 1024 * 1024;
const BYTES = 2_000;

/** Appends 100 messages a time and settles all but the first: that of a device which HERE does not take. */
async function pass(store: ConnectionStore, rounds: number, stuck: number[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const first = await append(store, entries(store.lastSeq + 1, 100, BYTES));
    stuck.push(first);
    store.settle(Array.from({ length: 99 }, (_, i) => ({ seq: first + 1 + i, outcome: DELIVERED })));
  }
}

test('one device that is stuck does not fill the journal: 10 MB pass through a budget of 1 MiB', async () => {
  await using s = await TestStore.open();
  let a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  for (let turn = 0; turn < 10; turn++) {
    await pass(a, 5, stuck);
    await passTime(s.clock, () => a.bytes < BUDGET / 2);
  }
  const seqs = () => readAll(a).then((records) => records.map(({ seq }) => seq));
  expect(await seqs()).toEqual(stuck);
  expect((await readAll(a))[3]).toEqual({ ...entries(stuck[3]!, 1, BYTES)[0], seq: stuck[3] });
  for (const again of [() => s.kill(), () => s.reopen()]) {
    a = await again();
    expect(await seqs()).toEqual(stuck);
    expect(a.ledger()).toMatchObject({ received: 5_000, delivered: 4_950, pending: 50 });
    expect(a.verify()).toBe(0);
    const waiting: [number, string | null][] = [];
    a.forEachUnsettled((seq, device) => waiting.push([seq, device]));
    expect(waiting).toEqual(stuck.map((seq) => [seq, entries(seq, 1)[0]!.device]));
  }
  // In the end they are taken, and nothing is left.
  a.settle(stuck.map((seq) => ({ seq, outcome: DELIVERED })));
  await passTime(s.clock, () => a.bytes < 256 * 1024);
  expect(a.ledger()).toMatchObject({ received: 5_000, delivered: 5_000, pending: 0 });
  expect(s.incidents).toEqual([]);
});

test.for([
  { what: 'all of which is settled', left: 0 },
  { what: 'of which little is left', left: 1 },
])('one append that fills the journal, $what, gives its room back though nothing follows', async ({ left }) => {
  await using s = await TestStore.open();
  const a = await s.connection('a', BUDGET);
  const first = await append(a, entries(1, 490, BYTES));
  expect(a.bytes).toBeGreaterThan(0.9 * BUDGET);
  a.settle(Array.from({ length: 490 - left }, (_, i) => ({ seq: first + left + i, outcome: DELIVERED })));
  await passTime(s.clock, () => a.bytes < BUDGET / 8);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(left === 0 ? [] : [1]);
  expect(a.verify()).toBe(0);
});

test('a journal whose share of all room shrinks gives back what is settled in the file that it writes to', async () => {
  await using s = await TestStore.open();
  const a = await s.connection('a', 1e9);
  const first = await append(a, entries(1, 400, BYTES));
  a.settle(Array.from({ length: 399 }, (_, i) => ({ seq: first + 1 + i, outcome: DELIVERED })));
  a.share = BUDGET / 2;
  await passTime(s.clock, () => a.bytes < BUDGET / 8);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual([1]);
});

test('without its database a compacted journal still has what was not settled, and says how much it cannot account for', async () => {
  await using s = await TestStore.open();
  let a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 10, stuck);
  await passTime(s.clock, () => a.bytes < BUDGET / 4);
  a = await s.kill((dataDir) => {
    for (const name of fs.readdirSync(dataDir)) if (name.startsWith('bridge.db')) fs.rmSync(path.join(dataDir, name));
  });
  const records = await readAll(a);
  // What was not compacted comes again; of what was, only what was stuck.
  expect(records.map(({ seq }) => seq)).toEqual(expect.arrayContaining(stuck));
  expect(records.length).toBeLessThan(500);
  expect(s.told('ledgerRestarted')).toHaveLength(1);
  expect(a.ledger().received).toBe(records.length);
  expect(a.verify()).toBe(0);
  a = await s.reopen();
  expect((await readAll(a)).length).toBe(records.length);
  expect(a.verify()).toBe(0);
});

test('what is settled while a file is written anew stays settled', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 4, stuck);
  disk.held = [];
  await passTime(s.clock, () => disk.held!.length > 0);
  a.settle([{ seq: stuck[0]!, outcome: DELIVERED }]);
  for (const go of disk.held) go();
  disk.held = null;
  await passTime(s.clock, () => a.bytes < BUDGET / 4);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck.slice(1));
  const again = await s.kill();
  expect((await readAll(again)).map(({ seq }) => seq)).toEqual(stuck.slice(1));
  expect(again.verify()).toBe(0);
});

test('a kill before the new file is in place leaves the old one, and no more', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  let a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 4, stuck);
  disk.held = [];
  await passTime(s.clock, () => disk.held!.length > 0);
  const left = () => fs.readdirSync(s.journal()).filter((name) => name.endsWith('.tmp'));
  expect(left()).toHaveLength(1);
  const { held } = disk;
  disk.held = null;
  a = await s.kill();
  expect(left()).toEqual([]);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck);
  for (const go of held) go();
});

test('a worker that stops does not wait until a file is written anew', async () => {
  const disk = new FaultyDisk();
  let replaced = 0;
  disk.replaceSync = (...names) => {
    replaced += 1;
    realDisk.replaceSync(...names);
  };
  await using s = await TestStore.open({ disk });
  let a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 4, stuck);
  disk.held = [];
  await passTime(s.clock, () => disk.held!.length > 0);
  const { held } = disk;
  disk.held = null;
  const reopened = s.reopen();
  for (const go of held) go();
  a = await reopened;
  expect(replaced).toBe(0);
  expect(fs.readdirSync(s.journal()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck);
  expect(a.verify()).toBe(0);
});

test('a disk that refuses leaves the journal as it was; it is compacted when the disk takes writes again', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 6, stuck);
  disk.failures.push(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  await passTime(s.clock, () => s.told('upkeepFailed').length === 1);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck);
  await passTime(s.clock, () => a.bytes < BUDGET / 4);
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck);
});

test('a damaged record is not copied: it becomes a dead letter when it is read', async () => {
  await using s = await TestStore.open();
  let a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 6, stuck);
  await s.moveOn(() => {
    const file = path.join(s.journal(), s.segments()[0]!);
    const bytes = fs.readFileSync(file);
    // In the payload of the first record.
    bytes[600]! ^= 0xff;
    fs.writeFileSync(file, bytes);
  });
  a = await s.connection('a', BUDGET);
  await s.clock.advance(5_000);
  await readAll(a);
  await until(() => a.deadLetters(10).length === 1);
  expect(a.deadLetters(10)[0]).toMatchObject({ seq: stuck[0], reason: 'storeDamaged' });
  expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck.slice(1));
  await passTime(s.clock, () => a.bytes < BUDGET / 2);
  expect(a.verify()).toBe(0);
});

test('a file is compacted by one at a time, whoever asks', async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const segment = {
    ...{
      name: 's',
      closed: true,
      base: 1,
      end: 1,
      bytes: 1e6,
      recordCount: 100,
      unsettled: 1,
      salt: 1,
      leftOutBefore: 0,
    },
    ...{ nextUnsettled: () => 1, unsettledBytes: () => 100 },
  };
  const compaction = new Compaction({
    ...{ id: 'a', directory: '/nowhere', fromBytes: () => 0, bytes: () => 1 },
    disk: { remove: async () => {}, open: async () => Promise.reject(new Error('not here')) } as unknown as Disk,
    ranges: { segments: [segment] } as unknown as Ranges,
    reader: {} as JournalReader,
    barrier: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
      }),
    report: () => {},
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const all = [compaction.run(), compaction.erase()];
  for (let i = 0; i < 3; i++) {
    await turn();
    waiting.shift()?.();
    await turn();
    // As the upkeep does every second.
    all.push(compaction.run());
  }
  const stopped = compaction.stop();
  for (let i = 0; i < 3; i++) {
    await turn();
    waiting.shift()?.();
  }
  await stopped;
  expect(waiting).toEqual([]);
  await Promise.all(all);
  expect(most).toBe(1);
});

test('a file that is settled and removed before it could be written anew is nothing to tell', async () => {
  let opening = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const removed: string[] = [];
  const disk: Disk = {
    ...realDisk,
    remove: async (file) => {
      // The compaction's first step: it waits here, and the rest of the file is settled and removed.
      if (file.endsWith('.tmp')) {
        opening.resolve();
        await goOn.promise;
      }
      await realDisk.remove(file);
      removed.push(path.basename(file));
    },
  };
  await using s = await TestStore.open({ disk });
  const a = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  await pass(a, 5, stuck);
  const ticking = passTime(s.clock, () => a.bytes < BUDGET / 4);
  await opening.promise;
  opening = Promise.withResolvers();
  a.settle(stuck.map((seq) => ({ seq, outcome: DELIVERED })));
  await until(() => removed.some((name) => name.endsWith('.seg')));
  goOn.resolve();
  await ticking;
  await until(() => removed.some((name) => name.endsWith('.tmp')));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(a.ledger()).toMatchObject({ received: 500, delivered: 500, pending: 0 });
  expect(s.incidents).toEqual([]);
});
