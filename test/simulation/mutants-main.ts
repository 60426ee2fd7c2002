// `npm run mutants`: lets deliberate defects loose, one after the other, and prints which check caught which.
//   npm run mutants -- [--seeds 1500] [--only "drop on 413"] [--patience 600] [--json]
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';
import { runSeeds } from './run-seeds.ts';

const { values } = parseArgs({
  options: {
    /** The budget of each. */
    seeds: { type: 'string', default: '1500' },
    from: { type: 'string', default: '1' },
    /** Seconds that one seed may take: a machine that is busy with other work needs more, or it "catches" all of them. */
    patience: { type: 'string', default: '60' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

interface Caught {
  readonly mutant: string;
  /** null: it survived. */
  readonly check: string | null;
  readonly seed: number | null;
  readonly seeds: number;
  readonly message: string;
}

const rows: Caught[] = [];
for (const { name } of MUTANTS) {
  if (values.only !== undefined && values.only !== name) continue;
  const { failed, seeds } = await runSeeds({
    from: Number(values.from),
    count: Number(values.seeds),
    mutant: name,
    hangsAfterMs: Number(values.patience) * 1000,
    untilFailure: true,
    onFailure: () => {},
  });
  const first = failed[0];
  const row = {
    mutant: name,
    check: first?.check ?? null,
    seed: first?.seed ?? null,
    seeds,
    message: first?.message ?? '',
  };
  rows.push(row);
  if (!values.json) {
    const how = row.check === null ? `SURVIVED ${seeds} seeds` : `${row.check}, seed ${row.seed}, ${seeds} seeds run`;
    console.log(`${name.padEnd(58)} ${how.padEnd(40)} ${row.message.split('\n')[0]?.slice(0, 90)}`);
  }
}
const survived = rows.filter(({ check }) => check === null || check === 'broken').length;
if (values.json) console.log(JSON.stringify({ mutants: rows, caught: rows.length - survived, survived }));
else console.log(`${rows.length - survived} of ${rows.length} caught`);
process.exit(survived === 0 ? 0 : 1);
