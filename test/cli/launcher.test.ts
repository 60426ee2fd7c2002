// The real program in a child process: exit codes, streams, signals; and the launcher on an older Node.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startLauncher } from '../support/cli.ts';

/** A Node that is too old, if this machine has one. */
function oldNode(): string | null {
  return (
    ['/usr/bin/node', '/usr/local/bin/node'].find((file) => {
      if (!existsSync(file)) return false;
      const { stdout } = spawnSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' });
      return Number(stdout.split('.')[0]) < 24;
    }) ?? null
  );
}

const old = oldNode();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('here-bridge', () => {
  test('passes its exit code and its lines on', async () => {
    const { code, out, err } = await startLauncher(['config', '--http-port', 'x']).ended;
    expect([code, out]).toEqual([78, '']);
    expect(err).toBe('here-bridge: http.port = "x" (from --http-port): allowed: a whole number from 0 to 65535\n');
  });

  test('runs the sandbox until SIGTERM and ends well', async () => {
    const running = startLauncher(['sandbox', '--port', '0']);
    await running.until(/\n/);
    const { url, email, password, appIds } = JSON.parse(running.output.out);
    expect([email, password, appIds.length > 0].every(Boolean)).toBe(true);
    expect((await fetch(`${url}/v3/health`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, signal: null, err: '' });
  });

  test('ends quietly when nobody reads on', async () => {
    const running = startLauncher(['config', '--markdown']);
    running.child.stdout.destroy();
    expect(await running.ended).toMatchObject({ code: 0, err: '' });
  });
});

describe.skipIf(old === null)('here-bridge on a Node older than 24', () => {
  test('runs on the pinned Node and passes on exit codes', async () => {
    const { code, err } = await startLauncher(['config', '--log-level', 'loud'], { node: old! }).ended;
    expect([code, err]).toEqual([78, expect.stringContaining('log.level = "loud"')]);
  });

  test('passes signals on and leaves nothing behind', async () => {
    const running = startLauncher(['sandbox'], { node: old! });
    await running.until(/\n/);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
  });

  test('takes the bridge with it when it is killed', async () => {
    const running = startLauncher(['sandbox'], { node: old! });
    await running.until(/\n/);
    const { url } = JSON.parse(running.output.out);
    running.child.kill('SIGKILL');
    // Its streams close only when the bridge, which has inherited them, has ended too.
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL' });
    await expect(fetch(`${url}/v3/health`)).rejects.toThrow();
    expect(isAlive(running.child.pid!)).toBe(false);
  });
});
