// The commands of the simulation refuse what does not read: no seeds at all would be a check that passes.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

function run(file: string, ...args: string[]): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, file), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, said: stdout + stderr };
}

test.each([
  ['main.ts', ['--seeds', 'abc'], '--seeds "abc": Allowed: a whole number from 1'],
  ['main.ts', ['--seeds', '0'], '--seeds "0": Allowed: a whole number from 1'],
  ['main.ts', ['--seed', '4x'], '--seed "4x": Allowed: a whole number from 0'],
  ['main.ts', ['--seedz', '4'], "Unknown option '--seedz'"],
  ['main.ts', ['--mutant', 'none'], 'There is no mutant "none"'],
  ['mutants-main.ts', ['--only', 'none'], 'There is no mutant "none"'],
  ['mutants-main.ts', ['--seeds', ''], '--seeds "": Allowed: a whole number from 1'],
  ['commands/main.ts', ['--seeds', '-1'], '--seeds'],
])('%s %j', { timeout: 60_000 }, (file, args, expected) => {
  const { code, said } = run(file, ...args);
  expect(said.split('\n')[0]).toContain(expected);
  expect(code).toBe(64);
});
