// A broker that grants a connection but not the subscription (Mosquitto grants all and delivers nothing, so aedes stands in).
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { RecordingListener, RecordingTable, until } from './outside.ts';

let broker: Broker;
let connections = 0;
let close: () => Promise<void>;

beforeAll(async () => {
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (_client, subscription, done) =>
      done(null, subscription.topic.startsWith('secret') ? null : subscription),
  });
  const server = createServer((socket) => {
    connections += 1;
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  broker = createMqttBroker({
    name: 'strict',
    url: `mqtt://127.0.0.1:${port}`,
    clock: systemClock,
    chance: systemChance,
    reconnect: { minMs: 10, maxMs: 10 },
  });
  close = async () => {
    server.close();
    await new Promise<void>((resolve) => aedes.close(resolve));
  };
});
afterAll(() => close());

test('a source whose topic is refused is down, told with the topic, and does not hammer', async () => {
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'a', topics: ['up/#', 'secret/#'], expectSession: false }, listener);
  source.start();
  await until('it is told', () => listener.statuses.length > 0);
  expect(listener.statuses).toEqual([
    { kind: 'down', reason: 'the broker refused the subscription to "secret/#" (MQTT 128)', fatal: true },
  ]);
  const before = connections;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(connections).toBe(before);
  await source.stop();
});

test('a table whose prefix is refused is down in the same way', async () => {
  const listener = new RecordingTable();
  const table = broker.openTable({ prefix: 'secret', settleMs: 1 }, listener);
  table.start();
  await until('it is told', () => listener.statuses.length > 0);
  expect(listener.statuses[0]).toMatchObject({ up: false, fatal: true, reason: expect.stringContaining('"secret/+"') });
  await table.stop();
});

test('a topic filter that is none is told without asking the broker', async () => {
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'b', topics: ['up/#/x'], expectSession: false }, listener);
  source.start();
  await until('it is told', () => listener.statuses.length > 0);
  expect(listener.statuses[0]).toEqual({ kind: 'down', reason: '"up/#/x": not a valid topic filter', fatal: true });
  await source.stop();
});
