// HERE's own JavaScript client (`@here/tracking-js`) at work on the sandbox.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

interface Virtual {
  readonly appId: string;
  readonly externalId: string;
}
interface Auth {
  readonly token: string;
}
// biome-ignore lint/suspicious/noExplicitAny: the client has no types of its own
type Answer = Promise<any>;

interface HereClient {
  _host: string;
  correlationId: string;
  readonly users: {
    login(email: string, password: string): Answer;
    refresh(accessToken: string, refreshToken: string): Answer;
    getLicenseInfo(auth: Auth): Answer;
    listDevices(auth: Auth & { count?: number }): Answer;
  };
  readonly devices: {
    deviceId(trackingId: string, auth: Auth): Answer;
    trackingId(deviceId: string, auth: Auth): Answer;
    unclaim(trackingId: string, auth: Auth): Answer;
    claim(deviceId: string, auth: Auth): Answer;
  };
  readonly shadows: {
    get(id: Virtual | string, auth: Auth): Answer;
    getBatch(ids: readonly string[], options: Auth & { appId?: string }): Answer;
    getReported(id: Virtual, auth: Auth): Answer;
    setDesired(id: Virtual, desired: object, auth: Auth): Answer;
    clear(id: Virtual, auth: Auth): Answer;
  };
  readonly traces: {
    get(trackingId: string, range: object, options: Auth & { count?: number; pageToken?: string }): Answer;
    remove(trackingId: string, auth: Auth): Answer;
  };
}

const appId = 'someAppId1';
const truck: Virtual = { appId, externalId: 'truck-1' };
const T = Date.now() - 10_000;

let sandbox: Sandbox;
let here: HereClient;
let token = '';

beforeAll(async () => {
  // The client replaces the global `fetch` by its own, which is why it has a test file to itself.
  const Client = createRequire(import.meta.url)('@here/tracking-js') as new () => HereClient;
  sandbox = await startSandbox({
    accounts: [{ email: 'a@b.example', password: 'secret', projects: [{ appId, devices: ['truck-1', 'truck-2'] }] }],
  });
  here = new Client();
  here._host = sandbox.url;
  token = (await here.users.login('a@b.example', 'secret')).accessToken;
  const response = await fetch(`${sandbox.url}/v3/batch`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      appId,
      data: [0, 1, 2].map((i) => ({
        id: 'truck-1',
        timestamp: T + i,
        position: { lat: 48 + i, lng: 2, accuracy: 5 },
        payload: { n: i },
      })),
    }),
  });
  expect(response.status).toBe(204);
});
afterAll(() => sandbox.stop());

test('it logs in and renews its token', async () => {
  const first = await here.users.login('a@b.example', 'secret');
  expect(first).toMatchObject({ expiresIn: 86_400, userId: expect.stringMatching(/^HERE-/) });
  const renewed = await here.users.refresh(first.accessToken, first.refreshToken);
  expect(renewed.accessToken).not.toBe(first.accessToken);
  expect(await here.users.getLicenseInfo({ token: renewed.accessToken })).toHaveLength(1);
  // Three tokens are the limit, so the first of this file is the one that ended.
  const again = await here.users.login('a@b.example', 'secret');
  await expect(here.users.getLicenseInfo({ token })).rejects.toMatchObject({ status: 401 });
  token = again.accessToken;
});

test('it is refused with a wrong password', async () => {
  await expect(here.users.login('a@b.example', 'wrong')).rejects.toMatchObject({ status: 401 });
});

test('it lists licences and devices', async () => {
  expect(await here.users.getLicenseInfo({ token })).toMatchObject([{ appId, expired: false, type: 'evaluation' }]);
  const { data } = await here.users.listDevices({ token, count: 10 });
  expect(data.map((device: Virtual) => device.externalId)).toEqual(['truck-1', 'truck-2']);
});

test('it reads and sets shadows', async () => {
  const set = await here.shadows.setDesired(
    truck,
    { payload: { lock: true }, system: { rate: { sendMs: 9 } } },
    { token },
  );
  expect(set.desired).toMatchObject({ payload: { lock: true }, system: { stateVersion: 1, rate: { sendMs: 9 } } });
  const shadow = await here.shadows.get(truck, { token });
  expect(shadow).toMatchObject({ desired: set.desired, reported: { timestamp: T + 2, payload: { n: 2 } } });
  expect((await here.shadows.getReported(truck, { token })).position.lat).toBe(50);
  const batch = await here.shadows.getBatch(['truck-2', 'truck-1'], { token, appId });
  expect(batch.map((item: { statusCode: number }) => item.statusCode)).toEqual([200, 200]);
  expect(batch[1].body.desired.payload).toEqual({ lock: true });
});

test('it reads traces by tracking id', async () => {
  const { data } = await here.users.listDevices({ token });
  const { trackingId } = data[0];
  const first = await here.traces.get(trackingId, { after: T, before: T + 5 }, { token, count: 2 });
  expect(first.data.map((trace: { timestamp: number }) => trace.timestamp)).toEqual([T + 2, T + 1]);
  const second = await here.traces.get(
    trackingId,
    { after: T, before: T + 5 },
    { token, count: 2, pageToken: first.pageToken },
  );
  expect(second.data).toMatchObject([{ timestamp: T, payload: { n: 0 } }]);
  expect((await here.traces.get(trackingId, {}, { token })).count).toBe(3);
});

test('it unclaims and claims a device', async () => {
  const { data } = await here.users.listDevices({ token });
  const { trackingId } = data[1];
  const { deviceId } = await here.devices.deviceId(trackingId, { token });
  expect((await here.devices.trackingId(deviceId, { token })).trackingId).toBe(trackingId);
  await here.devices.unclaim(trackingId, { token });
  await expect(here.devices.deviceId(trackingId, { token })).rejects.toMatchObject({ status: 404 });
  expect((await here.devices.claim(deviceId, { token })).trackingId).not.toBe(trackingId);
});

test('it clears shadows and traces', async () => {
  await here.shadows.clear(truck, { token });
  expect(await here.shadows.get(truck, { token })).toEqual({ desired: {}, reported: {} });
  const { data } = await here.users.listDevices({ token });
  await here.traces.remove(data[0].trackingId, { token });
  expect((await here.traces.get(data[0].trackingId, {}, { token })).count).toBe(0);
});

test('its request id comes back in an error', async () => {
  here.correlationId = '5771b3d4-95ae-4959-ac63-fbaa3d5d06ee';
  const refusal = await here.shadows.get({ appId, externalId: 'nobody' }, { token }).then(
    () => null,
    (response) => response,
  );
  expect((await refusal.json()).id).toBe('5771b3d4-95ae-4959-ac63-fbaa3d5d06ee');
});
