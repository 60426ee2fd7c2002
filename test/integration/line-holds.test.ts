// What waits at HERE and comes back by itself (quota, licence, refusals), and low-rate alarms: the whole bridge on a clock that is moved on.
import { expect, test } from 'vitest';
import type { EventKind } from '../../src/domain/events.ts';
import {
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { JumpClock } from '../support/jump-clock.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const CREATE = 'POST /registry/v2/{appId}/devices';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

async function setUp(configuration: Readonly<Record<string, unknown>> = {}) {
  const clock = new JumpClock();
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup, { clock });
  const { email, password } = sandbox;
  const appId = sandbox.appIds[0] as string;
  const whole = definition({ email, password, appId, ...configuration });
  const told = async (of: LocalBridge, kind: EventKind) =>
    (await of.events('a')).filter((event) => event.kind === kind);
  return { clock, sandbox, broker, setup, bridge, appId, whole, told };
}

test("HERE's device quota used up: new devices wait and are listed, known ones go on, and all go once there is room", async () => {
  const { clock, sandbox, broker, bridge, appId, whole, told } = await setUp();
  sandbox.setQuota(appId, 4);
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  uplinks.publish(10);
  await until('four devices have delivered', () => sandbox.stats().acceptedRecords === 4);
  const shown = await until('the others are listed', async () => {
    const { activity } = (await bridge.connection('a')) ?? {};
    return activity?.devicesWaiting.count === 6 ? activity : null;
  });
  expect(shown.devicesWaiting.first).toHaveLength(6);
  expect(shown.devicesWaiting.first[0]).toMatchObject({ reason: expect.stringContaining('quota') });
  expect((await told(bridge, 'deviceQuotaUsedUp'))[0]).toMatchObject({ severity: 'error' });
  // HERE is asked again, and says the same: no news.
  const asked = (): number => Object.values(sandbox.stats().requests[CREATE] ?? {}).reduce((a, b) => a + b, 0);
  const before = asked();
  clock.jump(11 * MINUTE_MS);
  await until('HERE is asked again', () => asked() > before);
  await until('they wait again', async () => (await bridge.connection('a'))?.activity?.devicesWaiting.count === 6);
  const ofDevices = (await told(bridge, 'deviceQuotaUsedUp')).filter(({ key }) => key === 'deviceQuotaUsedUp');
  expect(ofDevices.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(6);
  uplinks.publish(10);
  await until('the known ones go on', () => sandbox.stats().acceptedRecords === 8);
  // HERE has them a little before the bridge has its answer.
  const books = await until('the known ones are booked', async () => {
    const { ledger } = (await bridge.connection('a')) ?? {};
    return ledger?.delivered === 8 ? ledger : null;
  });
  expect(books).toMatchObject({ delivered: 8, pending: 12, skipped: {} });

  sandbox.setQuota(appId, 100);
  clock.jump(11 * MINUTE_MS);
  const { ledger } = await settledLedger(bridge, 'a', 20);
  expect(ledger.delivered).toBe(20);
  expect(uplinks.arrivals(sandbox).outOfOrder).toEqual([]);
  await until(
    'none is listed any more',
    async () => (await bridge.connection('a'))?.activity?.devicesWaiting.count === 0,
  );
});

test('a quota that somebody has mended is used at once when the connection is restarted, not in ten minutes', async () => {
  const { sandbox, broker, bridge, appId, whole } = await setUp();
  sandbox.setQuota(appId, 4);
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  uplinks.publish(10);
  await until('six wait', async () => (await bridge.connection('a'))?.activity?.devicesWaiting.count === 6);
  sandbox.setQuota(appId, 100);
  await bridge.apply('a', { ...whole, restart: 'mended' });
  const { ledger } = await settledLedger(bridge, 'a', 10);
  expect(ledger.delivered).toBe(10);
});

test('maxDevices reached is told apart: uplinks of further new devices are skipped', async () => {
  const { broker, bridge, whole, told } = await setUp({ maxDevices: 4 });
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  uplinks.publish(10);
  const { ledger } = await settledLedger(bridge, 'a', 10);
  expect(ledger).toMatchObject({ delivered: 4, skipped: { unknownDevice: 6 } });
  expect(await told(bridge, 'deviceLimitReached')).not.toEqual([]);
  expect(await told(bridge, 'deviceQuotaUsedUp')).toEqual([]);
});

test('80 % of the device quota is told by a look at HERE, once, also over a restart', async () => {
  const { clock, sandbox, bridge, setup, appId, whole, told } = await setUp();
  sandbox.changeDevices(
    appId,
    'claim',
    Array.from({ length: 85 }, (_, n) => n.toString(16).toUpperCase().padStart(16, '0')),
  );
  sandbox.setQuota(appId, 15);
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  clock.jump(15 * MINUTE_MS);
  const [event] = await until('it is told', async () => {
    const events = await told(bridge, 'deviceQuotaNearlyUsed');
    return events.length > 0 ? events : null;
  });
  expect(event).toMatchObject({ severity: 'warning', details: { provisioned: 85, left: 15 } });
  expect(event?.message).toContain('85 of 100 devices');
  await bridge.stop();
  const again = await LocalBridge.start(setup, { clock });
  await untilState(again, 'a', 'OPENED');
  const asked = (): number => sandbox.stats().requests['GET /registry/v2/{appId}/licenseCount']?.['200'] ?? 0;
  const before = asked();
  clock.jump(15 * MINUTE_MS);
  await until('HERE is asked again', () => asked() > before);
  expect(await told(again, 'deviceQuotaNearlyUsed')).toHaveLength(1);
});

test('a licence that ends is told in time; when it has ended the connection is held, and released by its renewal', async () => {
  const { clock, sandbox, broker, bridge, appId, whole, told } = await setUp();
  sandbox.setExpiryDate(appId, new Date(clock.now() + 6.5 * DAY_MS).toISOString());
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const [ending] = await told(bridge, 'licenceEnding');
  expect(ending).toMatchObject({ severity: 'error', count: 1 });
  expect(ending?.message).toMatch(/ends in 7 days \(\d{4}-\d\d-\d\d\)\. Renew it/);

  // Nothing is sent, so only a look can find it.
  sandbox.setExpired(appId, true);
  clock.jump(7 * DAY_MS);
  const held = await untilState(bridge, 'a', 'CLOSED');
  expect(held.reason).toMatch(/licence .* has ended/);
  expect(await told(bridge, 'licenceExpired')).toHaveLength(1);
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 5 });
  uplinks.publish(20);
  await uplinks.allAcked();
  const listed = (): number => sandbox.stats().requests['GET /registry/v2/licenses']?.['200'] ?? 0;
  const before = listed();
  clock.jump(12 * MINUTE_MS);
  await until('the first probe came', () => listed() > before);
  expect((await bridge.connection('a'))?.ledger).toMatchObject({ delivered: 0, pending: 20, deadLettered: {} });

  sandbox.setExpired(appId, false);
  sandbox.setExpiryDate(appId, '2099-12-31T00:00:00.000Z');
  await untilState(bridge, 'a', 'CLOSED');
  clock.jump(12 * MINUTE_MS);
  const { ledger } = await settledLedger(bridge, 'a', 20);
  expect(ledger.delivered).toBe(20);
  expect(await told(bridge, 'released')).toHaveLength(1);
  expect(await told(bridge, 'licenceExpired')).toHaveLength(1);
});

