// A batch on a real Kafka that unpacks to too much: it stays in the way, is told, and is given up as it is told how.
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { compressionType } from '../../src/brokers/kafka-codecs.ts';
import type { SourceGap } from '../../src/domain/ports/broker.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

const MIB = 1024 * 1024;

describeWith('kafka', 'A batch that unpacks to more than 128 MiB', () => {
  test('keeps its partition alone, until its records are deleted', async () => {
    const topic = await makeTopic(freshName('unreadable'), { partitions: 2 });
    const kafka = await kafkaClient();
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    onTestFinished(() => producer.disconnect());
    const send = (partition: number, ...values: (Buffer | string)[]) => {
      const messages = values.map((value) => ({ value, partition }));
      return producer.send({ topic, messages, compression: compressionType('zstd') });
    };
    // The answer that has all of these is read in parts.
    for (let at = 0; at < 4; at++) await send(0, Buffer.alloc(20 * MIB), `small ${at}`);
    await send(0, Buffer.alloc(129 * MIB), 'lost');
    await send(0, 'last');
    await send(1, 'other');

    const texts: string[] = [];
    const gaps: SourceGap[] = [];
    const listener = new RecordingListener();
    const options = kafkaBrokerOptions(await kafkaBrokers(), { reconnect: { minMs: 20, maxMs: 200, refusedMs: 500 } });
    const source = createKafkaBroker(options).openSource(
      { clientId: freshName('group'), topics: [topic], expectSession: false, from: 'earliest' },
      {
        onMessages: (messages, done) => {
          for (const { payload } of messages) if (payload.length < 100) texts.push(String(payload));
          done(null);
        },
        onStatus: (status) => listener.onStatus(status),
        onGap: (gap) => gaps.push(gap),
      },
    );
    onTestFinished(() => source.stop());
    source.start();
    await until('it is told', () => listener.last === 'down', 60_000);
    await until('the other partition is read', () => texts.includes('other'), 60_000);
    expect(texts.filter((text) => text !== 'other')).toEqual([0, 1, 2, 3].map((at) => `small ${at}`));
    expect(listener.statuses.at(-1)).toMatchObject({ fatal: true, topic });
    expect(JSON.stringify(listener.statuses.at(-1))).toContain('(offsets 8 to 9): it unpacks to more than 128 MiB');
    expect(gaps).toEqual([]);

    const admin = kafka.admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    // kafkajs knows no leaders of a topic before it was asked about it.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] });
    await until('it goes on', () => texts.includes('last') && listener.last === 'up', 60_000);
    expect(gaps).toEqual([{ topic, partition: 0, from: 8, to: 10, isAnother: false }]);
    expect(texts).not.toContain('lost');
  });
});
