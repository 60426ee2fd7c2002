// A deletion that a kill interrupts goes on at the next start, wherever the kill comes.
import { expect, test } from 'vitest';
import { Supervisor } from '../../src/connections/supervisor.ts';
import type { Connection } from '../../src/domain/connection.ts';
import { NotKept } from '../../src/domain/errors.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp(states: Record<string, Map<string, string>>) {
  const clock = new ManualClock();
  const store = new ModelStore();
  for (const [id, state] of Object.entries(states)) store.states.set(id, state);
  const events = { emit: () => {} };
  const supervisor = new Supervisor({
    workerId: 'w1',
    store,
    events,
    clock,
    status: { setStatus: () => {}, setLedger: () => {}, clear: () => {}, remove: () => {} },
    purge: { store, broker: () => null, events, clock, journalMaxBytes: 1000 },
    createRuntime: (connection: Connection) => {
      throw new Error(`nobody asked for ${connection.id}`);
    },
  });
  return { store, supervisor, clock };
}

test('a deletion that was heard is on disk before anything else happens, also where no runtime has the store open', () => {
  const { store, supervisor } = setUp({ gone: new Map() });
  supervisor.onDeleted('gone');
  // Not a turn of the event loop later: the record is acknowledged as soon as this returns.
  expect(store.states.get('gone')?.get('deleting')).toBe('1');
  supervisor.onDeleted('never-known');
  expect(store.states.has('never-known')).toBe(false);
});

test('a deletion that the disk does not take is not acknowledged, and nothing of the connection is touched until it is', async () => {
  const { store, supervisor, clock } = setUp({ gone: new Map() });
  const setState = store.setState.bind(store);
  store.setState = () => {
    throw new Error('ENOSPC: no space left on device');
  };
  const refused = expect.objectContaining({ message: expect.stringMatching(/"gone" cannot be written down: ENOSPC/) });
  expect(() => supervisor.onDeleted('gone')).toThrow(refused);
  expect(() => supervisor.onDeleted('gone')).toThrow(NotKept);
  await clock.advance(1000);
  expect(store.connectionIds()).toEqual(['gone']);
  store.setState = setState;
  supervisor.onDeleted('gone');
  await clock.advance(1000);
  expect(store.connectionIds()).toEqual([]);
});
