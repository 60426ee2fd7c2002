// `npm run bench`: measures the bridge against the floor of its own stack, in turns, in one run, on 127.0.0.1.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { find } from '../support/requirements.ts';
import { mqttDrain } from './mqtt-drain.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    profile: { type: 'string' },
    pairs: { type: 'string' },
    uplinks: { type: 'string' },
  },
});

/** Bounds of the short gate against regressions: generous, since CI machines are noisy. Aims are in docs/benchmarks.md. */
const GATE = { rateRatio: 0.2, cpuRatio: 4 };

const say = (line: string): void => {
  (values.json ? process.stderr : process.stdout).write(`${line}\n`);
};

const { found, need } = find('mosquitto');
if (found === null) {
  const mustRun = process.env.REQUIRE_ALL === '1';
  say(`The benchmark was left out: it needs ${need}`);
  process.exit(mustRun ? 1 : 0);
}

const pairs = Number(values.pairs ?? (values.quick ? 3 : 5));
const uplinks = Number(values.uplinks ?? (values.quick ? 100_000 : 200_000));
const verdict: Record<string, { value: number; bound: number; ok: boolean }> = {};
const wanted = (name: string): boolean => values.only === undefined || values.only === name;

say(`${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, Node ${process.version}`);
for (const [name, window] of [
  ['mqtt-drain', 1000],
  ['mqtt-drain-20', 20],
] as const) {
  if (!wanted(name) || (values.quick && window === 20)) continue;
  say(`${name}: ${uplinks} uplinks of 1.5 KB, broker window ${window}, ${pairs} pairs after one to warm up`);
  const profile = values.profile === undefined ? {} : { profileDir: values.profile };
  const result = await mqttDrain({ uplinks, pairs, window, devices: 5_000, payloadBytes: 1_500, ...profile }, say);
  const { bridge, bare } = result;
  say(
    `  bridge          ${Math.round(bridge.rate)} uplinks/s, ${bridge.cpuPer100k.toFixed(2)} CPU-s per 100 k, ${result.requests} requests, ${Math.round(result.bridgeMaxBytes / 1e6)} MB`,
  );
  say(`  bare subscriber ${Math.round(bare.rate)} uplinks/s, ${bare.cpuPer100k.toFixed(2)} CPU-s per 100 k`);
  say(
    `  ratio           ${result.rateRatio.toFixed(2)} of its rate (${result.rateRatios.map((r) => r.toFixed(2)).join(' ')}), ${result.cpuRatio.toFixed(2)} x its CPU`,
  );
  const { rateRatio, cpuRatio } = result;
  verdict[`${name}.rate`] = { value: rateRatio, bound: GATE.rateRatio, ok: rateRatio >= GATE.rateRatio };
  verdict[`${name}.cpu`] = { value: cpuRatio, bound: GATE.cpuRatio, ok: cpuRatio <= GATE.cpuRatio };
}
const ok = Object.values(verdict).every((bar) => bar.ok);
if (values.json) process.stdout.write(`${JSON.stringify({ ok, ...verdict })}\n`);
else say(ok ? 'Within the bounds of the gate.' : `Out of bounds: ${JSON.stringify(verdict)}`);
process.exit(ok ? 0 : 1);
