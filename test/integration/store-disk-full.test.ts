import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { Settler } from '../../src/uplink/settle.ts';
import { append, DELIVERED, entries, passTime, readAll, TestStore, temporaryFolder } from '../store/support.ts';

const MEBIBYTE = 1024 * 1024;

/** A file system of its own: only where this user may mount one. */
function mountSmall(mebibytes: number): string | null {
  if (process.platform !== 'linux') return null;
  const folder = temporaryFolder();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', folder]);
  return status === 0 ? folder : null;
}

const small = mountSmall(8);
const larger = mountSmall(16);
// Registered after the one that removes temporary folders, so it runs before that.
afterAll(() => {
  for (const folder of [small, larger]) if (folder) spawnSync('umount', [folder]);
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

  test('dead letters that find no room leave some to all else, and are written once there is more', async () => {
    await using s = await TestStore.open({ dataDir: path.join(larger!, 'data') });
    const a = await s.connection('a', 64 * MEBIBYTE);
    const unreadable: UplinkOutcome = { kind: 'deadLettered', reason: 'notJson', detail: { message: 'no JSON' } };
    for (let seq = 1; seq <= 4000; seq += 500) await append(a, entries(seq, 500, 1000));
    const ballast = path.join(larger!, 'ballast');
    fillUp(ballast);
    const settler = new Settler(a, s.clock, () => {});
    for (let seq = 1; seq <= 2000; seq++) settler.add(seq, unreadable);
    await s.clock.advance(10_000);
    const { deadLettered } = a.ledger();
    expect(deadLettered.notJson ?? 0).toBeLessThan(1000);
    // The line sends on: one answer after another, and none has to wait for long.
    for (let seq = 2001; seq <= 4000; seq += 10) {
      for (let i = 0; i < 10; i++) settler.add(seq + i, DELIVERED);
      settler.flush();
      await s.clock.advance(500);
    }
    await s.clock.advance(2000);
    expect(a.ledger()).toMatchObject({ delivered: 2000 });
    expect(settler.isBlocked).toBe(false);
    expect(a.verify()).toBe(0);

    fs.rmSync(ballast);
    await s.clock.advance(2000);
    expect(a.ledger()).toMatchObject({ received: 4000, pending: 0, deadLettered: { notJson: 2000 } });
    expect(settler.heldShare).toBe(0);
    expect(a.verify()).toBe(0);
    expect(
      a
        .deadLetters(10_000)
        .map(({ seq }) => seq)
        .sort((x, y) => x - y),
    ).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    settler.stop();
  });

  test('the reserve is made again only where that leaves as much', async () => {
    const folder = mountSmall(8);
    const dataDir = path.join(folder!, 'data');
    const reserve = path.join(dataDir, 'reserve.bin');
    try {
      await using s = await TestStore.open({ dataDir });
      const a = await s.connection('a', 64 * MEBIBYTE);
      await append(a, entries(1, 1000));
      a.settle([{ seq: 1000, outcome: DELIVERED }]);
      const ballast = path.join(folder!, 'ballast');
      fillUp(ballast);
      // What the log takes is given back with the first refusal.
      expect(() => {
        for (let seq = 1; seq <= 1000; seq++) a.settle([{ seq, outcome: DELIVERED }]);
      }).toThrow();
      expect(fs.existsSync(reserve)).toBe(false);
      // Whatever comes next finds the room that was made, also a second later.
      for (let second = 0; second < 3; second++) {
        await s.clock.advance(1000);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(fs.existsSync(reserve)).toBe(false);
      for (let seq = 970; seq < 990; seq++) a.settle([{ seq, outcome: DELIVERED }]);
      fs.rmSync(ballast);
      await passTime(s.clock, () => fs.existsSync(reserve));
    } finally {
      spawnSync('umount', [folder!]);
    }
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
