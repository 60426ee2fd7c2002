// Devices that HERE does not take now: their uplinks are held in the journal for a while, at a bounded cost.
import { expect, test } from 'vitest';
import type { NewEvent } from '../../src/domain/events.ts';
import type { DeviceVerdict, RequestOutcome } from '../../src/domain/ports/here.ts';
import type { Prepared } from '../../src/domain/uplink.ts';
import type { DeviceCalls } from '../../src/here/device-calls.ts';
import { ProjectDevices } from '../../src/here/devices.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { KeepingStore, modelLine, ReadingStore } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

const DEVICES = 3_500;

class CountingStore extends KeepingStore {
  scans = 0;
  override forEachUnsettled(): void {
    this.scans += 1;
  }
}

async function held(verdict: DeviceVerdict) {
  const clock = new ManualClock();
  const store = new CountingStore('a', 1e9, new Map());
  const line = modelLine(clock, { store });
  let questions = 0;
  const ensure = (devices: readonly string[]) => {
    questions += 1;
    return new Map(devices.map((device) => [device, verdict]));
  };
  line.publish(...Array.from({ length: DEVICES }, (_, i) => `d${i} r${i}`));
  line.flow.open(modelProject({ isKnown: () => false, ensure }));
  await clock.advance(100);
  expect(line.flow.devicesWaiting.count).toBe(DEVICES);
  return { ...line, clock, counted: store, questions: () => questions };
}

test('holds that end together look through the journal once, however many questions they came from', async () => {
  const { clock, counted, flow, questions } = await held({ kind: 'retry', message: 'HERE is away' });
  expect(questions()).toBe(4);
  const before = counted.scans;
  await clock.advance(4_000);
  expect(flow.devicesWaiting.count).toBe(DEVICES);
  await clock.advance(2_000);
  expect(flow.devicesWaiting.count).toBe(0);
  expect(counted.scans - before).toBe(1);
  await flow.stop(AbortSignal.timeout(1_000));
});

test('more devices than are held by name wait in the journal as well, until the first of them are due', async () => {
  const clock = new ManualClock();
  const store = new CountingStore('a', 1e9, new Map());
  const line = modelLine(clock, { store, window: { maxBytes: 1e9, maxItems: 1e6 } });
  const many = 101_000;
  const ensure = (devices: readonly string[]) =>
    new Map(devices.map((device) => [device, { kind: 'quota', message: 'none left' } as const]));
  const project = modelProject({ isKnown: () => false, ensure });
  const publish = (kind: string): void => {
    for (let n = 0; n < many; n += 1_000)
      line.publish(...Array.from({ length: 1_000 }, (_, i) => `${kind}${n + i} r1`));
  };
  publish('d');
  line.flow.open(project);
  const waiting = (): number => line.flow.devicesWaiting.count;
  await clock.advance(1_000);
  expect([waiting(), line.flow.waiting.count, line.flow.windowBytes]).toEqual([many, many, 0]);
  await clock.advance(590_000);
  expect(waiting()).toBe(many);
  const before = store.scans;
  await clock.advance(20_000);
  expect([waiting(), store.scans - before]).toEqual([0, 1]);
  // Opened anew, nothing of what HERE has said holds them back either.
  publish('e');
  await clock.advance(1_000);
  expect(waiting()).toBe(many);
  await line.flow.close(AbortSignal.abort());
  line.flow.open(project);
  expect(waiting()).toBe(0);
  await line.flow.stop(AbortSignal.timeout(1_000));
  expect(clock.pendingTimers).toBe(0);
});

