// Messages of an answer parted among those who read it: against the plain way of asking each of them about each message.
import { expect, test } from 'vitest';
import { ConcernIndex, SortedMessages } from '../../src/brokers/kafka-sorting.ts';
import type { BrokerMessage, Concern, Sorted } from '../../src/domain/ports/broker.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { seededDice } from '../../src/sandbox/fleet/seeded-chance.ts';

const NO_MATCH: UplinkOutcome = { kind: 'filtered', reason: 'noMatch' };
const REPORT: UplinkOutcome = { kind: 'skipped', reason: 'report' };

function messageOf(offset: number): BrokerMessage {
  const payload = Buffer.from(`${offset}`);
  return { topic: 'up', payload, qos: 1, retain: false, dup: false, arrivedAt: 1, partition: 0, offset };
}

function concerns({ devices, tags }: Concern, sorted: Sorted | null): boolean {
  if (sorted === null || devices.has(sorted.device)) return true;
  const found = sorted.tags();
  return tags.size > 0 && (found === null || [...found].some((tag) => tags.has(tag)));
}

test('each gets what concerns it in its order, and the number of all others by their outcome', () => {
  const dice = seededDice(11);
  for (let round = 0; round < 200; round++) {
    const names = (word: string, most: number): Set<string> =>
      new Set(Array.from({ length: dice.whole(0, most) }, () => `${word}${dice.whole(0, 9)}`));
    const all = new Map<string, Concern>();
    const index = new ConcernIndex<string>();
    for (let who = 0; who < 6; who++) {
      const concern = { devices: names('d', 4), tags: dice.chance(0.5) ? names('t', 2) : new Set<string>() };
      index.add(`who${who}`, concern);
      all.set(`who${who}`, concern);
    }
    // One that has left and one that has changed its mind.
    index.remove('who0');
    const changed = { devices: new Set(['d1']), tags: new Set(['t2']) };
    index.add('who1', changed);
    all.set('who1', changed);
    const messages = Array.from({ length: dice.whole(0, 40) }, (_, i) => messageOf(i));
    const sorted = messages.map((): Sorted | null => {
      if (dice.chance(0.15)) return null;
      const tags = dice.chance(0.2) ? null : names('t', 3);
      return { device: `d${dice.whole(0, 9)}`, tags: () => tags, otherwise: dice.chance(0.3) ? REPORT : NO_MATCH };
    });
    const parted = new SortedMessages(messages, index, ({ offset = 0 }) => sorted[offset] ?? null);
    const from = dice.whole(0, 20);
    for (const [who, concern] of all) {
      if (who === 'who0') continue;
      for (const [share, first] of [
        [parted.shareOf(who), 0],
        [parted.wantedShareOf(who, ({ offset = 0 }) => offset >= from), from],
      ] as const) {
        const mine = messages.slice(first).filter(({ offset = 0 }) => concerns(concern, sorted[offset] ?? null));
        expect(share.messages.map(({ offset }) => offset)).toEqual(mine.map(({ offset }) => offset));
        const others = messages.slice(first).filter((message) => !mine.includes(message));
        const counts = Map.groupBy(others, ({ offset = 0 }) => sorted[offset]?.otherwise);
        expect(Object.fromEntries([...share.passed].map(([{ kind }, count]) => [kind, count]))).toEqual(
          Object.fromEntries([...counts].map(([outcome, found]) => [outcome?.kind, found.length])),
        );
      }
    }
  }
});

test('nobody is left in the index once all have left', () => {
  const index = new ConcernIndex<string>();
  index.add('a', { devices: new Set(['d']), tags: new Set(['t']) });
  index.remove('a');
  expect(index.size).toBe(0);
  index.find({ device: 'd', tags: () => new Set(['t']), otherwise: NO_MATCH }, () => {
    throw new Error('somebody is left');
  });
});
