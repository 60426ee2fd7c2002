// Acknowledgements of one MQTT connection: in the order received, many in one write, only for what was kept, never too late.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { MqttDelivery } from '../../src/brokers/mqtt-delivery.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener } from './outside.ts';

class Wire extends Writable {
  /** The packet identifiers of each write. */
  readonly acks: number[][] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const ids: number[] = [];
    for (let at = 0; at < chunk.length; at += 4) {
      expect([chunk[at], chunk[at + 1]]).toEqual([0x40, 2]);
      ids.push(chunk.readUInt16BE(at + 2));
    }
    this.acks.push(ids);
    done();
  }
}

function connection(limits = { maxMessages: 1_000, maxBytes: 1_000_000 }) {
  const wire = new Wire();
  const listener = new RecordingListener();
  listener.holding = true;
  const refused: string[] = [];
  let rooms = 0;
  const delivery = new MqttDelivery(
    wire,
    listener,
    new ManualClock(),
    limits,
    (error) => refused.push(error.message),
    () => {
      rooms += 1;
    },
  );
  const take = (id: number, qos: 0 | 1 = 1, bytes = 10): boolean =>
    delivery.take('up/a', Buffer.alloc(bytes, `${id} `), qos, false, false, qos === 0 ? 0 : id);
  return { wire, listener, delivery, refused, take, rooms: () => rooms };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('batches are acknowledged in the order received, whichever is kept first', async () => {
  const { wire, listener, take } = connection();
  take(7);
  take(65_535);
  await turn();
  take(8);
  await turn();
  take(9);
  await turn();
  expect(listener.batches).toBe(3);
  listener.held[1]?.(null);
  listener.held[2]?.(null);
  await turn();
  expect(wire.acks).toEqual([]);
  listener.held[0]?.(null);
  await turn();
  expect(wire.acks).toEqual([[7, 65_535, 8, 9]]);
});

test('QoS 0 has no acknowledgement, and telling twice acknowledges once', async () => {
  const { wire, listener, take } = connection();
  take(0, 0);
  take(1);
  await turn();
  expect(listener.messages.map((message) => message.qos)).toEqual([0, 1]);
  listener.held[0]?.(null);
  listener.held[0]?.(null);
  listener.held[0]?.(new Error('too late'));
  await turn();
  expect(wire.acks).toEqual([[1]]);
});

test('a batch of one read of a socket does not wait for the end of the turn', () => {
  const { listener, take } = connection();
  take(1, 1, 40_000);
  expect(listener.batches).toBe(0);
  take(2, 1, 40_000);
  expect(listener.batches).toBe(1);
  expect(listener.messages.length).toBe(2);
});

test('after a refusal nothing more is handed over or acknowledged on this connection', async () => {
  const { wire, listener, refused, take } = connection();
  take(1);
  await turn();
  take(2);
  await turn();
  listener.held[0]?.(new Error('disk full'));
  listener.held[1]?.(null);
  take(3);
  await turn();
  expect(refused).toEqual(['disk full']);
  expect(wire.acks).toEqual([]);
  expect(listener.messages.length).toBe(2);
});

test('an acknowledgement that comes after the connection has gone is dropped', async () => {
  const { wire, listener, delivery, take } = connection();
  take(1);
  await turn();
  delivery.close();
  listener.held[0]?.(null);
  await turn();
  expect(wire.acks).toEqual([]);
});

test('reading stops when too much is held, and goes on when it is kept', async () => {
  const { listener, take, rooms } = connection({ maxMessages: 3, maxBytes: 1_000_000 });
  expect([take(1), take(2), take(3)]).toEqual([true, true, false]);
  await turn();
  expect(rooms()).toBe(0);
  listener.held[0]?.(null);
  expect(rooms()).toBe(1);
  expect(take(4)).toBe(true);
});

test('topics, and what each message takes besides, count for what is held', async () => {
  const maxBytes = 1_000_000;
  for (const topic of ['t'.repeat(60_000), 't']) {
    const { listener, delivery, rooms } = connection({ maxMessages: 65_535, maxBytes });
    let taken = 1;
    while (delivery.take(topic, Buffer.from('1'), 1, false, false, 1) && taken < 10_000) taken += 1;
    expect(taken).toBe(Math.ceil(maxBytes / (topic.length + 1 + 200)));
    await turn();
    listener.settle();
    expect(rooms()).toBe(1);
    // All of it is given back.
    let again = 1;
    while (delivery.take(topic, Buffer.from('1'), 1, false, false, 1) && again < 10_000) again += 1;
    expect(again).toBe(taken);
  }
});

test('draining hands over nothing more and waits for what was handed over', async () => {
  const { wire, listener, delivery, take } = connection();
  take(1);
  await turn();
  take(2);
  let drained = false;
  const draining = delivery.drain().then(() => {
    drained = true;
  });
  take(3);
  await turn();
  expect([drained, listener.messages.length]).toEqual([false, 1]);
  listener.held[0]?.(null);
  await draining;
  expect(wire.acks).toEqual([[1]]);
});
