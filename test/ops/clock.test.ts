// The real clock keeps its contract: monotonic waits, cancellable, and no process is kept alive by a timer.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { systemChance, systemClock } from '../../src/ops/clock.ts';

describe('The system clock', () => {
  test('calls once, not before its time', async () => {
    const before = systemClock.monotonic();
    let calls = 0;
    await new Promise<void>((resolve) => {
      systemClock.after(20, () => {
        calls += 1;
        resolve();
      });
    });
    // Node's timers may be early by the part of a millisecond that the loop's time has fallen behind.
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(19);
    expect(calls).toBe(1);
  });

  test('does not call what was cancelled, and calls at once for no or negative time', async () => {
    const calls: string[] = [];
    systemClock.after(1, () => calls.push('cancelled'))();
    await new Promise<void>((resolve) => {
      systemClock.after(-5, () => calls.push('negative'));
      systemClock.after(5, resolve);
    });
    expect(calls).toEqual(['negative']);
  });

  test('leaves nothing of long waits that were cancelled, each of another length', async () => {
    const collect = async (): Promise<number> => {
      for (let turn = 0; turn < 3; turn++) {
        (globalThis as { gc?: () => void }).gc?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return process.memoryUsage().heapUsed;
    };
    setFlagsFromString('--expose-gc');
    Object.assign(globalThis, { gc: runInNewContext('gc') });
    const waits = (from: number) => {
      for (let n = 0; n < 50_000; n++) systemClock.after(80_000_000 + from + n, () => {})();
    };
    waits(0);
    const before = await collect();
    for (let round = 1; round <= 3; round++) waits(round * 50_000);
    // Each was 150 bytes until it would have fired.
    expect((await collect()) - before).toBeLessThan(4_000_000);
  });

  test('takes waits longer than a Node timer can, without firing at once', async () => {
    let isCalled = false;
    const cancel = systemClock.after(40 * 24 * 3_600_000, () => {
      isCalled = true;
    });
    await new Promise<void>((resolve) => systemClock.after(10, resolve));
    cancel();
    expect(isCalled).toBe(false);
  });

  test('does not keep the process alive', async () => {
    const clock = path.resolve(import.meta.dirname, '../../src/ops/clock.ts');
    const code = `import(${JSON.stringify(clock)}).then(({ systemClock }) => systemClock.after(600_000, () => {}))`;
    await promisify(execFile)(process.execPath, ['-e', code], { timeout: 10_000 });
  });
});

describe('The system chance', () => {
  test('draws from [0, 1) and makes version 4 UUIDs', () => {
    const drawn = systemChance.random();
    expect(drawn >= 0 && drawn < 1).toBe(true);
    expect(systemChance.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
