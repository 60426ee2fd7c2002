// mqtt-drain: uplinks of 1.5 KB that wait in Mosquitto go through the bridge into HERE (`here-peer.ts`), against a bare mqtt.js
// QoS 1 subscriber that only parses. Broker, HERE, bridge and subscriber are processes of their own.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { freePort } from '../support/free-port.ts';
import { findProgram } from '../support/requirements.ts';
import { type Child, cpuSeconds, median, residentBytes, start, until } from './process.ts';

export interface DrainOptions {
  readonly uplinks: number;
  readonly pairs: number;
  readonly devices: number;
  /** `max_inflight_messages` of the broker. */
  readonly window: number;
  readonly payloadBytes: number;
  /** Writes a CPU profile of the bridge into this folder. */
  readonly profileDir?: string;
}

export interface DrainResult {
  readonly bridge: Side;
  readonly bare: Side;
  /** Medians of the ratios pair by pair. */
  readonly rateRatio: number;
  readonly cpuRatio: number;
  readonly rateRatios: readonly number[];
  readonly bridgeMaxBytes: number;
  readonly requests: number;
}

export interface Side {
  /** Uplinks a second, median. */
  readonly rate: number;
  /** CPU seconds for 100,000 uplinks, median. */
  readonly cpuPer100k: number;
}

interface Round {
  readonly rate: number;
  readonly cpuPer100k: number;
}

const main = path.resolve(import.meta.dirname, '../../src/main.ts');

export async function mqttDrain(options: DrainOptions, say: (line: string) => void): Promise<DrainResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Child[] = [];
  try {
    const broker = await startBroker(folder, options.window, children);
    const peer = start(process.execPath, [path.join(import.meta.dirname, 'here-peer.ts')]);
    children.push(peer);
    const here = JSON.parse(await peer.line()) as { url: string; email: string; password: string; appIds: string[] };
    const bare = start(process.execPath, [path.join(import.meta.dirname, 'bare-subscriber.ts'), broker, 'bare']);
    children.push(bare);
    await bare.line();
    const bridge = await startWorker(folder, broker, here, options.profileDir, children);
    const rounds: { bare: Round; bridge: Round }[] = [];
    let requests = 0;
    for (let pair = 0; pair <= options.pairs; pair++) {
      await load(broker, 'bare/{DevEUI}/uplink', options);
      const bareRound = await drainBare(bare, options.uplinks);
      await bridge.pause();
      await load(broker, 'mqtt/things/{DevEUI}/uplink', options);
      const before = await statsOf(here.url);
      const bridgeRound = await bridge.drain(options.uplinks, here.url);
      requests = (await statsOf(here.url)).acceptedRequests - before.acceptedRequests;
      // The first pair warms both up: the bridge creates its devices, both compile their code.
      if (pair === 0) continue;
      rounds.push({ bare: bareRound, bridge: bridgeRound });
      say(
        `  pair ${pair}: bridge ${format(bridgeRound)}, bare ${format(bareRound)}, ${(bridgeRound.rate / bareRound.rate).toFixed(2)} of its rate`,
      );
    }
    const rateRatios = rounds.map((round) => round.bridge.rate / round.bare.rate);
    return {
      bridge: side(rounds.map((round) => round.bridge)),
      bare: side(rounds.map((round) => round.bare)),
      rateRatio: median(rateRatios),
      cpuRatio: median(rounds.map((round) => round.bridge.cpuPer100k / round.bare.cpuPer100k)),
      rateRatios,
      bridgeMaxBytes: residentBytes(bridge.pid),
      requests,
    };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startBroker(folder: string, window: number, children: Child[]): Promise<string> {
  const port = await freePort();
  const file = path.join(folder, 'mosquitto.conf');
  const settings = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'log_type error'];
  writeFileSync(file, [...settings, `max_inflight_messages ${window}`, ''].join('\n'));
  children.push(start(findProgram('mosquitto'), ['-c', file]));
  return `mqtt://127.0.0.1:${port}`;
}

interface Worker {
  readonly pid: number;
  pause(): Promise<void>;
  drain(count: number, sandboxUrl: string): Promise<Round>;
}

