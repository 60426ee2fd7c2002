import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { append, DELIVERED, entries, passTime, readAll, TestStore, temporaryFolder } from '../store/support.ts';

const MEBIBYTE = 1024 * 1024;

/** A file system of 8 MiB of its own: only where this user may mount one. */
function mountSmall(): string | null {
  if (process.platform !== 'linux') return null;
  const folder = temporaryFolder();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', folder]);
  return status === 0 ? folder : null;
}

const small = mountSmall();
// Registered after the one that removes temporary folders, so it runs before that.
afterAll(() => {
  if (small) spawnSync('umount', [small]);
});

describe.skipIf(small === null)('on a real file system that is full [needs the right to mount a tmpfs]', () => {
  test('messages are refused, waiting ones are kept, settlements that find no room are repeated, and all goes on by itself', async () => {
    const dataDir = path.join(small!, 'data');
    await using s = await TestStore.open({ dataDir });
    const a = await s.connection('a', 64 * MEBIBYTE);
    const told: (string | null)[] = [];
    a.onDiskStatus((error) => told.push(error && (error as NodeJS.ErrnoException).code!));

    let taken = 0;
    await expect(
      (async () => {
        for (;;) {
          await append(a, entries(taken + 1, 50, 2000));
          taken += 50;
        }
      })(),
    ).rejects.toThrow(/ENOSPC/);
    expect(told).toEqual(['ENOSPC']);
    expect(taken).toBeGreaterThan(1000);
    expect(a.lastSeq).toBe(taken);
    expect(a.verify()).toBe(0);
    expect((await readAll(a)).length).toBe(taken);

    // The rest is taken too: a settlement finds no room once, then the store gives up its reserve for them.
    const ballast = path.join(small!, 'ballast');
    fillUp(ballast);
    let refused = 0;
    const seqs = Array.from({ length: taken }, (_, i) => i + 1);
    while (seqs.length > 0) {
      const settlements = seqs.slice(0, 20).map((seq) => ({ seq, outcome: DELIVERED }));
      const before = a.ledger();
      try {
        a.settle(settlements);
        seqs.splice(0, 20);
      } catch (error) {
        refused += 1;
        expect(error).toMatchObject({ errcode: 13 });
        expect(a.ledger()).toEqual(before);
        if (refused > 5) throw error;
      }
      expect(a.verify()).toBe(0);
    }
    expect(refused).toBeGreaterThan(0);
    expect(a.ledger()).toMatchObject({ received: taken, delivered: taken, pending: 0 });
    fs.rmSync(ballast);
    await passTime(s.clock, () => told.length === 2);
    expect(told[1]).toBeNull();
    expect(await append(a, entries(1, 10))).toBe(taken + 1);
    expect(a.ledger()).toMatchObject({ received: taken + 10, delivered: taken, pending: 10 });
    expect(a.verify()).toBe(0);
    expect(s.incidents.filter((incident) => incident.kind !== 'upkeepFailed')).toEqual([]);
  });
});

function fillUp(file: string): void {
  const fd = fs.openSync(file, 'w');
  try {
    for (let bytes = MEBIBYTE; bytes >= 512; ) {
      try {
        fs.writeSync(fd, Buffer.alloc(bytes));
      } catch {
        bytes /= 2;
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}
