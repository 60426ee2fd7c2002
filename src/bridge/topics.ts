// The topics of a configuration, looked at without a running bridge: for `here-bridge topics`.
import { checkTopics, type TopicFinding } from '../brokers/kafka-check.ts';
import { kafkaReason } from '../brokers/kafka-reasons.ts';
import type { Config } from '../config/config.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';

export type { TopicFinding } from '../brokers/kafka-check.ts';

/** Rejects with `notKafka` (64) where the topics are on another kind of broker, `brokerUnreachable` (69) without an answer. */
export async function lookAtTopics(
  config: Config,
  create: boolean,
  { clock, chance }: { readonly clock: Clock; readonly chance: Chance },
): Promise<TopicFinding[]> {
  const { broker: name, prefix } = config.topics;
  const broker = config.brokers[name];
  if (broker?.kind !== 'kafka') {
    const message = `The bridge's topics are on the broker "${name}", which is not Kafka: there is nothing to set up`;
    throw new BridgeError('notKafka', message, { exitCode: EXIT.usage });
  }
  try {
    return await checkTopics({ ...broker, name, clock, chance, ownPrefix: prefix }, prefix, create);
  } catch (error) {
    const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
    throw new BridgeError('brokerUnreachable', `Kafka cannot be asked: ${reason}`, {
      exitCode: EXIT.unavailable,
      cause: error,
    });
  }
}
