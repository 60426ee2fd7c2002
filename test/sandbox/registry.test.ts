// Licences and the registry of the sandbox: jobs, claims, lists.
import { expect, test } from 'vitest';
import { logIn, type SandboxClient, useSandbox } from '../support/sandbox.ts';

const one = (appId: string) => ({ accounts: [{ email: 'a@b.example', password: 'secret', projects: [{ appId }] }] });

async function create(client: SandboxClient, appId: string, ids: readonly string[], query = '?autoclaim=true') {
  const started = await client.call('POST', `/registry/v2/${appId}/devices${query}`, {
    devices: ids.map((id) => ({ id })),
  });
  expect(started.status).toBe(202);
  return started.body.jobId as string;
}

test('a job creates and claims devices, and reports those that exist with a 409 of their own', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const appId = sandbox.appIds[0]!;
  sandbox.changeDevices(appId, 'claim', ['old']);
  const job = await create(client, appId, ['new-1', 'old', 'new-2']);
  expect((await client.call('GET', `/registry/v2/${job}/status`)).body).toEqual({ status: 'complete', percent: 100 });
  const { body } = await client.call('GET', `/registry/v2/${job}/results`);
  expect(body.data.map((result: { externalId: string }) => result.externalId)).toEqual(['new-1', 'new-2']);
  expect(body.errors).toMatchObject([{ id: 'old', error: { code: 409, error: 'Conflict' } }]);
  expect((await client.send([{ id: 'new-2', timestamp: 5 }])).status).toBe(204);
});

test('a job takes its time, and its devices are there when it is complete', async () => {
  const sandbox = await useSandbox({ jobMs: 150 });
  const client = await logIn(sandbox);
  const job = await create(client, sandbox.appIds[0]!, ['slow']);
  expect((await client.call('GET', `/registry/v2/${job}/status`)).body.status).toBe('started');
  expect((await client.call('GET', `/registry/v2/${job}/results`)).status).toBe(404);
  expect((await client.send([{ id: 'slow', timestamp: 5 }])).status).toBe(404);
  await expect
    .poll(async () => (await client.call('GET', `/registry/v2/${job}/status`)).body.status, { timeout: 5000 })
    .toBe('complete');
  expect((await client.send([{ id: 'slow', timestamp: 5 }])).status).toBe(204);
});

test('between 1 and 100 ids of 1 to 50 characters, in projects of one’s own', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const post = (appId: string, body: unknown) => client.call('POST', `/registry/v2/${appId}/devices`, body);
  const appId = sandbox.appIds[0]!;
  expect((await post(appId, { devices: [] })).status).toBe(400);
  expect((await post(appId, { devices: Array.from({ length: 101 }, (_, i) => ({ id: `d${i}` })) })).status).toBe(400);
  expect((await post(appId, { devices: [{ id: 'x'.repeat(51) }] })).status).toBe(400);
  expect((await post(appId, {})).status).toBe(400);
  expect((await post('ya5f66oj2vau1EGMvREK', { devices: [{ id: 'a' }] })).status).toBe(403);
});

test('beyond the quota each device has an error', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const appId = sandbox.appIds[0]!;
  sandbox.setQuota(appId, 1);
  const job = await create(client, appId, ['a', 'b']);
  const { body } = await client.call('GET', `/registry/v2/${job}/results`);
  expect(body.data).toHaveLength(1);
  expect(body.errors).toMatchObject([{ id: 'b', error: { code: 403 } }]);
  const licenses = await client.call('GET', '/registry/v2/licenses');
  expect(licenses.body.licenses[0].quota.provisioning).toBe(0);
});

test('a device that was created without autoclaim is claimed by PUT: 201, then 200', async () => {
  const sandbox = await useSandbox(one('someAppId1'));
  const client = await logIn(sandbox);
  await create(client, 'someAppId1', ['a'], '');
  expect((await client.send([{ id: 'a', timestamp: 5 }])).status).toBe(404);
  const claim = (id: string) => client.call('PUT', `/registry/v2/devices/${id}?appId=someAppId1`);
  const first = await claim('a');
  expect(first.status).toBe(201);
  expect(await claim('a')).toMatchObject({ status: 200, body: first.body });
  expect((await claim('nobody')).status).toBe(404);
  expect((await client.send([{ id: 'a', timestamp: 5 }])).status).toBe(204);
});

test('a device that somebody else holds is 409', async () => {
  const sandbox = await useSandbox(one('someAppId1'));
  const client = await logIn(sandbox);
  sandbox.changeDevices('someAppId1', 'claimElsewhere', ['a']);
  expect((await client.call('PUT', '/registry/v2/devices/a?appId=someAppId1')).status).toBe(409);
});

