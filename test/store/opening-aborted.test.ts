// A worker that stops while it reads its journals on a slow disk breaks that off: as a kill would, at any point of it.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Disk, type DiskFile, realDisk } from '../../src/store/disk.ts';
import { append, DELIVERED, entries, readAll, TestStore } from './support.ts';

const TIDIES_UP = new Set(['close', 'closeSync', 'remove']);

/** Aborts with the `abortAt`-th call that the disk is asked for. */
class AbortingDisk {
  readonly controller = new AbortController();
  calls = 0;
  /** What was asked for after that. */
  readonly after: string[] = [];
  readonly #abortAt: number;

  constructor(abortAt: number) {
    this.#abortAt = abortAt;
  }

  get disk(): Disk {
    return this.#watch(realDisk, (file: DiskFile) => this.#watch(file, (same) => same));
  }

  #watch<T extends object, Made>(target: T, wrap: (made: Made) => Made): T {
    return new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...how: unknown[]) => {
          this.#count(String(name));
          const made: unknown = Reflect.apply(member, target, how);
          return (name === 'open' || name === 'create') && made instanceof Promise ? made.then(wrap) : made;
        };
      },
    });
  }

  #count(name: string): void {
    if (this.controller.signal.aborted) this.after.push(name);
    this.calls += 1;
    if (this.calls === this.#abortAt) this.controller.abort();
  }
}

/** Several files, one with a damaged record, a torn end, one that is obsolete, and what is left of a compaction. */
async function damagedJournal(): Promise<TestStore> {
  const s = await TestStore.open();
  let a = await s.connection('a', 200_000);
  for (let n = 0; n < 4; n++) {
    await append(a, entries(1 + n * 20, 20, 600));
    a = await s.reopen();
  }
  a.settle(Array.from({ length: 20 }, (_, i) => ({ seq: i + 21, outcome: DELIVERED })));
  const settled = path.join(s.journal(), s.segments()[1]!);
  const kept = fs.readFileSync(settled);
  await s.moveOn((dataDir) => {
    const journal = path.join(dataDir, 'journals', 'a');
    const [first, , , last] = s.segments().map((name) => path.join(journal, name));
    fs.writeFileSync(path.join(journal, path.basename(settled)), kept);
    fs.writeFileSync(path.join(journal, 'left.tmp'), 'half');
    const bytes = fs.readFileSync(first!);
    bytes.fill(0xaa, 3000, 5000);
    fs.writeFileSync(first!, bytes);
    fs.appendFileSync(last!, Buffer.alloc(99, 7));
  });
  return s;
}

async function whatIsThere(s: TestStore) {
  const a = await s.connection();
  const devices = (await readAll(a)).map(({ device }) => device);
  return { devices, ledger: a.ledger(), difference: a.verify(), files: fs.readdirSync(s.journal()).sort() };
}

test('an opening that is broken off at any of its steps ends there, and the next one finds all there is', async () => {
  await using damaged = await damagedJournal();
  const copy = async (disk: Disk) => TestStore.openAt(await copied(damaged), { disk });
  await using whole = await copy(realDisk);
  const expected = await whatIsThere(whole);
  expect(expected.devices.length).toBeGreaterThan(40);
  expect(expected).toMatchObject({ difference: 0, ledger: { received: 80 } });
  expect(expected.ledger.deadLettered.storeDamaged).toBeGreaterThan(1);

  let isOpened = false;
  let brokenOff = 0;
  for (let abortAt = 1; !isOpened; abortAt++) {
    const aborting = new AbortingDisk(abortAt);
    await using s = await copy(aborting.disk);
    // What the store itself did to open is not meant.
    aborting.calls = 0;
    const { signal } = aborting.controller;
    try {
      const opened = await s.store.openConnection('a', { maxBytes: 1e9, signal });
      isOpened = !signal.aborted;
      await opened.close();
    } catch (error) {
      expect(error).toMatchObject({ code: 'journalUnavailable' });
      // The last look for places has no signal: it ends with what it is at.
      const more = aborting.after.filter((name) => !TIDIES_UP.has(name));
      expect([[], ['read']]).toContainEqual(more);
      brokenOff += 1;
    }
    expect(await whatIsThere(s)).toEqual(expected);
  }
  expect(brokenOff).toBeGreaterThan(15);
});

test('what an earlier start has set aside of damaged files stays, wherever a later one is broken off', async () => {
  await using damaged = await damagedJournal();
  const { files } = await whatIsThere(damaged);
  const setAside = files.filter((name) => name.endsWith('.corrupt'));
  expect(setAside).toHaveLength(1);
  await damaged.store.close();
  for (let abortAt = 1; abortAt < 20; abortAt++) {
    const aborting = new AbortingDisk(abortAt);
    await using s = await TestStore.openAt(await copied(damaged), { disk: aborting.disk });
    aborting.calls = 0;
    await s.store.openConnection('a', { maxBytes: 1e9, signal: aborting.controller.signal }).catch(() => {});
    expect(fs.readdirSync(s.journal())).toEqual(expect.arrayContaining(setAside));
  }
});

test('without its database, a journal whose first opening is broken off has lost nothing: its ledger starts anew', async () => {
  await using before = await TestStore.open();
  let a = await before.connection('a', 200_000);
  for (let n = 0; n < 2; n++) {
    await append(a, entries(1 + n * 20, 20, 600));
    a = await before.reopen();
  }
  // What is settled leaves the journal.
  a.settle(Array.from({ length: 20 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  await before.reopen();
  await before.store.close();
  expect(before.segments()[0]!.slice(0, 16)).toBe('0000000000000021');
  for (const name of fs.readdirSync(before.dataDir)) {
    if (name.startsWith('bridge.db')) fs.rmSync(path.join(before.dataDir, name));
  }

  for (const abortAt of [1, 4]) {
    const aborting = new AbortingDisk(abortAt);
    await using s = await TestStore.openAt(await copied(before), { disk: aborting.disk });
    aborting.calls = 0;
    const opening = s.store.openConnection('a', { maxBytes: 1e9, signal: aborting.controller.signal });
    await expect(opening).rejects.toMatchObject({ code: 'journalUnavailable' });
    const { devices, ledger, difference } = await whatIsThere(s);
    expect(devices).toEqual(entries(21, 20).map(({ device }) => device));
    expect({ ledger, difference }).toMatchObject({
      ledger: { received: 20, pending: 20, deadLettered: {} },
      difference: 0,
    });
    expect([s.told('ledgerRestarted').length, s.told('journalDamaged').length]).toEqual([1, 0]);
  }
});

test('with a signal that has aborted, no file is touched', async () => {
  const aborting = new AbortingDisk(Number.POSITIVE_INFINITY);
  await using s = await TestStore.open({ disk: aborting.disk });
  await expect(s.store.openConnection('a', { maxBytes: 1e9, signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
  expect(aborting.calls).toBe(0);
  expect((await s.connection()).ledger()).toMatchObject({ received: 0 });
});

async function copied(s: TestStore): Promise<string> {
  const folder = path.join(s.dataDir, '..', `copy-${process.hrtime.bigint()}`, 'data');
  fs.cpSync(s.dataDir, folder, { recursive: true });
  return folder;
}
