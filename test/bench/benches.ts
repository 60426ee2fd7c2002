// What `npm run bench` measures, each with its bar. A bench is a file of its own here; this table runs it and judges.
import type { Bench, BenchSettings, Figure } from './bench.ts';
import { commandPace } from './command-pace.ts';
import { idle } from './idle.ts';
import { isolation } from './isolation.ts';
import { kafkaDrain } from './kafka-drain.ts';
import { limitUse } from './limit-use.ts';
import { liveLatency } from './live-latency.ts';
import { memory } from './memory.ts';
import { type DrainOptions, type DrainResult, mqttDrain } from './mqtt-drain.ts';
import { peers } from './peers/peers.ts';
import { benchPrepare } from './prepare.bench.ts';
import { recovery } from './recovery.ts';
import { recoveryKafka } from './recovery-kafka.ts';
import { scroll } from './scroll.ts';
import { sharedTopic } from './shared-topic.ts';
import { startUp } from './start-up.ts';
import { takeover } from './takeover.ts';
import { trace } from './trace.ts';
import { consoles, listeners } from './watched.ts';

export const BENCHES: readonly Bench[] = [
  { name: 'mqtt-drain', isQuick: true, needs: ['mosquitto'], run: (settings) => drain('mqtt-drain', 1_000, settings) },
  {
    name: 'mqtt-drain-20',
    isQuick: false,
    needs: ['mosquitto'],
    run: (settings) => drain('mqtt-drain-20', 20, settings),
  },
  { name: 'live-latency', isQuick: false, needs: ['mosquitto'], run: latency },
  { name: 'limit-use', isQuick: false, needs: ['mosquitto'], run: limits },
  { name: 'devices', isQuick: false, needs: ['mosquitto'], run: devices },
  { name: 'devices-million', isQuick: false, isLong: true, needs: ['mosquitto'], run: millionDevices },
  { name: 'start', isQuick: false, needs: ['mosquitto'], run: starts },
  { name: 'mapping', isQuick: true, needs: [], run: mapping },
  { name: 'memory', isQuick: false, needs: ['mosquitto'], run: waiting },
  { name: 'recovery', isQuick: false, needs: ['mosquitto'], run: recovery },
  { name: 'recovery-kafka', isQuick: false, needs: ['kafka'], run: recoveryKafka },
  { name: 'isolation', isQuick: false, needs: ['mosquitto'], run: isolated },
  { name: 'commands', isQuick: false, needs: ['mosquitto'], run: (settings) => commands(100_000, settings) },
  {
    ...{ name: 'commands-million', isQuick: false, isLong: true, needs: ['mosquitto'] },
    run: (settings) => commands(1_000_000, settings),
  },
  { name: 'idle-mqtt', isQuick: false, needs: ['mosquitto'], run: (settings) => idling('mqtt', 1_000, settings) },
  { name: 'idle-kafka', isQuick: false, needs: ['kafka'], run: (settings) => idling('kafka', 100, settings) },
  { name: 'kafka-drain', isQuick: false, needs: ['kafka'], run: kafka },
  { name: 'shared-topic', isQuick: false, needs: ['kafka'], run: shared },
  { name: 'takeover', isQuick: false, needs: ['mosquitto', 'kafka'], run: takeover },
  { name: 'console', isQuick: false, needs: ['mosquitto'], run: consoles },
  { name: 'events', isQuick: false, isLong: true, needs: ['mosquitto'], run: listeners },
  { name: 'scroll', isQuick: false, needs: ['chromium'], run: scroll },
  { name: 'trace', isQuick: false, isLong: true, needs: ['mosquitto'], run: trace },
  { name: 'peers', isQuick: false, needs: ['mosquitto'], run: peers },
];

async function drain(name: string, window: number, settings: BenchSettings): Promise<readonly Figure[]> {
  const { quick, say } = settings;
  const uplinks = settings.uplinks ?? (quick ? 100_000 : 200_000);
  const pairs = settings.pairs ?? (quick ? 3 : 5);
  const profile = settings.profileDir === null ? {} : { profileDir: settings.profileDir };
  const result = await measureDrain({ uplinks, pairs, window, devices: 5_000, payloadBytes: 1_500, ...profile }, say);
  const isWide = window > 20;
  return [
    {
      ...{ name: `${name}.rate`, value: result.rateRatio, unit: 'of the bare subscriber’s rate' },
      ...{ must: 'atLeast', bar: isWide ? 0.85 : 0.7, gate: 0.2 },
    },
    { name: `${name}.cpu`, value: result.cpuRatio, unit: '× its CPU time', must: 'atMost', bar: 1.3, gate: 4 },
    { name: `${name}.fullness`, value: result.fullness, unit: '× the fewest requests', must: 'atMost', bar: 1.03 },
  ];
}

