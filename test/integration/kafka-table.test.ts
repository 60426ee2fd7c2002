// A table on Kafka: the whole topic is read before anything of it is handed out, and only what counts is.
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { withWire } from '../../src/brokers/kafka-link.ts';
import { RecordingTable, until } from '../brokers/outside.ts';
import { deleteTopic, freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { describeWith } from '../support/requirements.ts';

const KEYS = 1_000;
const ROUNDS = 3;
/** Three rounds are more than two fetches of 4 MiB bring. */
const PADDING = 'x'.repeat(3_000);
/** Every tenth ends as deleted. */
const isDeleted = (key: number): boolean => key % 10 === 0;

/** Writes down the order of what comes. */
class OrderedTable extends RecordingTable {
  readonly order: string[] = [];

  override onRecord(key: string, value: Buffer | null): void {
    super.onRecord(key, value);
    this.order.push(value === null ? `${key} is gone` : `${key} ${value.toString().split(' ', 1)[0]}`);
  }

  override onSnapshot(keys: ReadonlySet<string>): void {
    super.onSnapshot(keys);
    this.order.push('snapshot');
  }
}

async function open(prefix: string, more: Parameters<typeof kafkaBrokerOptions>[1] = {}): Promise<OrderedTable> {
  const listener = new OrderedTable();
  const table = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers(), more)).openTable(
    { prefix, settleMs: 0 },
    listener,
  );
  onTestFinished(() => table.stop());
  table.start();
  return listener;
}

/** Sends records of one topic in their order. */
async function writer(topic: string) {
  const producer = (await kafkaClient()).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  return (messages: readonly { key: string; value: string | null }[]) =>
    producer.send({ topic, messages: [...messages] });
}

async function topicId(topic: string): Promise<string | null> {
  const options = kafkaBrokerOptions(await kafkaBrokers());
  return withWire(options, new AbortController().signal, async (wire) => {
    const { brokers } = await wire.call(null, 'Metadata', { topics: [topic], allowAutoTopicCreation: false });
    wire.learn(brokers);
    return (await wire.topicIds(brokers[0]?.nodeId ?? -1, [topic])).get(topic) ?? null;
  });
}

describeWith('kafka', 'A table on Kafka', () => {
  test('is read to its end before anything is handed out, and then the latest of each key comes once', async () => {
    const topic = await makeTopic(freshName('table'), { settings: { 'cleanup.policy': 'compact' } });
    const write = await writer(topic);
    const last = ROUNDS - 1;
    for (let round = 0; round < ROUNDS; round++) {
      const messages = Array.from({ length: KEYS }, (_, key) => {
        const value = round === last && isDeleted(key) ? null : `round-${round} ${PADDING}`;
        return { key: `k${key}`, value };
      });
      for (let at = 0; at < KEYS; at += 250) await write(messages.slice(at, at + 250));
    }
    const listener = await open(topic);
    await until('the snapshot has come', () => listener.snapshots.length > 0, 30_000);
    await write([{ key: 'k0', value: 'after' }]);
    await until('what came later has come', () => listener.order.at(-1) === 'k0 after', 20_000);
    const keys = Array.from({ length: KEYS }, (_, key) => key);
    expect(listener.order).toEqual([
      ...keys.map((key) => (isDeleted(key) ? `k${key} is gone` : `k${key} round-${last}`)),
      'snapshot',
      'k0 after',
    ]);
    const present = keys.filter((key) => !isDeleted(key)).map((key) => `k${key}`);
    expect(listener.snapshots).toEqual([present.sort()]);
    expect(listener.statuses).toEqual([{ up: true }]);
  }, 60_000);

  test('of two partitions hands out nothing, says what to do, and is read once that is done', async () => {
    const topic = await makeTopic(freshName('table'), { partitions: 2 });
    const write = await writer(topic);
    await write(Array.from({ length: 8 }, (_, n) => ({ key: `k${n}`, value: 'split' })));
    const listener = await open(topic, { reconnect: { minMs: 20, maxMs: 200, refusedMs: 200 } });
    await until('it is told three times', () => listener.statuses.length >= 3, 20_000);
    expect(listener.statuses[0]).toMatchObject({ up: false, fatal: true });
    const [bootstrap] = (await kafkaBrokers()).split(',');
    const how = `kafka-topics.sh --bootstrap-server ${bootstrap}`;
    expect(listener.statuses[0]?.reason).toContain('has 2 partitions and must have exactly one');
    expect(listener.statuses[0]?.reason).toContain(
      `save its records, then: ${how} --delete --topic ${topic} && ${how} --create --topic ${topic} --partitions 1 --config cleanup.policy=compact`,
    );
    expect(listener.order).toEqual([]);
    await deleteTopic(topic);
    await makeTopic(topic, { settings: { 'cleanup.policy': 'compact' } });
    await (await writer(topic))([{ key: 'a', value: 'whole' }]);
    await until('it is read', () => listener.order.includes('a whole'), 20_000);
    expect(listener.order.filter((each) => each !== 'snapshot')).toEqual(['a whole']);
  }, 60_000);

  test('that was deleted and made anew is read from its beginning, however many records it has by then', async () => {
    const settings = { 'cleanup.policy': 'compact' };
    const topic = await makeTopic(freshName('table'), { settings });
    await (await writer(topic))(['a', 'b', 'c'].map((key) => ({ key, value: 'old' })));
    // It looks again when the test says so: what is written meanwhile is more than it had read.
    const clock = new ManualClock();
    const listener = await open(topic, { clock });
    await until('the snapshot has come', () => listener.snapshots.length === 1, 20_000);
    const former = await topicId(topic);
    expect(await topicId(topic)).toBe(former);
    await deleteTopic(topic);
    expect(await topicId(topic)).toBe(null);
    await until('it is told', () => listener.statuses.at(-1)?.up === false, 20_000);
    await makeTopic(topic, { settings });
    expect([former, await topicId(topic)]).toEqual([expect.any(String), expect.not.stringContaining(former ?? '')]);
    await (await writer(topic))(['b', 'c', 'd', 'e'].map((key) => ({ key, value: 'new' })));
    await clock.advance(60_000);
    await until('it is read', () => listener.order.includes('e new'), 20_000);
    const old = ['a old', 'b old', 'c old', 'snapshot'];
    expect(listener.order).toEqual([...old, 'b new', 'c new', 'd new', 'e new', 'snapshot']);
    expect(listener.snapshots).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c', 'd', 'e'],
    ]);
  }, 60_000);
});
