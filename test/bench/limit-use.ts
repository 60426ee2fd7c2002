// limit-use: with a limit of requests a second at HERE, how much of it is used while uplinks wait, and how many requests are
// refused. The bridge is not told the limit: it learns it from HERE's headers and answers.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { type Here, type Stoppable, startWorker } from './kafka-stack.ts';
import { start } from './process.ts';
import { ask, openConnection, startMosquitto } from './stack.ts';

export interface LimitOptions {
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

export interface LimitResult {
  /** Requests that were accepted ÷ those that the limit allows. */
  readonly used: number;
  /** Requests answered 429 ÷ all. */
  readonly refused: number;
}

interface Stats {
  readonly acceptedRequests: number;
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Few, so that the limit of requests is what holds the bridge up. */
const RECORDS = 10;
/** Until the bridge has found the limit. */
const SETTLE_S = 10;

export async function limitUse(options: LimitOptions, say: (line: string) => void): Promise<LimitResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  const { requestsPerSecond, seconds } = options;
  try {
    const broker = (await startMosquitto(folder, 1_000, children)).url;
    const main = path.resolve(import.meta.dirname, '../../src/main.ts');
    const sandbox = start(process.execPath, [
      main,
      'sandbox',
      '--port',
      '0',
      '--rate-limit',
      String(requestsPerSecond),
    ]);
    children.push(sandbox);
    const here = JSON.parse(await sandbox.line()) as Here;
    const services = { sandbox: { url: here.url, maxRecords: RECORDS } };
    const brokers = { main: { kind: 'mqtt', url: broker } };
    const worker = await startWorker(
      folder,
      here,
      { brokers, here: { defaultService: 'sandbox', services } },
      children,
    );
    await openConnection(worker, here);
    const total = requestsPerSecond * RECORDS * (seconds + SETTLE_S + 5);
    const publisher = startFleetPublisher({
      ...{ brokerUrl: broker, seed: 1, devices: 2_000, ratePerSecond: 20_000, total, payloadBytes: 1_500 },
      clock: systemClock,
    });
    await publisher.done;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_S * 1_000));
    const before = await ask<Stats>(here, '/sandbox/stats');
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const after = await ask<Stats>(here, '/sandbox/stats');
    const took = (performance.now() - startedAt) / 1000;
    const accepted = after.acceptedRequests - before.acceptedRequests;
    const limited = refusals(after) - refusals(before);
    const result = { used: accepted / (requestsPerSecond * took), refused: limited / (accepted + limited) };
    say(`  ${accepted} requests accepted, ${limited} refused in ${took.toFixed(1)} s`);
    return result;
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function refusals({ requests }: Stats): number {
  return requests['POST /v3/batch']?.['429'] ?? 0;
}
