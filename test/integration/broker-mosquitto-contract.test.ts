// The broker contract on Mosquitto, with MQTT 3.1.1 and with MQTT 5.
import { describe } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { brokerContract } from '../brokers/contract.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';

describeWith('mosquitto', 'Mosquitto through the MQTT client', () => {
  for (const protocolVersion of [4, 5] as const) {
    describe(protocolVersion === 4 ? 'MQTT 3.1.1' : 'MQTT 5', () => {
      brokerContract(async () => {
        const server = await Mosquitto.start();
        const broker = createMqttBroker({
          name: 'mosquitto',
          url: server.url,
          protocolVersion,
          clock: systemClock,
          chance: systemChance,
          reconnect: { minMs: 20, maxMs: 200 },
        });
        return { broker, url: server.url, close: () => server.remove() };
      });
    });
  }
});
