// `npm run mutants`: lets deliberate defects loose, one after the other, and prints which check caught which, and which checks
// caught none of them.
//   npm run mutants -- [--seeds 1500] [--only "drop on 413"] [--patience 600] [--json]
//   npm run mutants -- --find     the same; the seeds that caught a mutant go into mutant-seeds.json, for CI
//   npm run mutants -- --known    with the seeds of that file only, as CI does
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { optionsOf, wholeOption } from '../support/options.ts';
import { CHECKS, type Check } from './check-names.ts';
import { MUTANTS } from './mutants.ts';
import { type Failure, runSeeds, seedRange } from './run-seeds.ts';

const values = optionsOf({
  /** The budget of each. */
  seeds: { type: 'string', default: '1500' },
  from: { type: 'string', default: '1' },
  /** Seconds that one seed may take. */
  patience: { type: 'string', default: '60' },
  only: { type: 'string' },
  find: { type: 'boolean', default: false },
  known: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});

/** So many are kept: a change of the source may shift what happens in one of them. */
const KEPT_SEEDS = 3;
const SEEDS_FILE = path.join(import.meta.dirname, 'mutant-seeds.json');

type Seeds = Record<string, readonly number[]>;

interface Row {
  readonly mutant: string;
  /** null: it survived. */
  readonly check: Check | null;
  readonly seed: number | null;
  readonly seeds: number;
  readonly message: string;
  readonly caughtBy: readonly { readonly seed: number; readonly check: Check }[];
}

const known = JSON.parse(readFileSync(SEEDS_FILE, 'utf8')) as Seeds;

/** A hang or a broken thread may be the machine's fault as well: they catch nothing. */
function isCatch(failure: Failure): failure is Failure & { readonly check: Check } {
  return failure.check !== 'hangs' && failure.check !== 'broken';
}

async function run(mutant: string): Promise<Row> {
  const { failed, seeds } = await runSeeds({
    ...(values.known
      ? { seeds: known[mutant] ?? [], step: 1, workers: 1 }
      : { seeds: seedRange(wholeOption('from', values.from, 0), wholeOption('seeds', values.seeds, 1)) }),
    mutant,
    hangsAfterMs: wholeOption('patience', values.patience, 1, 86_400) * 1000,
    untilCaught: true,
    onFailure: () => {},
  });
  const caughtBy = failed.filter(isCatch).sort((a, b) => a.seed - b.seed);
  const { check = null, seed = null, message = '' } = caughtBy[0] ?? {};
  const why = failed.map((failure) => `seed ${failure.seed} ${failure.check}: ${failure.message}`).join('; ');
  return { mutant, check, seed, seeds, message: check === null ? why : message, caughtBy };
}

function print({ mutant, check, seed, seeds, message }: Row): void {
  const how = check === null ? `SURVIVED ${seeds} seeds` : `${check}, seed ${seed}, ${seeds} seeds run`;
  console.log(`${mutant.padEnd(58)} ${how.padEnd(40)} ${message.split('\n')[0]?.slice(0, 90)}`);
}

const names = MUTANTS.map(({ name }) => name).filter((name) => values.only === undefined || values.only === name);
if (names.length === 0) {
  console.error(`There is no mutant "${values.only}"; mutants.ts has: ${MUTANTS.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
const rows: Row[] = [];
const left = [...names];
async function runAll(): Promise<void> {
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    const row = await run(name);
    rows.push(row);
    if (!values.json) print(row);
  }
}
// Many seeds of one mutant keep all cores busy; a few of each do not.
await Promise.all(Array.from({ length: values.known ? availableParallelism() : 1 }, runAll));

if (values.find) {
  // One that survived keeps the seeds that are known for it.
  const caught = rows.filter(({ caughtBy }) => caughtBy.length > 0);
  const found = caught.map(({ mutant, caughtBy }) => [mutant, caughtBy.slice(0, KEPT_SEEDS).map(({ seed }) => seed)]);
  const kept = { ...known, ...(Object.fromEntries(found) as Seeds) };
  const ordered = MUTANTS.map(({ name }) => `  ${JSON.stringify(name)}: [${(kept[name] ?? []).join(', ')}]`);
  writeFileSync(SEEDS_FILE, `{\n${ordered.join(',\n')}\n}\n`);
}
const survived = rows.filter(({ check }) => check === null).length;
const caught = new Set(rows.flatMap(({ caughtBy }) => caughtBy.map(({ check }) => check)));
const idle = CHECKS.filter((check) => !caught.has(check));
if (values.json) console.log(JSON.stringify({ mutants: rows, caught: rows.length - survived, survived, idle }));
else {
  console.log(`${rows.length - survived} of ${rows.length} caught`);
  if (values.only === undefined) console.log(`checks that caught none: ${idle.join(', ') || 'each caught one'}`);
}
process.exit(survived === 0 ? 0 : 1);
