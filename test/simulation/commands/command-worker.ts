// A worker thread of the simulation of commands: seeds of the real code, or of one mutant until it is caught.
import { parentPort, workerData } from 'node:worker_threads';
import { release } from '../mutants.ts';
import { COMMAND_MUTANTS } from '../mutants-commands.ts';

export interface CommandRange {
  readonly from: number;
  readonly count: number;
  /** Its first failure ends it. */
  readonly mutant: string | null;
}

export interface CommandSums {
  seeds: number;
  desires: number;
  downlinks: number;
  crashes: number;
  readonly failed: { readonly seed: number; readonly check: string; readonly message: string }[];
}

const { from, count, mutant } = workerData as CommandRange;
const chosen = COMMAND_MUTANTS.find(({ name }) => name === mutant);
if (chosen !== undefined) release(chosen);
const { simulateCommands } = await import('./simulate-commands.ts');

const sums: CommandSums = { seeds: 0, desires: 0, downlinks: 0, crashes: 0, failed: [] };
for (let seed = from; seed < from + count; seed++) {
  const { desires, downlinks, crashes, violations } = await simulateCommands(seed);
  sums.seeds += 1;
  sums.desires += desires;
  sums.downlinks += downlinks;
  sums.crashes += crashes;
  const [first] = violations;
  if (first === undefined) continue;
  sums.failed.push({ seed, check: first.check, message: first.message });
  if (chosen !== undefined) break;
}
parentPort?.postMessage(sums);
