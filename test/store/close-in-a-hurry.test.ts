// A worker that has no time left closes a store without waiting for a slow disk; the next start does what is left.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { type Disk, realDisk } from '../../src/store/disk.ts';
import { append, DELIVERED, entries, readAll, TestStore, until } from './support.ts';

/** Each removal, and each close of a file, waits until it is let go on. */
class HeldDisk {
  isHeld = false;
  readonly removed: string[] = [];
  readonly #waiting: (() => void)[] = [];

  readonly disk: Disk = {
    ...realDisk,
    open: async (file) => {
      const opened = await realDisk.open(file);
      const held = Object.create(opened) as typeof opened;
      held.read = (...how) => opened.read(...how);
      held.close = () => this.#wait().then(() => opened.close());
      return held;
    },
    remove: async (file) => {
      this.removed.push(file);
      await this.#wait();
      await realDisk.remove(file);
    },
  };

  /** So many calls wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  goOn(): void {
    this.isHeld = false;
    for (const one of this.#waiting.splice(0)) one();
  }

  #wait(): Promise<void> {
    return this.isHeld ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
}

test('of files that are all settled, the one that is being removed goes, and the rest at the next start', async () => {
  const held = new HeldDisk();
  await using s = await TestStore.open({ disk: held.disk });
  const a = await s.connection('a', 200_000);
  for (let n = 0; n < 200; n += 20) await append(a, entries(1 + n, 20, 5000));
  expect(s.segments().length).toBeGreaterThan(3);
  await readAll(a, 1000, 1e7);
  held.isHeld = true;
  a.settle(Array.from({ length: 200 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  await until(() => held.removed.length === 1);
  const hurry = new AbortController();
  const closed = a.close(hurry.signal);
  hurry.abort();
  // The reader's files are being closed, which nobody waits for.
  await until(() => held.waiting > 1);
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  await new Promise(setImmediate);
  expect(isClosed).toBe(false);
  held.goOn();
  await closed;
  expect(held.removed).toHaveLength(1);
  expect(s.segments().length).toBeGreaterThan(2);

  const next = await s.kill();
  expect(next.ledger()).toMatchObject({ received: 200, pending: 0, delivered: 200 });
  expect(next.verify()).toBe(0);
  expect(s.segments()).toEqual([]);
  expect(fs.readdirSync(s.journal())).toEqual([]);
});
