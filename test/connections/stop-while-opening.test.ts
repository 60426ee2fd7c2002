// A worker that stops does not wait for a slow disk to show it a whole journal: what was being opened is broken off.
import { expect, test } from 'vitest';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { ConnectionsWorker } from '../support/fakes/connections-worker.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { bareSupervisor } from './bare-supervisor.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

/** Opening ends only by being broken off. */
function slow(store: ModelStore): { opened: number } {
  const seen = { opened: 0 };
  const openConnection: BridgeStore['openConnection'] = (_, { signal }) => {
    seen.opened += 1;
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  };
  store.openConnection = openConnection as ModelStore['openConnection'];
  return seen;
}

test('a connection whose journal is being read stops at once, and that is told as no failure of the disk', async () => {
  const store = new ModelStore();
  const disk = slow(store);
  const worker = new ConnectionsWorker({ box: markBox, defaults, store });
  await worker.define('a', sample());
  expect(worker.state('a')).toBe('OPENING');
  await worker.stop();
  expect(worker.kinds('a')).toEqual([]);
  expect(disk.opened).toBe(1);
});

test('one that is changed meanwhile begins anew with the new definition', async () => {
  const store = new ModelStore();
  const open = store.openConnection.bind(store);
  slow(store);
  const worker = new ConnectionsWorker({ box: markBox, defaults, store });
  worker.gateway.passwords.set('me@example.com', 'right');
  await worker.define('a', sample());
  store.openConnection = open;
  await worker.define('a', sample({ source: { topics: ['other/#'] } }));
  expect(worker.state('a')).toBe('OPENED');
  await worker.stop();
});

test('a deletion that is at it leaves the rest to the next start', async () => {
  const store = new ModelStore();
  store.states.set('a', new Map([['sessions', '[]']]));
  const open = store.openConnection.bind(store);
  const disk = slow(store);
  const told: string[] = [];
  const events = { emit: ({ kind }: { kind: string }) => void told.push(kind) };
  const supervisor = bareSupervisor(store, { events });
  supervisor.onDeleted('a');
  await new Promise(setImmediate);
  expect(disk.opened).toBe(1);
  await supervisor.stop(new AbortController().signal);
  expect(told).toEqual([]);
  expect(store.states.get('a')?.get('deleting')).toBe('1');

  store.openConnection = open;
  const next = bareSupervisor(store, { events });
  next.onSnapshot(new Set());
  await expect.poll(() => store.connectionIds()).toEqual([]);
  await next.stop(new AbortController().signal);
});
