// limit-use: with a limit of requests a second at HERE, how much of it is used while uplinks wait, and how many requests are
// refused. The bridge is not told the limit: it learns it from HERE's headers and answers.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { type Stoppable, startWorker } from './kafka-stack.ts';
import { limitUsed, openConnection, startLimitedSandbox, startMosquitto } from './stack.ts';

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
    const here = await startLimitedSandbox(requestsPerSecond, children);
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
    const { accepted, limited, seconds: took } = await limitUsed(here, seconds);
    const result = { used: accepted / (requestsPerSecond * took), refused: limited / (accepted + limited) };
    say(`  ${accepted} requests accepted, ${limited} refused in ${took.toFixed(1)} s`);
    return result;
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
