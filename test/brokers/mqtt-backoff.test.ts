// Pauses between attempts to connect: they grow with jitter, and begin anew after a connection that lasted.
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, expect, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener, until } from './outside.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test('they double up to the longest, each drawn between half and the whole, and start again after a lasting connection', async () => {
  const aedes = await Aedes.createBroker();
  let serving = false;
  let accepted = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    if (serving) aedes.handle(socket);
    else socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    server.close();
    return new Promise<void>((resolve) => aedes.close(resolve));
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const clock = new ManualClock();
  const broker = createMqttBroker({
    name: 'flaky',
    url: `mqtt://127.0.0.1:${port}`,
    clock,
    chance: { random: () => 0.5, uuid: () => 'x' },
    reconnect: { minMs: 1_000, maxMs: 5_000, stableMs: 10_000 },
    keepaliveMs: 3_600_000,
  });
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'a', topics: ['up/#'], expectSession: false }, listener);
  cleanUps.push(() => source.stop());
  source.start();
  const downs = (): number => listener.statuses.filter((status) => status.kind === 'down').length;
  let attempts = 0;
  // 0.75 of 1, 2, 4, 5 and 5 seconds.
  for (const pauseMs of [750, 1_500, 3_000, 3_750, 3_750]) {
    attempts += 1;
    const made = attempts;
    await until('the attempt has failed', () => downs() === made);
    await clock.advance(pauseMs - 1);
    expect(accepted).toBe(made);
    serving = made === 5;
    await clock.advance(1);
    await until('the next attempt is made', () => accepted === made + 1);
  }
  await listener.up();
  serving = false;
  await clock.advance(10_000);
  for (const socket of sockets) socket.destroy();
  await until('it is down', () => listener.last === 'down');
  await clock.advance(749);
  expect(accepted).toBe(6);
  await clock.advance(1);
  await until('the next attempt is made', () => accepted === 7);
});
