// `npm run bench`: measures the bridge against the floor of its own stack and against its bars, on 127.0.0.1.
import os from 'node:os';
import { optionsOf, wholeOption } from '../support/options.ts';
import { find } from '../support/requirements.ts';
import type { BenchSettings, Figure } from './bench.ts';
import { BENCHES } from './benches.ts';
import { writeResults } from './results.ts';

const values = optionsOf({
  quick: { type: 'boolean', default: false },
  long: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  only: { type: 'string' },
  profile: { type: 'string' },
  pairs: { type: 'string' },
  uplinks: { type: 'string' },
  write: { type: 'boolean', default: false },
});
const { quick, json, long } = values;
const pairs = values.pairs === undefined ? null : wholeOption('pairs', values.pairs, 1, 1000);
const uplinks = values.uplinks === undefined ? null : wholeOption('uplinks', values.uplinks, 1, 1_000_000_000);

const say = (line: string): void => {
  (json ? process.stderr : process.stdout).write(`${line}\n`);
};

const names = BENCHES.map(({ name }) => name);
const only = values.only?.split(',') ?? null;
const unknown = only?.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}". There are: ${names.join(', ')}.`);
  process.exit(64);
}

const wanted = BENCHES.filter(({ name, isQuick, isLong = false }) => {
  if (only !== null) return only.includes(name);
  return quick ? isQuick : long || !isLong;
});
const machine = `${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, Node ${process.version}`;
say(machine);
const load = os.loadavg()[0] as number;
if (load > 1)
  say(`The machine is busy with other things (load ${load.toFixed(1)}): figures are worse than they could be.`);

const figures: Figure[] = [];
const leftOut: string[] = [];
const leaveOut = (part: string, why: string): void => {
  say(`${part}: left out, ${why}`);
  leftOut.push(part);
};
for (const { name, needs, run } of wanted) {
  const missing = needs.map((need) => find(need)).find(({ found }) => found === null);
  if (missing !== undefined) {
    leaveOut(name, `it needs ${missing.need}`);
    continue;
  }
  say(name);
  const settings: BenchSettings = {
    quick,
    pairs,
    uplinks,
    profileDir: values.profile ?? null,
    say,
    leaveOut,
  };
  const startedMs = performance.now();
  const found = await run(settings);
  say(`  took ${Math.round((performance.now() - startedMs) / 1000)} s`);
  figures.push(...found);
  // At once: a run that is broken off keeps what it has measured.
  if (values.write) {
    const judged = found.map((figure) => ({ ...figure, isHeld: passes(figure) }));
    writeResults(judged, `${machine}, load ${load.toFixed(1)} before the run`);
  }
}

/** The gate's bound in the short run, else the bar. null: nothing to judge by. */
function boundOf({ bar, gate }: Figure): number | null {
  if (!quick) return bar;
  return gate ?? null;
}

function passes(figure: Figure): boolean {
  const bound = boundOf(figure);
  if (bound === null) return true;
  return figure.must === 'atLeast' ? figure.value >= bound : figure.value <= bound;
}

function lineOf(figure: Figure): string {
  const { name, value, unit, must, bar } = figure;
  const sign = must === 'atLeast' ? '≥' : '≤';
  const gate = quick && figure.gate !== undefined ? `, gate ${sign} ${figure.gate}` : '';
  const verdict = passes(figure) ? 'ok' : 'MISSED';
  const bound = bar === null ? 'reported only' : `bar ${sign} ${bar}${gate}`;
  return `${name.padEnd(24)} ${value.toFixed(3).padStart(10)} ${unit} (${bound}) ${bar === null ? '' : verdict}`.trimEnd();
}

say('');
for (const figure of figures) say(lineOf(figure));
if (leftOut.length > 0) say(`Left out: ${leftOut.join(', ')}`);
const mustRun = process.env.REQUIRE_ALL === '1';
const ok = figures.every(passes) && (leftOut.length === 0 || !mustRun);
if (json) {
  const bars = figures.map((figure) => [
    figure.name,
    { value: figure.value, bound: boundOf(figure), ok: passes(figure) },
  ]);
  process.stdout.write(`${JSON.stringify({ ok, leftOut, ...Object.fromEntries(bars) })}\n`);
} else say(ok ? 'Within the bounds.' : 'OUT OF BOUNDS');
process.exit(ok ? 0 : 1);