async function measureDrain(options: DrainOptions, say: BenchSettings['say']): Promise<DrainResult> {
  const result = await mqttDrain(options, say);
  const { bridge, bare, rateRatios, rateRatio, cpuRatio, requests, bridgeMaxBytes } = result;
  const side = (what: typeof bridge): string =>
    `${Math.round(what.rate)} uplinks/s, ${what.cpuPer100k.toFixed(2)} CPU-s per 100 k`;
  say(`  bridge          ${side(bridge)}, ${requests} requests, ${Math.round(bridgeMaxBytes / 1e6)} MB`);
  say(`  bare subscriber ${side(bare)}`);
  const spread = rateRatios.map((ratio) => ratio.toFixed(2)).join(' ');
  say(`  ratio           ${rateRatio.toFixed(2)} of its rate (${spread}), ${cpuRatio.toFixed(2)} x its CPU`);
  for (const [part, share] of Object.entries(result.busy)) {
    if (share > 0.9) say(`  ${part} was busy for ${Math.round(share * 100)} % of a core: it may be what is measured`);
  }
  return result;
}

async function latency({ say }: BenchSettings): Promise<readonly Figure[]> {
  const { p50Ms, p99Ms } = await liveLatency({ ratePerSecond: 500, devices: 5_000, seconds: 10, rounds: 5 }, say);
  return [
    { name: 'live-latency.p50', value: p50Ms, unit: 'ms', must: 'atMost', bar: 15 },
    { name: 'live-latency.p99', value: p99Ms, unit: 'ms', must: 'atMost', bar: 15 },
  ];
}

async function limits({ say }: BenchSettings): Promise<readonly Figure[]> {
  const { used, refused } = await limitUse({ requestsPerSecond: 50, seconds: 30 }, say);
  return [
    { name: 'limit-use.used', value: used, unit: 'of the limit', must: 'atLeast', bar: 0.95 },
    { name: 'limit-use.refused', value: refused, unit: 'of the requests', must: 'atMost', bar: 0.01 },
  ];
}

/** The dearest number of devices against the cheapest. */
async function devices({ say }: BenchSettings): Promise<readonly Figure[]> {
  const costs: number[] = [];
  for (const count of [1_000, 10_000, 100_000]) {
    say(`  ${count} devices`);
    const options = { uplinks: 100_000, pairs: 3, window: 1_000, devices: count, payloadBytes: 1_500 };
    costs.push((await mqttDrain(options, say)).cpuRatio);
  }
  const value = Math.max(...costs) / Math.min(...costs);
  return [{ name: 'devices', value, unit: '× from the cheapest to the dearest', must: 'atMost', bar: 1.3 }];
}

/** As many uplinks with a thousand devices as with a million, of which each sends one: the first round makes them at HERE. */
async function millionDevices({ say, ...settings }: BenchSettings): Promise<readonly Figure[]> {
  const uplinks = settings.uplinks ?? 1_000_000;
  const costs: number[] = [];
  for (const devices of [1_000, uplinks]) {
    say(`  ${devices} devices`);
    const options = { uplinks, pairs: settings.pairs ?? 2, window: 1_000, devices, payloadBytes: 1_500 };
    costs.push((await mqttDrain(options, say)).cpuRatio);
  }
  const value = (costs[1] as number) / (costs[0] as number);
  return [{ name: 'devices-million', value, unit: '× the cost with a thousand', must: 'atMost', bar: 1.3 }];
}

async function starts({ say }: BenchSettings): Promise<readonly Figure[]> {
  const { built, sources } = await startUp({ rounds: 5 }, say);
  return [
    { name: 'start', value: built, unit: 's', must: 'atMost', bar: 2 },
    { name: 'start.sources', value: sources, unit: 's from the sources', must: 'atMost', bar: 2 },
  ];
}

async function mapping({ say }: BenchSettings): Promise<readonly Figure[]> {
  const { parseMicros, beyondParseMicros, ratio } = benchPrepare();
  say(`  JSON.parse ${parseMicros.toFixed(1)} µs, decode, filter and map ${beyondParseMicros.toFixed(1)} µs more`);
  return [
    { name: 'mapping.us', value: beyondParseMicros, unit: 'µs an uplink of 1.5 KB', must: 'atMost', bar: 15 },
    {
      name: 'mapping.ratio',
      value: ratio,
      unit: '× JSON.parse',
      must: 'atMost',
      bar: 1.5,
      gate: 2.5,
    },
  ];
}

