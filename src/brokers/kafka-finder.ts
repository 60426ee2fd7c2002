// Whether a topic of others is on the cluster. Thousands of connections ask at a start: one look serves all for a while.
import { createKafkaClient } from './kafka-client.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { createCommand } from './kafka-topics.ts';

const FRESH_MS = 10_000;
/** For those who have no number of their own in mind. */
const PARTITIONS = 3;

export class TopicFinder {
  readonly #broker: KafkaBrokerOptions;
  #names: Promise<ReadonlySet<string>> | null = null;
  #lookedAt = 0;

  constructor(broker: KafkaBrokerOptions) {
    this.#broker = broker;
  }

  /** Null: it is there; else what to do. Rejects with kafkajs's errors when the cluster cannot be asked. */
  async find(topic: string): Promise<string | null> {
    const now = this.#broker.clock.monotonic();
    if (this.#names === null || now - this.#lookedAt >= FRESH_MS) {
      this.#lookedAt = now;
      const names = this.#list();
      this.#names = names;
      // What failed is asked anew.
      names.catch(() => {
        if (this.#names === names) this.#names = null;
      });
    }
    return (await this.#names).has(topic) ? null : absenceOf(this.#broker, topic);
  }

  /** A list creates nothing, whatever the cluster's `auto.create.topics.enable` says. */
  async #list(): Promise<ReadonlySet<string>> {
    const admin = createKafkaClient({ ...this.#broker, retries: 2 }).admin();
    await admin.connect();
    try {
      return new Set(await admin.listTopics());
    } finally {
      await admin.disconnect();
    }
  }
}

/** Why a topic of others cannot be used that is not there, with what mends it. */
export function absenceOf({ bootstrap }: Pick<KafkaBrokerOptions, 'bootstrap'>, topic: string): string {
  return `there is no topic "${topic}", or the right Describe on it is missing; make it with: ${commandFor(topic, bootstrap)}`;
}

/** The command that makes the topic of the downlinks. */
export function commandFor(topic: string, bootstrap: readonly string[]): string {
  return createCommand(topic, { partitions: PARTITIONS, settings: {} }, bootstrap);
}
