// The other line of a connection: where the disk refuses what it needs to open, and what a person hears of a look at HERE.
import { expect, onTestFinished, test } from 'vitest';
import type { Connection } from '../../src/domain/connection.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import type { ShadowChange, ShadowStore } from '../../src/domain/ports/downlink.ts';
import type { HereProject } from '../../src/domain/ports/here.ts';
import { DownlinkFlow } from '../../src/downlink/downlink-flow.ts';
import { DownlinkHub } from '../../src/downlink/downlink-hub.ts';
import { TestStore } from '../store/support.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { modelProject } from '../support/model-project.ts';

const downlink = { enabled: true, asId: null, asKey: null, port: 2, template: null, topicPattern: 'x/{DevEUI}' };
const account = { service: 'here', realm: null, email: 'me@example.com', password: 'secret' };
const connection = { id: 'a', account, source: { broker: 'main' }, downlink } as unknown as Connection;

async function makeFlow(wrap: (shadows: ShadowStore) => ShadowStore = (shadows) => shadows) {
  const s = await TestStore.open();
  onTestFinished(() => s[Symbol.asyncDispose]());
  const store = await s.connection('a');
  const commands = s.store.commands('a');
  if (commands === null) throw new Error('nothing is stored of a');
  const [clock, chance, told] = [new ManualClock(), new SeededChance(), [] as NewEvent[]];
  const events = { emit: (event: NewEvent) => void told.push(event) };
  const shadows = wrap(s.store.shadows);
  const hub = new DownlinkHub({
    ...{ store: shadows, clock, chance, events },
    ...{ pollMs: { min: 1_000, max: 1_000 }, maxAgeMs: 3_600_000 },
  });
  const flow = new DownlinkFlow(connection, {
    ...{ store, commands, shadows, hub, clock, chance, events },
    publisher: () => ({ start: () => {}, publish: () => Promise.resolve(), stop: () => Promise.resolve() }) as never,
    findTopic: () => Promise.resolve(null),
    ...{ takesNetworkForms: () => true, isOwnTopic: () => false, isShared: false },
    compileTopic: () => ({ needsUplink: false, render: (device: string) => `x/${device}` }) as never,
    ...{ retry: { minMs: 500, maxMs: 1_000 }, maxAgeMs: 3_600_000 },
  });
  onTestFinished(() => flow.stop(AbortSignal.abort()));
  return { flow, clock, told };
}

/** Counts how often HERE is asked what changed. */
function watched(
  appId: string,
  changes: readonly ShadowChange[] = [],
): { readonly project: HereProject; readonly asked: () => number } {
  let asked = 0;
  const page = async () => {
    asked += 1;
    return { kind: 'ok' as const, changes, oldestAt: null, next: null, hereNow: null };
  };
  const model = modelProject({ appId });
  return { project: { ...model, shadows: { ...model.shadows, page } }, asked: () => asked };
}

test('an opening that the disk refuses is told, harms nobody, and is tried again until it succeeds', async () => {
  let refuses = false;
  const { flow, clock, told } = await makeFlow((shadows) => ({
    cursor: (key) => shadows.cursor(key),
    setCursor: (key, value) => shadows.setCursor(key, value),
    handled: (...of) => shadows.handled(...of),
    forEachServed: (...of) => {
      if (refuses) throw new Error('database or disk is full');
      shadows.forEachServed(...of);
    },
    saveServed: (...of) => shadows.saveServed(...of),
    unclaimed: (of) => shadows.unclaimed(of),
    saveUnclaimed: (...of) => shadows.saveUnclaimed(...of),
    dropUnclaimed: (...of) => shadows.dropUnclaimed(...of),
  }));
  const [first, second] = [watched('first'), watched('second')];
  flow.open(first.project);
  await clock.advance(100);
  expect(first.asked()).toBe(1);

  refuses = true;
  flow.open(second.project);
  const disk = { kind: 'diskFailed', connectionId: 'a', key: 'commands' };
  expect(told).toMatchObject([{ ...disk, message: expect.stringContaining('disk is full') }]);
  // What the former project's devices say is no business of this one.
  flow.onUplink('70B3D50000000001', {}, clock.now(), { network: 'thingpark', topic: 't', root: {} });
  expect(flow.post('70B3D50000000001', {})).toMatchObject({ kind: 'unavailable' });
  await clock.advance(60_000);
  expect([told.length, second.asked()]).toEqual([3, 0]);

  refuses = false;
  await clock.advance(31_000);
  expect(told).toHaveLength(3);
  expect(second.asked()).toBeGreaterThan(0);
  expect(first.asked()).toBe(1);
});

test('a look that finds more changes of devices that nobody has heard than there is room for is told with their number', async () => {
  const { flow, clock, told } = await makeFlow();
  const changes = Array.from({ length: 10_005 }, (_, n) => {
    const device = `70B3D500${n.toString(16).padStart(8, '0').toUpperCase()}`;
    return { device, version: 1, desiredAt: clock.now() - n, document: '{}', reported: null };
  });
  flow.open(watched('crowded', changes).project);
  await clock.advance(5_000);
  expect(told).toMatchObject([{ kind: 'commandsDropped', connectionId: null, count: 5 }]);
});