async function shared({ say, profileDir }: BenchSettings): Promise<readonly Figure[]> {
  const size = { connections: 200, uplinks: 60_000, devices: 4_000, payloadBytes: 1_500, partitions: 4, rounds: 3 };
  const options = profileDir === null ? size : { ...size, profileDir };
  const { cpuRatio, inexact } = await sharedTopic(options, say);
  return [
    { name: 'shared-topic.cpu', value: cpuRatio, unit: '× one connection’s CPU time', must: 'atMost', bar: 1.5 },
    { name: 'shared-topic.inexact', value: inexact, unit: 'ledgers that are not exact', must: 'atMost', bar: 0 },
  ];
}

async function waiting({ say, uplinks }: BenchSettings): Promise<readonly Figure[]> {
  const options = { uplinks: uplinks ?? 1_000_000, devices: 20_000, payloadBytes: 1_500, outageMs: 20_000 };
  const { startMs, outageMaxBytes, drainMaxBytes, drainRate, missing, outOfOrder } = await memory(options);
  const delivered = options.uplinks - missing;
  say(
    `  ${delivered} delivered at ${Math.round(drainRate)} a second; ${megabytes(outageMaxBytes)} MB while HERE was away`,
  );
  const waited = `${options.uplinks / 1e6} M waiting`;
  return [
    { name: 'memory.start', value: startMs / 1000, unit: `s with ${waited}`, must: 'atMost', bar: 5 },
    { name: 'memory.outage', value: megabytes(outageMaxBytes), unit: `MB, ${waited}`, must: 'atMost', bar: 300 },
    { name: 'memory.drain', value: megabytes(drainMaxBytes), unit: 'MB while draining', must: 'atMost', bar: 300 },
    { name: 'memory.missing', value: missing, unit: 'uplinks', must: 'atMost', bar: 0 },
    { name: 'memory.disorder', value: outOfOrder, unit: 'first arrivals', must: 'atMost', bar: 0 },
  ];
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

/** Either bar holds: a tenth, or 2 ms. */
async function isolated({ say }: BenchSettings): Promise<readonly Figure[]> {
  const result = await isolation({ pairs: 5, uplinks: 2_000, perSecond: 200 }, say);
  const { aloneP99Ms, besideP99Ms, differenceMs, ratio, waiting } = result;
  say(
    `  p99 ${aloneP99Ms.toFixed(1)} ms alone, ${besideP99Ms.toFixed(1)} ms beside one that hangs, where ${waiting} wait`,
  );
  return ratio <= 1.1
    ? [{ name: 'isolation', value: ratio, unit: '× p99 alone', must: 'atMost', bar: 1.1 }]
    : [{ name: 'isolation', value: differenceMs, unit: 'ms more than p99 alone', must: 'atMost', bar: 2 }];
}

async function commands(devices: number, { say }: BenchSettings): Promise<readonly Figure[]> {
  const result = await commandPace({ devices, heard: 100_000, changesPerMinute: 10, minutes: 6 }, say);
  const name = devices > 100_000 ? 'commands-million' : 'commands';
  const overMs = result.p50Ms - result.intervalMs / 2;
  say(`  p50 ${result.p50Ms} ms at an interval of ${result.intervalMs} ms, ${result.looks} looks`);
  return [
    { name: `${name}.requests`, value: result.requestsMax, unit: 'requests a look', must: 'atMost', bar: 2 },
    { name: `${name}.p50`, value: overMs, unit: 'ms more than half the interval', must: 'atMost', bar: 1_000 },
    { name: `${name}.missing`, value: result.missing, unit: 'commands', must: 'atMost', bar: 0 },
  ];
}

async function idling(kind: 'kafka' | 'mqtt', connections: number, { say }: BenchSettings): Promise<readonly Figure[]> {
  const { core, bytes } = await idle({ kind, connections, forMs: 60_000 }, say);
  const name = `idle-${kind}`;
  return [
    { name: `${name}.cpu`, value: core, unit: `of a core, ${connections} connections`, must: 'atMost', bar: 0.05 },
    { name: `${name}.memory`, value: megabytes(bytes), unit: 'MB', must: 'atMost', bar: 1_000 },
  ];
}

async function kafka(settings: BenchSettings): Promise<readonly Figure[]> {
  const { uplinks, pairs, profileDir, say } = settings;
  const size = { uplinks: uplinks ?? 100_000, pairs: pairs ?? 5, devices: 5_000, payloadBytes: 1_500, partitions: 4 };
  const result = await kafkaDrain({ ...size, ...(profileDir === null ? {} : { profileDir }) }, say);
  return [
    { name: 'kafka-drain.rate', value: result.rateRatio, unit: 'of bare kafkajs’s rate', must: 'atLeast', bar: 0.75 },
    { name: 'kafka-drain.cpu', value: result.cpuRatio, unit: '× its CPU time', must: 'atMost', bar: 1.4 },
  ];
}