async function startWorker(
  folder: string,
  broker: string,
  here: { url: string; email: string; password: string; appIds: string[] },
  profileDir: string | undefined,
  children: Child[],
): Promise<Worker> {
  const dataDir = path.join(folder, 'data');
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const config = ['--broker-url', broker, '--here-url', here.url, '--data-dir', dataDir, '--http-port', '0'];
  const child = start(process.execPath, [...profile, main, 'start', ...config, '--log-level', 'warn']);
  children.push(child);
  const adminFile = path.join(dataDir, 'admin.json');
  let admin = { url: '', token: '' };
  const call = async (method: string, route: string, body?: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${admin.url}${route}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  await until('the bridge runs', 20_000, async () => {
    try {
      admin = JSON.parse(readFileSync(adminFile, 'utf8'));
      return ((await call('GET', '/status')) as { ready: boolean }).ready;
    } catch {
      return false;
    }
  });
  const apply = (active: boolean): Promise<unknown> => {
    const { email, password, appIds } = here;
    const configuration = { email, password, appId: appIds[0] };
    return call('PUT', '/connections/bench', {
      connectorId: 'actility-here-iot',
      name: 'bench',
      active,
      configuration,
    });
  };
  const state = async (): Promise<string> => ((await call('GET', '/connections/bench')) as { state: string }).state;
  await apply(true);
  await until('the connection opens', 10_000, async () => (await state()) === 'OPENED');
  await until('it subscribes', 10_000, async () => {
    return ((await call('GET', '/connections/bench')) as { status: { source: { up: boolean } } }).status.source.up;
  });
  return {
    pid: child.pid,
    pause: async () => {
      await apply(false);
      await until('the connection stops', 10_000, async () => (await state()) === 'DEACTIVATED');
    },
    drain: async (count, sandboxUrl) => {
      const target = (await statsOf(sandboxUrl)).acceptedRecords + count;
      const cpu = cpuSeconds(child.pid);
      await apply(true);
      let first = 0;
      let seen = 0;
      await until('the uplinks arrive', 120_000, async () => {
        const { acceptedRecords } = await statsOf(sandboxUrl);
        if (first === 0 && acceptedRecords > target - count) {
          first = performance.now();
          seen = acceptedRecords - (target - count);
        }
        return acceptedRecords >= target;
      });
      const rate = ((count - seen) * 1000) / (performance.now() - first);
      return { rate, cpuPer100k: ((cpuSeconds(child.pid) - cpu) * 100_000) / count };
    },
  };
}

async function drainBare(bare: Child, count: number): Promise<Round> {
  const cpu = cpuSeconds(bare.pid);
  bare.send(`drain ${count}`);
  const { ms } = JSON.parse(await bare.line()) as { ms: number };
  return { rate: (count * 1000) / ms, cpuPer100k: ((cpuSeconds(bare.pid) - cpu) * 100_000) / count };
}

async function load(brokerUrl: string, topicPattern: string, options: DrainOptions): Promise<void> {
  const { devices, uplinks: total, payloadBytes } = options;
  const publisher = startFleetPublisher({
    brokerUrl,
    seed: 1,
    devices,
    ratePerSecond: Number.POSITIVE_INFINITY,
    total,
    payloadBytes,
    topicPattern,
    maxUnacknowledged: 5_000,
    clock: systemClock,
  });
  const hold = setInterval(() => {}, 1000);
  const result = await publisher.done;
  clearInterval(hold);
  if (result.acknowledged !== total) throw new Error(`only ${result.acknowledged} of ${total} uplinks were loaded`);
}

async function statsOf(url: string): Promise<{ acceptedRecords: number; acceptedRequests: number }> {
  const answer = await fetch(`${url}/sandbox/stats`);
  return (await answer.json()) as { acceptedRecords: number; acceptedRequests: number };
}

function side(rounds: readonly Round[]): Side {
  return {
    rate: median(rounds.map((round) => round.rate)),
    cpuPer100k: median(rounds.map((round) => round.cpuPer100k)),
  };
}

function format({ rate, cpuPer100k }: Round): string {
  return `${Math.round(rate)}/s at ${cpuPer100k.toFixed(2)} CPU-s per 100 k`;
}
