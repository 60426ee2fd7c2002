// Chaos in small: one round of real processes, killed and disturbed, and a verdict that a program can read.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Verdict } from '../../src/chaos/verdict.ts';

const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly told: string;
}

function chaos(...args: readonly string[]): Promise<Ended> {
  return chaosIn({}, ...args);
}

async function chaosIn(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, 'chaos', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, lines: output.trim().split('\n'), told };
}

describe('here-bridge chaos', () => {
  test('kills and disturbs a bridge, and finds that nothing is lost', { timeout: 180_000 }, async () => {
    const { code, lines, told } = await chaos('--rounds', '1', '--seed', '3', '--broker', 'embedded', '--json');
    expect(lines, told).toHaveLength(1);
    const verdict = JSON.parse(lines[0]!) as Verdict;
    expect(verdict, told).toMatchObject({
      rounds: 1,
      seed: 3,
      missing: 0,
      unbalanced: 0,
      outOfOrder: 0,
      alarms: 0,
      ok: true,
    });
    expect(verdict.acknowledged).toBeGreaterThanOrEqual(2_000);
    expect(verdict.delivered + verdict.elsewhere).toBe(verdict.acknowledged);
    expect(verdict.kills).toBeGreaterThan(0);
    expect(Object.keys(verdict.faults).length).toBeGreaterThanOrEqual(3);
    expect(code).toBe(0);
  });

  test('says what is wrong with its options', async () => {
    const { code, told } = await chaos('--rounds', '0');
    expect(code).toBe(64);
    expect(told).toContain('whole number');
    const beyond = await chaos('--rounds', '3', '--only', '2-4');
    expect(beyond.code).toBe(64);
    expect(beyond.told).toContain('the schedule has 3 rounds');
  });

  test('has no verdict on a stack that does not come up: exit code 69', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'chaos-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(path.join(folder, 'mosquitto'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const env = { PATH: `${folder}${path.delimiter}${process.env.PATH}`, TMPDIR: folder };
    const { code, lines, told } = await chaosIn(env, '--rounds', '1', '--broker', 'mosquitto', '--json');
    expect(told).toContain('Mosquitto did not start');
    expect(lines).toEqual(['']);
    expect(code).toBe(69);
  });
});
