// A connection is moved away from Kafka: what its group has still to read is read, however long nothing of it comes.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { connectAll, FakeKafka, TOPIC } from '../brokers/fake-kafka.ts';
import { until } from '../brokers/outside.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { movedSessions } from '../support/moved-sessions.ts';

let kafka: FakeKafka;

beforeEach(() => {
  kafka = new FakeKafka(1);
  connectAll(() => kafka);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Longer than silence has to last behind a source's word. */
const STALLED_MS = 3_500;
const TIMEOUT_MS = 40_000;

async function moved(topic: string) {
  const log = createKafkaBroker(kafkaBrokerOptions('127.0.0.1:1', { reconnect: { minMs: 5, maxMs: 5 } }));
  const { sessions, heard, source, generations } = movedSessions({ log, main: new ModelBroker() });
  onTestFinished(async () => {
    kafka.isReachable = false;
    await sessions.stop();
  });
  sessions.start(source('log', topic));
  await heard.up();
  sessions.move(source('main', 'up/#'));
  return { heard, generations };
}

async function isEnded(generations: () => number[]): Promise<void> {
  await until('the old session is ended', () => generations().length === 1);
  expect(generations()).toEqual([1]);
}

test(
  'while its reader is back and what fetches is not, the old session stays',
  async () => {
    kafka.isFetchable = false;
    kafka.write(0, 'a', 'b', 'c');
    const { heard, generations } = await moved(TOPIC);
    await new Promise((resolve) => setTimeout(resolve, STALLED_MS));
    expect(generations()).toEqual([0, 1]);
    kafka.isFetchable = true;
    await until('all is read', () => heard.texts.length === 3);
    kafka.write(0, 'later');
    await isEnded(generations);
    expect(heard.texts).toEqual(['a', 'b', 'c']);
  },
  TIMEOUT_MS,
);

test(
  'of a filter with a key all is read, although nothing of it comes for long',
  async () => {
    for (let i = 0; i < 5; i++) kafka.writeRecords(0, { records: [{ key: 'another', value: `not wanted ${i}` }] });
    kafka.writeRecords(0, { records: [{ key: 'mine', value: 'wanted' }] });
    kafka.writeRecords(0, { records: [{ key: 'another', value: 'not wanted, and the last' }] });
    kafka.fetching = { ms: STALLED_MS / 5, batches: 1 };
    const { heard, generations } = await moved(`${TOPIC}/mine`);
    await until('it is read', () => heard.texts.length === 1);
    await isEnded(generations);
    expect(heard.texts).toEqual(['wanted']);
  },
  TIMEOUT_MS,
);
