// What a worker remembers of a connection beside its store goes when another worker serves it, and is read again when it is back.
import { expect, test } from 'vitest';
import { debugLogs } from '../../src/bridge/debug-parts.ts';
import { FigureKeeper } from '../../src/bridge/figures.ts';
import { LiveFeed } from '../../src/bridge/live-feed.ts';
import { type LiveLine, Views } from '../../src/bridge/views.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeStore, ConnectionStore } from '../../src/domain/ports/store.ts';
import type { Logger } from '../../src/ops/logger.ts';
import { TestStore } from '../store/support.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';

const DEVICE = '70B3D50000000001';
const OTHER = '70B3D50000000002';

function views(clock: ManualClock): Views {
  return new Views({ setStatus: () => {}, setLedger: () => {}, clear: () => {} }, clock);
}

function serve(all: Views, clock: ManualClock, store: ConnectionStore): LiveLine {
  const trail = all.trail('a', 800);
  const { flow } = modelLine(clock, { store, trail });
  const line = { flow, store, source: {}, replayBy: {} } as unknown as LiveLine;
  all.lines.set('a', line);
  return line;
}

for (const [how, end] of [
  ['another worker serves it', (all: Views) => all.release('a')],
  ['it is deleted', (all: Views) => all.remove('a')],
] as const) {
  test(`nothing of a connection is kept in memory once ${how}`, async () => {
    await using s = await TestStore.open();
    const all = views(s.clock);
    const store = await s.connection();
    serve(all, s.clock, store);
    const trail = all.trailOf('a');
    const activity = all.activity('a');
    const retired = all.retired('a', store);
    end(all);
    expect(all.trailOf('a')).toBeNull();
    expect(all.activity('a')).not.toBe(activity);
    expect(all.trail('a', 800)).not.toBe(trail);
    expect(all.retired('a', store)).not.toBe(retired);
  });
}

test('a connection that is deleted here is shown until all of it is gone, whatever comes back of what was cleared', () => {
  const all = views(new ManualClock());
  const status = { id: 'a', name: 'A', state: 'CLOSED' } as ConnectionStatus;
  all.setStatus(status);
  void all.clear('a');
  all.heard('a', null);
  expect(all.status('a')).toEqual(status);
  all.remove('a');
  expect(all.status('a')).toBeNull();
  // Another worker's.
  all.heard('a', status);
  all.heard('a', null);
  expect(all.status('a')).toBeNull();
});

test('a deletion that another worker takes over is that one’s to show', () => {
  const all = views(new ManualClock());
  all.setStatus({ id: 'a', name: 'A', state: 'CLOSED' } as ConnectionStatus);
  void all.clear('a');
  all.release('a');
  all.heard('a', null);
  expect(all.status('a')).toBeNull();
});

test('devices retired by the next worker are retired when the connection is back', async () => {
  await using s = await TestStore.open();
  const all = views(s.clock);
  const store = await s.connection();
  all.retired('a', store).add(DEVICE);
  all.release('a');
  // As it comes back from there.
  store.setState('retired', JSON.stringify([OTHER]));
  expect(all.retired('a', store).list()).toEqual([OTHER]);
});

test('devices that were heard before are read from the store when the connection is back within a minute', async () => {
  await using s = await TestStore.open();
  const all = views(s.clock);
  const store = await s.connection();
  serve(all, s.clock, store);
  const figures = new FigureKeeper({ views: all, store: s.store, clock: s.clock });
  figures.figures('a');
  all.activity('a').heard(DEVICE, s.clock.now());
  figures.save('a');
  all.release('a');
  serve(all, s.clock, store);
  all.activity('a').heard(OTHER, s.clock.now());
  expect(figures.devices('a', null, 10)?.map(({ device }) => device)).toEqual([DEVICE, OTHER]);
});

test('a detailed log ends here when another worker serves the connection, and no store of before is written to', async () => {
  await using s = await TestStore.open();
  const all = views(s.clock);
  const first = await s.connection();
  const logger = { info: () => {}, debug: () => {} } as unknown as Logger;
  const states: (string | null)[] = [];
  const store = { setState: (_id: string, _key: string, value: string | null) => void states.push(value) };
  const debug = debugLogs({ mapping: {}, sources: {} } as never, {
    ...{ logger, clock: s.clock, feed: new LiveFeed(), views: all, store: store as unknown as BridgeStore },
  });
  debug.lineMade('a', serve(all, s.clock, first));
  debug.set('a', 1);
  expect(debug.until('a')).toBeDefined();
  all.release('a');
  await first.close();
  expect(debug.until('a')).toBeUndefined();
  debug.set('a', 0);
  expect(states).toEqual([null]);
});

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
  const all = views(new ManualClock());
  all.setStatus(status('a', 'Middle'));
  expect(all.idsByName()).toEqual(['a']);
  all.heard('b', status('b', 'Zebra'));
  expect(all.idsByName()).toEqual(['a', 'b']);
  expect(all.ids()).toEqual(['a', 'b']);
  all.heard('b', status('b', 'Aardvark'));
  expect(all.idsByName()).toEqual(['b', 'a']);
  all.heard('b', null);
  expect(all.idsByName()).toEqual(['a']);
  all.remove('a');
  expect([all.idsByName(), all.ids()]).toEqual([[], []]);
});
