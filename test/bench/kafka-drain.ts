// kafka-drain: uplinks of 1.5 KB that wait on one topic of Kafka go through the bridge into the sandbox, against kafkajs's bare
// `eachBatch` that only parses. Kafka, sandbox, bridge and consumer are processes of their own; the two take turns.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Comparison, compare, drainBare, drained, lineOf, type Pair, type Round } from './drain.ts';
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
import { residentBytes, start, until } from './process.ts';

export interface KafkaDrainOptions {
  readonly uplinks: number;
  readonly pairs: number;
  readonly devices: number;
  readonly payloadBytes: number;
  readonly partitions: number;
  /** Writes a CPU profile of the bridge into this folder. */
  readonly profileDir?: string;
}

export interface KafkaDrainResult extends Comparison {
  readonly bridgeMaxBytes: number;
  /** Of one round. */
  readonly requests: number;
}

const UPLINKS = 'uplinks';
const BARE = 'bare';
const DRAIN_MS = 240_000;

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
    const rounds: Pair[] = [];
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
      say(lineOf(pair, { bridge: bridgeRound, bare: bareRound }));
    }
    return { ...compare(rounds), bridgeMaxBytes: residentBytes(bridge.pid), requests };
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
  const worker = await startWorker(path.join(folder, 'bridge'), here, settings, children, { profileDir });
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
    drain: (count) => {
      const records = async (): Promise<number> => (await acceptedRecords(here)).acceptedRecords;
      return drained(pid, count, records, async () => void (await apply(true)), DRAIN_MS);
    },
  };
}

interface Shown {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
}
