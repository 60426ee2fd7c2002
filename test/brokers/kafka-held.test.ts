// How much a Kafka source takes before its listener has answered, and what becomes of it when the listener fails.
import { expect, test, vi } from 'vitest';
import type { KafkaBrokerOptions } from '../../src/brokers/kafka-options.ts';
import type { SharedReader } from '../../src/brokers/kafka-shared-reader.ts';
import { KafkaSource } from '../../src/brokers/kafka-source.ts';
import type { BrokerMessage } from '../../src/domain/ports/broker.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingListener, until } from './outside.ts';

const MAX_BYTES = 1_000_000;

function sourceOf(listener: RecordingListener, clock = new ManualClock()): KafkaSource {
  const nothing = (): void => {};
  const reader = { add: nothing, remove: async () => {}, wake: nothing } as unknown as SharedReader;
  const options = { clock, held: { maxBytes: MAX_BYTES } } as unknown as KafkaBrokerOptions;
  const source = new KafkaSource(options, reader, { clientId: 'a', topics: ['up'], expectSession: false }, listener);
  source.start();
  source.opened(false);
  return source;
}

const BYTE = Buffer.from('1');
const MESSAGES: readonly [string, Partial<BrokerMessage>, number][] = [
  ['long keys', { topic: `up/${'k'.repeat(60_000)}` }, 60_204],
  ['short messages', { topic: 'up/k' }, 205],
  [
    'large headers',
    {
      topic: 'up/k',
      headers: [
        ['h', Buffer.alloc(50_000)],
        ['none', null],
      ],
    },
    50_410,
  ],
];

test.each(MESSAGES)('%s count for what is held', async (_, fields, bytes) => {
  const listener = new RecordingListener();
  listener.holding = true;
  const source = sourceOf(listener);
  const part = source.place({ topic: 'up', partition: 0 }, null, 0, null);
  const fill = (): number => {
    const from = part.next;
    for (; source.isReady && part.next - from < 10_000; ) {
      const offset = part.next;
      const rest = { payload: BYTE, qos: 1, retain: false, dup: false, arrivedAt: 1, partition: 0, offset } as const;
      const messages = [{ topic: 'up', ...rest, ...fields }];
      source.take([{ part, messages, sorted: null, from: offset, nextOffset: offset + 1 }]);
    }
    return part.next - from;
  };
  expect(fill()).toBe(Math.ceil(MAX_BYTES / bytes));
  listener.settle();
  await until('there is room again', () => source.isReady);
  // All of it is given back.
  expect(fill()).toBe(Math.ceil(MAX_BYTES / bytes));
});

test('what a listener throws at is told, comes again, and is held no longer', async () => {
  const clock = new ManualClock();
  const listener = new RecordingListener();
  const source = sourceOf(listener, clock);
  const part = source.place({ topic: 'up', partition: 0 }, null, 0, null);
  const rest = { payload: BYTE, qos: 1, retain: false, dup: false, arrivedAt: 1, partition: 0, offset: 0 } as const;
  const offered = { part, messages: [{ topic: 'up', ...rest }], sorted: null, from: 0, nextOffset: 1 };
  vi.spyOn(listener, 'onMessages').mockImplementationOnce(() => {
    throw new RangeError('Invalid string length');
  });
  source.take([offered]);
  const reason = 'the uplinks could not be kept: Invalid string length';
  expect(listener.statuses.at(-1)).toEqual({ kind: 'down', reason, fatal: false });
  expect([part.next, source.isReady]).toEqual([0, false]);
  await clock.advance(1_000);
  expect([listener.last, source.isReady]).toEqual(['up', true]);
  source.take([offered]);
  expect([listener.texts, part.durable]).toEqual([['1'], 1]);
});
