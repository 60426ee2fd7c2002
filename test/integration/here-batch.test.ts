// Batches through the HERE client against the sandbox: outcomes, limits, outages, isolation.
import { expect, test } from 'vitest';
import type { HereProject, RequestOutcome } from '../../src/domain/ports/here.ts';
import { eui, never, openProject, record, until, useGateway } from '../here/support.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICES = Array.from({ length: 20 }, (_, index) => eui(index + 1));

async function setUp(
  service: Parameters<typeof useGateway>[0]['service'] = {},
  options: Parameters<typeof useSandbox>[0] = {},
) {
  const sandbox = await useSandbox(options);
  const appId = sandbox.appIds[0]!;
  sandbox.changeDevices(appId, 'claim', DEVICES);
  const gateway = useGateway({ url: sandbox.url, service });
  return { sandbox, appId, gateway, project: await openProject(gateway, sandbox, appId) };
}

/** As the line sends: a permit for each request. */
function sendWithPermit(project: HereProject, records: readonly string[]): Promise<RequestOutcome> {
  return project.gate.run(1, never(), () => project.send(records, never()));
}

test('records arrive as they were given, in one request', async () => {
  const { sandbox, project } = await setUp();
  const records = DEVICES.map((device) => record(device));
  const outcome = await project.send(records, never());
  expect(outcome).toMatchObject({ kind: 'accepted' });
  expect((outcome as { requestId: string }).requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/);
  const received = sandbox.received();
  expect(received.map((each) => JSON.stringify(each.record))).toEqual(records);
  expect(new Set(received.map((each) => each.request)).size).toBe(1);
});

test('a bad record and an unknown device are told apart, with the place where HERE names it', async () => {
  const { project } = await setUp();
  const bad = JSON.stringify({ id: DEVICES[2], timestamp: 1, payload: {} });
  expect(await project.send([record(DEVICES[0]!), record(DEVICES[1]!), bad], never())).toMatchObject({
    kind: 'refused',
    unknownDevice: false,
    hint: 2,
    answer: { status: 400 },
  });
  expect(await project.send([record(DEVICES[0]!), record('unheard-of')], never())).toMatchObject({
    kind: 'refused',
    unknownDevice: true,
    hint: 1,
    answer: { status: 404, hereErrorCode: expect.any(Number) },
  });
});

test('a project whose licence ended meanwhile is held', async () => {
  const { sandbox, appId, project } = await setUp();
  sandbox.setExpired(appId, true);
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'hold', answer: { status: 403 } });
});

test('a batch that is too large is told, and the gate remembers a smaller one', async () => {
  const { project } = await setUp({}, { maxBatchRecords: 100 });
  const records = Array.from({ length: 150 }, (_, index) => record(DEVICES[0]!, 1_700_000_000_000 + index));
  const outcome = await project.send(records, never());
  expect(outcome).toMatchObject({ kind: 'tooLarge', answer: { status: 413 } });
  project.gate.tooLarge(records.length, records.join().length);
  expect(project.gate.maxRecords).toBe(75);
  expect(await project.send(records.slice(0, 75), never())).toMatchObject({ kind: 'accepted' });
});

test.each([
  ['reset', 'connection'],
  ['half', 'badAnswer'],
  ['503', 'unavailable'],
  ['500', 'unavailable'],
  ['429', 'rateLimited'],
] as const)('after %s nothing counts as accepted: %s', async (name, cause) => {
  const { sandbox, gateway, project } = await setUp();
  sandbox.addFault({ name, path: '/v3/batch', count: 1 });
  const outcome = await project.send([record(DEVICES[0]!)], never());
  expect(outcome).toMatchObject({ kind: 'retry' });
  // A whole answer, whatever it says, says that the record was not taken.
  expect(gateway.usage()[0]?.recordsInDoubt).toBe(['429', '500', '503'].includes(name) ? 0 : 1);
  // Half an answer looks like a broken connection or a broken answer, depending on where it is cut.
  if (name !== 'half') expect(outcome).toMatchObject({ cause });
});

