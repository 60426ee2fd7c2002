// The kafkajs client on a real Kafka: compression both ways with an independent client, and what idleness costs.
import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { compressionType } from '../../src/brokers/kafka-codecs.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { kafkaOptions } from '../support/kafka-options.ts';
import { describeWith, findProgram } from '../support/requirements.ts';

/** Runs kcat to its end on `input`; rejects when it fails. */
async function kcat(args: readonly string[], input = ''): Promise<string> {
  const child = spawn(findProgram('kcat'), ['-b', await kafkaBrokers(), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`kcat ended with ${code}`);
  return output;
}

describeWith('kafka', 'The Kafka client', () => {
  describeWith('kcat', 'beside kcat', () => {
    const texts = Array.from({ length: 300 }, (_, at) => `${at} ${'the same words again '.repeat(20)}`);

    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      test(`reads what kcat has compressed with ${compression}, and kcat reads what it compresses`, async () => {
        const topic = await makeTopic(freshName(compression));
        await kcat(['-P', '-t', topic, '-z', compression, '-X', 'linger.ms=500'], texts.join('\n'));
        const kafka = await kafkaClient();
        const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: () => () => 0 });
        await producer.connect();
        onTestFinished(() => producer.disconnect());
        const messages = texts.map((value) => ({ value: `mine ${value}` }));
        await producer.send({ topic, messages, compression: compressionType(compression) });

        const consumer = kafka.consumer({ groupId: freshName('reader'), maxWaitTimeInMs: 100 });
        await consumer.connect();
        onTestFinished(() => consumer.disconnect());
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        const read: string[] = [];
        await new Promise<void>((resolve, reject) => {
          consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
          void consumer.run({
            eachMessage: async ({ message }) => {
              read.push(String(message.value));
              if (read.length === 2 * texts.length) resolve();
            },
          });
        });
        expect(read).toEqual([...texts, ...texts.map((text) => `mine ${text}`)]);
        expect(await kcat(['-C', '-t', topic, '-e', '-q'])).toBe(read.map((text) => `${text}\n`).join(''));
      });
    }
  });

  test('an idle producer arms no timer again and again', async () => {
    const producer = createKafkaClient(kafkaOptions(await kafkaBrokers())).producer({
      createPartitioner: () => () => 0,
    });
    await producer.connect();
    onTestFinished(() => producer.disconnect());
    await producer.send({ topic: await makeTopic(freshName('idle')), messages: [{ value: 'x' }] });
    let armed = 0;
    const original = globalThis.setTimeout;
    globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>) => {
      armed += 1;
      return original(...args);
    }, original);
    onTestFinished(() => {
      globalThis.setTimeout = original;
    });
    await new Promise((resolve) => original(resolve, 500));
    // Unmended it is one each millisecond.
    expect(armed).toBeLessThan(20);
  });
});
