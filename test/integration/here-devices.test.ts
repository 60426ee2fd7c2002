// Making sure of devices: existing, new, unclaimed, held by others, more than allowed; against the sandbox's registry.
import { expect, test } from 'vitest';
import { eui, MemoryDevices, never, openProject, record, until, useGateway } from '../here/support.ts';
import { useSandbox } from '../support/sandbox.ts';

const CREATE = 'POST /registry/v2/{appId}/devices';
const CLAIM = 'PUT /registry/v2/devices/{deviceOrExternalId}';

async function setUp(options: { devices?: MemoryDevices; jobMs?: number } = {}) {
  const sandbox = await useSandbox({ jobMs: options.jobMs ?? 0 });
  const store = options.devices ?? new MemoryDevices();
  const gateway = useGateway({ url: sandbox.url, devices: store });
  const appId = sandbox.appIds[0]!;
  const project = await openProject(gateway, sandbox, appId);
  const key = `${new URL(sandbox.url).host}|${appId}`;
  const count = (route: string): number =>
    Object.values(sandbox.stats().requests[route] ?? {}).reduce((total, each) => total + each, 0);
  return { sandbox, store, gateway, project, appId, key, count };
}

function kinds(verdicts: ReadonlyMap<string, { kind: string }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of verdicts.values()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

test('new devices are created in jobs of at most 100, then known, stored and able to send', async () => {
  const { project, store, key, sandbox, appId, count } = await setUp();
  const devices = Array.from({ length: 250 }, (_, index) => eui(index + 1));
  expect(project.devices.isKnown(devices[0]!)).toBe(false);
  const verdicts = await project.devices.ensure(devices, null, never());
  expect(kinds(verdicts)).toEqual({ created: 250 });
  expect(count(CREATE)).toBe(3);
  expect(devices.every((device) => project.devices.isKnown(device))).toBe(true);
  expect(store.known.get(key)?.size).toBe(250);
  expect(store.createdCount(key)).toBe(250);
  expect([...sandbox.devices(appId)].every((device) => device.claimed)).toBe(true);
  expect(await project.send([record(devices[249]!)], never())).toMatchObject({ kind: 'accepted' });
  expect(kinds(await project.devices.ensure(devices, null, never()))).toEqual({ known: 250 });
  expect(count(CREATE)).toBe(3);
});

test('a device is never asked for twice at once, and calls made together share a job', async () => {
  const { project, count } = await setUp({ jobMs: 50 });
  const asked = Array.from({ length: 60 }, (_, index) =>
    project.devices.ensure([eui(1), eui(index + 2)], null, never()),
  );
  const verdicts = await Promise.all(asked);
  expect(verdicts.every((each) => each.get(eui(1))?.kind === 'created')).toBe(true);
  expect(count(CREATE)).toBe(1);
});

test('devices that exist are known without a request for each; a restart remembers them', async () => {
  const { project, sandbox, appId, store, count } = await setUp();
  const devices = Array.from({ length: 50 }, (_, index) => eui(index + 1));
  sandbox.changeDevices(appId, 'claim', devices);
  expect(kinds(await project.devices.ensure(devices, null, never()))).toEqual({ known: 50 });
  expect(count(CLAIM)).toBe(0);
  const restarted = useGateway({ url: sandbox.url, devices: store });
  const again = await openProject(restarted, sandbox, appId);
  expect(devices.every((device) => again.devices.isKnown(device))).toBe(true);
});

test('a device that exists unclaimed is claimed once HERE has said that it does not know it', async () => {
  const { project, sandbox, appId, store, key, count } = await setUp();
  sandbox.changeDevices(appId, 'provision', [eui(1)]);
  await project.devices.ensure([eui(1)], null, never());
  expect(await project.send([record(eui(1))], never())).toMatchObject({ kind: 'refused', unknownDevice: true });
  project.devices.forget(eui(1));
  expect(project.devices.isKnown(eui(1))).toBe(false);
  expect(store.known.get(key)?.has(eui(1))).toBe(false);
  expect((await project.devices.ensure([eui(1)], null, never())).get(eui(1))).toEqual({ kind: 'known' });
  expect(count(CLAIM)).toBe(1);
  expect(await project.send([record(eui(1))], never())).toMatchObject({ kind: 'accepted' });
});

test('a device of another account is asked for once, then told as unclaimable', async () => {
  const { project, sandbox, appId, count } = await setUp();
  sandbox.changeDevices(appId, 'claimElsewhere', [eui(1)]);
  project.devices.forget(eui(1));
  for (let index = 0; index < 5; index++) {
    const verdict = (await project.devices.ensure([eui(1)], null, never())).get(eui(1));
    expect(verdict).toMatchObject({ kind: 'unclaimable', message: expect.stringContaining('claim') });
  }
  expect(count(CLAIM)).toBe(1);
  expect(count(CREATE)).toBe(1);
});

test('existing, new and unclaimable devices of one call each get their own verdict', async () => {
  const { project, sandbox, appId } = await setUp();
  sandbox.changeDevices(appId, 'claim', [eui(1)]);
  sandbox.changeDevices(appId, 'claimElsewhere', [eui(2)]);
  project.devices.forget(eui(2));
  const verdicts = await project.devices.ensure([eui(1), eui(2), eui(3), eui(3)], null, never());
  expect([...verdicts].map(([device, { kind }]) => `${device.at(-1)} ${kind}`).sort()).toEqual([
    '1 known',
    '2 unclaimable',
    '3 created',
  ]);
});

test('maxDevices counts what was created, also across calls made together and restarts', async () => {
  const { project, store, sandbox, appId, count } = await setUp({ jobMs: 20 });
  sandbox.changeDevices(appId, 'claim', [eui(1), eui(2)]);
  const devices = Array.from({ length: 12 }, (_, index) => eui(index + 1));
  const calls = await Promise.all(devices.map((device) => project.devices.ensure([device], 5, never())));
  const found = calls.map((verdicts, index) => verdicts.get(devices[index]!)?.kind);
  expect(found.filter((kind) => kind === 'created')).toHaveLength(5);
  expect(found.filter((kind) => kind === 'known')).toHaveLength(2);
  expect(found.filter((kind) => kind === 'limit')).toHaveLength(5);
  const before = count(CREATE);
  const again = await openProject(useGateway({ url: sandbox.url, devices: store }), sandbox, appId);
  expect((await again.devices.ensure([eui(99)], 5, never())).get(eui(99))?.kind).toBe('limit');
  expect(count(CREATE)).toBe(before);
  expect((await again.devices.ensure([eui(99)], 6, never())).get(eui(99))?.kind).toBe('created');
});

test('maxDevices bounds what HERE creates unheard: its answer is lost, or the process dies before it', async () => {
  const { project, store, sandbox, appId, key, count } = await setUp({ jobMs: 50 });
  sandbox.addFault({ name: 'half', count: 1, path: '/registry/v2/' });
  expect(kinds(await project.devices.ensure([eui(1), eui(2)], 4, never()))).toEqual({ retry: 2 });
  await until(() => [...sandbox.devices(appId)].length === 2, 'the devices');
  expect(kinds(await project.devices.ensure([eui(1), eui(2)], 4, never()))).toEqual({ known: 2 });
  expect(store.createdCount(key)).toBe(2);

  const before = count(CREATE);
  const dying = project.devices.ensure([eui(3), eui(4)], 4, never());
  await until(() => count(CREATE) > before, 'the job');
  const left = new MemoryDevices();
  for (const each of [key, `${key}|asked`]) left.add(each, store.load(each));
  left.created.set(key, store.createdCount(key));
  await dying;

  const again = await openProject(useGateway({ url: sandbox.url, devices: left }), sandbox, appId);
  // Not before HERE has said what became of the two.
  expect(kinds(await again.devices.ensure([eui(5)], 4, never()))).toEqual({ retry: 1 });
  expect(kinds(await again.devices.ensure([eui(3), eui(4)], 4, never()))).toEqual({ known: 2 });
  expect(kinds(await again.devices.ensure([eui(5)], 4, never()))).toEqual({ limit: 1 });
  expect([...sandbox.devices(appId)]).toHaveLength(4);
});

test("when HERE's own quota is used up, no more jobs are sent for a while", async () => {
  const { project, sandbox, appId, count } = await setUp();
  sandbox.setQuota(appId, 1);
  expect(kinds(await project.devices.ensure([eui(1), eui(2)], null, never()))).toEqual({ created: 1, quota: 1 });
  expect(kinds(await project.devices.ensure([eui(3)], null, never()))).toEqual({ quota: 1 });
  expect(count(CREATE)).toBe(1);
});

test('an account that may not create devices keeps nobody else on the project from it', async () => {
  const projects = [{ appId: 'sharedProject' }];
  const [may, mayNot] = ['may@b.example', 'may-not@b.example'].map((email) => ({
    email,
    password: 'secret-1',
    projects,
  }));
  const sandbox = await useSandbox({ accounts: [may!, mayNot!] });
  const gateway = useGateway({ url: sandbox.url });
  const barred = await openProject(gateway, mayNot!);
  const free = await openProject(gateway, may!);
  sandbox.addFault({ name: '403', email: mayNot!.email, path: '/registry/v2/' });
  expect(kinds(await barred.devices.ensure([eui(1)], null, never()))).toEqual({ quota: 1 });
  expect(kinds(await free.devices.ensure([eui(2)], null, never()))).toEqual({ created: 1 });
  // HERE is not asked on its behalf for a while.
  const asked = sandbox.stats().requests[CREATE];
  expect(kinds(await barred.devices.ensure([eui(3)], null, never()))).toEqual({ quota: 1 });
  expect(sandbox.stats().requests[CREATE]).toEqual(asked);
});

test('busy or broken jobs are told as such, and asked for again later', async () => {
  const { project, sandbox } = await setUp();
  for (const name of ['503', '500', 'reset', 'half'] as const) {
    sandbox.addFault({ name, count: 1, path: '/registry/v2/' });
    expect((await project.devices.ensure([eui(1)], null, never())).get(eui(1))).toMatchObject({ kind: 'retry' });
  }
  expect((await project.devices.ensure([eui(1)], null, never())).get(eui(1))?.kind).toMatch(/created|known/);
});

test('one id that HERE does not take spoils it for no other', async () => {
  const { project } = await setUp();
  const devices = [eui(1), 'x'.repeat(51), eui(2)];
  const verdicts = await project.devices.ensure(devices, null, never());
  expect(devices.map((device) => verdicts.get(device)?.kind)).toEqual(['created', 'unclaimable', 'created']);
});

test('an aborted caller gets its answer at once while the job goes on for the others', async () => {
  const { project, count } = await setUp({ jobMs: 100 });
  const stop = new AbortController();
  const impatient = project.devices.ensure([eui(1)], null, stop.signal);
  const patient = project.devices.ensure([eui(1)], null, never());
  await until(() => count(CREATE) === 1, 'the job');
  stop.abort();
  expect((await impatient).get(eui(1))).toEqual({ kind: 'retry', message: 'stopped' });
  expect((await patient).get(eui(1))?.kind).toBe('created');
});

test('what HERE accepted is known, and stored once', async () => {
  const { project, store, key } = await setUp();
  let writes = 0;
  const add = store.add.bind(store);
  store.add = (projectKey, devices) => {
    writes++;
    add(projectKey, devices);
  };
  for (let index = 0; index < 10; index++) project.devices.confirm([eui(1), eui(2), eui(1)]);
  expect(writes).toBe(1);
  expect([...(store.known.get(key) ?? [])]).toEqual([eui(1), eui(2)]);
  expect(project.devices.isKnown(eui(2))).toBe(true);
});

test('another project starts anew', async () => {
  const { project, gateway, sandbox } = await setUp();
  project.devices.confirm([eui(1)]);
  project.gate.tooLarge(400, 400_000);
  const other = await openProject(gateway, sandbox, sandbox.appIds[1]!);
  expect(other.devices.isKnown(eui(1))).toBe(false);
  expect([project.gate.maxRecords, other.gate.maxRecords]).toEqual([200, 500]);
});
