// Asks a cluster about one topic, and makes it where it is one of the bridge's own and may be made.
import { type Answers, errorName, type KafkaWire } from './kafka-internals.ts';
import { LinkDown, sleep } from './kafka-link.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { refusalOf } from './kafka-reasons.ts';
import { createCommand, ownTopic } from './kafka-topics.ts';

export type TopicMetadata = Answers['Metadata']['topicMetadata'][number];

/** Kafka's number for topics among the things that have settings. */
export const TOPIC_RESOURCE = 2;
const LOOK_AGAIN_MS = 100;
const LEADER_MS = 10_000;
const CREATE_TIMEOUT_MS = 10_000;

/** `topics` empty: all that may be seen. The wire learns where the nodes are. */
export async function metadataOf(wire: KafkaWire, topics: readonly string[]): Promise<readonly TopicMetadata[]> {
  const { brokers, topicMetadata } = await wire.call(null, 'Metadata', { topics, allowAutoTopicCreation: false });
  wire.learn(brokers);
  return topicMetadata;
}

/** The topic with a leader for each partition. Rejects with LinkDown when it is missing and not to be made here. */
export async function settledTopic(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  topic: string,
  signal: AbortSignal,
): Promise<TopicMetadata> {
  const { clock } = broker;
  const until = clock.monotonic() + LEADER_MS;
  let isMade = false;
  for (;;) {
    const [found] = await metadataOf(wire, [topic]);
    const name = errorName(found?.topicErrorCode ?? 0);
    const own = ownTopic(topic, broker.ownPrefix ?? null);
    if (name === 'UNKNOWN_TOPIC_OR_PARTITION' && own !== null && !isMade) {
      if (!broker.createTopics) throw missing(broker, topic);
      await createTopic(wire, broker, topic);
      isMade = true;
    } else if (name !== 'UNKNOWN_TOPIC_OR_PARTITION' && name !== 'LEADER_NOT_AVAILABLE' && found !== undefined) {
      if (found.topicErrorCode !== 0) throw new LinkDown(refusalOf(found.topicErrorCode, 'describe', { topic }));
      if (found.partitionMetadata.every(({ leader }) => leader >= 0)) return found;
    } else if (name === 'UNKNOWN_TOPIC_OR_PARTITION' && !isMade) throw missing(broker, topic);
    if (clock.monotonic() > until) {
      throw new LinkDown({ reason: `topic "${topic}" has a partition without a leader`, fatal: false });
    }
    await sleep(clock, LOOK_AGAIN_MS, signal);
    if (signal.aborted) throw new LinkDown({ reason: 'stopped', fatal: false });
  }
}

function missing(broker: KafkaBrokerOptions, topic: string): LinkDown {
  const own = ownTopic(topic, broker.ownPrefix ?? null);
  const how = createCommand(topic, own ?? { partitions: 1, settings: {} }, broker.bootstrap);
  return new LinkDown({
    reason: `there is no topic "${topic}", or the right Describe on it is missing; make it with: ${how}`,
    fatal: false,
  });
}

/** One of the bridge's own topics, with the settings that it needs. That another worker was faster is fine. */
async function createTopic(wire: KafkaWire, broker: KafkaBrokerOptions, topic: string): Promise<void> {
  const own = ownTopic(topic, broker.ownPrefix ?? null) ?? { partitions: 1, settings: {} };
  const { topicErrors } = await wire.call(null, 'CreateTopics', {
    topics: [
      {
        topic,
        numPartitions: own.partitions,
        replicationFactor: broker.replicationFactor ?? -1,
        configEntries: Object.entries(own.settings).map(([name, value]) => ({ name, value })),
      },
    ],
    validateOnly: false,
    timeout: CREATE_TIMEOUT_MS,
  });
  const { errorCode = 0, errorMessage = null } = topicErrors[0] ?? {};
  const name = errorName(errorCode);
  if (errorCode === 0 || name === 'TOPIC_ALREADY_EXISTS') return;
  const isDenied = name.endsWith('AUTHORIZATION_FAILED');
  const why = isDenied ? 'the right Create on it or on the cluster is missing' : (errorMessage ?? name);
  throw new LinkDown({
    reason: `topic "${topic}" is missing and could not be made: ${why} (${name}); make it with: ${createCommand(topic, own, broker.bootstrap)}`,
    fatal: isDenied,
  });
}

/** The most that a batch of records for the topic may have; null: it is not told (the right DescribeConfigs). */
export async function maxMessageBytes(wire: KafkaWire, topic: string): Promise<number | null> {
  const resources = [{ type: TOPIC_RESOURCE, name: topic, configNames: ['max.message.bytes'] }];
  const answer = await wire.call(null, 'DescribeConfigs', { includeSynonyms: false, resources }).catch(() => null);
  const value = answer?.resources[0]?.configEntries[0]?.configValue;
  return value === undefined || value === null ? null : Number(value);
}
