// The MQTT client behind the broker port: mqtt://, mqtts://, ws://, wss://; MQTT 3.1.1 and 5.
// Timers run on the injected clock, but for two of mqtt.js's own: the guard for CONNACK (twice our time-out, so that ours
// comes first) and the system's TCP time-outs. Keepalive uses the injected clock.
import type { Broker } from '../domain/ports/broker.ts';
import { type MqttBrokerOptions, parseBrokerUrl } from './mqtt-options.ts';
import { MqttPublisher } from './mqtt-publisher.ts';
import { MqttSource } from './mqtt-source.ts';
import { MqttTable } from './mqtt-table.ts';

export type { MqttBrokerOptions } from './mqtt-options.ts';

/** Throws a BridgeError `brokerUrlInvalid`. Connects nothing by itself: each source, table and publisher is a connection of its own. */
export function createMqttBroker(options: MqttBrokerOptions): Broker {
  const address = parseBrokerUrl(options.name, options.url);
  return {
    name: options.name,
    kind: 'mqtt',
    openSource: (source, listener) => new MqttSource(options, address, source, listener),
    openTable: (table, listener) => new MqttTable(options, address, table, listener),
    openPublisher: (publisher) => new MqttPublisher(options, address, publisher),
  };
}
