// What a worker tells of the topics by which the workers know of each other.
import { expect, test } from 'vitest';
import { GroupTopics } from '../../src/bridge/group-topics.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { ManualClock } from '../support/manual-clock.ts';

function useTopics() {
  const clock = new ManualClock();
  const told: string[] = [];
  const emit = ({ kind, message }: NewEvent): void => void told.push(`${kind}: ${message}`);
  const topics = new GroupTopics({ clock, events: { emit } });
  for (const topic of ['workers', 'ledger', 'status']) topics.heard(topic, { up: true });
  return { clock, told, topics };
}

test('one that a person must mend is told at once, once for each reason, and when it is read again', () => {
  const { told, topics } = useTopics();
  const refused = { up: false, reason: 'no right', fatal: true };
  topics.heard('workers', refused);
  topics.heard('workers', refused);
  expect(told).toEqual([expect.stringMatching(/^groupUnreachable: .* on workers cannot be read: no right\..*mend/)]);
  topics.heard('workers', { ...refused, reason: 'two partitions' });
  expect(told).toHaveLength(2);
  topics.heard('workers', { up: true });
  topics.heard('workers', { up: true });
  expect(told.slice(2)).toEqual([expect.stringMatching(/^groupBack: .* on workers is read again/)]);
});

test('one that ceases to be read is told when that lasts, however its reason changes', async () => {
  const { clock, told, topics } = useTopics();
  topics.heard('ledger', { up: false, reason: 'no leader' });
  await clock.advance(20_000);
  topics.heard('ledger', { up: true });
  topics.heard('ledger', { up: false, reason: 'no leader' });
  await clock.advance(29_000);
  expect(told).toEqual([]);
  topics.heard('ledger', { up: false, reason: 'no topic' });
  await clock.advance(1_000);
  expect(told).toEqual([expect.stringMatching(/^groupUnreachable: .* on ledger cannot be read: no topic/)]);
  topics.heard('ledger', { up: false, reason: 'no leader' });
  await clock.advance(600_000);
  expect(told).toHaveLength(1);
});

test('a broker that is away is one piece of news, and so is its return', async () => {
  const { clock, told, topics } = useTopics();
  for (const topic of ['workers', 'ledger', 'status']) topics.heard(topic, { up: false, reason: 'nothing listens' });
  await clock.advance(60_000);
  expect(told).toEqual([expect.stringContaining('workers, ledger, status cannot be read: nothing listens')]);
  for (const topic of ['workers', 'ledger', 'status']) topics.heard(topic, { up: true });
  expect(told.slice(1)).toEqual([expect.stringMatching(/^groupBack: .*workers, ledger, status is read again/)]);
});

test('a stopped one says nothing more', async () => {
  const { clock, told, topics } = useTopics();
  topics.heard('ledger', { up: false });
  topics.stop();
  await clock.advance(600_000);
  expect(told).toEqual([]);
});
