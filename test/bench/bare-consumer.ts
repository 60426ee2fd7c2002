// The floor of the stack on Kafka: kafkajs's `eachBatch` that parses each message and does nothing else. A program of its own, so
// that its CPU time can be read. Lines on standard input: `drain N` connects and tells when N messages were parsed.
import readline from 'node:readline';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { kafkaOptions } from '../support/kafka-options.ts';

const [brokers = '', topic = ''] = process.argv.slice(2);
// With the mended timers, as the bridge has them: an unmended one would cost more.
const kafka = createKafkaClient(kafkaOptions(brokers, { retries: 8 }));

function drain(count: number): Promise<number> {
  const consumer = kafka.consumer({ groupId: 'bare', allowAutoTopicCreation: false });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let parsed = 0;
  let startedAt = 0;
  const begin = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachBatch: async ({ batch }) => {
        if (parsed === 0) startedAt = performance.now();
        for (const { value } of batch.messages) {
          const uplink = JSON.parse(String(value)) as { DevEUI_uplink?: unknown };
          if (uplink !== null) parsed += 1;
        }
        if (parsed >= count) resolve(performance.now() - startedAt);
      },
    });
  };
  begin().catch(reject);
  // Leaving commits what was read, so that the next drain begins behind it.
  return promise.finally(() => consumer.disconnect());
}

console.log('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const count = Number(line.split(' ')[1]);
  console.log(JSON.stringify({ ms: await drain(count) }));
}
