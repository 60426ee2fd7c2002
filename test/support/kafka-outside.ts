// A client of the outside on Kafka that speaks MQTT's words, so that one contract serves both: plain kafkajs, apart from the
// bridge's own use of it. `a/key` is the record with this key on the topic `a`; what is there at a subscription is "retained".
import type { Kafka } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { OutsideClient } from '../brokers/contract.ts';
import { freshName, hasLeaders, kafkaClient } from './kafka.ts';

type Heard = (topic: string, payload: Buffer, packet: { retain: boolean }) => void;

interface Waiting {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export async function kafkaOutside(): Promise<OutsideClient> {
  const kafka = await kafkaClient();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const admin = kafka.admin();
  await admin.connect();
  const made = new Set<string>();
  const ends: (() => Promise<unknown>)[] = [() => producer.disconnect(), () => admin.disconnect()];
  const listeners: Heard[] = [];
  let waiting: Waiting[] = [];
  let sending: Promise<void> = Promise.resolve();

  async function send(): Promise<void> {
    const batch = waiting;
    waiting = [];
    const topics = Map.groupBy(batch, ({ topic }) => topic);
    try {
      for (const topic of topics.keys()) {
        if (made.has(topic)) continue;
        await admin.createTopics({ topics: [{ topic, numPartitions: -1 }], waitForLeaders: false });
        await hasLeaders(admin, topic);
        made.add(topic);
      }
      const topicMessages = [...topics].map(([topic, messages]) => ({ topic, messages }));
      if (batch.length > 0) await producer.sendBatch({ topicMessages });
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    publishAsync: (topic, payload) =>
      new Promise<void>((resolve, reject) => {
        const value = payload === '' ? null : payload;
        waiting.push({ ...split(topic), value, resolve, reject });
        if (waiting.length === 1) sending = sending.then(send);
      }),
    subscribeAsync: async (topic) => {
      ends.push(await follow(kafka, topic, (...heard) => listeners.forEach((listener) => void listener(...heard))));
    },
    on: (_event, heard) => listeners.push(heard),
    endAsync: async () => {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

function split(topic: string): { topic: string; key: string | null } {
  const slash = topic.lastIndexOf('/');
  if (slash < 0) return { topic, key: null };
  return { topic: topic.slice(0, slash).replaceAll('/', '.'), key: topic.slice(slash + 1) };
}

/** Resolves when it hears what comes from now on; the latest record that was there is told as retained. */
async function follow(kafka: Kafka, address: string, hear: Heard): Promise<() => Promise<unknown>> {
  const { topic, key } = split(address);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
  await hasLeaders(admin, topic);
  const ends = await retried(() => admin.fetchTopicOffsets(topic));
  const until = Number(ends[0]?.high ?? 0);
  await admin.disconnect();
  const consumer = kafka.consumer({ groupId: freshName('outside'), maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let latest: Buffer | null = null;
  await new Promise<void>((resolve) => {
    const ready = (): void => {
      if (latest !== null) hear(address, latest, { retain: true });
      resolve();
    };
    consumer.on('consumer.group_join', () => {
      if (until === 0) ready();
    });
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (message.key?.toString() === key) {
          if (Number(message.offset) < until) latest = message.value;
          else hear(address, message.value ?? Buffer.alloc(0), { retain: false });
        }
        if (Number(message.offset) === until - 1) ready();
      },
    });
  });
  return () => consumer.disconnect();
}

async function retried<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
