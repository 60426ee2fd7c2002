// A session that holds much: a broker may send all of it before it answers anything else, and nobody must lose patience.
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener, until } from './outside.ts';

const CONNACK_PRESENT = Buffer.from([0x20, 2, 1, 0]);
const TIMEOUT_MS = 3_000;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A broker that answers the connection, and the rest when it is told to. */
async function slowBroker() {
  const seen = {
    socket: null as Socket | null,
    subscription: null as Buffer | null,
    pubacks: 0,
    pings: 0,
    connections: 0,
  };
  const server = createServer((socket) => {
    seen.connections += 1;
    seen.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += 2 + chunk[at + 1]!) {
        const kind = chunk[at]! >> 4;
        if (kind === 1) socket.write(CONNACK_PRESENT);
        else if (kind === 8) seen.subscription = chunk.subarray(at + 2, at + 4);
        else if (kind === 4) seen.pubacks += 1;
        else if (kind === 12) seen.pings += 1;
        else if (kind === 14) socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    seen.socket?.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const publish = (id: number): void => {
    seen.socket?.write(Buffer.from([0x32, 8, 0, 3, 0x75, 0x70, 0x2f, 0, id, 0x78]));
  };
  return { seen, port, publish };
}

async function source(port: number, keepaliveMs: number) {
  const clock = new ManualClock();
  const chance = { random: () => 0.5, uuid: () => 'x' };
  const url = `mqtt://127.0.0.1:${port}`;
  const broker = createMqttBroker({ name: 'slow', url, clock, chance, connectTimeoutMs: TIMEOUT_MS, keepaliveMs });
  const listener = new RecordingListener();
  const opened = broker.openSource({ clientId: 'a', topics: ['up/#'], expectSession: true }, listener);
  cleanUps.push(() => opened.stop());
  opened.start();
  return { clock, listener };
}

test('while uplinks of the session come, the subscription may be answered late; once nothing comes, it is overdue', async () => {
  const { seen, port, publish } = await slowBroker();
  const { clock, listener } = await source(port, 3_600_000);
  await until('it subscribes', () => seen.subscription !== null);
  for (let id = 1; id <= 5; id++) {
    publish(id);
    await until('the uplink is acknowledged', () => seen.pubacks === id);
    await clock.advance(TIMEOUT_MS);
  }
  expect(listener.statuses).toEqual([]);
  seen.socket?.write(Buffer.from([0x90, 3, ...seen.subscription!, 1]));
  await listener.up();
  expect(seen.connections).toBe(1);

  seen.socket?.destroy();
  seen.subscription = null;
  await until('it is down', () => listener.last === 'down');
  while (seen.connections === 1) await clock.advance(100);
  await until('it subscribes again', () => seen.subscription !== null);
  await clock.advance(TIMEOUT_MS);
  await until('it gives up', () => listener.statuses.length === 3);
  expect(listener.statuses.at(-1)).toMatchObject({
    kind: 'down',
    reason: expect.stringContaining('did not answer the subscription'),
  });
});

test('uplinks that come and are acknowledged are a sign of life: a late PINGRESP costs no connection', async () => {
  const { seen, port, publish } = await slowBroker();
  const keepaliveMs = 10_000;
  const { clock, listener } = await source(port, keepaliveMs);
  await until('it subscribes', () => seen.subscription !== null);
  seen.socket?.write(Buffer.from([0x90, 3, ...seen.subscription!, 1]));
  await listener.up();
  for (let id = 1; id <= 20; id++) {
    publish(id);
    await until('the uplink is acknowledged', () => seen.pubacks === id);
    await clock.advance(keepaliveMs / 2 - 1);
  }
  expect(listener.last).toBe('up');
  expect(seen.connections).toBe(1);
  // Silence: it asks, and without an answer gives the connection up.
  await clock.advance(keepaliveMs);
  await until('it asks', () => seen.pings === 1);
  await clock.advance(keepaliveMs);
  await until('it is down', () => listener.last === 'down');
});