test('what HERE does not take is told once for a device, and how grave it is', async () => {
  const told = async (verdict: DeviceVerdict, createDevices = true): Promise<string[]> => {
    const clock = new ManualClock();
    const events: NewEvent[] = [];
    const line = modelLine(clock, { createDevices, events: { emit: (event) => void events.push(event) } });
    const judge = () => ({ kind: 'refused', unknownDevice: true, hint: null, answer: answer(404) }) as const;
    const ensure = (devices: readonly string[]) => new Map(devices.map((device) => [device, verdict]));
    line.flow.open(modelProject({ isKnown: () => false, ensure, judge }));
    for (const text of ['d1 r1', 'd1 r2']) {
      line.publish(text);
      await clock.advance(1_000);
    }
    await line.flow.stop(AbortSignal.timeout(1_000));
    for (const event of events) expect(event).toMatchObject({ connectionId: 'a', details: { device: 'd1' } });
    return events.map(({ kind, severity, message }) => `${kind} ${severity} ${message}`);
  };
  expect([
    ...(await told({ kind: 'created' }, false)),
    ...(await told({ kind: 'limit', message: '5 of 5' })),
    ...(await told({ kind: 'quota', message: 'none left' })),
    ...(await told({ kind: 'unclaimable', message: 'not yours' })),
    ...(await told({ kind: 'retry', message: 'away' })),
  ]).toEqual([
    expect.stringMatching(/^deviceUnknown error .*d1, and createDevices is false/),
    expect.stringMatching(/^deviceLimitReached error d1: 5 of 5\. /),
    expect.stringMatching(/^deviceQuotaUsedUp error d1: none left\. /),
    expect.stringMatching(/^deviceUnclaimed error d1: not yours\. /),
    expect.stringMatching(/^deviceCreationFailed warning d1: away\. /),
  ]);
});

test('a line that has stopped leaves no timer behind', async () => {
  const { clock, flow } = await held({ kind: 'unclaimable', message: 'claimed elsewhere' });
  await flow.stop(AbortSignal.timeout(1_000));
  expect(clock.pendingTimers).toBe(0);
});

test('a line that opens anew has HERE asked about its quota, though the word on it came when the line was closed', async () => {
  const clock = new ManualClock();
  const line = modelLine(clock);
  const project = modelProject({ isKnown: () => false });
  let forgotten = 0;
  const devices = {
    ...project.devices,
    ensure: (_asked: readonly string[], _limit: number | null, signal: AbortSignal) =>
      new Promise<ReadonlyMap<string, DeviceVerdict>>((resolve) => {
        signal.addEventListener('abort', () => resolve(new Map([['d1', { kind: 'quota', message: 'none left' }]])));
      }),
    forgetQuota: () => {
      forgotten += 1;
    },
  };
  line.publish('d1 r1');
  line.flow.open({ ...project, devices });
  await clock.advance(100);
  await line.flow.close(AbortSignal.abort());
  expect([line.flow.devicesWaiting.count, forgotten]).toEqual([0, 0]);
  line.flow.open({ ...project, devices });
  expect(forgotten).toBe(1);
  await line.flow.stop(AbortSignal.timeout(1_000));
});

test('a device that was provisioned meanwhile is tried as soon as the connection opens anew', async () => {
  const clock = new ManualClock();
  const line = modelLine(clock, { createDevices: false });
  let isProvisioned = false;
  const unknown: RequestOutcome = { kind: 'refused', unknownDevice: true, hint: null, answer: answer(404) };
  const project = modelProject({ isKnown: () => false, judge: () => (isProvisioned ? null : unknown) });
  line.flow.open(project);
  line.publish('d1 r1');
  await clock.advance(100);
  isProvisioned = true;
  // HERE is not asked with each uplink.
  line.publish('d1 r2');
  await clock.advance(100);
  expect(project.requests).toEqual([['r1']]);
  await line.flow.close(AbortSignal.abort());
  line.flow.open(project);
  line.publish('d1 r3');
  await clock.advance(100);
  expect(project.accepted).toEqual(['r3']);
  await line.flow.stop(AbortSignal.timeout(1_000));
});

test('a few unknown devices cost no uplink of those that HERE knows, though no more may be created', async () => {
  for (const most of ['limit', 'quota'] as const) {
    const clock = new ManualClock();
    const line = modelLine(clock, { maxDevices: most === 'limit' ? 5 : null });
    const gone = new Set(['r3', 'r4', 'r5', 'r6']);
    const judge = (records: readonly string[]): RequestOutcome | null => {
      const hint = records.findIndex((record) => gone.has(record));
      return hint < 0 ? null : { kind: 'refused', unknownDevice: true, hint, answer: answer(404) };
    };
    const nothing = (): void => {};
    const counts = { createdCount: () => 5, asked: () => [], addAsked: nothing, answered: nothing };
    const table = { load: () => [], add: nothing, remove: nothing, ...counts };
    const known = new ProjectDevices({ project: 'here|app', store: table, clock, maxKnown: 100 });
    const refused = { kind: 'quota', message: 'none left' } as const;
    const calls = { create: async (names: readonly string[]) => new Map(names.map((name) => [name, refused])) };
    const project = modelProject({ judge });
    const devices = {
      ...project.devices,
      isKnown: (device: string) => known.isKnown(device),
      forget: (device: string) => known.forget(device),
      doubt: (device: string) => known.doubt(device),
      ensure: (names: readonly string[], limit: number | null, signal: AbortSignal) =>
        known.ensure(names, limit, signal, calls as unknown as DeviceCalls),
    };
    const uplinks = Array.from({ length: 30 }, (_, i) => `d${i} r${i}`);
    known.confirm(uplinks.map((text) => text.split(' ')[0] as string));
    line.publish(...uplinks);
    line.flow.open({ ...project, devices });
    await clock.advance(60_000);
    expect(project.accepted).toHaveLength(26);
    const skipped = line.store.settled.filter(({ outcome }) => outcome.kind === 'skipped');
    expect(skipped).toHaveLength(most === 'limit' ? 4 : 0);
    expect(line.flow.devicesWaiting.count).toBe(most === 'limit' ? 0 : 4);
    expect(project.requests.length).toBeLessThan(20);
    await line.flow.stop(AbortSignal.timeout(1_000));
  }
});