test('a server that hangs costs no more than the time-out', async () => {
  const { sandbox, project } = await setUp({ timeoutMs: 300 });
  sandbox.addFault({ name: 'hang', path: '/v3/batch', count: 1 });
  const from = performance.now();
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'retry', cause: 'timeout' });
  expect(performance.now() - from).toBeLessThan(2000);
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'accepted' });
});

test('a request in flight ends when its signal aborts', async () => {
  const { sandbox, project } = await setUp();
  sandbox.addFault({ name: 'hang', path: '/v3/batch' });
  const stop = new AbortController();
  const sending = project.send([record(DEVICES[0]!)], stop.signal);
  setImmediate(() => stop.abort());
  expect(await sending).toMatchObject({ kind: 'retry', cause: 'stopped' });
});

test('an unplugged server is an outage that ends by itself', async () => {
  const { sandbox, gateway, project } = await setUp();
  await sandbox.unplug();
  expect(await gateway.isHealthy('here', never())).toBe(false);
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'retry', cause: 'connection' });
  await sandbox.plug();
  expect(await gateway.isHealthy('here', never())).toBe(true);
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'accepted' });
});

test('a Retry-After is waited for by the next request, without being asked to', async () => {
  const { sandbox, project } = await setUp();
  sandbox.addFault({ name: '429', path: '/v3/batch', count: 1, retryAfterS: 1 });
  const from = performance.now();
  expect(await sendWithPermit(project, [record(DEVICES[0]!)])).toMatchObject({ kind: 'retry', afterMs: 1000 });
  expect(await sendWithPermit(project, [record(DEVICES[0]!)])).toMatchObject({ kind: 'accepted' });
  expect(performance.now() - from).toBeGreaterThanOrEqual(998);
});

test('the plan that HERE tells in its headers is kept to: after the first answers no 429', async () => {
  const { sandbox, project } = await setUp({}, { rateLimit: { limit: 20 } });
  await sendWithPermit(project, [record(DEVICES[0]!)]);
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => sendWithPermit(project, [record(DEVICES[0]!, 1_700_000_000_000 + index)])),
  );
  expect(outcomes.every((outcome) => outcome.kind === 'accepted')).toBe(true);
  expect(sandbox.stats().requests['POST /v3/batch']).toEqual({ '204': 51 });
});

test('an own rate keeps requests under a plan that tells nothing until it is exceeded', async () => {
  const { sandbox, project } = await setUp({ requestsPerSecond: 10, concurrency: 8 }, { rateLimit: { limit: 12 } });
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, index) => sendWithPermit(project, [record(DEVICES[0]!, 1_700_000_000_000 + index)])),
  );
  expect(outcomes.every((outcome) => outcome.kind === 'accepted')).toBe(true);
  expect(sandbox.stats().requests['POST /v3/batch']).toEqual({ '204': 30 });
});

test('two gateways of one project in one process share nothing; two accounts of one gateway share its permits', async () => {
  const appId = 'sharedApp01';
  const accounts = ['a@x.example', 'b@x.example'].map((email) => ({
    email,
    password: 'secret-1',
    projects: [{ appId }],
  }));
  const sandbox = await useSandbox({ accounts });
  const gateway = useGateway({ url: sandbox.url });
  const [first, second] = await Promise.all(accounts.map((login) => openProject(gateway, login, appId)));
  const elsewhere = await openProject(useGateway({ url: sandbox.url }), accounts[0]!, appId);
  expect(first!.gate).toBe(second!.gate);
  expect(elsewhere.gate).not.toBe(first!.gate);
  first!.devices.confirm([eui(1)]);
  expect(second!.devices.isKnown(eui(1))).toBe(true);
});

