// The bound of the young generation, in a process of its own: it cannot be taken back.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const MIB = 1024 * 1024;

function grown(bound: number | null): number {
  const module = path.resolve(import.meta.dirname, '../../src/ops/young-generation.ts');
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { boundYoungGeneration } from ${JSON.stringify(module)};
    if (${bound} !== null) boundYoungGeneration(${bound});
    let kept = [];
    // Turns as short as the bridge's: within a long one it may double more than once before anybody looks.
    for (let round = 0; round < 6_000; round++) {
      for (let i = 0; i < 500; i++) kept.push({ i, of: [i] });
      if (kept.length > 150_000) kept = kept.slice(100_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size);`;
  const run = spawnSync(process.execPath, ['--max-semi-space-size=64', '--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  return Number(run.stdout);
}

test('the young generation grows up to its bound and no further', () => {
  expect(grown(null)).toBeGreaterThan(32 * MIB);
  const bounded = grown(16 * MIB);
  expect(bounded).toBeGreaterThan(4 * MIB);
  expect(bounded).toBeLessThanOrEqual(16 * MIB);
});
