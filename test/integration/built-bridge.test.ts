// What `npm run build:bridge` makes is the same bridge, in an image without its sources.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildBridge } from '../support/built-bridge.ts';
import { startLauncher } from '../support/cli.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-built-'));
/** Root builds the image, and another user runs it; where this is not root, there is one user only. */
const own = process.getuid?.() ?? 0;
const user = own === 0 ? 1000 : own;
let program = '';

beforeAll(() => {
  chmodSync(folder, 0o755);
  program = buildBridge(path.join(folder, 'app'), user);
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the built bridge', () => {
  test('finds its version and its packaged configurations', async () => {
    const [built, source] = [{ program }, {}].map((options) => startLauncher(['--version'], options).ended);
    expect(await built).toMatchObject({ code: 0, out: (await source!).out });
    const configs = ['config', '--config', 'compose', '--json'];
    const [inImage, inClone] = [{ program }, {}].map((options) => startLauncher(configs, options).ended);
    expect((await inImage)!.out).toBe((await inClone!).out);
    expect((await inImage)!.err).toBe((await inClone!).err);
  });

  test('is compiled already: V8 takes each file as it lies there', async () => {
    const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const ended = await startLauncher(['--version'], { program, env, user }).ended;
    expect(ended.code).toBe(0);
    const told = ended.out + ended.err;
    expect(told.match(/was accepted/g)?.length).toBeGreaterThan(5);
    expect(told).toMatch(/main\.js was accepted/);
    expect(told).not.toMatch(/was rejected|cache was not found/);
  });

  test('carries uplinks to HERE and loses none', async () => {
    const ended = await startLauncher(['demo', '--for', '5s', '--json'], { program }).ended;
    expect(ended.code).toBe(0);
    expect(ended.err).not.toMatch(/Warning/);
    const last = JSON.parse(ended.out.trim().split('\n').at(-1)!);
    expect(last).toMatchObject({ balanced: true });
    expect(last.delivered).toBeGreaterThan(0);
  });

  test('tries itself in chaos, as a clone does', async () => {
    const ended = await startLauncher(['chaos', '--rounds', '1', '--seed', '1', '--json'], { program }).ended;
    const verdict = JSON.parse(ended.out.trim().split('\n').at(-1) ?? '');
    expect(verdict, ended.err).toMatchObject({ rounds: 1, missing: 0, unbalanced: 0 });
    expect(verdict.acknowledged).toBeGreaterThan(2_000);
  }, 150_000);
});
