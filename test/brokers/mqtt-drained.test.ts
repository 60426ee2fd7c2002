// Whether a session on an MQTT broker is empty: told by an UNSUBACK before which nothing came, and by nothing less.
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener, until } from './outside.ts';

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PATIENCE_MS = 10_000;

/** It answers the connection and the subscription; UNSUBSCRIBE is answered by the test. */
async function set() {
  const seen = { socket: null as Socket | null, kinds: [] as number[], unsubscriptions: [] as Buffer[] };
  const server = createServer((socket) => {
    seen.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += 2 + chunk[at + 1]!) {
        const kind = chunk[at]! >> 4;
        const id = chunk.subarray(at + 2, at + 4);
        seen.kinds.push(kind);
        if (kind === 1) socket.write(CONNACK);
        else if (kind === 8) socket.write(Buffer.from([0x90, 3, ...id, 1]));
        else if (kind === 10) seen.unsubscriptions.push(Buffer.from(id));
        else if (kind === 14) socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    seen.socket?.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const clock = new ManualClock();
  const broker = createMqttBroker({
    name: 'main',
    url: `mqtt://127.0.0.1:${port}`,
    clock,
    chance: { random: () => 0.5, uuid: () => 'x' },
    keepaliveMs: 3_600_000,
  });
  const listener = new RecordingListener();
  const source = broker.openSource({ clientId: 'a', topics: ['up/#'], expectSession: false }, listener);
  onTestFinished(() => source.stop());
  source.start();
  await listener.up();
  const publish = (id: number): void => {
    seen.socket?.write(Buffer.from([0x32, 8, 0, 3, 0x75, 0x70, 0x2f, 0, id, 0x78]));
  };
  /** The answer to the UNSUBSCRIBE of this number. */
  const answer = async (number: number): Promise<void> => {
    await until('it asks', () => seen.unsubscriptions.length === number);
    seen.socket?.write(Buffer.from([0xb0, 2, ...seen.unsubscriptions.at(-1)!]));
  };
  return { seen, clock, listener, source, publish, answer };
}

test('it is once the broker has answered behind the acknowledgements, and nothing came before', async () => {
  const { seen, listener, source, publish, answer } = await set();
  // A session that more comes into is never empty.
  expect(await source.drained()).toBe(false);
  source.unsubscribe();
  await answer(1);
  listener.holding = true;
  publish(1);
  await until('it has come', () => listener.held.length === 1);
  expect(await source.drained()).toBe(false);
  listener.settle();
  // More of the queue comes, and its answer behind it.
  listener.holding = false;
  const first = source.drained();
  await until('it asks', () => seen.unsubscriptions.length === 2);
  expect(seen.kinds.slice(-2)).toEqual([4, 10]);
  publish(2);
  await answer(2);
  expect(await first).toBe(false);
  const second = source.drained();
  await answer(3);
  expect(await second).toBe(true);
  expect(listener.messages).toHaveLength(2);
});

test('a broker that does not answer, or goes, leaves it open', async () => {
  const { seen, clock, listener, source, answer } = await set();
  source.unsubscribe();
  await answer(1);
  const first = source.drained();
  await until('it asks', () => seen.unsubscriptions.length === 2);
  await clock.advance(PATIENCE_MS);
  expect(await first).toBe(false);
  expect(listener.last).toBe('up');
  const second = source.drained();
  await until('it asks again', () => seen.unsubscriptions.length === 3);
  seen.socket?.destroy();
  expect(await second).toBe(false);
  await until('it is down', () => listener.last === 'down');
  expect(await source.drained()).toBe(false);
});

test('a stop does not wait for the answer', async () => {
  const { seen, clock, source } = await set();
  source.unsubscribe();
  const asked = source.drained();
  await until('it asks', () => seen.unsubscriptions.length === 2);
  await source.stop();
  expect(await asked).toBe(false);
  expect(clock.pendingTimers).toBe(0);
});
