// `node test/simulation/commands/main.ts --seeds 300 [--from 1] [--json]`, or `--seed 42 [--trace]`: runs seeds of commands.
import { optionsOf, wholeOption } from '../../support/options.ts';
import { timeText } from '../trace.ts';
import type { CommandVerdict } from './command-verdict.ts';
import { simulateCommands } from './simulate-commands.ts';

const values = optionsOf({
  seed: { type: 'string' },
  seeds: { type: 'string', default: '100' },
  from: { type: 'string', default: '1' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});

function show({ seed, violations, trace }: CommandVerdict): void {
  for (const { atMs, text } of trace) console.log(`${timeText(atMs)} ${text}`);
  for (const { check, message } of violations) console.log(`seed ${seed}: ${check}: ${message}`);
}

if (values.seed !== undefined) {
  const verdict = await simulateCommands(wholeOption('seed', values.seed, 0), ({ atMs, text }) => {
    if (values.trace) console.log(`${timeText(atMs)} ${text}`);
  });
  if (!values.trace) show(verdict);
  console.log(
    `seed ${verdict.seed} ${verdict.ok ? 'ok' : 'FAILED'} trace ${verdict.hash} ${verdict.desires} desires, ${verdict.downlinks} downlinks`,
  );
  process.exit(verdict.ok ? 0 : 1);
}

const sums = {
  seeds: 0,
  failed: [] as { seed: number; check: string; message: string }[],
  desires: 0,
  downlinks: 0,
  crashes: 0,
};
const from = wholeOption('from', values.from, 0);
const end = from + wholeOption('seeds', values.seeds, 1);
for (let seed = from; seed < end; seed++) {
  const verdict = await simulateCommands(seed);
  sums.seeds += 1;
  sums.desires += verdict.desires;
  sums.downlinks += verdict.downlinks;
  sums.crashes += verdict.crashes;
  const first = verdict.violations[0];
  if (first === undefined) continue;
  sums.failed.push({ seed, check: first.check, message: first.message });
  if (!values.json) show(verdict);
}
console.log(JSON.stringify(sums));
process.exit(sums.failed.length === 0 ? 0 : 1);
