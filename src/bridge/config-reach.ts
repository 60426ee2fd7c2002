// Whether the config topic can be read, for the log; and where the bridge's own topics are on Kafka whether they are set as they
// must be: a topic that deletes by age works for a week, and then the definitions are gone. Looked at when the config topic
// begins to be read, and then at most once an hour.
import type { Config } from '../config/config.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { Logger } from '../ops/logger.ts';
import { type Reach, reachLog } from '../ops/out-of-reach.ts';
import { lookAtOwnTopics } from './topics.ts';

export interface ConfigReachOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly events: EventSink;
  readonly logger: Logger;
}

const LOOK_AGAIN_MS = 3_600_000;

/** To be told whenever the config topic begins or ceases to be read. */
export function configReach(config: Config, options: ConfigReachOptions): (reach: Reach) => void {
  const { clock, logger } = options;
  const { broker } = config.topics;
  const tell = reachLog({ logger, clock, broker }, 'The config topic is');
  let lookedAt = Number.NEGATIVE_INFINITY;
  return (reach) => {
    tell(reach);
    if (!reach.up || config.brokers[broker]?.kind !== 'kafka') return;
    if (clock.monotonic() - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = clock.monotonic();
    lookAtSettings(config, options).catch((error) => {
      logger.warn({ broker }, `The settings of the bridge's topics could not be looked at: ${describeError(error)}`);
    });
  };
}

/** Those that are missing are made when they are needed; those that must not be seen are `topics check`'s to tell. */
async function lookAtSettings(config: Config, { clock, chance, events }: ConfigReachOptions): Promise<void> {
  for (const { topic, state, problems, command } of await lookAtOwnTopics(config, false, { clock, chance })) {
    if (state !== 'wrong') continue;
    const mend = command === null ? '' : ` Mend it with: ${command}`;
    const message = `The topic "${topic}" is not set as it must be. ${problems.join(' ')}${mend}`;
    events.emit({ kind: 'topicSettings', severity: 'error', connectionId: null, key: topic, message });
  }
}
