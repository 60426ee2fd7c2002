// A real Kafka for tests: that of KAFKA_BROKERS, else one in a container where a container engine answers, else Apache
// Kafka's own server by Java with jars from Maven. One broker serves the whole run: names of topics must be a test's own.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Admin, Kafka } from 'kafkajs';
import { onTestFinished } from 'vitest';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { hasJava, KAFKA_VERSION } from './kafka-jars.ts';
import { kafkaOptions } from './kafka-options.ts';
import { RUN_FOLDER, RUN_PID } from './run-folder.ts';

type Way = 'environment' | 'container' | 'java';

let way: Way | null | undefined;

/** How a Kafka can be had here; null: not at all. */
export function wayToKafka(): Way | null {
  way ??= process.env.KAFKA_BROKERS ? 'environment' : hasContainers() ? 'container' : hasJava() ? 'java' : null;
  return way;
}

function hasContainers(): boolean {
  const image = `apache/kafka:${KAFKA_VERSION}`;
  // An engine that answers but has no image and cannot fetch it is no way.
  if (spawnSync('docker', ['image', 'inspect', image], { timeout: 5_000 }).status === 0) return true;
  return spawnSync('docker', ['pull', '-q', image], { timeout: 120_000 }).status === 0;
}

/** Of a container that fails, and Java after it, on a busy machine. */
export const KAFKA_START_MS = 240_000;
let shared: Promise<string> | null = null;

/** The shared broker's bootstrap addresses, separated by commas; started at the first call of a run. */
export function kafkaBrokers(): Promise<string> {
  shared ??= find();
  return shared;
}

async function find(): Promise<string> {
  const chosen = wayToKafka();
  if (chosen === 'environment') return process.env.KAFKA_BROKERS ?? '';
  const folder = process.env[RUN_FOLDER];
  if (chosen === null || folder === undefined) throw new Error('There is no Kafka here');
  const state = path.join(folder, 'kafka', 'state.json');
  if (begins(path.dirname(state))) {
    const guard = path.join(import.meta.dirname, 'kafka-guard.ts');
    const args = [guard, folder, process.env[RUN_PID] ?? '', chosen];
    spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref();
  }
  for (
    const end = Date.now() + KAFKA_START_MS;
    Date.now() < end;
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    if (!existsSync(state)) continue;
    const { brokers, error } = JSON.parse(readFileSync(state, 'utf8')) as { brokers?: string; error?: string };
    if (brokers !== undefined) return brokers;
    throw new Error(`Kafka (${chosen}) did not start: ${error}`);
  }
  throw new Error(`Kafka (${chosen}) did not start within ${KAFKA_START_MS} ms`);
}

/** True for the one caller of all suites that makes the folder. */
function begins(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

let names = 0;

/** A name for a topic, prefix or group that nothing else of this or another run uses. */
export function freshName(word: string): string {
  names += 1;
  return `${word}-${process.pid}-${Date.now().toString(36)}-${names}`;
}

/** A client of the shared broker. */
export async function kafkaClient(): Promise<Kafka> {
  return createKafkaClient(kafkaOptions(await kafkaBrokers(), { retries: 5 }));
}

async function until(what: string, look: () => Promise<boolean | undefined>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await look()); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (Date.now() > end) throw new Error(`Not within 20 s: ${what}`);
  }
}

/** Resolves when a topic can be written to and read. kafkajs's own waiting gives up at once while the brokers do not all know of it. */
export async function hasLeaders(admin: Admin, topic: string): Promise<void> {
  await until(`"${topic}" has leaders`, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
    return topics[0]?.partitions.every(({ leader }) => leader >= 0);
  });
}

/** Makes a topic; gone with the present test. */
export async function makeTopic(
  name: string,
  options: { readonly partitions?: number; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const admin = (await kafkaClient()).admin();
  await admin.connect();
  const configEntries = Object.entries(options.settings ?? {}).map(([key, value]) => ({ name: key, value }));
  await admin.createTopics({
    topics: [{ topic: name, numPartitions: options.partitions ?? 1, configEntries }],
    waitForLeaders: false,
  });
  await hasLeaders(admin, name);
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [name] }).catch(() => {});
    await admin.disconnect();
  });
  return name;
}

/**
 * Resolves when the broker has heard of it: until then it shows the old topic, and takes records for it that are lost, to one who
 * has made it anew.
 */
export async function deleteTopic(topic: string): Promise<void> {
  const admin = (await kafkaClient()).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await until(`"${topic}" is gone`, async () => !(await admin.listTopics()).includes(topic));
  await admin.disconnect();
}

/** Resolves when all of the partitions that the topic has by then can be written to and read. */
export async function addPartitions(topic: string, count: number): Promise<void> {
  const admin = (await kafkaClient()).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic, count }] });
  await until(`"${topic}" has ${count} partitions`, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.filter(({ leader }) => leader >= 0).length === count;
  });
  await admin.disconnect();
}
