// The detailed log of one connection: it survives a restart, turns itself off, and shows no secret.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/ops/clock.ts';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '0018B20000000B20';
const CAPABILITY = 'canary-of-the-downlink-address';

function uplink(n: number): string {
  const payload = { position: { latitude: 48.8, longitude: 2.3, accuracy: 9 }, accessToken: CAPABILITY };
  const head = { Time: new Date().toISOString(), DevEUI: DEVICE, FPort: 1, FCntUp: n, payload_hex: '00' };
  return JSON.stringify({ DevEUI_uplink: { ...head, payload, downlinkUrl: `https://x.example/${CAPABILITY}` } });
}

test('a connection is logged in detail until its time is over, also over a restart; others are not', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const first = await LocalBridge.start(setup);
  const { email, password, appIds } = sandbox;
  const record = (topic: string) => definition({ email, password, appId: appIds[0], source: { topics: [topic] } });
  await first.apply('a', record('a/+/uplink'));
  await first.apply('b', record('b/+/uplink'));
  await untilState(first, 'a', 'OPENED');
  await untilState(first, 'b', 'OPENED');
  const send = async (n: number) => {
    const client = await BrokerClient.connect(broker.url);
    for (const id of ['a', 'b']) await client.publish(`${id}/${DEVICE}/uplink`, uplink(n));
  };
  const delivered = (bridge: LocalBridge, count: number) =>
    until('both are delivered', async () => {
      const ledgers = await Promise.all(['a', 'b'].map(async (id) => (await bridge.connection(id))?.ledger?.delivered));
      return ledgers.every((each) => each === count);
    });
  const debugLines = (bridge: LocalBridge) => bridge.log.filter((line) => line.includes('"debug":'));

  let call = apiClient(first.bridge.health.url);
  await send(1);
  await delivered(first, 1);
  expect(debugLines(first)).toEqual([]);
  expect((await call('POST', '/connections/a/debug', { hours: 49 })).body.errors).toMatchObject([
    { pointer: '/hours' },
  ]);
  expect((await call('POST', '/connections/nobody/debug', { hours: 1 })).status).toBe(404);
  const on = await call('POST', '/connections/a/debug', { hours: 2 });
  expect(Date.parse(on.body.until) - Date.now()).toBeGreaterThan(7_190_000);
  expect((await call('GET', '/connections/a')).body.status.debugUntil).toBe(on.body.until);
  await send(2);
  await delivered(first, 2);
  const { lines } = (await call('GET', '/connections/a/debug')).body;
  const of = (what: string) => lines.find((line: { what: string }) => line.what === what)?.details;
  expect(of('uplink')).toMatchObject({
    topic: `a/${DEVICE}/uplink`,
    device: DEVICE,
    records: [{ position: { lat: 48.8 } }],
  });
  expect(of('outcome')).toMatchObject({
    device: DEVICE,
    outcome: { kind: 'delivered' },
    requestId: expect.any(String),
  });
  expect(debugLines(first).length).toBe(lines.length);
  expect(debugLines(first).every((line) => JSON.parse(line).connectionId === 'a')).toBe(true);
  expect(JSON.stringify(lines) + first.log.join('')).not.toContain(CAPABILITY);
  const [entry] = (await call('GET', '/audit')).body;
  expect(entry).toMatchObject({ action: 'POST /connections/:id/debug', target: 'a', outcome: 'done' });
  await first.stop();

  const second = await LocalBridge.start(setup);
  call = apiClient(second.bridge.health.url);
  await untilState(second, 'a', 'OPENED');
  await untilState(second, 'b', 'OPENED');
  expect((await call('GET', '/connections/a')).body.status.debugUntil).toBe(on.body.until);
  await send(3);
  await delivered(second, 3);
  expect(debugLines(second).some((line) => line.includes('"debug":"outcome"'))).toBe(true);
  // A few seconds are left: it ends by itself.
  await call('POST', '/connections/a/debug', { hours: 2 / 3600 });
  await until('it is over', async () => (await call('GET', '/connections/a')).body.status.debugUntil === undefined);
  expect((await call('GET', '/connections/a/debug')).body).toEqual({ until: null, lines: [] });
  const run = (...args: string[]) => cli(['connections', 'debug', 'a', ...args, '--data-dir', setup.dataDir]);
  expect((await run('--hours', '1')).out).toMatch(/^a is logged in detail until 20/);
  expect((await run('--off')).out).toBe('a is not logged in detail\n');
  await call('POST', '/connections/a/debug', { hours: 1 });
  await second.stop();

  // Two days later nobody has to remember.
  const later = { ...systemClock, now: () => systemClock.now() + 48 * 3_600_000 };
  const third = await LocalBridge.start(setup, { clock: Object.assign(Object.create(systemClock), later) });
  await until('a is back', async () => (await third.connection('a'))?.status.source !== undefined);
  expect((await third.connection('a'))?.status.debugUntil).toBeUndefined();
});
