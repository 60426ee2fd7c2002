// A deliberate defect that no longer fits the source proves nothing: it would look as if it were caught, or not at all.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fits, MUTANTS } from './mutants.ts';
import { COMMAND_MUTANTS } from './mutants-commands.ts';

const root = path.resolve(import.meta.dirname, '../..');
const all = [...MUTANTS, ...COMMAND_MUTANTS];

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
});
