// The fleet's MQTT client against a real broker in this process.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/ops/clock.ts';
import { TELEMETRY_ONLY } from '../../../src/sandbox/fleet/fleet.ts';
import { startFleetPublisher } from '../../../src/sandbox/fleet/publisher.ts';

let broker: Aedes;
let server: Server;
let url: string;

beforeEach(async () => {
  broker = await Aedes.createBroker();
  server = createServer(broker.handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  server.close();
});

test('what it counts as acknowledged is what the broker took', async () => {
  const taken: string[] = [];
  const news: unknown[] = [];
  broker.on('publish', (packet) => {
    if (packet.topic.startsWith('mqtt/things/')) taken.push(packet.topic);
  });
  const publisher = startFleetPublisher({
    brokerUrl: url,
    seed: 8,
    devices: 10,
    ratePerSecond: 2000,
    total: 200,
    mix: TELEMETRY_ONLY,
    clock: systemClock,
    onStatus: (status) => news.push(status),
  });
  const result = await publisher.done;
  expect(result).toMatchObject({ published: 200, acknowledged: 200, failed: 0, unanswered: 0 });
  expect(taken).toHaveLength(200);
  // Ending is no loss of the connection.
  expect(news).toEqual([]);
});

test('it logs in with the credentials given, and a refusal is told at once', async () => {
  broker.authenticate = (_client, username, password, done) => {
    done(null, username === 'tracker' && String(password) === 'right');
  };
  const options = { brokerUrl: url, seed: 1, devices: 2, ratePerSecond: 100, total: 3, clock: systemClock };
  const good = startFleetPublisher({ ...options, username: 'tracker', password: 'right' });
  expect((await good.done).acknowledged).toBe(3);
  const bad = startFleetPublisher({ ...options, username: 'tracker', password: 'wrong' });
  await expect(bad.done).rejects.toMatchObject({ code: 'brokerRefused' });
});

test('a broker that is not there is told after the time-out, without its credentials', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  const publisher = startFleetPublisher({
    brokerUrl: `mqtt://someone:hidden@127.0.0.1:${port}`,
    seed: 1,
    devices: 2,
    ratePerSecond: 10,
    connectTimeoutMs: 300,
    clock: systemClock,
  });
  await expect(publisher.done).rejects.toThrow(/could not be reached/);
  await expect(publisher.ready).rejects.not.toThrow(/hidden/);
});

test('stopped before it could connect, it ends without an error', async () => {
  const publisher = startFleetPublisher({ brokerUrl: url, seed: 1, devices: 2, ratePerSecond: 10, clock: systemClock });
  expect(await publisher.stop()).toMatchObject({ published: 0, acknowledged: 0 });
});
