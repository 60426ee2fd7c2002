// live-latency: 500 uplinks a second from 5,000 devices; how long after its publication HERE has a record.
//
// An uplink's own time is the moment of its publication in milliseconds, and the record carries it; HERE's peer compares it
// with its clock when the batch is complete. So a figure is up to 1 ms more than what passed.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { type Here, type Stoppable, startWorker } from './kafka-stack.ts';
import { median } from './process.ts';
import { ask, openConnection, startMosquitto, startPeer } from './stack.ts';

export interface LatencyOptions {
  readonly ratePerSecond: number;
  readonly devices: number;
  readonly seconds: number;
  /** Medians of so many. */
  readonly rounds: number;
}

export interface LatencyResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p99sMs: readonly number[];
}

interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export async function liveLatency(options: LatencyOptions, say: (line: string) => void): Promise<LatencyResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const broker = (await startMosquitto(folder, 20, children)).url;
    const here = await startPeer(children);
    const worker = await startWorker(folder, here, { brokers: { main: { kind: 'mqtt', url: broker } } }, children);
    await openConnection(worker, here);
    const rounds: Latencies[] = [];
    // The first round creates the devices and compiles the code.
    for (let round = 0; round <= options.rounds; round++) {
      const latencies = await publish(broker, here, options);
      if (round === 0) continue;
      rounds.push(latencies);
      say(`  round ${round}: p50 ${latencies.p50.toFixed(1)} ms, p99 ${latencies.p99.toFixed(1)} ms`);
    }
    const p99sMs = rounds.map(({ p99 }) => p99);
    return { p50Ms: median(rounds.map(({ p50 }) => p50)), p99Ms: median(p99sMs), p99sMs };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(broker: string, here: Here, options: LatencyOptions): Promise<Latencies> {
  await ask(here, '/peer/latencies');
  const { ratePerSecond, devices, seconds } = options;
  const total = ratePerSecond * seconds;
  const publisher = startFleetPublisher({
    ...{ brokerUrl: broker, seed: 1, devices, ratePerSecond, total, payloadBytes: 1_500, clock: systemClock },
  });
  const { acknowledged } = await publisher.done;
  if (acknowledged !== total) throw new Error(`only ${acknowledged} of ${total} uplinks were published`);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const latencies = await ask<Latencies>(here, '/peer/latencies');
  if (latencies.count < total) throw new Error(`only ${latencies.count} of ${total} records came`);
  return latencies;
}
