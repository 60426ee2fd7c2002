// Which connections a worker among several runs: those of its partitions, and no others.
import { beforeEach, describe, expect, test } from 'vitest';
import { OwnedConnections, type OwnedConnectionsOptions } from '../../src/connections/owned-connections.ts';
import type { Connection } from '../../src/domain/connection.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { bareSupervisor } from './bare-supervisor.ts';

const said: string[] = [];
const ownership = { partitions: 4 };
let ready: PromiseWithResolvers<boolean>;
let freed: Promise<void>;
let forgetting: Promise<void>;
/** What is served or being deleted here: the release of any other does nothing. */
const held = new Set<string>();

/** Its account's name is its partition. */
function connection(id: string, partition: number): Connection {
  return { id, account: { service: 'here', realm: null, email: String(partition) } } as Connection;
}

function note(word: string, id: string): void {
  held.add(id);
  said.push(`${word} ${id}`);
}

const noting: OwnedConnectionsOptions['supervisor'] = {
  onDefinition: ({ id }) => void note('run', id),
  onInvalid: (id) => void said.push(`invalid ${id}`),
  onDeleted: (id) => void note('delete', id),
  onSnapshot: () => void said.push('snapshot'),
  release: async (id) => void (held.has(id) && said.push(`release ${id}`)),
  forget: async (id) => {
    said.push(`forget ${id}`);
    await forgetting;
  },
};

function make(supervisor: OwnedConnectionsOptions['supervisor'] = noting): OwnedConnections {
  return new OwnedConnections({
    ownership,
    partitionOf: ({ account }) => Number(account.email),
    supervisor,
    prepare: () => ready.promise,
    onServing: async (ids) => {
      if (ids.length > 0) said.push(`free ${ids}`);
      for (const id of ids) held.add(id);
      await freed;
    },
    onDeleted: async () => freed,
    onForgotten: (id) => void said.push(`forgotten ${id}`),
    onReleased: (id) => void (held.delete(id) && said.push(`released ${id}`)),
  });
}

async function gained(owned: OwnedConnections, partitions: readonly number[]): Promise<void> {
  owned.onGained(partitions);
  ready.resolve(true);
  await new Promise(setImmediate);
}

beforeEach(() => {
  said.length = 0;
  held.clear();
  ownership.partitions = 4;
  ready = Promise.withResolvers();
  freed = Promise.resolve();
  forgetting = Promise.resolve();
});

