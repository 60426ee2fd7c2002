// Devices that HERE does not take now: their uplinks are held in the journal for a while, at a bounded cost.
import { expect, test } from 'vitest';
import type { DeviceVerdict } from '../../src/domain/ports/here.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { KeepingStore, modelLine } from '../support/model-line.ts';
import { modelProject } from '../support/model-project.ts';

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
