// Where topics of a real Kafka end: what the lag of connections is reckoned from.
import { expect, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { freshName, KAFKA_START_MS, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

describeWith('kafka', 'The ends of topics', () => {
  test('are those of every partition of what filters match', { timeout: KAFKA_START_MS + 60_000 }, async () => {
    const topic = await makeTopic(freshName('lag'), { partitions: 2 });
    const producer = (await kafkaClient()).producer();
    await producer.connect();
    const messages = Array.from({ length: 7 }, (_, n) => ({ value: `${n}`, partition: n < 5 ? 0 : 1 }));
    await producer.send({ topic, messages });
    await producer.disconnect();
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers()));
    const wanted = [
      { topic, partition: 0, end: 5 },
      { topic, partition: 1, end: 2 },
    ];
    const byPartition = async (filter: string) => {
      const found = [...((await broker.endOffsets?.([filter])) ?? [])];
      return found.sort((a, b) => a.partition - b.partition);
    };
    expect(await byPartition(topic)).toEqual(wanted);
    expect(await byPartition(`${topic.slice(0, -1)}*`)).toEqual(wanted);
    expect(await byPartition(freshName('nothing'))).toEqual([]);
  });
});
