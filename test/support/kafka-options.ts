// How tests reach a Kafka that has neither TLS nor log-in.

import type { KafkaBrokerOptions } from '../../src/brokers/kafka.ts';
import type { KafkaClientOptions } from '../../src/brokers/kafka-client.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';

export function kafkaOptions(brokers: string, more: Partial<KafkaClientOptions> = {}): KafkaClientOptions {
  return {
    bootstrap: brokers.split(','),
    clientId: 'test',
    username: null,
    password: null,
    tls: { enabled: false, caFile: null, certFile: null, keyFile: null, rejectUnauthorized: true },
    sasl: { mechanism: null, tokenUrl: null, tokenScope: null, tokenFile: null },
    connectTimeoutMs: 10_000,
    clock: systemClock,
    ...more,
  };
}

/** A broker behind the port that is quick to look and to try again. */
export function kafkaBrokerOptions(brokers: string, more: Partial<KafkaBrokerOptions> = {}): KafkaBrokerOptions {
  return {
    ...kafkaOptions(brokers),
    name: 'kafka',
    chance: systemChance,
    compression: 'none',
    createTopics: true,
    replicationFactor: null,
    metadataRefreshMs: 200,
    pollMs: 100,
    commitIntervalMs: 100,
    reconnect: { minMs: 20, maxMs: 200 },
    ...more,
  };
}
