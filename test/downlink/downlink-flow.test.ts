// The other line of a connection: where the disk refuses what it needs to open, what a person hears of a look at HERE, and what
// the next worker knows of its commands.
import { expect, onTestFinished, test } from 'vitest';
import type { Connection } from '../../src/domain/connection.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import type { ShadowChange, ShadowStore } from '../../src/domain/ports/downlink.ts';
import type { HereProject } from '../../src/domain/ports/here.ts';
import { DownlinkFlow } from '../../src/downlink/downlink-flow.ts';
import { DownlinkHub } from '../../src/downlink/downlink-hub.ts';
import { compileTopicPattern } from '../../src/uplink/topic-pattern.ts';
import { TestStore } from '../store/support.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { modelProject } from '../support/model-project.ts';

const downlink = { enabled: true, asId: null, asKey: null, port: 2, template: null, topicPattern: 'x/{DevEUI}' };
const account = { service: 'here', realm: null, email: 'me@example.com', password: 'secret' };
const connection = { id: 'a', account, source: { broker: 'main' }, downlink } as unknown as Connection;

async function openStore(): Promise<TestStore> {
  const s = await TestStore.open();
  onTestFinished(() => s[Symbol.asyncDispose]());
  return s;
}

async function makeFlow(
  wrap: (shadows: ShadowStore) => ShadowStore = (shadows) => shadows,
  handedOver = '',
  known: TestStore | null = null,
) {
  const s = known ?? (await openStore());
  const store = await s.connection('a');
  if (handedOver !== '') {
    store.setState('commandsHandled', handedOver);
    store.setState('downlinkSince', '0');
  }
  const commands = s.store.commands('a');
  if (commands === null) throw new Error('nothing is stored of a');
  const [clock, chance, told] = [new ManualClock(), new SeededChance(), [] as NewEvent[]];
  const events = { emit: (event: NewEvent) => void told.push(event) };
  const shadows = wrap(s.store.shadows);
  const published: { readonly CorrelationID: string }[] = [];
  const broker = { word: Promise.resolve() };
  const publish = async (_: string, message: string) => {
    published.push(JSON.parse(message).DevEUI_downlink);
    await broker.word;
  };
  const hub = new DownlinkHub({
    ...{ store: shadows, clock, chance, events },
    ...{ pollMs: { min: 1_000, max: 1_000 }, maxAgeMs: 3_600_000 },
  });
  const flow = new DownlinkFlow(connection, {
    ...{ store, commands, shadows, hub, clock, chance, events },
    publisher: () => ({ start: () => {}, publish, stop: () => Promise.resolve() }) as never,
    findTopic: () => Promise.resolve(null),
    ...{ takesNetworkForms: () => true, isOwnTopic: () => false, isShared: true },
    compileTopic: (pattern) => ({ needsUplink: false, render: compileTopicPattern(pattern).render }),
    ...{ retry: { minMs: 500, maxMs: 1_000 }, maxAgeMs: 3_600_000 },
  });
  onTestFinished(() => flow.stop(AbortSignal.abort()));
  return { flow, hub, clock, told, s, store, commands, published, broker };
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

test('a project that its connection has left, or where it has stopped, does not stay in memory', async () => {
  const { flow, hub } = await makeFlow((shadows) => shadows);
  const [first, second] = [watched('first').project, watched('second').project];
  flow.open(first);
  const left = hub.project(first.key);
  flow.open(second);
  expect(hub.project(first.key)).not.toBe(left);
  const stopped = hub.project(second.key);
  hub.enter('third');
  expect(hub.project(second.key)).toBe(stopped);
  await flow.stop(AbortSignal.abort());
  hub.enter('fourth');
  expect(hub.project(second.key)).not.toBe(stopped);
});

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

const EUI = '70B3D50000000001';
const desired = (desiredAt: number): ShadowChange => {
  const document = '{"payload":{"a":1},"system":{"stateVersion":3}}';
  return { device: EUI, version: 3, desiredAt, document, reported: null };
};
const hear = (flow: DownlinkFlow, at: number): void => {
  flow.onUplink(EUI, {}, at, { network: 'thingpark', topic: 't', root: {} });
};

/** One worker publishes the command, and hears of the network what `report` says; its mark for the next one. */
async function handOver(report: boolean, s: TestStore | null = null): Promise<string> {
  const { flow, clock, store, published } = await makeFlow(undefined, '', s);
  await clock.advance(10);
  flow.open(watched('app', [desired(clock.now())]).project);
  await clock.advance(100);
  hear(flow, clock.now());
  await clock.advance(100);
  const correlationId = published[0]?.CorrelationID ?? '';
  const sent = { kind: 'sent', device: EUI, correlationId, port: 2, status: 1, cause: '' } as const;
  if (report) flow.onReport(sent, clock.now());
  await clock.advance(1_000);
  await flow.stop(new AbortController().signal);
  const mark = store.getState('commandsHandled') ?? '';
  await store.close();
  return mark;
}

/** The next worker, once it has heard the device. */
async function takeOver(mark: string) {
  const worker = await makeFlow(undefined, mark);
  const { flow, clock, commands, published } = worker;
  await clock.advance(10);
  flow.open(watched('app', [desired(clock.now())]).project);
  await clock.advance(2_000);
  hear(flow, clock.now());
  await clock.advance(10);
  expect(published).toEqual([]);
  const states = commands.list({ limit: 9 }).map(({ version, state }) => [version, state]);
  return { ...worker, states, due: flow.versions.dueFor(EUI, clock.now()) };
}

test('what the network has sent, and HERE has not heard of, is told to HERE by the next worker', async () => {
  const mark = await handOver(true);
  const { flow, states, due, commands, store } = await takeOver(mark);
  expect([states, due]).toEqual([[[3, 'sent']], 3]);
  expect(commands.riding()).toMatchObject([{ device: EUI, version: 3 }]);
  // And by the one after it.
  await flow.stop(AbortSignal.abort());
  expect((await takeOver(store.getState('commandsHandled') ?? '')).due).toBe(3);
});

/** As an older release wrote it: nine fields of a command on its way. */
const withoutSent = (mark: string): string => {
  const [project, reached, entry = ''] = mark.split(';');
  return [project, reached, entry.split(',').slice(0, 9).join()].join(';');
};

test('what is published and has no report yet goes on as that, also by a mark of an older release', async () => {
  const mark = await handOver(false);
  expect(await takeOver(mark)).toMatchObject({ states: [[3, 'published']], due: null });
  const older = withoutSent(mark);
  expect(await takeOver(older)).toMatchObject({ states: [[3, 'published']], due: null });
});

test('what was sent while another worker had the connection is told to HERE when it comes back', async () => {
  const s = await openStore();
  const mark = await handOver(false, s);
  expect(mark).toMatch(/,0$/);
  const { flow, commands, clock } = await makeFlow(undefined, `${mark.slice(0, -1)}1`, s);
  expect(commands.list({ limit: 9 })).toMatchObject([{ version: 3, state: 'sent' }]);
  expect(flow.versions.dueFor(EUI, clock.now())).toBe(3);
});

test.each(['published', 'cancelled'] as const)(
  'what is on its way to the broker when its connection moves to another project is %s when the broker’s word is known',
  async (end) => {
    const { flow, clock, commands, published, broker } = await makeFlow();
    const word = Promise.withResolvers<void>();
    broker.word = word.promise;
    await clock.advance(10);
    const [first, second] = [watched('first', [desired(clock.now())]), watched('second')];
    flow.open(first.project);
    await clock.advance(100);
    hear(flow, clock.now());
    expect(flow.post('70B3D50000000002', { FPort: 1, payload_hex: '01' })).toMatchObject({ kind: 'ok' });
    expect(flow.post(EUI, { FPort: 1, payload_hex: '01' })).toMatchObject({ kind: 'ok' });
    await clock.advance(10);
    const states = () => commands.list({ limit: 9 }).map(({ state }) => state);
    expect([published.length, states()]).toEqual([2, ['waiting', 'waiting', 'waiting']]);

    flow.open(second.project);
    await clock.advance(2_000);
    // Nothing has begun in the other project: a process that starts anew now is still in this one.
    expect([second.asked(), states()]).toEqual([0, ['waiting', 'waiting', 'waiting']]);
    expect(flow.post(EUI, {})).toMatchObject({ kind: 'unavailable' });

    if (end === 'published') word.resolve();
    else word.reject(new Error('the broker is away'));
    await clock.advance(5_000);
    expect(second.asked()).toBeGreaterThan(0);
    // The device's next one had not gone.
    expect([published.length, states()]).toEqual([2, ['cancelled', end, end]]);
    broker.word = Promise.resolve();
    expect(flow.post(EUI, { FPort: 1, payload_hex: '01' })).toMatchObject({ kind: 'ok' });
    await clock.advance(10);
    expect(published).toHaveLength(3);
  },
);

test('a connection that is back in its project before the broker’s word is known publishes there again', async () => {
  const { flow, clock, commands, published, broker } = await makeFlow();
  const word = Promise.withResolvers<void>();
  broker.word = word.promise;
  const [first, second] = [watched('first'), watched('second')];
  flow.open(first.project);
  flow.post(EUI, { FPort: 1, payload_hex: '01' });
  flow.open(second.project);
  flow.open(first.project);
  word.resolve();
  await clock.advance(2_000);
  flow.post(EUI, { FPort: 1, payload_hex: '02' });
  await clock.advance(10);
  expect([published.length, second.asked()]).toEqual([2, 0]);
  expect(commands.list({ limit: 9 }).map(({ state }) => state)).toEqual(['published', 'published']);
});
