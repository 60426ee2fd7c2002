// Looks at the topics that the bridge uses on a Kafka cluster: whether they are there, and set as they must be; and makes its own.
import type { Kafka } from 'kafkajs';
import { createKafkaClient } from './kafka-client.ts';
import { commandFor } from './kafka-finder.ts';
import { TOPIC_RESOURCE } from './kafka-metadata.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { kafkaReason } from './kafka-reasons.ts';
import { alterCommand, createCommand, kafkaName, type OwnTopic } from './kafka-topics.ts';

export interface TopicFinding {
  readonly topic: string;
  /** `skipped`: it cannot be looked at here, and that is nobody's fault. */
  readonly state: 'ok' | 'created' | 'missing' | 'wrong' | 'unknown' | 'skipped';
  /** What is wrong and what it risks, one sentence each. */
  readonly problems: readonly string[];
  /** The command that mends it; null: there is nothing to mend, or no single command for it. */
  readonly command: string | null;
  /** Of a topic that uplinks are read from: where it is, and who reads it. */
  readonly broker?: string;
  readonly connections?: readonly string[];
}

export interface TopicsWanted {
  readonly prefix: string;
  /** Those of the bridge's own topics that are on this cluster. */
  readonly own: readonly OwnTopic[];
  /** The topic of the downlinks; null: they go elsewhere. */
  readonly downlinks: string | null;
}

/** Rejects with kafkajs's errors when the cluster cannot be asked. `create`: makes what is missing. */
export async function checkTopics(
  broker: KafkaBrokerOptions,
  { prefix, own: topics, downlinks }: TopicsWanted,
  create: boolean,
): Promise<TopicFinding[]> {
  const kafka = createKafkaClient({ ...broker, retries: 2 });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const found: TopicFinding[] = [];
    for (const own of topics) {
      const topic = `${kafkaName(prefix)}.${own.name}`;
      if (there.has(topic)) found.push(await look(admin, broker, topic, own));
      else found.push(await missing(admin, broker, topic, own, create));
    }
    if (downlinks !== null) found.push(await theDownlinks(admin, broker, downlinks, there, create));
    return found;
  } finally {
    await admin.disconnect();
  }
}

type Admin = ReturnType<Kafka['admin']>;

/** Its partitions and settings are its readers' affair. */
async function theDownlinks(
  admin: Admin,
  broker: KafkaBrokerOptions,
  topic: string,
  there: ReadonlySet<string>,
  create: boolean,
): Promise<TopicFinding> {
  if (there.has(topic)) return { topic, state: 'ok', problems: [], command: null };
  const found = await missing(admin, broker, topic, { partitions: -1, settings: {} }, create);
  if (found.state !== 'missing') return found;
  const problems = [...found.problems, 'Downlinks wait until it is there.'];
  return { ...found, problems, command: commandFor(topic, broker.bootstrap) };
}

async function missing(
  admin: Admin,
  broker: KafkaBrokerOptions,
  topic: string,
  own: Pick<OwnTopic, 'partitions' | 'settings'>,
  create: boolean,
): Promise<TopicFinding> {
  const command = createCommand(topic, own, broker.bootstrap);
  const absent = { topic, state: 'missing', command } as const;
  if (!create) return { ...absent, problems: ['It is not there, or the right Describe on it is missing.'] };
  const configEntries = Object.entries(own.settings).map(([name, value]) => ({ name, value }));
  try {
    await admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: own.partitions,
          replicationFactor: broker.replicationFactor ?? -1,
          configEntries,
        },
      ],
      waitForLeaders: false,
    });
    return { topic, state: 'created', problems: [], command: null };
  } catch (error) {
    const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
    return { ...absent, problems: [`It could not be made: ${reason}.`] };
  }
}

async function look(admin: Admin, broker: KafkaBrokerOptions, topic: string, own: OwnTopic): Promise<TopicFinding> {
  const problems: string[] = [];
  let command: string | null = null;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics[0]?.partitions.length ?? 0;
  if (partitions !== own.partitions && own.anyPartitions !== true) {
    problems.push(
      `It has ${partitions} partitions and must have ${own.partitions}: the order of its records counts. Save them, delete the topic and make it anew.`,
    );
    command = createCommand(topic, own, broker.bootstrap);
  }
  const configNames = Object.keys(own.settings);
  if (configNames.length === 0) return { topic, state: problems.length === 0 ? 'ok' : 'wrong', problems, command };
  const resources = [{ type: TOPIC_RESOURCE, name: topic, configNames }];
  try {
    const answer = await admin.describeConfigs({ includeSynonyms: false, resources });
    const settings = new Map(
      answer.resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
    );
    const policy = settings.get('cleanup.policy') ?? '';
    const wanted = own.settings['cleanup.policy'] ?? '';
    if (policy !== wanted) {
      problems.push(`cleanup.policy is "${policy}" and must be "${wanted}": ${own.risk}.`);
      command ??= alterCommand(topic, { 'cleanup.policy': wanted }, broker.bootstrap);
    }
  } catch (error) {
    const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
    problems.push(`Its settings cannot be seen (the right DescribeConfigs may be missing): ${reason}.`);
    return { topic, state: 'unknown', problems, command };
  }
  return { topic, state: problems.length === 0 ? 'ok' : 'wrong', problems, command };
}
