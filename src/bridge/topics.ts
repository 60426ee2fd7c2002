// The topics of a configuration, looked at without a running bridge: for `here-bridge topics`.
import { checkTopics, type TopicFinding } from '../brokers/kafka-check.ts';
import { kafkaReason } from '../brokers/kafka-reasons.ts';
import { OWN_TOPICS, type OwnTopic, ownershipTopic } from '../brokers/kafka-topics.ts';
import type { Config } from '../config/config.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';

export type { TopicFinding } from '../brokers/kafka-check.ts';

/** Rejects with `notKafka` (64) where all topics are on other kinds of brokers, `brokerUnreachable` (69) without an answer. */
export async function lookAtTopics(
  config: Config,
  create: boolean,
  { clock, chance }: { readonly clock: Clock; readonly chance: Chance },
): Promise<TopicFinding[]> {
  const { topics, sources, ownership } = config;
  const names = [...new Set([topics.broker, sources.broker, ownership.broker ?? topics.broker])];
  const found: TopicFinding[] = [];
  for (const name of names) {
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
      found.push(...(await checkTopics({ ...broker, name, clock, chance, ownPrefix: topics.prefix }, wanted, create)));
    } catch (error) {
      const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
      throw new BridgeError('brokerUnreachable', `Kafka cannot be asked: ${reason}`, {
        exitCode: EXIT.unavailable,
        cause: error,
      });
    }
  }
  if (found.length > 0) return found;
  const message = `Neither the bridge's topics nor its sources are on Kafka ("${names.join('" and "')}"): there is nothing to set up`;
  throw new BridgeError('notKafka', message, { exitCode: EXIT.usage });
}
