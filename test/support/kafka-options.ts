// How tests reach a Kafka that has neither TLS nor log-in.

import type { KafkaClientOptions } from '../../src/brokers/kafka-client.ts';
import { systemClock } from '../../src/ops/clock.ts';

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
