// Each deliberate defect still fits the source, and is still caught. One that no longer fits proves nothing: it would look as if it were
// caught, or not at all.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { fits, MUTANTS } from './mutants.ts';
import { COMMAND_MUTANTS } from './mutants-commands.ts';

const root = path.resolve(import.meta.dirname, '../..');
const all = [...MUTANTS, ...COMMAND_MUTANTS];

interface Outcome {
  readonly mutants: readonly {
    readonly mutant: string;
    readonly check: string | null;
    readonly seeds: number;
    readonly message: string;
  }[];
}

/** In a process of its own, as `simulation.test.ts` has it. */
async function letLoose(): Promise<Outcome> {
  const main = path.join(import.meta.dirname, 'mutants-main.ts');
  const run = promisify(execFile)(process.execPath, [main, '--known', '--json', '--patience', '300'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }));
  return JSON.parse(stdout) as Outcome;
}

describe('Each deliberate defect', () => {
  test('has a name of its own, and there are twenty of them at least', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
  });

  test.each(all.map((mutant) => [mutant.name, mutant] as const))(
    '“%s” fits the source, in one place',
    (_, { edits }) => {
      for (const { file, find } of edits) {
        expect(fits(find, readFileSync(path.join(root, file), 'utf8')), `${file}: ${find}`).toBe(true);
      }
    },
  );

  // Those of the way back are in commands/commands.test.ts.
  test('is caught by a check of the simulated line, in seeds that are known to catch it', async () => {
    const { mutants } = await letLoose();
    expect(mutants.map(({ mutant }) => mutant).sort()).toEqual(MUTANTS.map(({ name }) => name).sort());
    const survived = mutants
      .filter(({ check }) => check === null)
      .map(
        ({ mutant, message }) =>
          `"${mutant}" is not caught in the seeds of mutant-seeds.json any more ${message}; ` +
          `look for others with: npm run mutants -- --find --only ${JSON.stringify(mutant)}`,
      );
    expect(survived).toEqual([]);
  }, 900_000);
});
