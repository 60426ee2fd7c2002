// What a connection's next worker knows of it: states that travel on a topic, however large, and also that they are gone.
import { expect, test } from 'vitest';
import { travellingStore } from '../../src/connections/travelling-state.ts';
import type { ConnectionStore } from '../../src/domain/ports/store.ts';
import { RetiredDevices } from '../../src/uplink/retired.ts';
import { TestStore, until } from '../store/support.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { useBroker, useRecords } from './records-support.ts';

const forever = new AbortController().signal;
const MAX = { maxBytes: 1e9 };

function device(n: number): string {
  return `70B3D5${n.toString(16).toUpperCase().padStart(10, '0')}`;
}

/** Two workers, each with a directory of its own. */
async function twoWorkers() {
  const broker = await useBroker();
  const worker = async (id: string) => {
    const { records } = await useRecords(broker, id);
    const own = await TestStore.open();
    return { records, own, store: travellingStore(own.store, records, id) };
  };
  const [first, second] = [await worker('w-1'), await worker('w-2')];
  /** The connection moves: `use` has its store, then the next worker may have it. */
  const serve = async <T>(at: typeof first, use: (store: ConnectionStore) => T): Promise<T> => {
    await at.records.caughtUp(forever);
    const store = await at.store.openConnection('a', MAX);
    const result = use(store);
    // What is written goes together at the end of the turn.
    await Promise.resolve();
    await store.close();
    return result;
  };
  const close = async () => {
    for (const { own } of [first, second]) await own[Symbol.asyncDispose]();
  };
  return { first, second, serve, close };
}

const list = (store: ConnectionStore) => new RetiredDevices(store).list();

test('10,000 retired devices are retired at the next worker, and those released there are released when it is back', async () => {
  const { first, second, serve, close } = await twoWorkers();
  const all = Array.from({ length: 10_000 }, (_, n) => device(n));
  await serve(first, (store) => store.setState('retired', JSON.stringify(all)));
  expect(await serve(second, list)).toEqual(all);
  await serve(second, (store) => store.setState('retired', JSON.stringify(all.slice(9_000))));
  expect(await serve(first, list)).toEqual(all.slice(9_000));
  await serve(first, (store) => store.setState('retired', null));
  expect(await serve(second, list)).toEqual([]);
  expect(await serve(first, list)).toEqual([]);
  await close();
});

test('what was retired before it could travel is there for the next worker', async () => {
  const { first, second, serve, close } = await twoWorkers();
  const before = await first.own.store.openConnection('a', MAX);
  before.setState('retired', JSON.stringify([device(1)]));
  await before.close();
  await serve(first, () => {});
  expect(await serve(second, list)).toEqual([device(1)]);
  await close();
});

test('a state that one worker took back is gone at the other too', async () => {
  const { first, second, serve, close } = await twoWorkers();
  await serve(first, (store) => store.setState('heldFor', 'HTTP 403'));
  expect(await serve(second, (store) => store.getState('heldFor'))).toBe('HTTP 403');
  await serve(second, (store) => store.setState('heldFor', null));
  expect(await serve(first, (store) => store.getState('heldFor'))).toBeNull();
  await close();
});

test('a part that did not arrive comes along with the next change', async () => {
  const known = new Map<string, string>();
  const arrived = new Map<string, string | null>();
  let isAway = true;
  const records = {
    get: (key: string) => known.get(key) ?? null,
    put: async (key: string, value: string | null) => {
      if (value === null) known.delete(key);
      else known.set(key, value);
      if (isAway) throw new Error('the broker is away');
      arrived.set(key, value);
    },
  };
  await using own = await TestStore.open();
  const store = await travellingStore(own.store, records, 'w-1').openConnection('a', MAX);
  const retire = (count: number) => {
    store.setState('retired', JSON.stringify(Array.from({ length: count }, (_, n) => device(n))));
  };
  retire(1_500);
  await until(() => known.size === 2);
  isAway = false;
  retire(1_501);
  await until(() => arrived.size === 2);
  expect([...arrived.keys()]).toEqual(['retired.0.a', 'retired.1.a']);
});

test('a deleted connection leaves none of its parts behind', async () => {
  const { first, second, serve, close } = await twoWorkers();
  await serve(first, (store) => store.setState('retired', JSON.stringify([device(1)])));
  await first.store.deleteConnection('a');
  expect(await serve(second, list)).toEqual([]);
  await close();
});

test('nor where the worker that had it says a last word while its next one deletes what is left of it', async () => {
  const topic = new Map<string, string>();
  const records = {
    get: (key: string) => topic.get(key) ?? null,
    put: async (key: string, value: string | null) => void (value === null ? topic.delete(key) : topic.set(key, value)),
  };
  const own = new ModelStore();
  const [first, second] = [travellingStore(new ModelStore(), records, 'w-1'), travellingStore(own, records, 'w-2')];
  for (const store of [first, second]) {
    const opened = await store.openConnection('a', MAX);
    opened.setState('heldFor', 'HTTP 403');
    await opened.close();
  }
  second.noteServed?.('a', true);
  const deleteConnection = own.deleteConnection.bind(own);
  own.deleteConnection = (id) => {
    first.setState(id, 'commandsHandled', '7');
    return deleteConnection(id);
  };
  await second.deleteConnection('a');
  expect([...topic.keys()]).toEqual([]);
});
