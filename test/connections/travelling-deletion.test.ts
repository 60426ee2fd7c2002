// Deletions among workers: what travels with a connection is ended by the one that deletes it, wherever it ran before.
import { expect, test } from 'vitest';
import { Supervisor } from '../../src/connections/supervisor.ts';
import { travellingStore } from '../../src/connections/travelling-state.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SESSIONS = JSON.stringify([
  { generation: 0, broker: 'main', clientId: 'hb-a', topics: ['t/#'], established: true },
]);

/** Workers that share a topic, a broker and a clock; each has a directory of its own. */
function useWorkers() {
  const topic = new Map<string, string>();
  const records = {
    get: (key: string) => topic.get(key) ?? null,
    put: async (key: string, value: string | null) => void (value === null ? topic.delete(key) : topic.set(key, value)),
  };
  const clock = new ManualClock();
  const broker = new ModelBroker('main');
  const cleared: string[] = [];
  const worker = (workerId: string, own = new ModelStore()) => {
    const store = travellingStore(own, records);
    const events = { emit: () => {} };
    const supervisor = new Supervisor({
      ...{ workerId, store, events, clock },
      status: { setStatus: () => {}, setLedger: () => {}, clear: () => void cleared.push(workerId), remove: () => {} },
      purge: { store, broker: () => broker, events, clock, journalMaxBytes: 1000 },
      createRuntime: ({ id }) => {
        throw new Error(`nobody asked for ${id}`);
      },
    });
    supervisor.start();
    return { own, store, supervisor };
  };
  return { topic, clock, broker, cleared, worker, first: worker('w-1'), second: worker('w-2') };
}

/** It ran there, and is not active any more. */
async function ranAt({ store }: ReturnType<typeof useWorkers>['first']): Promise<void> {
  const opened = await store.openConnection('a', { maxBytes: 1000 });
  opened.setState('sessions', SESSIONS);
  await opened.close();
}

test('a connection that never ran where it is deleted has its session ended all the same, and nothing of it travels on', async () => {
  const { topic, clock, broker, first, second } = useWorkers();
  await ranAt(first);
  second.supervisor.onDeleted('a');
  await clock.advance(1_000);
  expect(broker.cleared).toEqual(['hb-a']);
  expect([...topic.keys()]).toEqual([]);
  expect(second.own.connectionIds()).toEqual([]);
});

test('a worker that only clears its own disk leaves what travels to the one that deletes', async () => {
  const { clock, broker, first, second } = useWorkers();
  await ranAt(first);
  await first.supervisor.forget('a');
  expect(first.own.connectionIds()).toEqual([]);
  second.supervisor.onDeleted('a');
  await clock.advance(1_000);
  expect(broker.cleared).toEqual(['hb-a']);
});

test('a deletion whose broker is away goes on at the next start, also where the connection never ran', async () => {
  const { clock, broker, worker, first, second } = useWorkers();
  await ranAt(first);
  broker.away = true;
  second.supervisor.onDeleted('a');
  await clock.advance(1_000);
  await second.supervisor.stop(AbortSignal.abort());
  broker.away = false;
  worker('w-2', second.own).supervisor.onSnapshot(new Set());
  await clock.advance(1_000);
  expect(broker.cleared).toEqual(['hb-a']);
});

test('a deletion that waits for a broker ends when another worker has the connection, and touches nothing of that one’s', async () => {
  const { topic, clock, broker, cleared, first } = useWorkers();
  await ranAt(first);
  broker.away = true;
  first.supervisor.onDeleted('a');
  await clock.advance(1_000);
  void first.supervisor.release('a');
  await clock.advance(1_000);
  expect(first.own.connectionIds()).toEqual([]);
  broker.away = false;
  await clock.advance(1_200_000);
  expect(broker.cleared).toEqual([]);
  expect(cleared).toEqual([]);
  expect(JSON.parse(topic.get('connection.a') ?? '{}')).toEqual({ sessions: SESSIONS, deleting: '1' });
});

test('a deletion that comes to its end as another worker has the connection takes nothing away that is said of it', async () => {
  const { clock, broker, cleared, first } = useWorkers();
  await ranAt(first);
  const ended = Promise.withResolvers<void>();
  const openSource = broker.openSource.bind(broker);
  broker.openSource = (...options) => {
    const source = openSource(...options);
    source.clear = () => ended.promise;
    return source;
  };
  first.supervisor.onDeleted('a');
  await clock.advance(1_000);
  const released = first.supervisor.release('a');
  ended.resolve();
  await released;
  expect(cleared).toEqual([]);
});

test('a deletion that the disk did not take is not tried again once another worker has the connection', async () => {
  const { clock, broker, first } = useWorkers();
  await ranAt(first);
  const openConnection = first.own.openConnection.bind(first.own);
  first.own.openConnection = () => Promise.reject(new Error('ENOSPC'));
  first.supervisor.onDeleted('a');
  await clock.advance(1_000);
  await first.supervisor.release('a');
  first.own.openConnection = openConnection;
  await clock.advance(60_000);
  expect(broker.cleared).toEqual([]);
  expect(first.own.connectionIds()).toEqual([]);
});

test('a store that is left of an interrupted deletion goes when another worker has the connection, defined anew', async () => {
  const { topic, first, worker } = useWorkers();
  await ranAt(first);
  first.own.setState('a', 'deleting', '1');
  const next = worker('w-1', first.own);
  await next.supervisor.release('a');
  expect(first.own.connectionIds()).toEqual([]);
  expect([...topic.keys()]).toEqual(['connection.a']);
});
