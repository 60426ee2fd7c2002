// Chaos in small: one round of real processes, killed and disturbed, and a verdict that a program can read.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/chaos/verdict.ts';

const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts');

async function chaos(...args: readonly string[]): Promise<{ code: number | null; lines: string[]; told: string }> {
  const child = spawn(process.execPath, [MAIN, 'chaos', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
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
});
