// kafka-drain: uplinks of 1.5 KB that wait on one topic of Kafka go through the bridge into the sandbox, against kafkajs's bare
// `eachBatch` that only parses. Kafka, sandbox, bridge and consumer are processes of their own; the two take turns.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  acceptedRecords,
  type Here,
  load,
  makeTopic,
  type Stoppable,
  startKafka,
  startSandbox,
  startWorker,
} from './kafka-stack.ts';
import type { DrainResult, Side } from './mqtt-drain.ts';
import { type Child, cpuSeconds, median, residentBytes, start, until } from './process.ts';

export interface KafkaDrainOptions {
  readonly uplinks: number;
  readonly pairs: number;
  readonly devices: number;
  readonly payloadBytes: number;
  readonly partitions: number;
  /** Writes a CPU profile of the bridge into this folder. */
  readonly profileDir?: string;
}

export type KafkaDrainResult = Omit<DrainResult, 'fullness' | 'busy'>;

interface Round {
  readonly rate: number;
  readonly cpuPer100k: number;
}

const UPLINKS = 'uplinks';
const BARE = 'bare';

export async function kafkaDrain(options: KafkaDrainOptions, say: (line: string) => void): Promise<KafkaDrainResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const brokers = await startKafka(folder, children);
    for (const topic of [UPLINKS, BARE]) await makeTopic(brokers, topic, options.partitions);
    const here = await startSandbox(children);
    const bare = start(process.execPath, [path.join(import.meta.dirname, 'bare-consumer.ts'), brokers, BARE]);
    children.push(bare);
    await bare.line();
    const bridge = await openBridge(folder, brokers, here, options.profileDir, children);
    const rounds: { bare: Round; bridge: Round }[] = [];
    let requests = 0;
    // The first pair warms both up: the bridge creates its devices, both compile their code.
    for (let pair = 0; pair <= options.pairs; pair++) {
      await load(brokers, BARE, options);
      const bareRound = await drainBare(bare, options.uplinks);
      await bridge.pause();
      await load(brokers, UPLINKS, options);
      const before = await acceptedRecords(here);
      const bridgeRound = await bridge.drain(options.uplinks);
      requests = (await acceptedRecords(here)).acceptedRequests - before.acceptedRequests;
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

interface Bridge {
  readonly pid: number;
  pause(): Promise<void>;
  drain(count: number): Promise<Round>;
}

async function openBridge(
  folder: string,
  brokers: string,
  here: Here,
  profileDir: string | undefined,
  children: Stoppable[],
): Promise<Bridge> {
  const settings = {
    brokers: { main: { kind: 'kafka', bootstrap: brokers.split(',') } },
    topics: { prefix: 'bridge' },
  };
  const worker = await startWorker(path.join(folder, 'bridge'), here, settings, children, profileDir);
  const { pid } = worker.child;
  const { email, password, appIds } = here;
  const configuration = { email, password, appId: appIds[0], source: { topics: [UPLINKS] } };
  const apply = (active: boolean): Promise<unknown> =>
    worker.call('PUT', '/connections/bench', {
      connectorId: 'actility-here-iot',
      name: 'bench',
      active,
      configuration,
    });
  const shown = async (): Promise<Shown | null> =>
    (await worker.call('GET', '/connections/bench').catch(() => null)) as Shown | null;
  await apply(true);
  await until('the connection reads', 60_000, async () => {
    const found = await shown();
    return found?.state === 'OPENED' && found.status.source?.up === true;
  });
  return {
    pid,
    pause: async () => {
      await apply(false);
      await until('the connection stops', 30_000, async () => (await shown())?.state === 'DEACTIVATED');
    },
    drain: async (count) => {
      const target = (await acceptedRecords(here)).acceptedRecords + count;
      const cpu = cpuSeconds(pid);
      await apply(true);
      let first = 0;
      let seen = 0;
      await until('the uplinks arrive', 240_000, async () => {
        const found = await acceptedRecords(here);
        if (first === 0 && found.acceptedRecords > target - count) {
          first = performance.now();
          seen = found.acceptedRecords - (target - count);
        }
        return found.acceptedRecords >= target;
      });
      const rate = ((count - seen) * 1000) / (performance.now() - first);
      return { rate, cpuPer100k: ((cpuSeconds(pid) - cpu) * 100_000) / count };
    },
  };
}

interface Shown {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
}

async function drainBare(bare: Child, count: number): Promise<Round> {
  const cpu = cpuSeconds(bare.pid);
  bare.send(`drain ${count}`);
  const { ms } = JSON.parse(await bare.line()) as { ms: number };
  return { rate: (count * 1000) / ms, cpuPer100k: ((cpuSeconds(bare.pid) - cpu) * 100_000) / count };
}

function side(rounds: readonly Round[]): Side {
  return {
    rate: median(rounds.map(({ rate }) => rate)),
    cpuPer100k: median(rounds.map(({ cpuPer100k }) => cpuPer100k)),
  };
}

function format({ rate, cpuPer100k }: Round): string {
  return `${Math.round(rate)}/s at ${cpuPer100k.toFixed(2)} CPU-s per 100 k`;
}
