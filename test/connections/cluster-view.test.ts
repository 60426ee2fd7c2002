// What a worker shows of connections that others serve, while it hears of the others and while it does not.
import { expect, test } from 'vitest';
import { ClusterView } from '../../src/connections/cluster-view.ts';
import { HeartbeatSeal } from '../../src/connections/heartbeat-seal.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('a worker is called silent only by who can hear it; each topic that is not read is told', async () => {
  const [broker, clock] = [new ModelBroker(), new ManualClock()];
  const seal = new HeartbeatSeal('t', openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));
  const shown: (ConnectionStatus | null)[] = [];
  const reach: string[] = [];
  const view = new ClusterView({
    ...{ broker, clock, seal, prefix: 't', group: 'g', workerId: 'w-here' },
    onStatus: (_id, status) => shown.push(status),
    onOverwritten: () => {},
    onReach: (topic, { up, reason = '' }) => reach.push(`${topic} ${up ? 'up' : reason}`),
  });
  view.follow({ ids: () => ['a'], partitionOf: () => 7, isServed: () => false });
  view.start();
  broker.put('t/status/a', JSON.stringify({ id: 'a', name: 'A', state: 'OPENED', worker: 'w-other' }));
  await clock.advance(10_000);
  expect(shown.at(-1)).toMatchObject({
    state: 'UNREACHABLE',
    reason: expect.stringContaining('w-other does not answer'),
  });

  for (const { listener } of broker.tables) listener.onStatus({ up: false, reason: 'no right', fatal: true });
  expect(reach.slice(-3).sort()).toEqual(['t/ledger no right', 't/status no right', 't/workers no right']);
  await clock.advance(10_000);
  expect(shown.at(-1)).toMatchObject({ state: 'UNREACHABLE', reason: expect.stringContaining('not known') });
  expect(shown.at(-1)?.reason).not.toContain('does not answer');
  await view.stop();
});

test('a word of another worker in the place of ours is found within ten seconds, but not while the topic is not read', async () => {
  const [broker, clock] = [new ModelBroker(), new ManualClock()];
  const seal = new HeartbeatSeal('t', openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));
  const overwritten: string[] = [];
  const view = new ClusterView({
    ...{ broker, clock, seal, prefix: 't', group: 'g', workerId: 'w-here' },
    onStatus: () => {},
    onReach: () => {},
    onOverwritten: (id) => overwritten.push(id),
  });
  view.follow({ ids: () => ['a', 'b', 'c'], partitionOf: () => 7, isServed: (id) => id !== 'c' });
  view.start();
  const say = (id: string, worker: string): void =>
    broker.put(`t/status/${id}`, JSON.stringify({ id, name: id, state: 'OPENED', worker }));
  for (const id of ['a', 'b']) say(id, 'w-here');
  say('c', 'w-other');
  await clock.advance(10_000);
  expect(overwritten).toEqual([]);

  say('a', 'w-other');
  broker.put('t/status/b', null);
  const reader = broker.tables.find(({ options }) => options.prefix === 't/status');
  reader?.listener.onStatus({ up: false, reason: 'away', fatal: false });
  await clock.advance(10_000);
  expect(overwritten).toEqual([]);

  reader?.listener.onStatus({ up: true });
  await clock.advance(10_000);
  expect(overwritten).toEqual(['a', 'b']);
  await view.stop();
});
