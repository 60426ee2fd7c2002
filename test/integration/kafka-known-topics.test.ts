// What a source on Kafka is told of its topics: that one is missing only where it is, and where it begins.
import { expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

const TOPICS = 24;
/** The bridge's own default: what it learns too late it learns a quarter of a minute later. */
const SELDOM = { metadataRefreshMs: 15_000 };

async function produce(topic: string, value: string): Promise<void> {
  const producer = (await kafkaClient()).producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}

describeWith('kafka', 'A source on Kafka', () => {
  test('is up at once and begins now, whenever it comes to the reader of others, and is never told that its topic is missing', async () => {
    const topics = await Promise.all(Array.from({ length: TOPICS }, () => makeTopic(freshName('known'))));
    for (const topic of topics) await produce(topic, 'before');
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers(), SELDOM));
    const listeners: RecordingListener[] = [];
    for (const [at, topic] of topics.entries()) {
      const listener = new RecordingListener();
      listeners.push(listener);
      const source = broker.openSource(
        { clientId: freshName('group'), topics: [topic], expectSession: false },
        listener,
      );
      onTestFinished(() => source.stop());
      source.start();
      // A few at once; then, once those are open, one after the other while the reader looks for and opens the ones before.
      if (at === 3) await until('the first are up', () => listeners.every(({ last }) => last === 'up'), 5_000);
      if (at > 3) await new Promise((resolve) => setTimeout(resolve, at % 4));
    }
    await until('all are up', () => listeners.every(({ last }) => last === 'up'), 5_000);
    expect(listeners.map(({ statuses }) => statuses)).toEqual(topics.map(() => [{ kind: 'up', sessionLost: false }]));
    for (const topic of topics) await produce(topic, 'after');
    await until('all have the news', () => listeners.every(({ texts }) => texts.includes('after')), 10_000);
    expect(listeners.map(({ texts }) => texts)).toEqual(topics.map(() => ['after']));
  });

  test('is told of a topic that is missing when that is certain, and reads it from its beginning once it is made', async () => {
    const topic = freshName('missing');
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers()));
    const listener = new RecordingListener();
    const source = broker.openSource({ clientId: freshName('group'), topics: [topic], expectSession: false }, listener);
    onTestFinished(() => source.stop());
    const began = performance.now();
    source.start();
    await until('it is told', () => listener.last === 'down', 10_000);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(listener.statuses.at(-1)).toMatchObject({ reason: expect.stringContaining(`there is no topic "${topic}"`) });
    await makeTopic(topic);
    await produce(topic, 'first');
    await until('it has the first record', () => listener.texts.includes('first'), 10_000);
    expect(listener.last).toBe('up');
  });

  test('that has been woken a thousand times has left nothing behind', async () => {
    const topic = await makeTopic(freshName('woken'));
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers()));
    const listener = new RecordingListener();
    const source = broker.openSource({ clientId: freshName('group'), topics: [topic], expectSession: false }, listener);
    onTestFinished(() => source.stop());
    source.start();
    await until('it is up', () => listener.last === 'up', 10_000);
    // Who waits for the end of the connection, beyond those that wait already.
    let waiting = 0;
    const prototype = AbortSignal.prototype;
    const { addEventListener, removeEventListener } = prototype;
    vi.spyOn(prototype, 'addEventListener').mockImplementation(function (this: AbortSignal, ...args) {
      waiting += 1;
      addEventListener.apply(this, args);
    });
    vi.spyOn(prototype, 'removeEventListener').mockImplementation(function (this: AbortSignal, ...args) {
      waiting -= 1;
      removeEventListener.apply(this, args);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    for (let n = 0; n < 1_000; n++) {
      source.pause();
      source.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await produce(topic, 'after');
    await until('it still reads', () => listener.texts.includes('after'), 10_000);
    expect(waiting).toBeLessThan(50);
  });
});
