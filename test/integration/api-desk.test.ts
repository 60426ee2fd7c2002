// What people try and ask over the API of a real bridge: a connection before it is saved, an uplink, figures, devices, HERE.
import { expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, type Settings, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { useSandbox } from '../support/sandbox.ts';

const EUI = '0018B20000000B20';

function uplink(device = EUI, fCnt = 1) {
  return {
    DevEUI_uplink: {
      Time: new Date().toISOString(),
      DevEUI: device,
      FPort: 1,
      FCntUp: fCnt,
      payload_hex: '00',
      LrrLAT: '48.85',
      LrrLON: '2.35',
      payload: { position: { latitude: 48.8566, longitude: 2.3522, accuracy: 12 } },
    },
  };
}

async function stage() {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const { email, password, appIds } = sandbox;
  const record = (more: Settings = {}) => definition({ email, password, appId: appIds[0], ...more });
  const send = async (count: number, device = EUI): Promise<void> => {
    const client = await BrokerClient.connect(broker.url);
    for (let n = 1; n <= count; n++) {
      await client.publish(`mqtt/things/${device}/uplink`, JSON.stringify(uplink(device, n)));
    }
  };
  return { sandbox, broker, setup, bridge, call: apiClient(bridge.bridge.health.url), record, send };
}

type Call = ReturnType<typeof apiClient>;

async function opened(call: Call, id: string, record: Settings): Promise<void> {
  await call('PUT', `/connections/${id}`, record);
  await until(`${id} is open`, async () => (await call('GET', `/connections/${id}`)).body.state === 'OPENED');
}

test('a definition is tried before it is saved: each step with its result, a refused pair never twice', async () => {
  const { call, record, send, sandbox } = await stage();
  const steps = (body: { steps: { step: string; result: string }[] }) =>
    body.steps.map(({ step, result }) => `${step} ${result}`);
  const quiet = await call('POST', '/connections/test?listenMs=0', record());
  expect([quiet.status, quiet.body.ok, steps(quiet.body)]).toEqual([
    200,
    true,
    ['definition ok', 'logIn ok', 'project ok', 'quota ok', 'source warning'],
  ]);
  const heard = call('POST', '/connections/test?listenMs=8000', record());
  const sending = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) {
      await send(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const [{ body: loud }] = await Promise.all([heard, sending()]);
  const source = loud.steps.find(({ step }: { step: string }) => step === 'source');
  expect(source).toMatchObject({ result: 'ok', details: { uplink: { device: EUI, outcome: null } } });
  expect(source.details.uplink.records[0].position.lat).toBe(48.8566);

  const attempts = () => sandbox.account(sandbox.email).failedLogIns;
  const wrong = record({ password: 'wrong' });
  const refused = await call('POST', '/connections/test?listenMs=0', wrong);
  const again = await call('POST', '/connections/test?listenMs=0', wrong);
  expect(steps(refused.body).slice(0, 3)).toEqual(['definition ok', 'logIn failed', 'project skipped']);
  expect(again.body.steps[1].message).toContain('not sent again');
  expect([refused.body.ok, again.body.ok]).toEqual([false, false]);
  expect(JSON.stringify([refused.body, again.body])).not.toContain('wrong"');
  expect(attempts()).toBe(1);

  const bad = await call('POST', '/connections/test', { ...record(), nme: 'x' });
  expect(steps(bad.body)).toEqual([
    'definition failed',
    'logIn skipped',
    'project skipped',
    'quota skipped',
    'source skipped',
  ]);
  expect(bad.body.steps[0].errors[0].message).toContain('did you mean "name"?');
  const nowhere = await call('POST', '/connections/test?listenMs=0', record({ appId: 'none' }));
  expect(steps(nowhere.body)).toContain('project failed');
  expect((await call('GET', '/connections')).body).toEqual([]);

  // The stored secret stands behind its mask.
  await opened(call, 'a', record());
  const masked = await call('POST', '/connections/test?listenMs=0', { ...record({ password: '*****' }), id: 'a' });
  expect(masked.body.ok).toBe(true);
});

test('an uplink is mapped without being sent, as a connection would or with fields of its own', async () => {
  const { call, record } = await stage();
  const tried = await call('POST', '/uplinks/try', { uplink: uplink() });
  expect(tried.body).toMatchObject({ device: EUI, outcome: null });
  expect(tried.body.records[0].position).toMatchObject({ lat: 48.8566, lng: 2.3522 });
  expect(tried.body.fields.length).toBeGreaterThan(3);
  expect((await call('POST', '/uplinks/try', { uplink: 'no JSON' })).body.outcome).toMatchObject({
    kind: 'deadLettered',
    reason: 'notJson',
  });
  await call('PUT', '/connections/a', record({ source: { matchers: [{ type: 'thing', tags: ['north'] }] } }));
  const other = await call('POST', '/uplinks/try', { uplink: uplink(), connectionId: 'a' });
  expect(other.body.outcome).toEqual({ kind: 'filtered', reason: 'noMatch' });
  const own = await call('POST', '/uplinks/try', {
    uplink: uplink(),
    connectionId: 'a',
    configuration: { source: {} },
  });
  expect(own.body.outcome).toBeNull();
  expect((await call('POST', '/uplinks/try', { uplink: 1, configuration: { emial: 1 } })).status).toBe(400);
  expect((await call('POST', '/uplinks/try', { uplink: 1, connectionId: 'nobody' })).status).toBe(404);
  expect((await call('POST', '/uplinks/try', {})).body.errors[0].pointer).toBe('/uplink');
});

test('figures, devices, what HERE has of them, and what remains of it over a restart', async () => {
  const { call, record, send, setup, bridge, sandbox } = await stage();
  await opened(call, 'a', record());
  await send(5);
  await send(3, '0018B20000000B21');
  await until('all are there', async () => (await call('GET', '/connections/a')).body.ledger.delivered === 8);
  const view = (await call('GET', '/connections/a')).body;
  expect(view.figures).toEqual({
    uplinks: { hour: 8, day: 8 },
    downlinks: { hour: 0, day: 0 },
    activeThings: { hour: expect.any(Number), day: expect.any(Number) },
  });
  const hour = (await call('GET', '/connections/a/metrics')).body;
  expect([hour.stepMs, hour.total.received, hour.total.delivered]).toEqual([60_000, 8, 8]);
  expect((await call('GET', '/connections/a/metrics?period=1d')).body.total.received).toBe(8);
  expect((await call('GET', '/connections/nobody/metrics')).status).toBe(404);

  const first = await call('GET', '/connections/a/devices?limit=1');
  expect(first.body).toMatchObject([{ device: EUI, uplinks: 5 }]);
  const second = await call('GET', `/connections/a/devices?limit=1&cursor=${first.headers.get('x-next-cursor')}`);
  expect(second.body).toMatchObject([{ device: '0018B20000000B21', uplinks: 3 }]);
  expect((await call('GET', `/connections/a/devices/${EUI.toLowerCase()}`)).body.uplinks).toBe(5);
  expect((await call('GET', '/connections/a/devices/00000000000000FF')).status).toBe(404);

  const { body: shadow } = await call('GET', `/connections/a/devices/${EUI}/shadow`);
  expect(shadow.reported.position.lat).toBe(48.8566);
  const traces = await call('GET', `/connections/a/devices/${EUI}/traces?limit=2`);
  expect(traces.body).toHaveLength(2);
  const rest = await call('GET', `/connections/a/devices/${EUI}/traces?cursor=${traces.headers.get('x-next-cursor')}`);
  expect(rest.body).toHaveLength(3);
  expect((await call('GET', '/connections/a/devices/00000000000000FF/shadow')).status).toBe(404);
  const listed = (await call('GET', '/here/devices?connectionId=a')).body;
  expect(listed.map(({ device, lastSeen }: { device: string; lastSeen: string | null }) => [device, lastSeen])).toEqual(
    [
      [EUI, expect.any(String)],
      ['0018B20000000B21', expect.any(String)],
    ],
  );
  const places = (await call('GET', '/connections/a/positions?limit=1')).body;
  expect(places.positions).toMatchObject([{ device: EUI, position: { lat: 48.8566, lng: 2.3522, accuracy: 12 } }]);
  const others = (await call('GET', `/connections/a/positions?cursor=${places.next}`)).body;
  expect(others).toMatchObject({ positions: [{ device: '0018B20000000B21' }], next: null });
  const latest = [...places.positions, ...others.positions].map(({ reportedAt }) => reportedAt).sort()[1];
  expect((await call('GET', `/connections/a/positions?after=${latest}`)).body).toEqual({ positions: [], next: null });
  expect((await call('GET', '/connections/a/positions?after=yesterday')).status).toBe(400);
  const projects = (await call('GET', '/here/projects?connectionId=a')).body;
  expect(projects.map(({ appId }: { appId: string }) => appId)).toContain(sandbox.appIds[0]);
  const { email, password } = sandbox;
  expect((await call('POST', '/here/projects', { email, password })).body).toEqual(projects);
  expect((await call('POST', '/here/projects', { email, password: 'wrong' })).status).toBe(422);

  await bridge.stop();
  const next = await LocalBridge.start(setup);
  const again = apiClient(next.bridge.health.url);
  await until('it is open again', async () => (await again('GET', '/connections/a')).body.state === 'OPENED');
  expect((await again('GET', '/connections/a')).body.figures).toMatchObject({
    uplinks: { hour: 8, day: 8 },
    activeThings: { hour: 2, day: 2 },
  });
  expect((await again('GET', '/connections/a/devices')).body).toMatchObject([{ uplinks: 5 }, { uplinks: 3 }]);
});

test('devices that HERE does not know are listed, and created on a person’s word', async () => {
  const { call, record, send } = await stage();
  await opened(call, 'a', record({ createDevices: false }));
  await send(2);
  await until(
    'they are skipped',
    async () => (await call('GET', '/connections/a')).body.ledger.skipped.unknownDevice === 2,
  );
  expect((await call('GET', '/connections/a/unknown-devices')).body).toMatchObject([{ device: EUI }]);
  const created = await call('POST', '/connections/a/unknown-devices/create', { devices: [EUI] });
  expect(created.body).toEqual({ [EUI]: 'created' });
  await send(1);
  await until('the next one arrives', async () => (await call('GET', '/connections/a')).body.ledger.delivered === 1);
});

test('a retired device is unclaimed and skipped until it is released; a forgotten one leaves nothing here', async () => {
  const { call, record, send, sandbox } = await stage();
  await opened(call, 'a', record());
  const ledger = async () => (await call('GET', '/connections/a')).body.ledger;
  await send(2);
  await until('they arrive', async () => (await ledger()).delivered === 2);
  const retired = await call('POST', `/connections/a/devices/${EUI.toLowerCase()}/retire`);
  expect(retired.body).toEqual({ device: EUI, isUnclaimed: true, message: null });
  expect((await call('GET', '/connections/a/retired-devices')).body).toEqual([EUI]);
  await send(3);
  await until('the next ones are skipped', async () => (await ledger()).skipped.retired === 3);
  // A changed definition makes a new line, which knows it still.
  await call('PATCH', '/connections/a', { configuration: { uplinkTimeValidity: '3d' } });
  await send(1);
  await until('so is one under a changed definition', async () => (await ledger()).skipped.retired === 4);
  expect((await call('POST', `/connections/a/devices/${EUI}/release`)).status).toBe(200);
  expect((await call('POST', `/connections/a/devices/${EUI}/release`)).status).toBe(404);
  await send(1);
  await until('a released one is claimed again and arrives', async () => (await ledger()).delivered === 3);

  const arrivedAt = new Date().toISOString();
  const letter = { key: '0123456789abcdef', topic: 't', reason: 'refused', arrivedAt, device: EUI, payload: '{}' };
  await call('POST', '/connections/a/dead-letters/import', [letter]);
  expect((await call('GET', '/connections/a/dead-letters')).body.totals.count).toBe(1);
  const forgotten = (await call('POST', `/connections/a/devices/${EUI}/forget`)).body;
  expect(forgotten).toMatchObject({ deadLetters: 1, activity: true, waiting: 0 });
  expect(forgotten.messages).toBeGreaterThan(0);
  expect((await call('GET', '/connections/a/dead-letters')).body.totals.count).toBe(0);
  expect((await call('GET', `/connections/a/devices/${EUI}`)).status).toBe(404);
  expect((await call('GET', `/connections/a/messages?device=${EUI}`)).body.messages ?? []).toEqual([]);
  expect(sandbox.account(sandbox.email).failedLogIns).toBe(0);
});