test('a connection that is held is tried with one uplink every 10 minutes, loses none, and a restart does not release it', async () => {
  const { clock, sandbox, broker, bridge, setup, whole, told } = await setUp();
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 30 });
  uplinks.publish(30);
  await settledLedger(bridge, 'a', 30);
  sandbox.addFault({ name: '403', path: '/v3/batch' });
  uplinks.publish(300);
  const shown = await untilState(bridge, 'a', 'CLOSED');
  expect(shown.reason).toMatch(/403/);
  expect((await told(bridge, 'held'))[0]?.message).toMatch(/held: its uplinks wait, and one is tried every 10 minutes/);
  await uplinks.allAcked();
  const batches = (): number =>
    Object.values(sandbox.stats().requests['POST /v3/batch'] ?? {}).reduce((a, b) => a + b, 0);
  for (let probe = 0; probe < 3; probe += 1) {
    const before = batches();
    clock.jump(12 * MINUTE_MS);
    await until('one request comes', () => batches() === before + 1);
    await untilState(bridge, 'a', 'CLOSED');
    expect(batches()).toBe(before + 1);
  }
  expect((await told(bridge, 'held')).reduce((sum, { count }) => sum + count, 0)).toBe(1);

  await bridge.stop();
  const before = batches();
  const again = await LocalBridge.start(setup, { clock });
  await untilState(again, 'a', 'CLOSED');
  expect(batches()).toBe(before + 1);
  expect((await again.connection('a'))?.ledger).toMatchObject({ delivered: 30, pending: 300, deadLettered: {} });

  sandbox.removeFault();
  clock.jump(12 * MINUTE_MS);
  const { ledger } = await settledLedger(again, 'a', 330);
  expect(ledger.delivered).toBe(330);
  expect(await told(again, 'released')).toHaveLength(1);
  expect((await again.connection('a'))?.reason).toBeNull();
  expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
  expect(uplinks.arrivals(sandbox).outOfOrder).toEqual([]);
});

