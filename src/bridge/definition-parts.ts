// How this worker reads a definition: its validator with the worker's names and grammars, and its defaults.
import { checkKafkaName } from '../brokers/kafka-topics.ts';
import type { Config } from '../config/config.ts';
import { type MadeConnection, makeConnection } from '../connections/definition.ts';
import { createDefinitionValidator, type DefinitionValidator } from '../connections/validate-definition.ts';
import type { DefinitionRecord } from '../domain/connection.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { checkTemplate } from '../downlink/template.ts';
import { checkMapping } from '../uplink/map/check-mapping.ts';
import { checkTopicPattern, compileTopicPattern } from '../uplink/topic-pattern.ts';
import { checkValidity, parseValidity } from '../uplink/validity.ts';
import { isOwn } from './brokers.ts';

/** ThingPark's convention; the pattern finds the DevEUI in the topics of the filter. */
const USUAL_UPLINKS = { filter: 'mqtt/things/+/uplink', pattern: 'mqtt/things/{DevEUI}/uplink' };
const USUAL_DOWNLINKS = 'mqtt/things/{DevEUI}/downlink';

/** Which brokers there are, and of which kind each is: those of the configuration, or with those defined over the API. */
export interface KnownBrokers {
  readonly names: readonly string[];
  kindOf(name: string): string | null;
  /** A topic or filter inside of the bridge's own topics on this broker. */
  isOwnTopic(name: string, topic: string): boolean;
}

function configuredBrokers(config: Config): KnownBrokers {
  const { broker: carrier, prefix } = config.topics;
  return {
    names: Object.keys(config.brokers),
    kindOf: (name) => config.brokers[name]?.kind ?? null,
    isOwnTopic: (name, topic) => name === carrier && isOwn(config.brokers[name]?.kind ?? null, prefix, topic),
  };
}

export function definitionValidator(
  config: Config,
  known: KnownBrokers = configuredBrokers(config),
): DefinitionValidator {
  return createDefinitionValidator({
    checkValidity,
    checkTopicPattern,
    checkDownlinkTopic: (pattern, broker) => {
      const kind = known.kindOf(broker ?? config.sources.broker);
      return kind === 'kafka' ? checkKafkaName(pattern) : checkTopicPattern(pattern);
    },
    checkOwnTopics: (topic, broker) => {
      if (!known.isOwnTopic(broker ?? config.sources.broker, topic)) return null;
      return `must not be below ${JSON.stringify(config.topics.prefix)} (topics.prefix): these are the bridge's own topics`;
    },
    checkMapping,
    checkTemplate,
    get brokers() {
      return known.names;
    },
    services: Object.keys(config.here.services),
  });
}

export function connectionMaker(
  config: Config,
  box: SecretBox,
  known: KnownBrokers = configuredBrokers(config),
): (id: string, record: DefinitionRecord) => MadeConnection {
  const { topics, broker } = config.sources;
  const isUsual = topics.length === 1 && topics[0] === USUAL_UPLINKS.filter;
  const defaults = {
    broker,
    service: config.here.defaultService,
    topics,
    uplinkTopicPattern: isUsual ? USUAL_UPLINKS.pattern : null,
    downlinkTopicPattern: (name: string) =>
      known.kindOf(name) === 'kafka' ? config.downlinks.kafkaTopic : USUAL_DOWNLINKS,
    from: 'now' as const,
    parseValidity: millisecondsOf,
    topicFilter: (pattern: string) => compileTopicPattern(pattern).subscription,
  };
  return (id, record) => makeConnection(id, record, box, defaults);
}

function millisecondsOf(text: string): number {
  const parsed = parseValidity(text);
  if (!parsed.ok) throw new BridgeError('validityInvalid', parsed.message, { exitCode: EXIT.data });
  return parsed.ms;
}
