// Which topic has a name, as brokers tell that may not all have heard the news yet.
import { expect, test } from 'vitest';
import type { KafkaWire } from '../../src/brokers/kafka-internals.ts';
import { KnownTopics } from '../../src/brokers/kafka-known-topics.ts';
import { compileFilter } from '../../src/brokers/kafka-topics.ts';
import { ManualClock } from '../support/manual-clock.ts';

const TOPIC = 'uplinks';
const LEADER = 2;

/** `seed`: what the broker says that was connected first; `leader`: the topic's; null: it cannot be reached. */
async function idAfter(known: string | null, seed: string, leader: string | null): Promise<string | null> {
  let said = { seed: known, leader: known };
  const wire = {
    learn: () => {},
    call: async () => ({
      brokers: [],
      topicMetadata: [{ topic: TOPIC, topicErrorCode: 0, partitionMetadata: [{ partitionId: 0, leader: LEADER }] }],
    }),
    topicIds: async (node: number | null) => {
      const id = node === null ? said.seed : said.leader;
      if (id === null && node === LEADER) throw new Error('it cannot be reached');
      return new Map(id === null ? [] : [[TOPIC, id]]);
    },
  } as unknown as KafkaWire;
  const topics = new KnownTopics({ clock: new ManualClock(), bootstrap: ['kafka:9092'] });
  const reading = { filters: [compileFilter(TOPIC, null)] };
  await topics.look(wire, [reading]);
  said = { seed, leader };
  await topics.look(wire, [reading]);
  return topics.topics.get(TOPIC)?.id ?? null;
}

test('a topic is another one when the first broker and the topic’s leader say so', async () => {
  expect(await idAfter('former', 'new', 'new')).toBe('new');
  expect(await idAfter('former', 'new', 'former')).toBe('former');
  expect(await idAfter('former', 'new', null)).toBe('former');
  expect(await idAfter('former', 'former', 'new')).toBe('former');
  expect(await idAfter(null, 'new', null)).toBe('new');
});
