// What clients are told of a broker that is defined over the API.
import type { KafkaBrokerOptions } from '../brokers/kafka.ts';
import type { MqttBrokerOptions } from '../brokers/mqtt.ts';
import type { KafkaDefinition, MqttDefinition } from '../domain/broker-definition.ts';

const CONNECT_MS = 10_000;

export function mqttOptions(
  definition: MqttDefinition,
): Omit<MqttBrokerOptions, 'name' | 'clock' | 'chance' | 'guard'> {
  const { url, username, password, protocolVersion = 4, tls = {}, connectTimeoutMs = CONNECT_MS } = definition;
  const { keepaliveMs, receiveMaximum, sessionExpirySeconds } = definition;
  return {
    ...{ url, username: username ?? null, password: password ?? null, protocolVersion, tls, connectTimeoutMs },
    ...(keepaliveMs === undefined ? {} : { keepaliveMs }),
    ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
    ...(sessionExpirySeconds === undefined ? {} : { sessionExpirySeconds }),
  };
}

export function kafkaOptions(
  definition: KafkaDefinition,
): Omit<KafkaBrokerOptions, 'name' | 'clock' | 'chance' | 'guard'> {
  const { bootstrap, clientId = 'here-bridge', username, password, sasl, tls = {} } = definition;
  const { compression = 'none', metadataRefreshMs = 15_000, connectTimeoutMs = CONNECT_MS } = definition;
  const { ca, cert, key, rejectUnauthorized = true, enabled = ca !== undefined || cert !== undefined } = tls;
  const pem = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return {
    ...{ bootstrap, clientId, username: username ?? null, password: password ?? null, connectTimeoutMs, pem },
    tls: { enabled, caFile: null, certFile: null, keyFile: null, rejectUnauthorized },
    sasl: { mechanism: sasl?.mechanism ?? null, tokenUrl: null, tokenScope: null, tokenFile: null },
    // The bridge's own topics are never on it.
    ...{ compression, createTopics: false, replicationFactor: null, metadataRefreshMs },
  };
}
