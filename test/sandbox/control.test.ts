// Watching and changing a running sandbox over its admin paths, and pulling its plug.
import { expect, test } from 'vitest';
import { logIn, request, useSandbox } from '../support/sandbox.ts';

const T = 1_700_000_000_000;

test('what arrived is asked for page by page', async () => {
  const sandbox = await useSandbox();
  const appId = sandbox.appIds[0]!;
  const admin = (method: string, path: string, body?: unknown) =>
    request(sandbox.url, method, `/sandbox/${path}`, body);
  expect((await admin('POST', 'devices', { appId, action: 'claim', ids: ['a', 'b'] })).body).toEqual({ changed: 2 });
  const client = await logIn(sandbox);
  await client.send([0, 1, 2, 3, 4].map((i) => ({ id: i % 2 ? 'b' : 'a', timestamp: T + i })));
  const first = (await admin('GET', `received?appId=${appId}&limit=3`)).body;
  const second = (await admin('GET', `received?appId=${appId}&limit=3&pageToken=${first.nextPageToken}`)).body;
  const times = [...first.records, ...second.records].map(({ timestamp }: { timestamp: number }) => timestamp - T);
  expect(times).toEqual([0, 1, 2, 3, 4]);
  expect(second.nextPageToken).toBeUndefined();
  expect((await admin('GET', `received?device=b&from=${T + 2}`)).body.records).toHaveLength(1);
  const devices = (await admin('GET', `devices?appId=${appId}&limit=1`)).body;
  expect(devices.devices).toMatchObject([{ device: 'a', accepted: 3, claimed: true }]);
  expect((await admin('GET', `devices?appId=${appId}&pageToken=${devices.nextPageToken}`)).body.devices).toHaveLength(
    1,
  );
});

test('statistics count requests by path and status', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  await client.call('GET', '/registry/v2/licenses');
  await client.call('GET', '/shadows/v2/nobody?appId=nosuchAppId');
  await client.call('GET', '/nowhere');
  const { body } = await request(sandbox.url, 'GET', '/sandbox/stats');
  expect(body.requests).toEqual({
    'POST /users/v2/login': { 200: 1 },
    'GET /registry/v2/licenses': { 200: 1 },
    'GET /shadows/v2/{trackingId}': { 403: 1 },
    unknown: { 404: 1 },
  });
  await request(sandbox.url, 'POST', '/sandbox/reset');
  expect(sandbox.stats().totalRequests).toBe(0);
});

test('accounts are shown, locked, unlocked, given another password and robbed of their tokens', async () => {
  const sandbox = await useSandbox();
  const { email, password } = sandbox;
  await logIn(sandbox);
  const path = `/sandbox/accounts/${encodeURIComponent(email)}`;
  expect((await request(sandbox.url, 'POST', `${path}/revoke`)).body).toEqual({ revoked: 1 });
  await request(sandbox.url, 'POST', `${path}/lock`);
  await expect(logIn(sandbox)).rejects.toThrow('401');
  await request(sandbox.url, 'POST', `${path}/unlock`);
  await request(sandbox.url, 'POST', `${path}/password`, { password: 'another' });
  await expect(logIn(sandbox)).rejects.toThrow('401');
  await logIn(sandbox, { email, password: 'another' });
  const { body } = await request(sandbox.url, 'GET', '/sandbox/accounts');
  expect(body.accounts[0]).toMatchObject({ email, logIns: 2, failedLogIns: 2, liveTokens: 1, locked: false });
  expect(JSON.stringify(body)).not.toContain(password);
  expect((await request(sandbox.url, 'POST', '/sandbox/accounts/nobody/lock')).status).toBe(404);
});

test('projects expire and run out of licences', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  await request(sandbox.url, 'POST', `/sandbox/projects/${sandbox.appIds[0]}`, { expired: true, quota: 3 });
  const { body } = await client.call('GET', '/registry/v2/licenses');
  expect(body.licenses[0]).toMatchObject({ expired: true, quota: { provisioning: 3 } });
});

test('it tells how to log in', async () => {
  const sandbox = await useSandbox();
  const { url, email, password, appIds } = sandbox;
  expect((await request(url, 'GET', '/sandbox')).body).toEqual({ url, email, password, appIds });
});

test('unplugged it refuses connections; plugged in again it knows everything', async () => {
  const sandbox = await useSandbox();
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', ['a']);
  const client = await logIn(sandbox);
  await client.send([{ id: 'a', timestamp: T }]);
  await sandbox.unplug();
  await expect(client.send([{ id: 'a', timestamp: T + 1 }])).rejects.toThrow();
  await sandbox.plug();
  expect((await client.send([{ id: 'a', timestamp: T + 1 }])).status).toBe(204);
  expect(sandbox.received()).toHaveLength(2);
});
