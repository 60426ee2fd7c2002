// `npm run simulate`: runs seeds, prints what failed with its shortened trace, and ends with one line of figures.
//   npm run simulate -- --seed 42            one seed; with --trace all of its lines
//   npm run simulate -- --seeds 2000 --from 1 [--workers 2] [--patience 600] [--json]
import { parseArgs } from 'node:util';
import { report } from './report.ts';
import { runSeeds } from './run-seeds.ts';
import { simulate } from './simulate.ts';
import { timeText } from './trace.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string' },
    /** Seconds that one seed may take. */
    patience: { type: 'string', default: '60' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

// Nobody reads on: `| head`.
process.stdout.on('error', () => process.exit(141));

if (values.seed !== undefined) {
  const onLine = ({ atMs, text }: { readonly atMs: number; readonly text: string }): void => {
    console.log(`${timeText(atMs)} ${text}`);
  };
  const verdict = await simulate(Number(values.seed), values.trace ? { onLine } : {});
  report(verdict);
  process.exit(verdict.ok ? 0 : 1);
}

const summary = await runSeeds({
  from: Number(values.from),
  count: Number(values.seeds),
  hangsAfterMs: Number(values.patience) * 1000,
  ...(values.workers === undefined ? {} : { workers: Number(values.workers) }),
  onFailure: report,
});
if (values.json) console.log(JSON.stringify(summary));
else {
  console.log(
    `${summary.seeds} seeds, ${summary.failed.length} failed; ${summary.simulatedHours} simulated hours, ` +
      `${summary.uplinks} uplinks, ${summary.crashes} crashes, healed within ${summary.healedMaxMs} ms; ${summary.seconds} s`,
  );
}
process.exit(summary.failed.length === 0 ? 0 : 1);
