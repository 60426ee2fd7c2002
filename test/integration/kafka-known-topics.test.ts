// What a source on Kafka is told of its topics: that one is missing only where it is, and where it begins.
import { expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { addPartitions, freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

const TOPICS = 24;
/** The bridge's own default: what it learns too late it learns a quarter of a minute later. */
const SELDOM = { metadataRefreshMs: 15_000 };

/** An hour: only what happens to the reader's sources makes it look. */
const NEVER = { metadataRefreshMs: 3_600_000 };

async function produce(topic: string, value: string, partition?: number): Promise<void> {
  const producer = (await kafkaClient()).producer();
  await producer.connect();
  await producer.send({ topic, messages: [partition === undefined ? { value } : { value, partition }] });
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

  test('takes what a partition that was added has had before it was noticed, from its beginning, and none of it twice', async () => {
    const topic = await makeTopic(freshName('grown'));
    await produce(topic, 'before');
    const brokers = await kafkaBrokers();
    const group = freshName('group');
    const open = (
      clientId: string,
      options: typeof NEVER,
      broker = createKafkaBroker(kafkaBrokerOptions(brokers, options)),
    ) => {
      const listener = new RecordingListener();
      const source = broker.openSource({ clientId, topics: [topic], expectSession: false }, listener);
      onTestFinished(() => source.stop());
      source.start();
      return { broker, listener, source };
    };
    const first = open(group, NEVER);
    await until('it is up', () => first.listener.last === 'up');
    await addPartitions(topic, 2);
    for (const value of ['early', 'early too']) await produce(topic, value, 1);
    await produce(topic, 'known', 0);
    await until('it has what came to the one that it knows', () => first.listener.texts.includes('known'));
    expect(first.listener.texts).toEqual(['known']);
    // The reader of both looks at the topic for the one that has come; that one begins now, in both partitions.
    const other = open(freshName('group'), NEVER, first.broker);
    await until('it has all of the new one', () => first.listener.texts.includes('early too'));
    await until('the other is up', () => other.listener.last === 'up');
    await produce(topic, 'late', 1);
    await until('both have the last', () => [first, other].every(({ listener }) => listener.texts.includes('late')));
    expect(first.listener.texts).toEqual(['known', 'early', 'early too', 'late']);
    expect(other.listener.texts).toEqual(['late']);
    await first.source.stop();
    // Where it stands in the new one was committed as well.
    const again = open(group, NEVER);
    await until('it is up again', () => again.listener.last === 'up');
    for (const partition of [0, 1]) await produce(topic, `end ${partition}`, partition);
    await until('it has the ends', () => again.listener.texts.length >= 2);
    expect(again.listener.texts.toSorted()).toEqual(['end 0', 'end 1']);
  }, 60_000);

  test('that is left takes what there is and nothing that comes later; what its successor reads too is its successor’s at once', async () => {
    const [both, old] = [await makeTopic(freshName('both')), await makeTopic(freshName('old'))];
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers()));
    const clientId = freshName('group');
    const open = (topics: readonly string[]) => {
      const listener = new RecordingListener();
      const source = broker.openSource({ clientId, topics, expectSession: false, from: 'earliest' }, listener);
      onTestFinished(() => source.stop());
      source.start();
      return { listener, source };
    };
    const former = open([both, old]);
    await until('the former is up', () => former.listener.last === 'up');
    former.source.pause();
    await produce(old, 'waits');
    const next = open([both]);
    await until('the next is up', () => next.listener.last === 'up');
    former.source.unsubscribe();
    await produce(both, 'later');
    await until('the next has it', () => next.listener.texts.includes('later'));
    // It asks for the ends with its next turn.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await produce(old, 'too late');
    former.source.resume();
    await until('the former has what waited', () => former.listener.texts.includes('waits'));
    for (const value of ['a', 'b', 'c']) {
      await produce(both, value);
      await produce(old, value);
    }
    await until('the next has all', () => next.listener.texts.includes('c'));
    expect(next.listener.texts).toEqual(['later', 'a', 'b', 'c']);
    expect(former.listener.texts).toEqual(['waits']);
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
