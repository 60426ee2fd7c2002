// `npm run chaos:cluster`: several workers under faults; the last line is the verdict.
//   npm run chaos:cluster -- --json --seed 1 --faults 7
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { optionsOf, wholeOption } from '../../support/options.ts';
import { folderOf, runCluster } from './run.ts';

const values = optionsOf({
  json: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  faults: { type: 'string', default: '7' },
  connections: { type: 'string', default: '6' },
  rate: { type: 'string', default: '8' },
  keep: { type: 'boolean', default: false },
});

const seed = wholeOption('seed', values.seed, 0);
const faults = wholeOption('faults', values.faults, 1, 1000);
const connections = wholeOption('connections', values.connections, 1, 1000);
const rate = wholeOption('rate', values.rate, 1, 10_000);

/** It ends within ten minutes, whatever happens. */
const LONGEST_MS = 590_000;

const root = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-cluster-'));
const startedAt = performance.now();
const say = (line: string): void => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(6)} s  ${line}\n`);
};
const late = setTimeout(() => {
  say('ten minutes are over');
  process.stdout.write(`${JSON.stringify({ seed, ok: false, late: true })}\n`);
  process.exit(1);
}, LONGEST_MS);
try {
  const verdict = await runCluster({
    seed,
    faults,
    connections,
    rate,
    dir: folderOf(root, seed),
    say,
  });
  if (verdict.ok && !values.keep) rmSync(root, { recursive: true, force: true });
  else say(`logs and data are kept: ${root}`);
  process.stdout.write(`${values.json ? JSON.stringify(verdict) : JSON.stringify(verdict, null, 2)}\n`);
  process.exitCode = verdict.ok ? 0 : 1;
} finally {
  clearTimeout(late);
}
process.exit();
