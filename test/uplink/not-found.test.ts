// Devices that HERE's registry knows and that what takes records does not, yet: their uplinks wait for it, and the others do not.
import { expect, test } from 'vitest';
import type { DeviceVerdict, RequestOutcome } from '../../src/domain/ports/here.ts';
import { NotFound } from '../../src/uplink/not-found.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine, ReadingStore } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

const UNKNOWN: RequestOutcome = { kind: 'refused', unknownDevice: true, hint: null, answer: answer(404, 'unknown') };

/** A line whose registry knows all devices, and a HERE that answers 404 to records of `d…` while `isLate`. */
function setUp(createDevices = true) {
  const clock = new ManualClock();
  const store = new ReadingStore('a', 1e9, new Map());
  const holds: string[] = [];
  const line = modelLine(clock, {
    store,
    createDevices,
    observer: {
      onAccepted: () => {},
      onFailing: () => {},
      onReauthenticate: () => {},
      onHold: (reason) => void holds.push(reason),
    },
  });
  let isLate = true;
  const judge = (records: readonly string[]) => (isLate && records.some((r) => r.startsWith('r')) ? UNKNOWN : null);
  const ensure = (devices: readonly string[]) =>
    new Map(devices.map((device): [string, DeviceVerdict] => [device, { kind: 'known' }]));
  const project = modelProject({ judge, ensure });
  const outcomes = () => store.settled.map(({ outcome }) => outcome.kind);
  return { ...line, clock, holds, project, outcomes, inTime: () => (isLate = false) };
}

test('a new fleet that HERE takes records of only after ten seconds loses nothing, and holds up no other device', async () => {
  const { flow, clock, project, publish, outcomes, inTime } = setUp();
  publish(...Array.from({ length: 40 }, (_, i) => `d${i % 20} r${i}`));
  flow.open(project);
  await clock.advance(9_900);
  expect(outcomes()).toEqual([]);
  expect(flow.devicesWaiting.count).toBe(20);
  expect(flow.devicesWaiting.first[0]?.reason).toMatch(/registry knows the device/);
  publish('x s1');
  await clock.advance(100);
  expect(project.accepted).toEqual(['s1']);
  inTime();
  await clock.advance(15_000);
  expect(outcomes()).toEqual(Array(41).fill('delivered'));
  expect(project.accepted.filter((r) => r === 'r0' || r === 'r20')).toEqual(['r0', 'r20']);
  expect(flow.devicesWaiting.count).toBe(0);
  await flow.stop(AbortSignal.timeout(1_000));
});

test('what is never taken becomes a dead letter after six tries in more than three minutes, what is behind it soon after', async () => {
  const { flow, clock, project, publish, outcomes } = setUp();
  publish('d1 r1', 'd1 r2');
  flow.open(project);
  await clock.advance(180_000);
  expect(outcomes()).toEqual([]);
  await clock.advance(30_000);
  expect(outcomes()).toEqual(['deadLettered', 'deadLettered']);
  expect(project.requests.filter((records) => records.join() === 'r1')).toHaveLength(6);
  await flow.stop(AbortSignal.timeout(1_000));
});

test('a device that HERE knows again at once is delivered at once', async () => {
  const { flow, clock, project, publish, outcomes, inTime } = setUp();
  const { send } = project;
  publish('d1 r1');
  flow.open({ ...project, send: (...args) => send(...args).finally(inTime) });
  await clock.advance(100);
  expect(outcomes()).toEqual(['delivered']);
  await flow.stop(AbortSignal.timeout(1_000));
});

test.each([true, false])('a held connection settles nothing by a 404 (createDevices %s)', async (createDevices) => {
  const { flow, clock, holds, project, publish, outcomes, inTime } = setUp(createDevices);
  publish('d1 r1', 'd2 r2', 'd1 r3');
  flow.open(project, 'probe');
  await clock.advance(590_000);
  expect(holds).toEqual(['HERE has refused the uplink that was tried: unknown']);
  expect(outcomes()).toEqual([]);
  if (!createDevices) expect(project.requests).toEqual([['r1']]);
  await flow.close(AbortSignal.abort());
  inTime();
  flow.open(project, 'probe');
  await clock.advance(200_000);
  expect(project.accepted.toSorted()).toEqual(['r1', 'r2', 'r3']);
  expect(outcomes()).toEqual(['delivered', 'delivered', 'delivered']);
  await flow.stop(AbortSignal.timeout(1_000));
});

test('tries are counted for an uplink, and forgotten once HERE takes the device', () => {
  const notFound = new NotFound();
  const waits = Array.from({ length: 6 }, () => [notFound.note('d', 1), notFound.waitMs('d')]);
  expect(waits.map(([isLast]) => isLast)).toEqual([false, false, false, false, false, true]);
  expect(waits.slice(0, 5).map(([, ms]) => ms)).toEqual([0, 5_000, 15_000, 45_000, 135_000]);
  // The next one of the device.
  expect([notFound.note('d', 2), notFound.note('d', 2), notFound.waitMs('d')]).toEqual([false, false, 0]);
  notFound.taken([{ device: 'd' }]);
  expect([notFound.note('d', 3), notFound.note('d', 3), notFound.waitMs('d')]).toEqual([false, false, 5_000]);
});
