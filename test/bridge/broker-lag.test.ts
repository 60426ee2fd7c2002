// How far behind connections are, by what brokers say of their topics' ends.
import { expect, test } from 'vitest';
import { BrokerLag, type ReadingConnection } from '../../src/bridge/broker-lag.ts';
import type { Broker, TopicEnd } from '../../src/domain/ports/broker.ts';
import type { Logger } from '../../src/ops/logger.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Taken = Readonly<Record<string, { position: number; above?: number[] }>>;

function reading(id: string, broker: string, topics: string[], taken: Taken): ReadingConnection {
  const places = {
    taken: (topic: string, partition: number) => {
      const found = taken[`${topic}/${partition}`];
      return found === undefined ? null : { position: found.position, above: new Set(found.above ?? []) };
    },
  };
  return { id, broker, topics, places };
}

test('the lag is what lies between the place and the end, over the partitions that it reads; asked once for all of a broker', async () => {
  const clock = new ManualClock();
  const asked: string[][] = [];
  let fails = false;
  const ends: TopicEnd[] = [
    { topic: 'u', partition: 0, end: 100 },
    { topic: 'u', partition: 1, end: 50 },
    { topic: 'other', partition: 0, end: 9 },
  ];
  const kafka = {
    endOffsets: async (topics: readonly string[]) => {
      asked.push([...topics]);
      if (fails) throw new Error('away');
      return ends;
    },
  } as unknown as Broker;
  const lag = new BrokerLag({
    broker: (name) => (name === 'kafka' ? kafka : ({} as Broker)),
    connections: () => [
      reading('a', 'kafka', ['u'], { 'u/0': { position: 90, above: [92, 95] }, 'u/1': { position: 50 } }),
      reading('b', 'kafka', ['u', 'other'], { 'other/0': { position: 12 } }),
      reading('new', 'kafka', ['u'], {}),
      reading('m', 'mqtt', ['u'], { 'u/0': { position: 1 } }),
    ],
    clock,
    logger: { debug: () => {} } as unknown as Logger,
  });
  lag.start();
  expect(lag.of('a')).toBeNull();
  await clock.advance(15_000);
  expect(['a', 'b', 'new', 'm'].map((id) => lag.of(id))).toEqual([8, 0, null, null]);
  expect(asked).toEqual([['u', 'other']]);
  // What cannot be asked is not known: an old figure would look like a fresh one.
  fails = true;
  await clock.advance(15_000);
  expect(lag.of('a')).toBeNull();
  lag.stop();
  await clock.advance(60_000);
  expect(asked.length).toBe(2);
});
