// What a SUBSCRIBE finds among the retained messages: the same as aedes would, but in turns.
import type { Readable } from 'node:stream';
import MemoryPersistence, { type StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createEmbeddedBroker } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { RetainedLookup } from '../../src/brokers/embedded-lookup.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';
import { RetainedMessages } from '../../src/brokers/embedded-retained.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, until } from './outside.ts';

const LIMITS = {
  maxMessages: 10,
  maxBytes: 1_000,
  maxTotalBytes: 10_000,
  maxRetained: 100_000,
  maxSessions: 10,
  maxFilters: 1_000,
  maxFilterBytes: 1e6,
  maxRetainedBytes: 100e6,
  ownPrefix: null,
};

function times(count: number, of: (at: number) => string): string[] {
  return Array.from({ length: count }, (_, at) => of(at));
}

async function storeWith(topics: readonly string[]): Promise<DiskPersistence> {
  const file = new BrokerFile(null);
  file.open();
  onTestFinished(() => file.close());
  const store = new DiskPersistence(file, LIMITS, () => {});
  await store.setup({ id: 'broker' });
  await Promise.all(topics.map((topic) => store.storeRetained(message(topic))));
  return store;
}

function message(topic: string): StoredPacket {
  return { cmd: 'publish', topic, payload: Buffer.from(topic), qos: 1, retain: true };
}

/** What the streams give, and how often others had a turn meanwhile. */
async function read(streams: Readable[], onTopic = () => {}): Promise<{ topics: string[][]; turns: number }> {
  let turns = 0;
  let going = true;
  const turn = () => {
    turns += 1;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  const topics = await Promise.all(
    streams.map(async (stream) => {
      const found: string[] = [];
      for await (const { topic } of stream as AsyncIterable<StoredPacket>) {
        found.push(topic);
        onTopic();
      }
      return found;
    }),
  );
  going = false;
  return { topics, turns };
}

test('a look-up of many filters among many messages gives others a turn, and several share theirs', async () => {
  const store = await storeWith(times(5_000, (at) => `up/${at}/x`));
  const filters = [...times(200, (at) => `up/+/${at}`), 'up/7/+'];
  const one = await read([store.createRetainedStreamCombi(filters)]);
  expect(one.topics).toEqual([['up/7/x']]);
  expect(one.turns).toBeGreaterThan(100);
  const three = await read([1, 2, 3].map(() => store.createRetainedStreamCombi(filters)));
  expect(three.topics).toEqual(Array(3).fill(['up/7/x']));
  expect(three.turns).toBeGreaterThan(2 * one.turns);
});

test('a topic is found without looking at the others', async () => {
  const store = await storeWith(times(5_000, (at) => `up/${at}`));
  const { topics, turns } = await read([store.createRetainedStreamCombi(times(1_000, (at) => `up/${at * 10}`))]);
  expect(topics).toEqual([times(500, (at) => `up/${at * 10}`)]);
  expect(turns).toBeLessThan(10);
});

test('a look-up ends with its client', async () => {
  const store = await storeWith(times(5_000, (at) => `up/${at}/x`));
  const client = { closed: false };
  store.looksFor(client);
  const stream = store.createRetainedStreamCombi(['up/1/+', ...times(500, (at) => `up/+/${at}`)]);
  const { topics, turns } = await read([stream], () => {
    client.closed = true;
  });
  expect(topics).toEqual([['up/1/x']]);
  expect(turns).toBeLessThan(20);
});

test('aedes says for which client it looks', async () => {
  const matching = vi.spyOn(RetainedMessages.prototype, 'matching');
  onTestFinished(() => matching.mockRestore());
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  onTestFinished(() => broker.stop());
  const [staying, leaving] = [await outside(broker.url), await outside(broker.url)];
  onTestFinished(() => staying.endAsync(true));
  await Promise.all([staying.subscribeAsync('up/+'), leaving.subscribeAsync('down/+')]);
  await until('it looks for both', () => matching.mock.calls.length === 2);
  const isGone = (filter: string) => matching.mock.calls.find(([filters]) => filters[0] === filter)![1]();
  expect([isGone('up/+'), isGone('down/+')]).toEqual([false, false]);
  await leaving.endAsync(true);
  await until('it knows', () => isGone('down/+'));
  expect(isGone('up/+')).toBe(false);
});

test('what is emptied and retained anew all the time keeps no look-up from its end', async () => {
  const retained = new Map(times(3, (at) => `up/${at}`).map((topic) => [topic, topic]));
  const found: string[] = [];
  for await (const topic of new RetainedLookup().find(retained, ['up/+'], () => false)) {
    found.push(topic);
    retained.delete(topic);
    retained.set(topic, topic);
    if (found.length > 10) break;
  }
  expect(found).toEqual(['up/0', 'up/1', 'up/2']);
});

test('what is found is what aedes would find, in its order', async () => {
  // Small alphabets, so that much matches; a fixed sequence of numbers.
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const levels = (kinds: readonly string[]) => times(1 + random(4), () => kinds[random(kinds.length)]!).join('/');
  const topics = [...new Set(times(300, () => levels(['a', 'b', 'ab', '', '$a'])))].filter((topic) => topic !== '');
  const filters = times(600, () => levels(['a', 'b', 'ab', '', '$a', '+', '+']) + (random(3) === 0 ? '/#' : '')).filter(
    (filter) => filter !== '',
  );
  const reference = new MemoryPersistence();
  for (const topic of topics) await reference.storeRetained(message(topic));
  const store = await storeWith(topics);
  for (const some of [['#'], filters, ...filters.map((filter) => [filter])]) {
    const wanted = await read([reference.createRetainedStreamCombi(some)]);
    expect((await read([store.createRetainedStreamCombi(some)])).topics).toEqual(wanted.topics);
  }
  // By some hundreds of filters, each of some messages.
  expect((await read([store.createRetainedStreamCombi(filters)])).topics[0]?.length).toBeGreaterThan(1_000);
});
