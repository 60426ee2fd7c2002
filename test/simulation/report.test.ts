// What people see of a seed that failed: its number, the end of its story, and the command that tells it again.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Trace } from './trace.ts';

const MUTANT = 'count twice';
const seedsFile = path.join(import.meta.dirname, 'mutant-seeds.json');
const [seed = 0] = (JSON.parse(readFileSync(seedsFile, 'utf8')) as Record<string, number[]>)[MUTANT] ?? [];

interface Ended {
  readonly code: number;
  readonly lines: string[];
}

function simulation(...options: readonly string[]): Promise<Ended> {
  return simulationIn({}, ...options);
}

async function simulationIn(env: NodeJS.ProcessEnv, ...options: readonly string[]): Promise<Ended> {
  const run = promisify(execFile)(process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...options], {
    env: { ...process.env, ...env },
  });
  const { stdout, code } = await run.then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  return { code, lines: stdout.trimEnd().split('\n') };
}

describe('A seed that failed', () => {
  test('is told with its number, a short trace, what the check found and how to see it again; that tells the same', async () => {
    const { code, lines } = await simulation('--seeds', '1', '--from', String(seed), '--mutant', MUTANT);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(
      new RegExp(`^seed ${seed}: FAILED \\(trace [0-9a-f]{16}; \\d+ events in \\d+:\\d\\d\\.\\d{3}, `),
    );
    const story = lines.filter((line) => /^ {2} *\d+:\d\d\.\d{3} /.test(line));
    expect(story.length).toBeGreaterThan(10);
    expect(story.length).toBeLessThanOrEqual(80);
    expect(story.join('\n')).toContain('! VIOLATION ledger: ');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}ledger at +\d+:\d\d\.\d{3}: ./));
    const again = lines.find((line) => line.startsWith('  again: '));
    expect(again).toBe(`  again: npm run simulate -- --seed ${seed} --mutant "${MUTANT}"`);

    const replayed = await simulation('--seed', String(seed), '--mutant', MUTANT);
    expect(replayed.code).toBe(1);
    expect(replayed.lines).toEqual(lines.slice(0, replayed.lines.length));
    expect(replayed.lines.length).toBe(lines.length - 1);
  }, 120_000);

  test('is the defect’s: without it the same seed holds', async () => {
    const { code, lines } = await simulation('--seed', String(seed));
    expect([code, lines.length]).toEqual([0, 1]);
    expect(lines[0]).toMatch(new RegExp(`^seed ${seed}: ok `));
  }, 120_000);

  test.each([
    ['broken', 'throw new Error("no room")', 'Error: no room'],
    ['hangs', 'for (;;);', 'no end after 1000 ms'],
  ])('without a verdict is told as well: %s', { timeout: 120_000 }, async (check, inThread, message) => {
    const module = `import { isMainThread } from 'node:worker_threads'; if (!isMainThread) ${inThread}`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
    const { code, lines } = await simulationIn(env, '--seeds', '1', '--from', '7', '--patience', '1');
    expect(code).toBe(1);
    expect(lines.slice(0, -1)).toEqual([
      'seed 7: FAILED',
      `  ${check}: ${message}`,
      '  again: npm run simulate -- --seed 7',
    ]);
    expect(lines.at(-1)).toContain('1 seeds, 1 failed');
  });
});

test('A shortened trace is its end, and before that only what it is about and what went wrong', () => {
  let now = 0;
  const trace = new Trace(() => now);
  for (now = 0; now < 1_000; now++) {
    trace.add(now === 5 ? '! the disk is full' : `${now % 100 === 7 ? 'device-a' : 'device-b'} sends`);
  }
  const lines = trace.shortened(['device-a'], 10, 20);
  expect(lines.slice(-10).map(({ atMs }) => atMs)).toEqual(Array.from({ length: 10 }, (_, i) => 990 + i));
  expect(lines.slice(0, -10).map(({ atMs }) => atMs)).toEqual([5, 7, 107, 207, 307, 407, 507, 607, 707, 807, 907]);
  expect(
    trace
      .shortened(['device-a'], 10, 3)
      .slice(0, -10)
      .map(({ atMs }) => atMs),
  ).toEqual([707, 807, 907]);
});
