// What a SUBSCRIBE with many filters costs the embedded broker, and how many it takes.
import type { MqttClient, Packet } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedLimits } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, until } from './outside.ts';

const notices: string[] = [];
const LIMITS = {
  maxMessages: 10,
  maxBytes: 1_000,
  maxTotalBytes: 10_000,
  maxRetained: 10,
  maxSessions: 10,
  maxFilters: 1_000,
  maxFilterBytes: 10e6,
  maxRetainedBytes: 1e6,
  ownPrefix: null,
};

class CountingFile extends BrokerFile {
  written = 0;

  override run(...args: Parameters<BrokerFile['run']>): void {
    if (args[0].startsWith('REPLACE INTO subscriptions')) this.written += 1;
    super.run(...args);
  }
}

function filters(count: number, prefix = 'up'): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}/${at}`);
}

async function persistence(): Promise<{ store: DiskPersistence; file: CountingFile }> {
  const file = new CountingFile(null);
  file.open();
  onTestFinished(() => file.close());
  const store = new DiskPersistence(file, LIMITS, () => {});
  await store.setup({ id: 'broker' });
  return { store, file };
}

async function start(limits: Partial<EmbeddedLimits> = {}): Promise<EmbeddedBroker> {
  notices.length = 0;
  const onNotice = (text: string) => notices.push(text);
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock, limits, onNotice });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

async function client(broker: EmbeddedBroker, clientId: string, clean: boolean): Promise<MqttClient> {
  const connected = await outside(broker.url, { clientId, clean });
  onTestFinished(() => connected.endAsync(true));
  return connected;
}

/** Subscribed to one filter too many it is cut off. */
async function expectCutOff(subscriber: MqttClient, topics: string[], why: string): Promise<void> {
  const closed = new Promise<void>((resolve) => subscriber.once('close', () => resolve()));
  subscriber.subscribe(topics, { qos: 1 }, () => {});
  await closed;
  await until('it is told', () => notices.some((text) => text.includes(why)));
}

test('each filter of a packet is written once, though aedes asks for all of them for each', async () => {
  const { store, file } = await persistence();
  const subscriptions = filters(300).map((topic) => ({ topic, qos: 1 }));
  const users = { has: () => true, mayReadAny: () => true };
  const connection = {};
  store.owners.claim('a', connection, 'anna', null, users);
  await Promise.all(subscriptions.map(() => store.addSubscriptions({ id: 'a' }, subscriptions)));
  expect(file.written).toBe(300);
  expect(store.topicsOf('a')).toEqual(filters(300));
  // The same ones again, when they were unsubscribed in the same breath.
  await Promise.all([
    store.removeSubscriptions({ id: 'a' }, filters(300)),
    store.addSubscriptions({ id: 'a' }, subscriptions),
    store.addSubscriptions({ id: 'a' }, subscriptions),
  ]);
  expect(file.written).toBe(600);
  expect(store.topicsOf('a')).toEqual(filters(300));
  expect(file.all('SELECT * FROM subscriptions')).toHaveLength(300);
  // It is anna's as before.
  store.owners.release('a', connection);
  expect(store.owners.claim('a', {}, 'bert', store.topicsOf('a'), users)).toBe(false);
  expect(store.owners.claim('a', {}, 'anna', store.topicsOf('a'), users)).toBe(true);
});

test('packets that come together do not get a session over its limit', async () => {
  const { store } = await persistence();
  const list = (prefix: string) => filters(600, prefix).map((topic) => ({ topic, qos: 1 }));
  const [first, again, other] = await Promise.allSettled(
    ['one', 'one', 'two'].map((prefix) => store.addSubscriptions({ id: 'a' }, list(prefix))),
  );
  expect([first?.status, again?.status, other?.status]).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(store.topicsOf('a')).toEqual(filters(600, 'one'));
});

test('a session has as many filters as allowed, and may ask for those again', async () => {
  const broker = await start();
  const session = await client(broker, 'session', false);
  await session.subscribeAsync(filters(1_000), { qos: 1 });
  await session.subscribeAsync(filters(1_000), { qos: 0 });
  await expectCutOff(session, ['one/more'], 'more than 1000 filters');
  await (await client(broker, 'session', false)).unsubscribeAsync('up/0');
  await (await client(broker, 'session', false)).subscribeAsync('one/more', { qos: 1 });
});

test('a packet with more filters ends its connection, one without a session too', async () => {
  const broker = await start();
  const subscriber = await client(broker, 'clean', true);
  await subscriber.subscribeAsync(filters(1_000), { qos: 1 });
  await expectCutOff(subscriber, filters(1_001), 'client "clean": a packet with 1001 filters');
});

/** What the broker grants for one filter each. */
async function granted(subscriber: MqttClient, ...topics: string[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  const listen = (packet: Packet): void => {
    if (packet.cmd === 'suback') answers.push(...packet.granted);
  };
  subscriber.on('packetreceive', listen);
  for (const topic of topics) await subscriber.subscribeAsync(topic, { qos: 1 }).catch(() => {});
  subscriber.off('packetreceive', listen);
  return answers;
}

test('a client without a session has as many filters as one with a session, however many packets it takes', async () => {
  const broker = await start();
  const subscriber = await client(broker, 'clean', true);
  await subscriber.subscribeAsync(filters(600), { qos: 1 });
  await subscriber.subscribeAsync(filters(1_000), { qos: 0 });
  expect(await granted(subscriber, 'one/more', 'up/0')).toEqual([128, 1]);
  expect(notices).toEqual(['Broker "test": filters of client "clean" are refused: it has 1000 already']);
  await subscriber.unsubscribeAsync('up/0');
  expect(await granted(subscriber, 'one/more', 'up/0')).toEqual([1, 128]);
});

test('the filters of all clients without a session take so much memory at most, however long they are', async () => {
  const broker = await start({ maxFilterBytes: 100_000 });
  const long = `${'x'.repeat(20_000)}/1`;
  const deep = `${'x/'.repeat(99)}2`;
  const first = await client(broker, 'first', true);
  expect(await granted(first, long, long)).toEqual([1, 1]);
  const second = await client(broker, 'second', true);
  expect(await granted(second, deep, 'short')).toEqual([128, 1]);
  expect(notices).toEqual([expect.stringContaining('filters of client "second" are refused: those of all clients')]);
  first.stream.destroy();
  // As soon as the broker knows.
  await expect.poll(() => granted(second, deep)).toEqual([1]);
});

test('so do the filters of all sessions, also of those that are away', async () => {
  const broker = await start({ maxFilterBytes: 100_000 });
  const long = `${'x'.repeat(20_000)}/1`;
  const first = await client(broker, 'first', false);
  expect(await granted(first, long)).toEqual([1]);
  await first.endAsync();
  await expectCutOff(await client(broker, 'second', false), [long], '"second": The filters of all sessions take');
  expect(await granted(await client(broker, 'second', false), 'short')).toEqual([1]);
  // The first one's again, and what it has already counts once.
  expect(await granted(await client(broker, 'first', false), long)).toEqual([1]);
  await client(broker, 'first', true);
  expect(await granted(await client(broker, 'second', false), long)).toEqual([1]);
});

test.each([
  ['clients without a session', true],
  ['sessions', false],
])('each has room for some filters though others have filled that of all: %s', async (_, clean) => {
  const broker = await start({ maxFilterBytes: 100_000 });
  const long = (name: string, length: number) => `${'x'.repeat(length)}/${name}`;
  const first = await client(broker, 'first', clean);
  expect(await granted(first, long('1', 24_000))).toEqual([1]);
  const second = await client(broker, 'second', clean);
  expect(await granted(second, 'a', 'b', long('2', 12_000))).toEqual([1, 1, 1]);
  // What is still being written counts as well.
  const answer = second.subscribeAsync(long('3', 1_000), { qos: 1 }).catch(() => null);
  if (clean) {
    await answer;
    expect(await granted(second, long('4', 1_000))).toEqual([128]);
    expect(notices).toEqual([expect.stringContaining('filters of client "second" are refused: those of all clients')]);
  } else await expectCutOff(second, [long('4', 1_000)], '"second": The filters of all sessions take');
  // And for the next one there is room as well.
  const third = await client(broker, 'third', clean);
  expect(await granted(third, 'c')).toEqual([1]);
});

test('a filter that is unsubscribed and subscribed again in one breath is counted, and can be unsubscribed', async () => {
  const broker = await start({ maxFilters: 2 });
  const heard: string[] = [];
  const subscriber = await outside(broker.url, { clientId: 'clean' }, (text) => heard.push(text));
  onTestFinished(() => subscriber.endAsync(true));
  await subscriber.subscribeAsync('other', { qos: 1 });
  let answers = 0;
  subscriber.on('packetreceive', ({ cmd }) => {
    if (cmd === 'suback' || cmd === 'unsuback') answers += 1;
  });
  // SUBSCRIBE with QoS 0, UNSUBSCRIBE, and SUBSCRIBE with QoS 1.
  const packets = ['\x82\x06\0\x07\0\x01f\0', '\xa2\x05\0\x08\0\x01f', '\x82\x06\0\x09\0\x01f\x01'];
  subscriber.stream.write(Buffer.from(packets.join(''), 'latin1'));
  await until('all are answered', () => answers === 3);
  expect(await granted(subscriber, 'one/more')).toEqual([128]);
  const sender = await client(broker, 'sender', true);
  await sender.publishAsync('f', 'subscribed', { qos: 1 });
  await until('it is heard', () => heard.length === 1);
  await subscriber.unsubscribeAsync('f');
  await sender.publishAsync('f', 'unsubscribed', { qos: 1 });
  await sender.publishAsync('other', 'last', { qos: 1 });
  await until('the last is heard', () => heard.includes('last'));
  expect(heard).toEqual(['subscribed', 'last']);
  expect(await granted(subscriber, 'one/more')).toEqual([1]);
});
