// What is known of a project's devices, where HERE's word on its quota comes late.
import { expect, it } from 'vitest';
import type { DeviceVerdict } from '../../src/domain/ports/here.ts';
import type { DeviceStore } from '../../src/domain/ports/store.ts';
import type { DeviceCalls, JobVerdict } from '../../src/here/device-calls.ts';
import { ProjectDevices } from '../../src/here/devices.ts';
import { ManualClock } from '../support/manual-clock.ts';

const QUOTA: JobVerdict = { kind: 'quota', message: 'The licence has expired' };
const never = new AbortController().signal;

/** HERE answers each job when the test says so. */
function setUp(given: Partial<DeviceStore> = {}, limit: number | null = null) {
  const jobs: { readonly devices: readonly string[]; readonly answer: (verdict: JobVerdict) => void }[] = [];
  const create = (devices: readonly string[]): Promise<Map<string, JobVerdict>> =>
    new Promise((resolve) => {
      jobs.push({ devices, answer: (verdict) => resolve(new Map(devices.map((device) => [device, verdict]))) });
    });
  const calls = { create } as unknown as DeviceCalls;
  const empty = { load: () => [], add: () => {}, remove: () => {}, createdCount: () => 0, addCreated: () => {} };
  const store = { ...empty, ...given };
  const clock = new ManualClock();
  const devices = new ProjectDevices({ project: 'here|app', store, clock, maxKnown: 100 });
  const ensure = async (device: string): Promise<DeviceVerdict | undefined> =>
    (await devices.ensure([device], limit, never, calls)).get(device);
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

it('a device that was known is not taken for a new one where no more may be created, until HERE does not know it itself', async () => {
  const { devices, ensure, jobs } = setUp({ createdCount: () => 5 }, 5);
  devices.confirm(['old']);
  devices.doubt('old');
  expect(devices.isKnown('old')).toBe(false);
  expect((await ensure('new'))?.kind).toBe('limit');
  expect(await ensure('old')).toEqual({ kind: 'known' });
  expect(devices.isKnown('old')).toBe(true);
  devices.forget('old');
  devices.doubt('old');
  expect((await ensure('old'))?.kind).toBe('limit');
  expect(jobs).toHaveLength(0);
});

it('a device that was known is asked about though the quota is used up, and a job that was refused says nothing of it', async () => {
  const { devices, ensure, jobs } = setUp();
  devices.confirm(['old', 'older']);
  devices.doubt('old');
  const answers = [ensure('new'), ensure('old')];
  await settled();
  jobs[0]?.answer(QUOTA);
  expect(await Promise.all(answers)).toEqual([QUOTA, { kind: 'known' }]);
  devices.doubt('older');
  const again = [ensure('new'), ensure('older')];
  await settled();
  expect(jobs.map((job) => job.devices)).toEqual([['new', 'old'], ['older']]);
  jobs[1]?.answer({ kind: 'exists' });
  expect(await Promise.all(again)).toEqual([QUOTA, { kind: 'known' }]);
  devices.forget('older');
  expect(await ensure('older')).toEqual(QUOTA);
});

it('what was doubted is not written down again: the store has it still', async () => {
  const added: string[] = [];
  const { devices, ensure, jobs } = setUp({ add: (_project, names) => void added.push(...names) });
  devices.confirm(['old']);
  devices.doubt('old');
  const answer = ensure('old');
  await settled();
  jobs[0]?.answer({ kind: 'exists' });
  expect(await answer).toEqual({ kind: 'known' });
  expect(added).toEqual(['old']);
});

it('while the count of created devices cannot be read, devices are asked about again soon: the limit is not said to be reached', async () => {
  let isBroken = true;
  const createdCount = (): number => {
    if (isBroken) throw new Error('disk I/O error');
    return 4;
  };
  const { ensure, jobs } = setUp({ createdCount }, 5);
  expect((await ensure('new'))?.kind).toBe('retry');
  expect(jobs).toHaveLength(0);
  isBroken = false;
  const answer = ensure('new');
  await settled();
  jobs[0]?.answer({ kind: 'created' });
  expect(await answer).toEqual({ kind: 'created' });
});

it('without a limit the count of created devices makes no difference', async () => {
  const createdCount = (): number => {
    throw new Error('disk I/O error');
  };
  const { ensure, jobs } = setUp({ createdCount });
  const answer = ensure('new');
  await settled();
  jobs[0]?.answer({ kind: 'created' });
  expect(await answer).toEqual({ kind: 'created' });
});

it('what is known is read again before anybody is asked, where the disk could not be read before', async () => {
  let isBroken = true;
  const load = (): readonly string[] => {
    if (isBroken) throw new Error('disk I/O error');
    return ['old'];
  };
  const { devices, ensure, jobs } = setUp({ load, createdCount: () => 5 }, 5);
  devices.load();
  // Nobody can tell a new device from a known one yet.
  expect((await ensure('old'))?.kind).toBe('retry');
  isBroken = false;
  expect(await ensure('old')).toEqual({ kind: 'known' });
  expect(devices.isKnown('old')).toBe(true);
  expect((await ensure('new'))?.kind).toBe('limit');
  expect(jobs).toHaveLength(0);
});
