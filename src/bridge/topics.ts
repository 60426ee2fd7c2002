// The topics of a configuration, looked at without a running bridge: for `here-bridge topics`.
import { checkTopics, type TopicFinding } from '../brokers/kafka-check.ts';
import { kafkaReason } from '../brokers/kafka-reasons.ts';
import { kafkaName, OWN_TOPICS, type OwnTopic, ownershipTopic } from '../brokers/kafka-topics.ts';
import type { Config } from '../config/config.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { lookAtUplinkTopics } from './uplink-topics.ts';

export type { TopicFinding } from '../brokers/kafka-check.ts';

export interface TopicParts {
  readonly clock: Clock;
  readonly chance: Chance;
}

export interface TopicsLook {
  /** The bridge's own topics, and that of the downlinks: those that `create` makes. */
  readonly own: readonly TopicFinding[];
  /** Those that connections read their uplinks from, which are others' to make. */
  readonly uplinks: readonly TopicFinding[];
}

/** Rejects with `notKafka` (64) where no topic is on Kafka, `brokerUnreachable` (69) where its own Kafka does not answer. */
export async function lookAtTopics(config: Config, create: boolean, parts: TopicParts): Promise<TopicsLook> {
  const own = await lookAtOwnTopics(config, create, parts);
  const isEmpty = (name: string): boolean => {
    const found = own.find(({ topic }) => topic === `${kafkaName(config.topics.prefix)}.${name}`);
    return found?.state === 'missing' || found?.state === 'created';
  };
  const hasDefinedBrokers = !isEmpty('brokers');
  const uplinks = isEmpty('connections') ? [] : await lookAtUplinkTopics(config, { ...parts, hasDefinedBrokers });
  if (own.length + uplinks.length > 0) return { own, uplinks };
  const message = `Neither the bridge's topics nor its sources are on Kafka ("${brokersOf(config).join('" and "')}"): there is nothing to set up`;
  throw new BridgeError('notKafka', message, { exitCode: EXIT.usage });
}

/** Quick, for it asks about a few topics by name. Rejects with `brokerUnreachable` (69) without an answer. */
export async function lookAtOwnTopics(config: Config, create: boolean, parts: TopicParts): Promise<TopicFinding[]> {
  const { topics, sources, ownership } = config;
  const found: TopicFinding[] = [];
  for (const name of brokersOf(config)) {
    const broker = config.brokers[name];
    if (broker?.kind !== 'kafka') continue;
    const own: readonly OwnTopic[] = [
      ...(name === topics.broker ? OWN_TOPICS : []),
      ...(name === ownership.broker ? [ownershipTopic(ownership.partitions)] : []),
    ];
    const wanted = {
      prefix: topics.prefix,
      own,
      downlinks: name === sources.broker ? config.downlinks.kafkaTopic : null,
    };
    try {
      found.push(...(await checkTopics({ ...broker, name, ...parts, ownPrefix: topics.prefix }, wanted, create)));
    } catch (error) {
      const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
      throw new BridgeError('brokerUnreachable', `Kafka cannot be asked: ${reason}`, {
        exitCode: EXIT.unavailable,
        cause: error,
      });
    }
  }
  return found;
}

function brokersOf({ topics, sources, ownership }: Config): readonly string[] {
  return [...new Set([topics.broker, sources.broker, ownership.broker ?? topics.broker])];
}
