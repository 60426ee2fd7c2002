// What is published to Kafka in one turn: each publish hears of its own fate, whatever becomes of those beside it.
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';
import { useSecuredKafka } from '../support/secured-kafka.ts';

const LIMIT = 5_000;

describeWith('kafkaJars', 'Publishes of one turn', () => {
  const { admin, login, at } = useSecuredKafka();

  /** Topics of one test, to which `bridge` may write where `writable`; `small` takes no more than `LIMIT`. */
  async function setUp(run: string) {
    const topic = (word: string): string => `${run}.${word}`;
    const client = admin().admin();
    await client.connect();
    const small = { configEntries: [{ name: 'max.message.bytes', value: String(LIMIT) }] };
    for (const word of ['fine', 'other', 'denied', 'small']) {
      const made = { topic: topic(word), numPartitions: 1, ...(word === 'small' ? small : {}) };
      await client.createTopics({ topics: [made], waitForLeaders: false });
    }
    const allow = (resourceName: string, operation: number) => ({
      ...{ resourceType: 2, resourceName, resourcePatternType: 3, principal: 'User:bridge', host: '*', operation },
      permissionType: 3,
    });
    // Write 4, Describe 8, DescribeConfigs 10.
    const acl = ['fine', 'other', 'small'].flatMap((word) => [allow(topic(word), 4), allow(topic(word), 10)]);
    await client.createAcls({ acl: [...acl, allow(topic('denied'), 8)] });
    await client.disconnect();

    const address = `127.0.0.1:${at.port}`;
    const publisher = createKafkaBroker(kafkaBrokerOptions(address, login('bridge', 'bridge-secret'))).openPublisher(
      {},
    );
    onTestFinished(() => publisher.stop());
    publisher.start();
    // A cluster that has just started cannot give every right at once.
    await until('it publishes', () => publisher.connected, 30_000);
    const warm = async (): Promise<boolean> => {
      await publisher.publish(`${topic('fine')}/k`, 'warm-up');
      return true;
    };
    await expect.poll(() => warm().catch(() => false), { timeout: 30_000, interval: 300 }).toBe(true);

    const down: string[] = [];
    publisher.onStatus(({ up, reason }) => {
      if (!up) down.push(reason ?? '');
    });
    const reader = createKafkaBroker(kafkaBrokerOptions(address, login('admin', 'admin-secret')));
    /** All that is on a topic, in its order. */
    const log = async (word: string): Promise<string[]> => {
      const listener = new RecordingListener();
      const options = { clientId: `${run}-${word}`, expectSession: false, from: 'earliest' as const };
      const source = reader.openSource({ ...options, topics: [topic(word)] }, listener);
      source.start();
      const [{ end } = { end: 0 }] = (await reader.endOffsets?.([topic(word)])) ?? [];
      await until(`all of ${word} is read`, () => listener.texts.length >= end, 20_000);
      await source.stop();
      return listener.texts.filter((text) => text !== 'warm-up');
    };
    const publish = (word: string, value: string): Promise<string> =>
      publisher.publish(`${topic(word)}/k`, value).then(
        () => 'arrived',
        (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
      );
    return { publish, log, down, topic };
  }

  test('that may not go to a topic are refused with its name; those to other topics arrive, once and in order', async () => {
    const { publish, log, down, topic } = await setUp('rights');
    const fates = await Promise.all([
      publish('fine', '1'),
      publish('denied', 'no'),
      publish('other', '1'),
      publish('fine', '2'),
    ]);
    expect(fates).toMatchObject(['arrived', expect.stringContaining('publishRefused'), 'arrived', 'arrived']);
    expect(fates[1]).toContain(`the right Write on topic "${topic('denied')}" is missing`);
    // Whoever comes next is not taken for one of before.
    expect(await Promise.all([publish('fine', '3'), publish('other', '2')])).toEqual(['arrived', 'arrived']);
    expect(await log('fine')).toEqual(['1', '2', '3']);
    expect(await log('other')).toEqual(['1', '2']);
    expect(down).toEqual([]);
  });

  test('of which one is larger than its topic takes: it alone is refused, with its size and the limit', async () => {
    const { publish, log, down, topic } = await setUp('sizes');
    const fates = await Promise.all([
      publish('small', 'before'),
      publish('small', 'x'.repeat(LIMIT + 1)),
      publish('fine', 'x'.repeat(LIMIT + 1)),
      publish('small', 'after'),
    ]);
    expect(fates).toMatchObject(['arrived', expect.stringContaining('publishRefused'), 'arrived', 'arrived']);
    expect(fates[1]).toContain(`topic "${topic('small')}" takes no more than ${LIMIT} bytes (max.message.bytes)`);
    expect(await log('small')).toEqual(['before', 'after']);
    expect(await log('fine')).toHaveLength(1);
    expect(down).toEqual([]);
  });

  test('of which each is small enough, and all together are larger than their topic takes, all arrive in order', async () => {
    const { publish, log } = await setUp('sums');
    const values = Array.from({ length: 40 }, (_, at) => `${at} ${'x'.repeat(LIMIT / 5)}`);
    const fates = await Promise.all(values.map((value) => publish('small', value)));
    expect(new Set(fates)).toEqual(new Set(['arrived']));
    expect(await log('small')).toEqual(values);
  });

  test('of which one goes to a topic that is not there: it alone is refused, with how the topic is made', async () => {
    const { publish, log, down } = await setUp('absent');
    const fates = await Promise.all([publish('fine', '1'), publish('nowhere', 'no'), publish('other', '1')]);
    expect(fates).toMatchObject(['arrived', expect.stringContaining('publishRefused'), 'arrived']);
    expect(fates[1]).toContain('absent.nowhere');
    expect(await log('fine')).toEqual(['1']);
    expect(down).toEqual([]);
  });
});
