// What the benchmarks on Kafka run against: Apache Kafka (that of KAFKA_BROKERS, else its own server by Java), the sandbox and
// a bridge, each a process of its own.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import kafkajs, { type Kafka } from 'kafkajs';
import { directoriesUnder } from '../../src/bridge/directories.ts';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { createPaddedFleet } from '../../src/sandbox/fleet/padding.ts';
import { runFleet } from '../../src/sandbox/fleet/run.ts';
import { freePort } from '../support/free-port.ts';
import { formatKafka, kafkaProperties, runKafka } from '../support/kafka-jars.ts';
import { kafkaOptions } from '../support/kafka-options.ts';
import { type Child, start, until } from './process.ts';

const main = path.resolve(import.meta.dirname, '../../src/main.ts');
const START_MS = 300_000;

export interface Stoppable {
  stop(): Promise<void>;
}

/** Bootstrap addresses, separated by commas. `children` are to be stopped, the last first. */
export async function startKafka(folder: string, children: Stoppable[]): Promise<string> {
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined && given !== '') return given;
  const port = await freePort();
  const store = path.join(folder, 'kafka');
  formatKafka(store, kafkaProperties(port, await freePort()));
  const server = runKafka(store);
  children.push({
    stop: async () => {
      server.kill();
      await server.exited;
    },
  });
  const brokers = `127.0.0.1:${port}`;
  const kafka = client(brokers);
  await until('Kafka answers', START_MS, async () => {
    const admin = kafka.admin();
    try {
      await admin.connect();
      await admin.fetchOffsets({ groupId: 'warm-up' });
      return true;
    } catch {
      return false;
    } finally {
      await admin.disconnect();
    }
  });
  return brokers;
}

export function client(brokers: string): Kafka {
  return createKafkaClient(kafkaOptions(brokers, { retries: 8 }));
}

export async function makeTopic(brokers: string, topic: string, numPartitions: number): Promise<void> {
  const admin = client(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: false });
  await until(`"${topic}" has leaders`, 20_000, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
    return topics[0]?.partitions.every(({ leader }) => leader >= 0) ?? false;
  });
  await admin.disconnect();
}

export interface Here {
  readonly url: string;
  readonly email: string;
  readonly password: string;
  readonly appIds: readonly string[];
}

export async function startSandbox(children: Stoppable[]): Promise<Here> {
  const sandbox = start(process.execPath, [main, 'sandbox', '--port', '0']);
  children.push(sandbox);
  return JSON.parse(await sandbox.line()) as Here;
}

export async function acceptedRecords(here: Here): Promise<{ acceptedRecords: number; acceptedRequests: number }> {
  // A connection of its own: one that was kept may just be closing.
  const answer = await fetch(`${here.url}/sandbox/stats`, { headers: { connection: 'close' } });
  return (await answer.json()) as { acceptedRecords: number; acceptedRequests: number };
}

export interface Worker {
  readonly child: Child;
  call(method: string, route: string, body?: unknown): Promise<unknown>;
}

export interface WorkerOptions {
  /** Writes a CPU profile of it there. */
  readonly profileDir?: string | undefined;
  /** What Node is told before the program. */
  readonly nodeArgs?: readonly string[];
  /** In place of the sources. */
  readonly program?: string;
}

/** A bridge with all of it on Kafka (`brokers`), or as `settings` say; resolves when it is ready. */
export async function startWorker(
  folder: string,
  here: Here,
  settings: Readonly<Record<string, unknown>>,
  children: Stoppable[],
  { profileDir, nodeArgs = [], program = main }: WorkerOptions = {},
): Promise<Worker> {
  const dataDir = path.join(folder, 'data');
  mkdirSync(dataDir, { recursive: true });
  const file = path.join(folder, 'config.json');
  const services = { sandbox: { url: here.url } };
  const rest = { http: { port: 0 }, log: { level: 'warn' } };
  writeFileSync(file, JSON.stringify({ dataDir, here: { defaultService: 'sandbox', services }, ...rest, ...settings }));
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const child = start(process.execPath, [...profile, ...nodeArgs, program, 'start', '--config', file], {
    HERE_BRIDGE_SECRETS_KEY: 'ab'.repeat(32),
  });
  children.push(child);
  const call = async (method: string, route: string, body?: unknown): Promise<unknown> => {
    const admin = adminOf(dataDir);
    const headers = { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json', connection: 'close' };
    const answer = await fetch(`${admin.url}${route}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  await until('the bridge runs', 120_000, async () => {
    try {
      return ((await call('GET', '/status')) as { ready: boolean }).ready;
    } catch {
      return false;
    }
  });
  return { child, call };
}

/** A worker of a cluster has a folder of its own. */
export function adminOf(dataDir: string): { readonly url: string; readonly token: string } {
  const [folder = dataDir] = directoriesUnder(dataDir);
  return JSON.parse(readFileSync(path.join(folder, 'admin.json'), 'utf8'));
}

export interface Load {
  readonly devices: number;
  readonly uplinks: number;
  readonly payloadBytes: number;
  /** As fast as Kafka takes them, by default. */
  readonly ratePerSecond?: number;
}

/** Resolves when Kafka has all of them, keyed by device. */
export async function load(brokers: string, topic: string, options: Load): Promise<void> {
  const { devices, uplinks: total, payloadBytes, ratePerSecond = Number.POSITIVE_INFINITY } = options;
  const fleet = createPaddedFleet({ seed: 1, devices, payloadBytes });
  const producer = client(brokers).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  let waiting: { key: string; value: string | Buffer; done: (error: Error | null) => void }[] = [];
  let isSending = false;
  const send = async (): Promise<void> => {
    isSending = true;
    await Promise.resolve();
    while (waiting.length > 0) {
      const messages = waiting;
      waiting = [];
      await producer.send({ topic, acks: -1, messages });
      for (const { done } of messages) done(null);
    }
    isSending = false;
  };
  const run = runFleet({
    fleet,
    publish: ({ devEui, payload }, done) => {
      waiting.push({ key: devEui, value: payload, done });
      if (!isSending) void send();
    },
    ratePerSecond,
    total,
    maxUnacknowledged: 400,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const hold = setInterval(() => {}, 1000);
  const result = await run.done;
  clearInterval(hold);
  await producer.disconnect();
  if (result.acknowledged !== total) throw new Error(`only ${result.acknowledged} of ${total} uplinks were loaded`);
}