describe('The connections of a worker among several', () => {
  test('run once what travels with their accounts has been read', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    owned.onDefinition(connection('b', 2));
    owned.onGained([1]);
    expect(said).toEqual([]);
    expect(owned.isServed('a')).toBe(false);
    ready.resolve(true);
    await expect.poll(() => said).toEqual(['free a', 'run a']);
    expect(owned.isServed('b')).toBe(false);
  });

  test('go on untouched when others are gained or lost', async () => {
    const owned = make();
    for (const [id, partition] of Object.entries({ a: 1, b: 2, c: 3 })) owned.onDefinition(connection(id, partition));
    await gained(owned, [1, 2]);
    said.length = 0;
    await owned.onLost([2]);
    await gained(owned, [3]);
    expect(said).toEqual(['release b', 'released b', 'free c', 'run c']);
  });

  test('do not run when their partition is lost before they were ready', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    owned.onGained([1]);
    await owned.onLost([1]);
    ready.resolve(true);
    await ready.promise;
    await Promise.resolve();
    expect(said.filter((word) => word.startsWith('run'))).toEqual([]);
  });

  test('that are not valid are told by whoever has them, also when that is known only later, and not once they are mended', async () => {
    const owned = make();
    ownership.partitions = 0;
    owned.onInvalid('a', null, []);
    owned.onInvalid('mended', null, []);
    owned.onInvalid('gone', null, []);
    owned.onDefinition(connection('mended', 1));
    owned.onSnapshot(new Set(['a', 'mended']));
    ownership.partitions = 4;
    await gained(owned, [0, 1, 2, 3]);
    expect(said.filter((word) => word.startsWith('invalid'))).toEqual(['invalid a']);
    said.length = 0;
    await owned.onLost([0, 1, 2, 3]);
    await gained(owned, [0, 1, 2, 3]);
    expect(said.filter((word) => word.startsWith('invalid'))).toEqual(['invalid a']);
  });

  test('run only when nothing else holds their stores, and not when they were lost again meanwhile', async () => {
    const owned = make();
    const { promise, resolve } = Promise.withResolvers<void>();
    freed = promise;
    owned.onDefinition(connection('a', 1));
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1, 2]);
    expect(said).toEqual(['free a,b']);
    await owned.onLost([2]);
    resolve();
    await expect.poll(() => said).toEqual(['free a,b', 'release b', 'released b', 'run a']);
  });

  test('stop here when a new account makes them another worker’s', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    await gained(owned, [1]);
    said.length = 0;
    owned.onDefinition(connection('a', 2));
    await expect.poll(() => said).toEqual(['release a', 'released a']);
  });

  test('that are being deleted here are let go of when they are defined anew as another worker’s', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    await gained(owned, [1]);
    owned.onDeleted('a');
    said.length = 0;
    owned.onDefinition(connection('a', 2));
    await expect.poll(() => said).toEqual(['release a', 'released a']);
  });

  test('are deleted by their worker; others only clear their disk', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    said.length = 0;
    owned.onDeleted('a');
    owned.onDeleted('b');
    await expect.poll(() => said).toEqual(['delete a', 'forget b', 'forgotten b']);
  });

  test('that are deleted elsewhere and defined anew as ours in one turn run: what was stored here is not cleared any more', async () => {
    const owned = make();
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    said.length = 0;
    owned.onDeleted('b');
    owned.onDefinition(connection('b', 1));
    await new Promise(setImmediate);
    expect(said).toEqual(['run b']);
  });

  test('do run then, with the supervisor as it is', async () => {
    const supervisor = bareSupervisor(new ModelStore());
    const owned = make(supervisor);
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    owned.onDeleted('b');
    owned.onDefinition(connection('b', 1));
    await new Promise(setImmediate);
    expect(supervisor.runtime('b')?.connection).toEqual(connection('b', 1));
    expect(said).toEqual([]);
  });

  test.each([
    ['come to us as they are defined anew', [1]],
    ['are defined anew and then come to us', [2]],
  ])('that %s while something else still holds their stores are not cleared when it lets go', async (_, partitions) => {
    const owned = make();
    owned.onDefinition(connection('b', 3));
    await gained(owned, [1]);
    const { promise, resolve } = Promise.withResolvers<void>();
    freed = promise;
    owned.onDeleted('b');
    freed = Promise.resolve();
    owned.onDefinition(connection('b', partitions[0] as number));
    await gained(owned, [2]);
    said.length = 0;
    resolve();
    await new Promise(setImmediate);
    expect(said).toEqual([]);
  });

  test('whose deletion becomes ours while something else still holds their stores are deleted to the end', async () => {
    const owned = make();
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    const { promise, resolve } = Promise.withResolvers<void>();
    freed = promise;
    owned.onDeleted('b');
    freed = Promise.resolve();
    await gained(owned, [2]);
    resolve();
    await new Promise(setImmediate);
    expect(said).toEqual(['delete b']);
  });

  test('that are defined anew as another worker’s again are cleared all the same: what is stored here is of the deleted one', async () => {
    const owned = make();
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    owned.onDeleted('b');
    owned.onDefinition(connection('b', 3));
    await new Promise(setImmediate);
    expect(said).toEqual(['forget b', 'forgotten b']);
  });

  test('that come to us while they are being cleared are not said to be forgotten', async () => {
    const forgot = Promise.withResolvers<void>();
    forgetting = forgot.promise;
    const owned = make();
    owned.onDefinition(connection('b', 2));
    await gained(owned, [1]);
    owned.onDeleted('b');
    await new Promise(setImmediate);
    owned.onDefinition(connection('b', 1));
    forgot.resolve();
    await new Promise(setImmediate);
    expect(said).toEqual(['forget b', 'run b']);
  });

  test('that were deleted between two workers are deleted by whoever gains them, once, unless they are defined anew', async () => {
    const owned = make();
    for (const id of ['a', 'anew']) owned.onDefinition(connection(id, 1));
    owned.onDefinition(connection('other', 2));
    await gained(owned, [1]);
    await owned.onLost([1]);
    for (const id of ['a', 'anew', 'other']) owned.onDeleted(id);
    owned.onDefinition(connection('anew', 1));
    await new Promise(setImmediate);
    said.length = 0;
    await gained(owned, [1]);
    expect(said).toEqual(['delete a', 'free anew', 'run anew']);
    said.length = 0;
    await owned.onLost([1]);
    await gained(owned, [1]);
    expect(said.filter((word) => word.startsWith('delete'))).toEqual([]);
  });

  test('that another worker has deleted are not deleted once more by whoever gains their partition later', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    await gained(owned, [2]);
    owned.onDeleted('a');
    owned.onCleared('a');
    await gained(owned, [1]);
    expect(said).toEqual(['forget a', 'forgotten a']);
  });

  test('that were deleted when their partition was ours, but not ready, are deleted then', async () => {
    const owned = make();
    owned.onDefinition(connection('a', 1));
    owned.onGained([1]);
    owned.onDeleted('a');
    ready.resolve(true);
    await expect.poll(() => said).toContain('delete a');
  });

  test('are looked at only when it is known how many partitions there are', async () => {
    ownership.partitions = 0;
    const owned = make();
    owned.onDefinition(connection('a', 1));
    owned.onDeleted('gone');
    expect(owned.partitionOf('a')).toBeNull();
    expect(said).toEqual([]);
    ownership.partitions = 4;
    await gained(owned, [0, 1, 2, 3]);
    expect(said).toEqual(['delete gone', 'free a', 'run a']);
  });
});