test('what was learnt of a project outlives the release of its account', async () => {
  const { sandbox, gateway, appId } = await setUp();
  const account = gateway.account({ service: 'here', realm: null, email: sandbox.email }, sandbox.password);
  const opened = await account.openProject(appId, null, never());
  if (opened.kind !== 'ok') throw new Error(opened.kind);
  opened.project.gate.tooLarge(400, 400_000);
  account.release();
  account.release();
  expect(await account.authenticate(never())).toMatchObject({ kind: 'retry' });
  expect((await openProject(gateway, sandbox, appId)).gate.maxRecords).toBe(200);
});

test('a hanging account does not hold up another', async () => {
  const { sandbox: hanging, project: stuck } = await setUp();
  hanging.addFault({ name: 'hang', path: '/v3/batch' });
  const sandbox = await useSandbox();
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', DEVICES);
  const gateway = useGateway({
    url: sandbox.url,
    more: { services: { here: { url: hanging.url }, other: { url: sandbox.url } } },
  });
  const account = gateway.account({ service: 'other', realm: null, email: sandbox.email }, sandbox.password);
  const opened = await account.openProject(sandbox.appIds[0]!, null, never());
  if (opened.kind !== 'ok') throw new Error(opened.kind);
  const stop = new AbortController();
  const stuckOnes = Array.from({ length: 10 }, () =>
    stuck.gate.run(1, stop.signal, () => stuck.send([record(DEVICES[0]!)], stop.signal)).catch(() => null),
  );
  for (let index = 0; index < 20; index++) {
    expect(await sendWithPermit(opened.project, [record(DEVICES[0]!)])).toMatchObject({ kind: 'accepted' });
  }
  stop.abort();
  await Promise.all(stuckOnes);
});

test('after stop everything in flight has ended and nothing new is sent', async () => {
  const { sandbox, gateway, project } = await setUp();
  sandbox.addFault({ name: 'hang', path: '/v3/batch' });
  const sending = project.send([record(DEVICES[0]!)], never());
  await until(() => sandbox.stats().openConnections > 0, 'the request');
  await gateway.stop();
  expect(await sending).toMatchObject({ kind: 'retry' });
  expect(await project.send([record(DEVICES[0]!)], never())).toMatchObject({ kind: 'retry' });
  expect(await gateway.isHealthy('here', never())).toBe(false);
});

test('an account without projects, and one whose projects have ended, are values', async () => {
  const { sandbox, gateway } = await setUp();
  for (const appId of sandbox.appIds) sandbox.setExpired(appId, true);
  const account = gateway.account({ service: 'here', realm: null, email: sandbox.email }, sandbox.password);
  expect(await account.openProject(null, null, never())).toMatchObject({ kind: 'expired' });
  expect(await account.openProject(sandbox.appIds[1]!, null, never())).toMatchObject({ kind: 'expired' });
  expect(await account.openProject('notThere', null, never())).toMatchObject({ kind: 'missing' });
});

test('projects of other kinds are left out, and more than a page of them are read', async () => {
  const others = ['indoor', 'lastmile', 'trackingAzure'] as const;
  const projects = [
    ...others.map((kind) => ({ appId: `other_${kind}`, kind })),
    ...Array.from({ length: 130 }, (_, index) => ({ appId: `tracking_${index}`, expired: index < 120 })),
  ];
  const login = { email: 'many@x.example', password: 'secret-1' };
  const sandbox = await useSandbox({ accounts: [{ ...login, projects }] });
  const gateway = useGateway({ url: sandbox.url });
  expect((await openProject(gateway, login)).appId).toBe('tracking_120');
  const account = gateway.account({ service: 'here', realm: null, ...login }, login.password);
  expect(await account.openProject('other_indoor', null, never())).toMatchObject({ kind: 'missing' });
  const kept = await account.openProject(null, 'tracking_125', never());
  expect(kept).toMatchObject({ kind: 'ok', project: { appId: 'tracking_125', otherFirst: 'tracking_120' } });
});
