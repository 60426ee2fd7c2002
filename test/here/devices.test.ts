// What is known of a project's devices, where HERE's word on its quota comes late.
import { expect, it } from 'vitest';
import type { DeviceVerdict } from '../../src/domain/ports/here.ts';
import type { DeviceStore } from '../../src/domain/ports/store.ts';
import type { DeviceCalls, JobVerdict } from '../../src/here/device-calls.ts';
import { ProjectDevices } from '../../src/here/devices.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryDevices } from './support.ts';

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
  const nothing = (): void => {};
  const counts = { createdCount: () => 0, asked: () => [], addAsked: nothing, answered: nothing };
  const store: DeviceStore = { load: () => [], add: nothing, remove: nothing, ...counts, ...given };
  const clock = new ManualClock();
  const devices = new ProjectDevices({ project: 'here|app', store, clock, maxKnown: 100 });
  const ensure = async (device: string): Promise<DeviceVerdict | undefined> =>
    (await devices.ensure([device], limit, never, calls)).get(device);
  return { clock, jobs, devices, ensure, create };
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

const UNHEARD: JobVerdict = { kind: 'unheard', message: 'Service Unavailable' };

/** Two devices are allowed, and HERE was asked for two. */
async function askedForTwo(verdict: JobVerdict) {
  const store = new MemoryDevices();
  const all = setUp(ofStore(store), 2);
  const askTwo = async (answer: JobVerdict): Promise<unknown[]> => {
    const asked = [all.ensure('a'), all.ensure('b')];
    await settled();
    all.jobs.at(-1)?.answer(answer);
    return (await Promise.all(asked)).map((each) => each?.kind);
  };
  return { ...all, store, askTwo, first: await askTwo(verdict) };
}

function ofStore(store: MemoryDevices): DeviceStore {
  return {
    load: (project) => store.load(project),
    add: (project, devices) => store.add(project, devices),
    remove: (project, devices) => store.remove(project, devices),
    createdCount: (project) => store.createdCount(project),
    asked: (project) => store.asked(project),
    addAsked: (project, devices) => store.addAsked(project, devices),
    answered: (project, devices, created) => store.answered(project, devices, created),
  };
}

it('devices that HERE may have created unheard count as created: others wait for its word, and not for ever', async () => {
  const { clock, jobs, ensure, first, askTwo, store } = await askedForTwo(UNHEARD);
  expect(first).toEqual(['retry', 'retry']);
  expect(await ensure('c')).toMatchObject({ kind: 'retry', message: expect.stringContaining('has not said yet') });
  await clock.advance(600_000);
  expect(await ensure('c')).toMatchObject({ kind: 'limit', message: expect.stringContaining('2 of them') });
  expect(jobs).toHaveLength(1);
  expect(await askTwo({ kind: 'exists' })).toEqual(['known', 'known']);
  expect([store.createdCount('here|app'), store.asked('here|app')]).toEqual([2, []]);
  expect((await ensure('c'))?.kind).toBe('limit');
  expect(jobs).toHaveLength(2);
});

it('what HERE did not create is given back, also when that is heard of late', async () => {
  const { jobs, ensure, askTwo, store } = await askedForTwo(UNHEARD);
  expect(await askTwo({ kind: 'unclaimable', message: 'no' })).toEqual(['unclaimable', 'unclaimable']);
  const answer = ensure('c');
  await settled();
  jobs.at(-1)?.answer({ kind: 'created' });
  expect(await answer).toEqual({ kind: 'created' });
  expect([store.createdCount('here|app'), store.asked('here|app')]).toEqual([1, []]);
});

it('a question that did not reach HERE takes nothing of the limit, and gives nothing back of one that may have', async () => {
  const never = await askedForTwo({ kind: 'retry', message: 'no token' });
  expect(never.store.asked('here|app')).toEqual([]);
  const maybe = await askedForTwo(UNHEARD);
  expect(await maybe.askTwo({ kind: 'retry', message: 'no token' })).toEqual(['retry', 'retry']);
  expect(await maybe.askTwo({ kind: 'refused', message: 'no rights' })).toEqual(['quota', 'quota']);
  expect(maybe.store.asked('here|app')).toEqual(['a', 'b']);
});

it('a device that was known takes nothing of the limit when a question about it is not answered', async () => {
  const { devices, ensure, jobs, store } = await askedForTwo({ kind: 'exists' });
  devices.doubt('a');
  const answer = ensure('a');
  await settled();
  jobs.at(-1)?.answer(UNHEARD);
  expect((await answer)?.kind).toBe('retry');
  expect([store.createdCount('here|app'), store.asked('here|app')]).toEqual([0, []]);
});

it('where it cannot be written down what HERE is asked for, none is created that a limit might forbid', async () => {
  const addAsked = (): void => {
    throw new Error('disk I/O error');
  };
  const bound = setUp({ addAsked }, 5);
  expect(await bound.ensure('new')).toMatchObject({
    kind: 'retry',
    message: expect.stringContaining('disk I/O error'),
  });
  expect(bound.jobs).toHaveLength(0);
  const free = setUp({ addAsked });
  const answer = free.ensure('new');
  await settled();
  free.jobs[0]?.answer({ kind: 'created' });
  expect(await answer).toEqual({ kind: 'created' });
});

it("who shares another's question is not bound by its limit", async () => {
  const { devices, jobs, create } = setUp(ofStore(new MemoryDevices()));
  const calls = { create } as unknown as DeviceCalls;
  const names = ['a', 'b', 'c'];
  const [bound, free] = [1, null].map((limit) => devices.ensure(names, limit, never, calls));
  await settled();
  jobs[0]?.answer({ kind: 'created' });
  const kinds = async (verdicts?: Promise<ReadonlyMap<string, DeviceVerdict>>): Promise<unknown[]> => {
    const found = await verdicts;
    return names.map((name) => found?.get(name)?.kind);
  };
  expect(await kinds(bound)).toEqual(['created', 'limit', 'limit']);
  await settled();
  jobs[1]?.answer({ kind: 'created' });
  expect(await kinds(free)).toEqual(['created', 'created', 'created']);
  expect(jobs.map((job) => job.devices)).toEqual([['a'], ['b', 'c']]);
});

it("who shares another's question asks itself where the other may not, or is stopped", async () => {
  for (const verdict of [{ kind: 'refused', message: 'no rights' }, UNHEARD] as const) {
    const { devices, jobs, create } = setUp();
    const [one, other] = [true, false].map((isStopped) => ({ create, isStopped }) as unknown as DeviceCalls);
    const [first, second] = [one, other].map((calls) => devices.ensure(['a'], null, never, calls as DeviceCalls));
    await settled();
    jobs[0]?.answer(verdict);
    expect((await first)?.get('a')?.kind).toBe(verdict.kind === 'refused' ? 'quota' : 'retry');
    await settled();
    jobs[1]?.answer({ kind: 'created' });
    expect((await second)?.get('a')?.kind).toBe('created');
  }
});
