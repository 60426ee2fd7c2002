// What is on the wire after DISCONNECT: nothing, however long the broker takes to close.
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import { systemChance } from '../../src/ops/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener, RecordingTable, until } from './outside.ts';

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const DISCONNECT = 'e000';
/** QoS 1, identifier 7, topic `t/a`, payload `x`. */
const PUBLISH = Buffer.from([0x32, 8, 0, 3, 0x74, 0x2f, 0x61, 0, 7, 0x78]);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A broker that grants everything and closes only when it is told to. */
async function slowBroker() {
  const wire = { hex: '', closed: false, socket: null as Socket | null };
  const server = createServer((socket) => {
    wire.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      wire.closed = true;
    });
    socket.on('data', (chunk) => {
      wire.hex += chunk.toString('hex');
      if (chunk[0] === 0x10) socket.write(CONNACK);
      // SUBSCRIBE: its identifier is behind the fixed header.
      if (chunk[0] === 0x82) socket.write(Buffer.from([0x90, 3, chunk[2] ?? 0, chunk[3] ?? 0, 1]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    wire.socket?.destroy();
    server.close();
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const clock = new ManualClock();
  const broker: Broker = createMqttBroker({
    name: 'slow',
    url: `mqtt://127.0.0.1:${port}`,
    clock,
    chance: systemChance,
    keepaliveMs: 1_000,
  });
  return { wire, clock, broker };
}

test('a keepalive that falls due meanwhile does not break the connection, with acknowledgements in it', async () => {
  const { wire, clock, broker } = await slowBroker();
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'a', topics: ['t/#'], expectSession: false }, listener);
  source.start();
  await listener.up();
  wire.socket?.write(PUBLISH);
  await until('it has arrived', () => listener.messages.length === 1);
  const stopping = source.stop();
  await until('it has said goodbye', () => wire.hex.endsWith(`40020007${DISCONNECT}`));
  await clock.advance(1_600);
  // A turn of the real event loop on both ends.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(wire.closed).toBe(false);
  expect(wire.hex.endsWith(DISCONNECT)).toBe(true);
  wire.socket?.end();
  await stopping;
});

test('a broker that never closes is left after a while', async () => {
  const { wire, clock, broker } = await slowBroker();
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'a', topics: ['t/#'], expectSession: false }, listener);
  source.start();
  await listener.up();
  const stopping = source.stop();
  await until('it has said goodbye', () => wire.hex.endsWith(DISCONNECT));
  await clock.advance(2_001);
  await stopping;
  await until('it is closed', () => wire.closed);
});

test('a table does not acknowledge what comes after its stop', async () => {
  const { wire, broker } = await slowBroker();
  const listener = new RecordingTable();
  const table = broker.openTable({ prefix: 't', settleMs: 1, clientId: 'a' }, listener);
  table.start();
  await until('it is up', () => listener.statuses.length === 1);
  const stopping = table.stop();
  await until('it has said goodbye', () => wire.hex.endsWith(DISCONNECT));
  wire.socket?.end(PUBLISH);
  await stopping;
  expect(listener.records).toEqual([]);
  expect(wire.hex.endsWith(DISCONNECT)).toBe(true);
});
