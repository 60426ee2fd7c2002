// Records that travel between workers, on a Kafka topic that takes less than the bridge would write.
import { expect, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { useRecords } from '../connections/records-support.ts';
import { freshName, kafkaBrokers, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

const LIMIT = 3_000;
const forever = new AbortController().signal;

describeWith('kafka', 'A record that is larger than its topic takes', () => {
  test('is refused at once with its key, the topic and the limit; told once; what is small enough goes on', async () => {
    const prefix = freshName('records');
    const settings = { 'cleanup.policy': 'compact', 'max.message.bytes': String(LIMIT) };
    const topic = await makeTopic(`${prefix}.accounts`, { settings });
    const broker = createKafkaBroker(kafkaBrokerOptions(await kafkaBrokers()));
    const { records, refused } = await useRecords(broker, 'w-1', `${prefix}/accounts`);
    expect(await records.caughtUp(forever)).toBe(true);
    await records.put('connection.a', 'as it was');
    const limit = `topic "${topic}" takes no more than ${LIMIT} bytes (max.message.bytes)`;
    const started = performance.now();
    const puts = [
      ...[records.put('connection.a', 'x'.repeat(LIMIT)), records.put('connection.a', 'y'.repeat(LIMIT))],
      records.put('connection.b', 'small'),
    ];
    const [first, second, third] = await Promise.allSettled(puts);
    for (const put of [first, second]) {
      expect(put).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining(limit) } });
    }
    expect(third).toMatchObject({ status: 'fulfilled' });
    // Long before a time-out.
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(refused).toEqual([expect.stringContaining(limit)]);
    expect(refused[0]).toMatch(/^connection\.a: /);
    const { records: next } = await useRecords(broker, 'w-2', `${prefix}/accounts`);
    expect(await next.caughtUp(forever)).toBe(true);
    expect([next.get('connection.a'), next.get('connection.b')]).toEqual(['as it was', 'small']);
  });
});
