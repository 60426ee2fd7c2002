// Where topics of a cluster end: how far behind a reader is. Asked now and then for all connections together.
import type { TopicEnd } from '../domain/ports/broker.ts';
import { createKafkaClient } from './kafka-client.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { compileFilter } from './kafka-topics.ts';

/** More partitions than this are not looked at. */
const MAX_TOPICS = 1_000;

/** Of all partitions of the topics that `filters` match. Rejects with kafkajs's errors when the cluster cannot be asked. */
export async function endsOf(broker: KafkaBrokerOptions, filters: readonly string[]): Promise<readonly TopicEnd[]> {
  const wanted = filters.map((filter) => compileFilter(filter, broker.ownPrefix ?? null));
  const admin = createKafkaClient({ ...broker, retries: 0, requestTimeoutMs: 10_000 }).admin();
  await admin.connect();
  try {
    const names = (await admin.listTopics()).filter((name) => wanted.some(({ matches }) => matches(name)));
    const ends: TopicEnd[] = [];
    for (const topic of names.slice(0, MAX_TOPICS)) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        ends.push({ topic, partition, end: Number(high) });
      }
    }
    return ends;
  } finally {
    await admin.disconnect();
  }
}
