// The real clock keeps its contract: monotonic waits, cancellable, and no process is kept alive by a timer.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
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