test('an uplink that the journal has under no device, or another, waits as the others of its own', async () => {
  const clock = new ManualClock();
  const store = new ReadingStore('a', 1e9, new Map());
  for (const [text, device] of [
    ['d1 r1', null],
    ['d1 r2', 'd2'],
    ['d2 r3', 'd2'],
  ] as const) {
    store.append([{ topic: 't', payload: Buffer.from(text), arrivedAt: 0, retain: false, device }], () => {});
  }
  const line = modelLine(clock, { store });
  let questions = 0;
  let isKnown = (device: string): boolean => device === 'd2';
  const ensure = (devices: readonly string[]): Map<string, DeviceVerdict> => {
    questions += 1;
    // Else it would be asked for ever.
    if (questions > 100) isKnown = () => true;
    return new Map(devices.map((device) => [device, { kind: 'retry', message: 'HERE is away' }]));
  };
  const project = modelProject({ isKnown: (device) => isKnown(device), ensure });
  line.flow.open(project);
  await clock.advance(1_000);
  line.publish('d1 r4', 'd2 r5');
  await clock.advance(3_000);
  expect([questions, project.accepted, line.flow.waiting.count]).toEqual([1, ['r3', 'r5'], 3]);
  isKnown = () => true;
  await clock.advance(5_000);
  expect([project.accepted, line.flow.waiting.count]).toEqual([['r3', 'r5', 'r1', 'r2', 'r4'], 0]);
  await line.flow.stop(AbortSignal.timeout(1_000));
});

/** "a x5": the uplink of frame 5 of device a; "a p5": its position; of other messages there is no second one. */
function prepare({ payload }: { readonly payload: Buffer }): Prepared {
  const [device, json] = String(payload).split(' ') as [string, string];
  const frame = Number(json.slice(1));
  const records = [{ device, json, bytes: json.length, timestamp: 0 }];
  const prepared = { device, fCnt: frame, outcome: null, records, emittedAt: frame };
  if (json[0] === 'r') return prepared;
  const isResolved = json[0] === 'p';
  return { ...prepared, copy: { kind: isResolved ? 'resolved' : 'uplink', hasPosition: isResolved } };
}

test.each([
  ['ends before the hold', 2_000],
  ['outlasts the hold', 7_000],
])('a wait for the second message of a frame that %s lets nothing overtake what is held', async (_how, pairWaitMs) => {
  const clock = new ManualClock();
  const line = modelLine(clock, { store: new ReadingStore('a', 1e9, new Map()), prepare, pairWaitMs });
  let isKnown = true;
  const ensure = (): Map<string, DeviceVerdict> => new Map([['a', { kind: 'retry', message: 'HERE is away' }]]);
  const project = modelProject({ isKnown: () => isKnown, ensure });
  line.flow.open(project);
  // A device whose frames come twice.
  line.publish('a p1', 'a x1');
  await clock.advance(100);
  isKnown = false;
  line.publish('a r2', 'a x3');
  await clock.advance(100);
  expect(line.flow.devicesWaiting.count).toBe(1);
  // It has been created meanwhile, for another connection.
  isKnown = true;
  await clock.advance(10_000);
  expect(project.accepted).toEqual(['p1', 'r2', 'x3']);
  await line.flow.stop(AbortSignal.timeout(1_000));
});
