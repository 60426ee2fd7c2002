// `npm run simulate`: runs seeds, prints what failed with its shortened trace, and ends with one line of figures.
//   npm run simulate -- --seed 42            one seed; with --trace all of its lines
//   npm run simulate -- --seeds 2000 --from 1 [--workers 2] [--patience 600] [--json]
// With --mutant NAME a deliberate defect is let loose (mutants.ts).
import { optionsOf, wholeOption } from '../support/options.ts';
import { MUTANTS, release } from './mutants.ts';
import { report, reportBroken } from './report.ts';
import { runSeeds, seedRange } from './run-seeds.ts';
import { timeText } from './trace.ts';

const values = optionsOf({
  seed: { type: 'string' },
  seeds: { type: 'string', default: '200' },
  from: { type: 'string', default: '1' },
  workers: { type: 'string' },
  /** Seconds that one seed may take. */
  patience: { type: 'string', default: '60' },
  mutant: { type: 'string' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});

// Nobody reads on: `| head`.
process.stdout.on('error', () => process.exit(141));

const mutant = values.mutant ?? null;
const chosen = MUTANTS.find(({ name }) => name === mutant);
if (mutant !== null && chosen === undefined) {
  console.error(`There is no mutant "${mutant}"; mutants.ts has: ${MUTANTS.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}

if (values.seed !== undefined) {
  if (chosen !== undefined) release(chosen);
  const { simulate } = await import('./simulate.ts');
  const onLine = ({ atMs, text }: { readonly atMs: number; readonly text: string }): void => {
    console.log(`${timeText(atMs)} ${text}`);
  };
  const verdict = await simulate(wholeOption('seed', values.seed, 0), values.trace ? { onLine } : {});
  report(verdict, mutant);
  process.exit(verdict.ok ? 0 : 1);
}

const summary = await runSeeds({
  seeds: seedRange(wholeOption('from', values.from, 0), wholeOption('seeds', values.seeds, 1)),
  hangsAfterMs: wholeOption('patience', values.patience, 1, 86_400) * 1000,
  ...(values.workers === undefined ? {} : { workers: wholeOption('workers', values.workers, 1, 1024) }),
  ...(mutant === null ? {} : { mutant }),
  onFailure: (failure, verdict) => {
    if (verdict === null) reportBroken(failure, mutant);
    else report(verdict, mutant);
  },
});
if (values.json) console.log(JSON.stringify(summary));
else {
  console.log(
    `${summary.seeds} seeds, ${summary.failed.length} failed; ${summary.simulatedHours} simulated hours, ` +
      `${summary.uplinks} uplinks (${summary.leastUplinks} or more each), ${summary.crashes} crashes, healed within ${summary.healedMaxMs} ms in seed ${summary.slowestSeed} ` +
      `(behind full journals ${summary.healedFullMaxMs} ms); ${summary.seconds} s`,
  );
}
process.exit(summary.failed.length === 0 ? 0 : 1);
