// How ownership finds or makes its topic, against a model of Kafka's administration and on a clock of our own.
import type { Kafka } from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { KafkaOwnership } from '../../src/brokers/kafka-ownership.ts';
import { ManualClock } from '../support/manual-clock.ts';

const TOPIC = 'bridge.ownership';

/** Its topic is not there; each attempt to make it, or to look at it, ends as the test says. */
class ModelAdmin {
  making: (Error | null)[] = [];
  looking: (Error | null)[] = [];
  made = 0;
  waitedForLeaders: boolean | undefined;

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async listTopics(): Promise<string[]> {
    return this.made > 0 ? [TOPIC] : [];
  }
  async createTopics({ waitForLeaders }: { readonly waitForLeaders?: boolean }): Promise<boolean> {
    this.waitedForLeaders = waitForLeaders;
    const error = this.making.shift() ?? null;
    if (error !== null) throw error;
    this.made += 1;
    return true;
  }
  async fetchTopicMetadata() {
    const error = this.looking.shift() ?? null;
    if (error !== null) throw error;
    return { topics: [{ name: TOPIC, partitions: Array.from({ length: 64 }, () => ({})) }] };
  }
}

const refusal = (type: string, message: string): Error =>
  Object.assign(new Error('Topic errors'), { errors: [Object.assign(new Error(message), { type })] });

async function find(admin: ModelAdmin) {
  const clock = new ManualClock();
  const told: string[] = [];
  const stopping = new AbortController();
  const ownership = new KafkaOwnership({
    // The group itself is another test's: this cluster cannot be reached.
    kafka: { admin: () => admin } as unknown as Kafka,
    ...{ topic: TOPIC, partitionsWhenMade: 64, createTopics: true, replicationFactor: null, bootstrap: ['kafka:9092'] },
    ...{ sessionTimeoutMs: 6_000, heartbeatMs: 1_000, clock, chance: { random: () => 0.5, uuid: () => 'id' } },
  });
  const listener = {
    onGained: () => {},
    onLost: async () => {},
    onConfirmed: () => {},
    onTrouble: (trouble: { reason: string; fatal: boolean } | null) => {
      told.push(trouble === null ? 'mended' : `${trouble.fatal ? 'fatal' : 'passing'}: ${trouble.reason}`);
    },
  };
  const started = ownership.start(listener, stopping.signal).catch(() => {});
  onTestFinished(async () => {
    stopping.abort();
    await started;
    await ownership.stop();
  });
  const wait = async (ms: number): Promise<void> => {
    for (let n = 0; n < 20; n++) await Promise.resolve();
    await clock.advance(ms);
    for (let n = 0; n < 20; n++) await Promise.resolve();
  };
  await wait(0);
  return { ownership, told, wait };
}

test('a topic that was made just now is looked at again after a second, without a word', async () => {
  const admin = new ModelAdmin();
  admin.looking = [Object.assign(new Error('not hosted'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })];
  const { ownership, told, wait } = await find(admin);
  expect(admin.waitedForLeaders).toBe(false);
  expect(ownership.partitions).toBe(0);
  await wait(1_000);
  expect(ownership.partitions).toBe(64);
  expect(told).toEqual([]);
});

test('what passes by itself is tried again after a second, and told when it does not pass', async () => {
  const admin = new ModelAdmin();
  admin.making = Array.from({ length: 3 }, () => refusal('NOT_CONTROLLER', 'another is the controller'));
  const { ownership, told, wait } = await find(admin);
  expect(told).toEqual([]);
  await wait(1_000);
  await wait(1_000);
  expect(told).toEqual([expect.stringMatching(/^passing: /), expect.stringMatching(/^passing: /)]);
  await wait(1_000);
  expect(ownership.partitions).toBe(64);
  expect(told.at(-1)).toBe('mended');
});

test('what only a person can mend is told at once with the command, and tried again after half a minute', async () => {
  const admin = new ModelAdmin();
  admin.making = [refusal('TOPIC_AUTHORIZATION_FAILED', 'not allowed')];
  const { ownership, told, wait } = await find(admin);
  expect(told).toEqual([expect.stringMatching(/^fatal: .*"bridge\.ownership".*cannot be made.*Make it: kafka-topics/)]);
  await wait(29_000);
  expect(ownership.partitions).toBe(0);
  await wait(1_000);
  expect(ownership.partitions).toBe(64);
  expect(told.at(-1)).toBe('mended');
});