test('members of several projects must say for which one they claim', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const appId = sandbox.appIds[1]!;
  sandbox.changeDevices(appId, 'provision', ['a']);
  expect((await client.call('PUT', `/registry/v2/devices/a?appId=${appId}`)).status).toBe(400);
  const { projectId } = sandbox.account(sandbox.email).projects[1]!;
  expect((await client.call('PUT', `/registry/v2/devices/a?appId=${appId}&projectId=${projectId}`)).status).toBe(201);
});

test('a device is unclaimed, then deleted, and has another tracking id when it is claimed again', async () => {
  const sandbox = await useSandbox(one('someAppId1'));
  const client = await logIn(sandbox);
  await create(client, 'someAppId1', ['a']);
  const path = '/registry/v2/devices/a?appId=someAppId1';
  const before = (await client.call('GET', path)).body.trackingId as string;
  const { deviceId } = (await client.call('GET', `/registry/v2/${before}`)).body;
  expect((await client.call('DELETE', path)).status).toBe(403);
  expect((await client.call('DELETE', '/registry/v2/a?appId=someAppId1')).status).toBe(204);
  expect((await client.call('GET', path)).status).toBe(404);
  const after = (await client.call('PUT', path)).body.trackingId as string;
  expect(after).not.toBe(before);
  expect((await client.call('GET', `/registry/v2/${before}`)).status).toBe(404);
  expect((await client.call('GET', `/registry/v2/${after}`)).body.deviceId).toBe(deviceId);
  await client.call('DELETE', `/registry/v2/${after}`);
  expect((await client.call('DELETE', path)).status).toBe(204);
  expect((await client.call('PUT', path)).status).toBe(404);
});

test('physical devices are created by number and claimed by their device id', async () => {
  const sandbox = await useSandbox(one('someAppId1'));
  const client = await logIn(sandbox);
  const { jobId } = (await client.call('POST', '/registry/v2/someAppId1/devices', { count: 2 })).body;
  const { body } = await client.call('GET', `/registry/v2/${jobId}/results`);
  expect(body.data).toHaveLength(2);
  const { deviceId, deviceSecret } = body.data[1];
  expect(deviceSecret).toMatch(/^[0-9a-f]{32}$/);
  const claimed = await client.call('PUT', `/registry/v2/devices/${deviceId}`);
  expect(claimed.status).toBe(201);
  expect(
    (await client.call('POST', '/v3/batch', { data: [{ id: claimed.body.trackingId, timestamp: 5 }] })).status,
  ).toBe(204);
});

test('devices are listed page by page, as provisioned and as claimed', async () => {
  const sandbox = await useSandbox(one('someAppId1'));
  const client = await logIn(sandbox);
  const ids = Array.from({ length: 250 }, (_, i) => `device-${i}`);
  sandbox.changeDevices('someAppId1', 'claim', ids);
  sandbox.changeDevices('someAppId1', 'remove', ['device-3']);
  sandbox.changeDevices('someAppId1', 'unclaim', ['device-4']);
  const all = async (path: string) => {
    const found: string[] = [];
    let token = '';
    for (let page = 0; page < 10; page++) {
      const { body } = await client.call('GET', `${path}?count=100${token && `&pageToken=${token}`}`);
      found.push(...body.data.map((device: { externalId: string }) => device.externalId));
      if (!body.pageToken) break;
      token = body.pageToken;
    }
    return found;
  };
  expect(await all('/registry/v2/someAppId1/devices')).toEqual(ids.filter((id) => id !== 'device-3'));
  expect(await all('/users/v2/devices')).toEqual(ids.filter((id) => id !== 'device-3' && id !== 'device-4'));
  expect((await client.call('GET', '/registry/v2/someAppId1/licenseCount')).body.count).toBe(249);
  expect((await client.call('GET', '/registry/v2/someAppId1/devices?pageToken=nonsense')).status).toBe(400);
  expect((await client.call('GET', '/registry/v2/someAppId1/devices?count=101')).status).toBe(400);
});

test('licences tell projects, their kind and what is left of them', async () => {
  const sandbox = await useSandbox({
    accounts: [
      {
        email: 'a@b.example',
        password: 'secret',
        projects: [
          { appId: 'expiredApp', expired: true },
          { appId: 'indoorApp1', kind: 'indoor' },
          { appId: 'trackApp01', quota: 7, name: 'Trucks', devices: ['a', 'b'] },
        ],
      },
    ],
  });
  const client = await logIn(sandbox);
  const { body } = await client.call('GET', '/registry/v2/licenses');
  expect(body).toMatchObject({ start: 0, end: 3, total: 3 });
  expect(body.licenses[0].expired).toBe(true);
  expect(body.licenses[2]).toMatchObject({ appId: 'trackApp01', projectName: 'Trucks', quota: { provisioning: 5 } });
  const tracking = await client.call('GET', '/registry/v2/licenses?projectTypes=tracking&startIndex=1');
  expect(tracking.body.licenses.map((license: { appId: string }) => license.appId)).toEqual(['trackApp01']);
});
