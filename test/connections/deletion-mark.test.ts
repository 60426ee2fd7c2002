// A deletion that a kill interrupts goes on at the next start, wherever the kill comes.
import { expect, test } from 'vitest';
import { Supervisor } from '../../src/connections/supervisor.ts';
import type { Connection } from '../../src/domain/connection.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('a deletion that was heard is on disk before anything else happens, also where no runtime has the store open', () => {
  const clock = new ManualClock();
  const store = new ModelStore();
  store.states.set('gone', new Map());
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
  supervisor.onDeleted('gone');
  // Not a turn of the event loop later: the record is acknowledged as soon as this returns.
  expect(store.states.get('gone')?.get('deleting')).toBe('1');
  supervisor.onDeleted('never-known');
  expect(store.states.has('never-known')).toBe(false);
});
