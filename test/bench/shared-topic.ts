// shared-topic: many connections of one process on one topic of Kafka, each with the devices of its own, against one connection
// that takes all of them. The same uplinks, the same records to the sandbox: the difference is what sharing costs.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { devEuiOf, euiPrefixOf } from '../../src/sandbox/fleet/fleet.ts';
import {
  acceptedRecords,
  type Here,
  load,
  makeTopic,
  type Stoppable,
  startKafka,
  startSandbox,
  startWorker,
  type Worker,
} from './kafka-stack.ts';
import { cpuSeconds, median, residentBytes, until } from './process.ts';

export interface SharedTopicOptions {
  readonly connections: number;
  readonly uplinks: number;
  readonly devices: number;
  readonly payloadBytes: number;
  readonly partitions: number;
  /** Of each kind; they take turns. */
  readonly rounds: number;
  /** As fast as Kafka takes them, by default. */
  readonly ratePerSecond?: number;
  readonly profileDir?: string;
}

export interface SharedTopicResult {
  readonly one: Side;
  readonly many: Side;
  /** CPU time of many ÷ that of one, median over the rounds. */
  readonly cpuRatio: number;
  readonly cpuRatios: readonly number[];
  readonly rateRatio: number;
  /** Ledgers of the many that are not exact. */
  readonly inexact: number;
}

interface Side {
  readonly cpuPer100k: number;
  readonly rate: number;
  readonly bytes: number;
  readonly requests: number;
}

const CONNECTOR = 'actility-here-iot';
const AT_ONCE = 20;

export async function sharedTopic(
  options: SharedTopicOptions,
  say: (line: string) => void,
): Promise<SharedTopicResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const brokers = await startKafka(folder, children);
    const here = await startSandbox(children);
    const bench: Bench[] = [];
    for (const count of [1, options.connections]) {
      bench.push(await open(folder, brokers, here, count, options, children));
    }
    const rounds: Side[][] = [];
    // The first warms up: devices are created, code is compiled.
    for (let round = 0; round <= options.rounds; round++) {
      const sides: Side[] = [];
      for (const each of bench) sides.push(await each.round());
      if (round === 0) continue;
      rounds.push(sides);
      say(`  round ${round}: ${sides.map(format).join(' | ')}`);
    }
    const inexact = (await bench[1]?.inexact()) ?? 0;
    const pick = (at: number): Side => summary(rounds.map((sides) => sides[at] as Side));
    const ratios = (of: (side: Side) => number) => rounds.map(([one, many]) => of(many as Side) / of(one as Side));
    const cpuRatios = ratios(({ cpuPer100k }) => cpuPer100k);
    const rateRatio = median(ratios(({ rate }) => rate));
    return { one: pick(0), many: pick(1), cpuRatio: median(cpuRatios), cpuRatios, rateRatio, inexact };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Bench {
  round(): Promise<Side>;
  /** How many ledgers do not say what they must. */
  inexact(): Promise<number>;
}

async function open(
  folder: string,
  brokers: string,
  here: Here,
  count: number,
  options: SharedTopicOptions,
  children: Stoppable[],
): Promise<Bench> {
  const topic = `uplinks-${count}`;
  await makeTopic(brokers, topic, options.partitions);
  const broker = { kind: 'kafka', bootstrap: brokers.split(',') };
  const settings = { brokers: { main: broker }, topics: { prefix: `bridge-${count}` } };
  const home = path.join(folder, String(count));
  const worker = await startWorker(home, here, settings, children, options);
  const prefix = euiPrefixOf({ seed: 1 });
  const each = Math.ceil(options.devices / count);
  const define = async (at: number): Promise<void> => {
    const devices = Array.from({ length: Math.min(each, options.devices - at * each) }, (_, i) => at * each + i);
    const matchers =
      count === 1 ? [] : devices.map((i) => ({ type: 'key', key: `lora:${devEuiOf(prefix, i).toLowerCase()}` }));
    const { email, password, appIds } = here;
    const source = { topics: [topic], matchers };
    const configuration = { email, password, appId: appIds[0], source };
    await worker.call('PUT', `/connections/c${at}`, { connectorId: CONNECTOR, name: `c${at}`, configuration });
  };
  for (let at = 0; at < count; at += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, i) => define(at + i)));
  }
  for (let at = 0; at < count; at++) {
    await until(`connection ${at} reads`, 120_000, async () => {
      // "No worker serves it yet" is an error.
      const found = (await worker.call('GET', `/connections/c${at}`).catch(() => null)) as Shown | null;
      return found?.state === 'OPENED' && found.status.source?.up === true;
    });
  }
  let sent = 0;
  return {
    round: async () => {
      const { uplinks } = options;
      const before = await acceptedRecords(here);
      const cpu = cpuSeconds(worker.child.pid);
      const startedAt = performance.now();
      await load(brokers, topic, options);
      sent += uplinks;
      const wanted = before.acceptedRecords + uplinks;
      await until('the uplinks arrive', 120_000, async () => (await acceptedRecords(here)).acceptedRecords >= wanted);
      const rate = (uplinks * 1000) / (performance.now() - startedAt);
      const requests = (await acceptedRecords(here)).acceptedRequests - before.acceptedRequests;
      await settled(worker, count, sent);
      const cpuPer100k = ((cpuSeconds(worker.child.pid) - cpu) * 100_000) / uplinks;
      return { cpuPer100k, rate, requests, bytes: residentBytes(worker.child.pid) };
    },
    inexact: async () => {
      let wrong = 0;
      for (let at = 0; at < count; at++) {
        // HERE has all of them; the last are being booked.
        for (let look = 0; look < LOOKS && !(await isExact(worker, at, sent, count)); look++) await pause(LOOK_MS);
        if (!(await isExact(worker, at, sent, count))) wrong += 1;
      }
      return wrong;
    },
  };
}

const LOOKS = 20;
const LOOK_MS = 100;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function isExact(worker: Worker, at: number, sent: number, count: number): Promise<boolean> {
  const { ledger } = (await worker.call('GET', `/connections/c${at}`)) as Shown;
  const own = sent / count;
  return ledger?.received === sent && ledger.delivered === own && (ledger.filtered.noMatch ?? 0) === sent - own;
}

interface Shown {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
  readonly ledger: {
    readonly received: number;
    readonly delivered: number;
    readonly filtered: { readonly noMatch?: number };
  } | null;
}

/** The others have counted what was not for them. */
async function settled(worker: Worker, count: number, sent: number): Promise<void> {
  await until('all is counted', 300_000, async () => {
    const { ledger } = (await worker.call('GET', `/connections/c${count - 1}`)) as Shown;
    return (ledger?.received ?? 0) >= sent;
  });
}

function summary(sides: readonly Side[]): Side {
  const of = (pick: (side: Side) => number): number => median(sides.map(pick));
  return {
    cpuPer100k: of(({ cpuPer100k }) => cpuPer100k),
    rate: of(({ rate }) => rate),
    bytes: of(({ bytes }) => bytes),
    requests: of(({ requests }) => requests),
  };
}

function format({ cpuPer100k, rate, requests, bytes }: Side): string {
  return `${cpuPer100k.toFixed(2)} CPU-s per 100 k, ${Math.round(rate)}/s, ${requests} requests, ${Math.round(bytes / 1e6)} MB`;
}
