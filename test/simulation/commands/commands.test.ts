// Commands in the simulation: none is missing and none comes twice without a reason, the ledger balances, a seed tells the same
// story again, and each deliberate defect is caught within its budget.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { COMMAND_MUTANTS } from '../mutants-commands.ts';
import type { CommandRange, CommandSums } from './command-worker.ts';
import { simulateCommands } from './simulate-commands.ts';

/** As in CI; fewer for a quick look. */
const SEEDS = Number(process.env.COMMAND_SEEDS ?? 300);
/** Seeds within which each mutant must be caught. */
const BUDGET = 60;

async function seeds(workerData: CommandRange): Promise<CommandSums> {
  const worker = new Worker(new URL('./command-worker.ts', import.meta.url), { workerData });
  const [sums] = (await once(worker, 'message')) as [CommandSums];
  await worker.terminate();
  return sums;
}

describe('Simulated commands', () => {
  test(`are all published, once, in ${SEEDS} seeds`, async () => {
    const sums = await seeds({ from: 1, count: SEEDS, mutant: null });
    expect(sums.failed).toEqual([]);
    expect(sums.seeds).toBe(SEEDS);
    expect(sums.desires).toBeGreaterThan(40 * SEEDS);
    expect(sums.downlinks).toBeGreaterThan(25 * SEEDS);
    expect(sums.crashes).toBeGreaterThan(SEEDS);
  }, 600_000);

  test('tell the same story of the same seed again', async () => {
    for (const seed of [1, 42, 1234567]) {
      const first = await simulateCommands(seed);
      expect(first.hash).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}$/);
      expect((await simulateCommands(seed)).hash).toBe(first.hash);
    }
  }, 60_000);

  test.each(COMMAND_MUTANTS.map(({ name }) => name))(
    `catch the mutant "%s" within ${BUDGET} seeds`,
    async (mutant) => {
      const { failed } = await seeds({ from: 1, count: BUDGET, mutant });
      expect(failed).toHaveLength(1);
    },
    120_000,
  );
});
