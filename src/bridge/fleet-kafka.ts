// The Kafka client of the simulated fleet, for the command line: the bridge's own, so that its mending of kafkajs holds there too.
import type { Kafka } from 'kafkajs';
import { createKafkaClient } from '../brokers/kafka-client.ts';
import type { Clock } from '../domain/ports/clock.ts';

/** Without TLS and log-in. */
export function fleetKafka(address: string, clock: Clock): Kafka {
  return createKafkaClient({
    ...{ bootstrap: [address], clientId: 'here-bridge-fleet', username: null, password: null, clock },
    tls: { enabled: false, caFile: null, certFile: null, keyFile: null, rejectUnauthorized: true },
    sasl: { mechanism: null, tokenUrl: null, tokenScope: null, tokenFile: null },
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 10_000,
  });
}
