// A publisher of Kafka that loses its connection after Kafka has taken what was published, and before it could say so.
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { hasLeaders } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { useProxiedKafka } from '../support/proxied-kafka.ts';
import { describeWith } from '../support/requirements.ts';

const RECORDS = 60;
const PARTITIONS = 3;

describeWith('kafkaJars', 'A connection cut between the append and its answer', () => {
  const kafka = useProxiedKafka();

  /** Publishes, takes the answers away until all is appended, cuts, publishes more, and lets it connect again after `awayMs`. */
  async function cutBeforeAnswers(topic: string, awayMs: number) {
    const { proxy, proxied, direct, admin } = kafka();
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: false });
    await hasLeaders(admin, topic);
    const publisher = createKafkaBroker(
      kafkaBrokerOptions(proxied, { publish: { timeoutMs: 30_000 }, connectTimeoutMs: 2_000 }),
    ).openPublisher({});
    onTestFinished(() => publisher.stop());
    publisher.start();
    await until('it is connected', () => publisher.connected, 20_000);
    const publish = (words: string): Promise<unknown> =>
      Promise.all(
        Array.from({ length: RECORDS }, (_, at) => publisher.publish(topic, `${words} ${at}`, { key: `k${at % 7}` })),
      );
    await publish('before');

    const appended = async (): Promise<number> => {
      const ends = await admin.fetchTopicOffsets(topic);
      return ends.reduce((sum, { high }) => sum + Number(high), 0);
    };
    proxy.holdAnswers();
    let isAnswered = false;
    const doubtful = publish('doubtful').then(() => {
      isAnswered = true;
    });
    await expect.poll(appended, { timeout: 20_000 }).toBe(2 * RECORDS);
    expect(isAnswered).toBe(false);
    proxy.refuse(true);
    proxy.cut();
    // Of another number of records, so that they cannot be taken for those in doubt.
    const more = Promise.all([publish('after'), publisher.publish(topic, 'last', { key: 'k1' })]);
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    proxy.refuse(false);
    await Promise.all([doubtful, more]);

    const listener = new RecordingListener();
    const source = createKafkaBroker(kafkaBrokerOptions(direct)).openSource(
      { clientId: `${topic}-reader`, topics: [topic], expectSession: false, from: 'earliest' },
      listener,
    );
    source.start();
    onTestFinished(() => source.stop());
    const count = await appended();
    await until('all is read', () => listener.messages.length >= count, 20_000);
    const byKey = Map.groupBy(listener.messages, (message) => message.topic);
    return new Map([...byKey].map(([key, messages]) => [key, messages.map(({ payload }) => payload.toString())]));
  }

  const numbers = Array.from({ length: RECORDS }, (_, at) => at);
  const expected = (topic: string) =>
    new Map(
      numbers.slice(0, 7).map((key) => {
        const values = ['before', 'doubtful', 'after'].flatMap((words) =>
          numbers.filter((at) => at % 7 === key).map((at) => `${words} ${at}`),
        );
        return [`${topic}/k${key}`, key === 1 ? [...values, 'last'] : values];
      }),
    );

  for (const [words, awayMs] of [
    ['a moment', 0],
    ['longer than the attempts of one request', 6_000],
  ] as const) {
    test(`for ${words} leaves no record twice, none missing, and each key’s in order`, async () => {
      const topic = `cut-${awayMs}`;
      const found = await cutBeforeAnswers(topic, awayMs);
      expect(new Map([...found].sort())).toEqual(new Map([...expected(topic)].sort()));
    });
  }
});
