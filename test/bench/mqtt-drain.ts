// mqtt-drain: uplinks of 1.5 KB that wait in Mosquitto go through the bridge into HERE (`here-peer.ts`), against a bare mqtt.js
// QoS 1 subscriber that only parses. Broker, HERE, bridge and subscriber are processes of their own.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { type Comparison, compare, drainBare, drained, lineOf, type Round } from './drain.ts';
import { type Stoppable, startWorker, type Worker } from './kafka-stack.ts';
import { cpuSeconds, median, residentBytes, start } from './process.ts';
import { ask, openConnection, type Peer, startConnection, startMosquitto, startPeer, stopConnection } from './stack.ts';

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

export interface DrainResult extends Comparison {
  readonly bridgeMaxBytes: number;
  /** Of one round. */
  readonly requests: number;
  /** Requests ÷ the fewest that could have carried the records. */
  readonly fullness: number;
  /** Share of a core that the parts around the bridge took while it drained: near 1, such a part is what is measured. */
  readonly busy: Readonly<Record<string, number>>;
}

interface BridgeRound extends Round {
  readonly requests: number;
  readonly fullness: number;
  readonly busy: readonly number[];
}

interface Stats {
  readonly acceptedRecords: number;
  readonly acceptedRequests: number;
  readonly acceptedBytes: number;
}

/** The bridge's own bounds of a request (docs/configuration.md). */
const MAX_RECORDS = 500;
const MAX_BYTES = 1_000_000;
/** A device that HERE has to make first takes longer than an uplink. */
const DRAIN_MS = 180_000;
const DRAIN_MS_PER_UPLINK = 1;

export async function mqttDrain(options: DrainOptions, say: (line: string) => void): Promise<DrainResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const mosquitto = await startMosquitto(folder, options.window, children);
    const broker = mosquitto.url;
    const here = await startPeer(children);
    const bare = start(process.execPath, [path.join(import.meta.dirname, 'bare-subscriber.ts'), broker, 'bare']);
    children.push(bare);
    await bare.line();
    const brokers = { main: { kind: 'mqtt', url: broker } };
    const worker = await startWorker(folder, here, { brokers }, children, options);
    await openConnection(worker, here);
    const pids = { Mosquitto: mosquitto.pid, 'HERE’s peer': here.pid };
    const rounds: { bare: Round; bridge: BridgeRound }[] = [];
    for (let pair = 0; pair <= options.pairs; pair++) {
      await load(broker, 'bare/{DevEUI}/uplink', options);
      const bareRound = await drainBare(bare, options.uplinks);
      await stopConnection(worker, here);
      await load(broker, 'mqtt/things/{DevEUI}/uplink', options);
      const bridgeRound = await drainBridge(worker, here, options.uplinks, Object.values(pids));
      // The first pair warms both up: the bridge creates its devices, both compile their code.
      if (pair === 0) continue;
      rounds.push({ bare: bareRound, bridge: bridgeRound });
      say(lineOf(pair, { bridge: bridgeRound, bare: bareRound }));
    }
    return {
      ...compare(rounds),
      bridgeMaxBytes: residentBytes(worker.child.pid),
      requests: median(rounds.map((round) => round.bridge.requests)),
      fullness: median(rounds.map((round) => round.bridge.fullness)),
      busy: Object.fromEntries(
        Object.keys(pids).map((part, i) => [part, median(rounds.map((round) => round.bridge.busy[i] as number))]),
      ),
    };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets the connection go on, and waits until HERE has `count` more. `parts`: processes whose share of a core is wanted. */
export async function drainBridge(
  worker: Worker,
  here: Peer,
  count: number,
  parts: readonly number[],
): Promise<BridgeRound> {
  const before = await ask<Stats>(here, '/sandbox/stats');
  const partsBefore = parts.map(cpuSeconds);
  const begunAt = performance.now();
  const records = async (): Promise<number> => (await ask<Stats>(here, '/sandbox/stats')).acceptedRecords;
  const begin = (): void => void startConnection(worker, here);
  const round = await drained(worker.child.pid, count, records, begin, DRAIN_MS + count * DRAIN_MS_PER_UPLINK);
  const seconds = (performance.now() - begunAt) / 1000;
  const now = await ask<Stats>(here, '/sandbox/stats');
  const requests = now.acceptedRequests - before.acceptedRequests;
  const fewest = Math.max(count / MAX_RECORDS, (now.acceptedBytes - before.acceptedBytes) / MAX_BYTES);
  return {
    ...round,
    requests,
    fullness: requests / Math.ceil(fewest),
    busy: parts.map((pid, i) => (cpuSeconds(pid) - (partsBefore[i] as number)) / seconds),
  };
}

/** Resolves when the broker has all of them. */
export async function load(
  brokerUrl: string,
  topicPattern: string,
  options: Pick<DrainOptions, 'devices' | 'payloadBytes' | 'uplinks'>,
): Promise<void> {
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
