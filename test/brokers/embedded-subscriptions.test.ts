// What a SUBSCRIBE with many filters costs the embedded broker, and how many it takes.
import type { MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, until } from './outside.ts';

const notices: string[] = [];
const LIMITS = { maxMessages: 10, maxBytes: 1_000, maxRetained: 10, maxSessions: 10, maxFilters: 1_000 };

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

async function start(): Promise<EmbeddedBroker> {
  notices.length = 0;
  const onNotice = (text: string) => notices.push(text);
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock, onNotice });
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
