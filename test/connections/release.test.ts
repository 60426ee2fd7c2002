// A connection that goes to another worker is given up here, also where the database cannot be read.
import { expect, test } from 'vitest';
import type { Connection } from '../../src/domain/connection.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { bareSupervisor } from './bare-supervisor.ts';

const MAX_READS = 1_000;

/** Its database is read in vain `MAX_READS` times. */
function setUp() {
  const clock = new ManualClock();
  const store = new ModelStore();
  const told: NewEvent[] = [];
  const events = { emit: (event: NewEvent) => void told.push(event) };
  const counts = { reads: 0, stops: 0 };
  const getState = store.getState.bind(store);
  store.getState = (...what) => {
    counts.reads += 1;
    if (counts.reads < MAX_READS) throw new Error('SQLITE_IOERR: disk I/O error');
    return getState(...what);
  };
  const stop = async (): Promise<void> => {
    counts.stops += 1;
  };
  const supervisor = bareSupervisor(store, { clock, events, stop });
  return { clock, store, supervisor, counts, told };
}

test('a connection is given up where the database cannot be read, what is stored of it stays, and the process goes on', async () => {
  const { clock, store, supervisor, counts, told } = setUp();
  store.states.set('a', new Map([['deleting', '1']]));
  supervisor.onDefinition({ id: 'a' } as Connection);
  await clock.advance(0);
  const turned = new Promise<number>((resolve) => setImmediate(() => resolve(counts.reads)));
  const released = supervisor.release('a');
  expect(await turned).toBeLessThan(MAX_READS);
  await released;
  expect(counts.stops).toBe(1);
  expect(supervisor.runtime('a')).toBeNull();
  expect(store.connectionIds()).toEqual(['a']);
  expect(told).toMatchObject([{ kind: 'diskFailed', connectionId: 'a', message: expect.stringContaining('IOERR') }]);
});

test('one that does not run here is given up and forgotten there all the same: nothing is rejected', async () => {
  const { supervisor, told } = setUp();
  await supervisor.release('a');
  await supervisor.forget('b');
  expect(told).toMatchObject([
    { kind: 'diskFailed', connectionId: 'a' },
    { kind: 'diskFailed', connectionId: 'b' },
  ]);
});
