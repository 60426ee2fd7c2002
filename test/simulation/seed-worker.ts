// A worker thread of the simulation: runs the seeds that it is sent, of the real code or of a mutant.
import { parentPort, workerData } from 'node:worker_threads';
import { MUTANTS, release } from './mutants.ts';

const { mutant } = (workerData ?? {}) as { readonly mutant?: string };
const chosen = MUTANTS.find(({ name }) => name === mutant);
if (chosen !== undefined) release(chosen);
const { simulate } = await import('./simulate.ts');

parentPort?.on('message', (seeds: readonly number[]) => {
  void (async () => {
    for (const seed of seeds) parentPort?.postMessage(await simulate(seed));
  })();
});