const ALARM = {
  startTime: '00:00',
  endTime: '24:00',
  timezone: 'Europe/Paris',
  recurrence: [
    { frequency: 'weekly', byDays: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] },
  ],
  uplinkRateMinPerHour: 5,
  message: 'Lorries are silent',
};

test('a low-rate alarm is raised, is still there after a restart, and is cleared when uplinks pass again', async () => {
  const { clock, broker, bridge, setup, whole, told } = await setUp();
  await bridge.apply('a', { ...whole, alarms: [ALARM] });
  await untilState(bridge, 'a', 'OPENED');
  const startedAt = clock.now();
  const active = await until('it is raised', async () => {
    clock.jump(4 * MINUTE_MS);
    return (await bridge.connection('a'))?.status.activeAlarms;
  });
  expect(clock.now() - startedAt).toBeGreaterThan(60 * MINUTE_MS);
  expect(active).toMatchObject([{ message: 'Lorries are silent', uplinksPerHour: 0, uplinkRateMinPerHour: 5 }]);
  await bridge.stop();
  const again = await LocalBridge.start(setup, { clock });
  const shown = await untilState(again, 'a', 'OPENED');
  expect(shown.status.activeAlarms).toEqual(active);
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 5 });
  uplinks.publish(5);
  await settledLedger(again, 'a', 5);
  await until('it is cleared', async () => {
    clock.jump(MINUTE_MS);
    return (await again.connection('a'))?.status.activeAlarms === undefined;
  });
  expect((await told(again, 'alarmRaised')).map(({ count }) => count)).toEqual([1]);
  expect((await told(again, 'alarmCleared')).map(({ count }) => count)).toEqual([1]);
});

test('a low-rate alarm is raised while uplinks of others come on the same topic', async () => {
  const { clock, broker, bridge, whole } = await setUp({ source: { matchers: [{ type: 'thing', tags: ['south'] }] } });
  await bridge.apply('a', { ...whole, alarms: [ALARM] });
  await untilState(bridge, 'a', 'OPENED');
  const others = new Uplinks({ brokerUrl: broker.url, devices: 5, tags: ['north'] });
  // Within 84 minutes; as many come in each of its hours as the alarm asks for, and more.
  for (let published = 5; published <= 105; published += 5) {
    others.publish(5);
    await settledLedger(bridge, 'a', published);
    clock.jump(4 * MINUTE_MS);
  }
  const shown = await until('it is raised', async () => {
    const found = await bridge.connection('a');
    return found?.status.activeAlarms === undefined ? null : found;
  });
  expect(shown.status.activeAlarms).toMatchObject([{ uplinksPerHour: 0 }]);
  expect(shown.ledger?.filtered).toEqual({ noMatch: 105 });
});
