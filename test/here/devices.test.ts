// What is known of a project's devices, where HERE's word on its quota comes late.
import { expect, it } from 'vitest';
import type { DeviceVerdict } from '../../src/domain/ports/here.ts';
import type { DeviceCalls, JobVerdict } from '../../src/here/device-calls.ts';
import { ProjectDevices } from '../../src/here/devices.ts';
import { ManualClock } from '../support/manual-clock.ts';

const QUOTA: JobVerdict = { kind: 'quota', message: 'The licence has expired' };
const never = new AbortController().signal;

/** HERE answers each job when the test says so. */
function setUp() {
  const jobs: { readonly devices: readonly string[]; readonly answer: (verdict: JobVerdict) => void }[] = [];
  const create = (devices: readonly string[]): Promise<Map<string, JobVerdict>> =>
    new Promise((resolve) => {
      jobs.push({ devices, answer: (verdict) => resolve(new Map(devices.map((device) => [device, verdict]))) });
    });
  const calls = { create } as unknown as DeviceCalls;
  const store = { load: () => [], add: () => {}, remove: () => {}, createdCount: () => 0, addCreated: () => {} };
  const clock = new ManualClock();
  const devices = new ProjectDevices({ project: 'here|app', store, clock, maxKnown: 100 });
  const ensure = async (device: string): Promise<DeviceVerdict | undefined> =>
    (await devices.ensure([device], null, never, calls)).get(device);
  return { clock, jobs, devices, ensure };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

it('nobody asks for ten minutes once HERE creates no more, until somebody may have mended it', async () => {
  const { clock, jobs, devices, ensure } = setUp();
  const first = ensure('a');
  await settled();
  jobs[0]?.answer(QUOTA);
  expect(await first).toEqual(QUOTA);
  expect(await ensure('b')).toEqual(QUOTA);
  await clock.advance(600_000);
  const later = ensure('b');
  await settled();
  jobs[1]?.answer(QUOTA);
  expect(await later).toEqual(QUOTA);
  devices.forgetQuota();
  const mended = ensure('b');
  await settled();
  expect(jobs).toHaveLength(3);
  jobs[2]?.answer({ kind: 'created' });
  expect(await mended).toEqual({ kind: 'created' });
});

it('an answer to what was asked before somebody mended it says nothing of it', async () => {
  const { jobs, devices, ensure } = setUp();
  const before = ensure('a');
  await settled();
  devices.forgetQuota();
  const joined = ensure('a');
  jobs[0]?.answer(QUOTA);
  // Soon again, not in ten minutes.
  expect([await before, await joined].map((verdict) => verdict?.kind)).toEqual(['retry', 'retry']);
  const other = ensure('b');
  await settled();
  expect(jobs.map((job) => job.devices)).toEqual([['a'], ['b']]);
  jobs[1]?.answer({ kind: 'created' });
  expect(await other).toEqual({ kind: 'created' });
});
