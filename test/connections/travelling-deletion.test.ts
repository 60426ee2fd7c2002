// Deletions among workers: what travels with a connection is ended by the one that deletes it, wherever it ran before.
import { expect, test } from 'vitest';
import { travellingStore } from '../../src/connections/travelling-state.ts';
import type { Connection } from '../../src/domain/connection.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { bareSupervisor } from './bare-supervisor.ts';

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
  /** What runtimes wait for when they stop. */
  const stopping = { until: Promise.resolve() };
  const worker = (workerId: string, own = new ModelStore()) => {
    const store = travellingStore(own, records, workerId);
    const status = {
      setStatus: () => {},
      setLedger: () => {},
      clear: () => void cleared.push(workerId),
      remove: () => {},
    };
    const stop = (): Promise<void> => stopping.until;
    const supervisor = bareSupervisor(store, { workerId, clock, broker, status, stop });
    supervisor.start();
    return { own, store, supervisor };
  };
  return { topic, clock, broker, cleared, stopping, worker, first: worker('w-1'), second: worker('w-2') };
}

const DEFINITION = { id: 'a' } as Connection;

/** It ran there, and is not active any more. */
async function ranAt({ store }: ReturnType<typeof useWorkers>['first'], sessions = SESSIONS): Promise<void> {
  const opened = await store.openConnection('a', { maxBytes: 1000 });
  opened.setState('sessions', sessions);
  opened.setState('retired', '["70B3D50000000001"]');
  await Promise.resolve();
  await opened.close();
}

/** Defined anew it is that one's. */
async function defineAt(worker: ReturnType<typeof useWorkers>['first']): Promise<void> {
  worker.supervisor.onDefinition(DEFINITION);
  await new Promise(setImmediate);
  await ranAt(worker, SUCCESSORS);
}

/** Settles when it is told to; `begun` once something waits for it. */
function hold() {
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const until = (): Promise<void> => {
    begun.resolve();
    return end.promise;
  };
  return { begun: begun.promise, end: end.resolve, until };
}

const sessionOf = (clientId: string) => ({ generation: 0, broker: 'main', clientId, topics: [], established: true });
const SUCCESSORS = JSON.stringify([sessionOf('hb-a-1')]);

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
  expect(JSON.parse(topic.get('connection.a') ?? '{}')).toEqual({ servedBy: 'w-1', sessions: SESSIONS, deleting: '1' });
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

test('a deletion whose runtime is still stopping when another worker has the connection touches nothing of that one’s', async () => {
  const { topic, clock, broker, cleared, stopping, first, second } = useWorkers();
  await ranAt(first);
  first.supervisor.onDefinition(DEFINITION);
  await clock.advance(0);
  const stopped = hold();
  stopping.until = stopped.until();
  first.supervisor.onDeleted('a');
  await clock.advance(1_000);
  const released = first.supervisor.release('a');
  await defineAt(second);
  const record = topic.get('connection.a');
  stopped.end();
  await released;
  await clock.advance(60_000);
  expect([broker.cleared, cleared]).toEqual([[], []]);
  expect(topic.get('connection.a')).toBe(record);
  expect(first.own.connectionIds()).toEqual([]);
});

test('nothing is done at brokers once another worker has the connection: its session may have the name of one that was to be ended', async () => {
  const { clock, broker, first } = useWorkers();
  const opened = hold();
  const openConnection = first.own.openConnection.bind(first.own);
  await ranAt(first);
  first.own.openConnection = (...how) => opened.until().then(() => openConnection(...how));
  first.supervisor.onDeleted('a');
  await opened.begun;
  const released = first.supervisor.release('a');
  opened.end();
  await released;
  expect(broker.cleared).toEqual([]);
  // Nor at the next one, where one was under way.
  await ranAt(first, JSON.stringify([sessionOf('hb-a'), sessionOf('hb-a-1')]));
  const ended = hold();
  const openSource = broker.openSource.bind(broker);
  broker.openSource = (...options) => {
    const source = openSource(...options);
    const clear = source.clear.bind(source);
    source.clear = () => ended.until().then(clear);
    return source;
  };
  first.supervisor.onDeleted('a');
  await ended.begun;
  const releasedAgain = first.supervisor.release('a');
  ended.end();
  await releasedAgain;
  await clock.advance(60_000);
  expect(broker.cleared).toEqual(['hb-a']);
});

test('what another worker says of its connection while the store of the deleted one goes is left to travel', async () => {
  const { topic, broker, first, second } = useWorkers();
  const deleted = hold();
  const deleteConnection = first.own.deleteConnection.bind(first.own);
  first.own.deleteConnection = (id) => deleted.until().then(() => deleteConnection(id));
  await ranAt(first);
  first.supervisor.onDeleted('a');
  await deleted.begun;
  const released = first.supervisor.release('a');
  await defineAt(second);
  const said = new Map(topic);
  deleted.end();
  await released;
  expect(broker.cleared).toEqual(['hb-a']);
  expect(topic).toEqual(said);
});

test('sessions that are left to a connection that is ours again do not come to one that is another worker’s by then', async () => {
  const { topic, clock, broker, first, second } = useWorkers();
  const deleted = hold();
  const deleteConnection = first.own.deleteConnection.bind(first.own);
  first.own.deleteConnection = (id) => deleted.until().then(() => deleteConnection(id));
  await ranAt(first);
  broker.away = true;
  first.supervisor.onDeleted('a');
  await clock.advance(1_000);
  first.supervisor.onDefinition(DEFINITION);
  await deleted.begun;
  const released = first.supervisor.release('a');
  await defineAt(second);
  const record = topic.get('connection.a');
  deleted.end();
  await released;
  expect(topic.get('connection.a')).toBe(record);
  expect(first.own.connectionIds()).toEqual([]);
});

test('a connection that was another worker’s in between begins without what is left here of the deleted one', async () => {
  const { topic, clock, broker, first } = useWorkers();
  const opened = hold();
  const openConnection = first.own.openConnection.bind(first.own);
  await ranAt(first);
  first.own.openConnection = (...how) => opened.until().then(() => openConnection(...how));
  first.supervisor.onDeleted('a');
  await opened.begun;
  const record = topic.get('connection.a');
  void first.supervisor.release('a');
  first.supervisor.onDefinition(DEFINITION);
  opened.end();
  await clock.advance(60_000);
  expect(broker.cleared).toEqual([]);
  expect(first.own.connectionIds()).toEqual([]);
  expect(topic.get('connection.a')).toBe(record);
  expect(first.supervisor.runtime('a')).not.toBeNull();
});

test('a deletion that the disk does not take as another worker gets the connection is not tried again', async () => {
  const { clock, broker, first } = useWorkers();
  await ranAt(first);
  const opened = hold();
  const openConnection = first.own.openConnection.bind(first.own);
  first.own.openConnection = () => opened.until().then(() => Promise.reject(new Error('ENOSPC')));
  first.supervisor.onDeleted('a');
  await opened.begun;
  const released = first.supervisor.release('a');
  opened.end();
  await released;
  first.own.openConnection = openConnection;
  await clock.advance(60_000);
  expect(broker.cleared).toEqual([]);
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
  expect([...topic.keys()]).toEqual(['connection.a', 'retired.0.a']);
});
