// What is listed, of connections here and of those that other workers serve.
import { expect, test } from 'vitest';
import { Views } from '../../src/bridge/views.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import { ManualClock } from '../support/manual-clock.ts';

function status(id: string, name: string): ConnectionStatus {
  const since = '2026-11-28T10:00:00.000Z';
  return {
    id,
    name,
    state: 'OPENED',
    reason: null,
    since,
    startupTime: since,
    worker: 'w1',
    appId: 'app',
    source: null,
  };
}

test('by name, too, what another worker says of its connections is listed, renamed and gone', () => {
  const views = new Views({ setStatus: () => {}, setLedger: () => {}, remove: () => {} }, new ManualClock());
  views.setStatus(status('a', 'Middle'));
  expect(views.idsByName()).toEqual(['a']);
  views.heard('b', status('b', 'Zebra'));
  expect(views.idsByName()).toEqual(['a', 'b']);
  expect(views.ids()).toEqual(['a', 'b']);
  views.heard('b', status('b', 'Aardvark'));
  expect(views.idsByName()).toEqual(['b', 'a']);
  views.heard('b', null);
  expect(views.idsByName()).toEqual(['a']);
  views.remove('a');
  expect([views.idsByName(), views.ids()]).toEqual([[], []]);
});
