// Publishes to Kafka as mqtt.js publishes to MQTT, for `Uplinks`: batches in the order given, each told when all replicas have it.
import { EventEmitter } from 'node:events';
import kafkajs from 'kafkajs';
import type { MqttClient } from 'mqtt';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { kafkaOptions } from './kafka-options.ts';

interface Waiting {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly done: (error?: Error) => void;
}

/** `url`: kafka://host:port,host:port. A topic is `{topic}/{key}`. */
export function connectKafka(url: string): MqttClient {
  const sender = new KafkaSender(url.slice('kafka://'.length));
  return sender as unknown as MqttClient;
}

class KafkaSender extends EventEmitter {
  connected = false;
  readonly #producer: kafkajs.Producer;
  #waiting: Waiting[] = [];
  #sending = false;

  constructor(brokers: string) {
    super();
    this.#producer = createKafkaClient(kafkaOptions(brokers, { retries: 8 })).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    this.#producer.connect().then(
      () => {
        this.connected = true;
        this.emit('connect');
      },
      (error) => {
        this.emit('error', error);
        this.emit('close');
      },
    );
  }

  publish(address: string, value: string, _options: unknown, done: (error?: Error) => void): void {
    const slash = address.lastIndexOf('/');
    this.#waiting.push({ topic: address.slice(0, slash), key: address.slice(slash + 1), value, done });
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, 500);
      const topicMessages = [...Map.groupBy(batch, ({ topic }) => topic)].map(([topic, messages]) => ({
        topic,
        messages,
      }));
      try {
        await this.#producer.sendBatch({ acks: -1, topicMessages });
        for (const { done } of batch) done();
      } catch (error) {
        for (const { done } of batch) done(error as Error);
        this.connected = false;
        this.emit('close');
      }
    }
    this.#sending = false;
  }

  async endAsync(): Promise<void> {
    this.connected = false;
    await this.#producer.disconnect();
  }
}
