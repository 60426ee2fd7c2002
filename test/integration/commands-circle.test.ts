// The whole circle of a command: desired at HERE, published as a downlink, reported by the network, told to HERE on telemetry.
import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/bridge.ts';
import {
  definition,
  LocalBridge,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { Application, Network } from '../support/commands.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';
const FAST = { downlinks: { pollMinMs: 500, pollMaxMs: 500 } };

async function ready(kind: TestBroker['kind'], configuration: object = {}) {
  const broker = await useBroker(kind);
  const sandbox = await useSandbox();
  const services = { test: { url: sandbox.url } };
  const setup = { dataDir: temporaryFolder(), broker, services, settings: FAST };
  const local = await LocalBridge.start(setup);
  const { email, password } = sandbox;
  await local.apply('a', definition({ email, password, appId: sandbox.appIds[0], downlinkPort: 2, ...configuration }));
  await untilState(local, 'a', 'OPENED');
  await until('the source is up', async () => (await local.connection('a'))?.status.source?.up);
  const network = await Network.on(broker.url);
  const application = await Application.logIn(sandbox);
  await network.uplink(DEVICE, { DriverCfg: { mod: { pId: 'maker', mId: 'model', ver: '1' } } });
  await until('HERE knows the device', () => sandbox.device(sandbox.appIds[0] as string, DEVICE)?.accepted);
  return { broker, sandbox, local, network, application, setup };
}

const ledgerOf = (bridge: Bridge) => bridge.control.commands.ledger('a')?.ledger;

async function circle(kind: TestBroker['kind']): Promise<void> {
  const { local, network, application, sandbox } = await ready(kind);
  const version = await application.desire(DEVICE, { payload: { payload_hex: '01ff', Confirmed: '1' } });
  const downlink = await until('the downlink', () => network.downlinks[0]);
  expect(downlink.topic).toBe(`mqtt/things/${DEVICE}/downlink`);
  expect(downlink.body).toMatchObject({ DevEUI: DEVICE, FPort: 2, payload_hex: '01ff', Confirmed: 1 });
  expect(downlink.body.CorrelationID).toMatch(/^[0-9A-F]{16}$/);
  await network.sent(downlink);
  await until(
    'the command is sent',
    () => local.bridge.control.commands.list('a', { limit: 1 })?.commands[0]?.state === 'sent',
  );
  expect(await application.reported(DEVICE)).toBeNull();
  await network.uplink(DEVICE);
  await until('HERE has the version', async () => (await application.reported(DEVICE)) === version);
  await until('the bridge has seen it there', () => ledgerOf(local.bridge)?.fates.confirmed === 1);
  // It rode on a record of the device: no record of its own, no false position.
  const records = sandbox.received({ device: DEVICE });
  expect(records).toHaveLength(2);
  expect(records[1]?.record).toMatchObject({ system: { stateVersion: version } });
  expect(records.map(({ record }) => record.position)).toEqual([undefined, undefined]);
  expect(ledgerOf(local.bridge)).toMatchObject({ seen: 1, published: 1, waiting: 0, fates: { sent: 1, confirmed: 1 } });
}

describe('a command goes the whole circle', () => {
  test('by the own broker', () => circle('embedded'));
});

describeWith('mosquitto', 'a command goes the whole circle by a Mosquitto', () => {
  test('by a Mosquitto', () => circle('mosquitto'));
});

test('where the network gives no reports, the version rides on the second uplink after the publication', async () => {
  const { local, network, application } = await ready('embedded');
  const version = await application.desire(DEVICE, { payload: { interval: 60 } });
  const downlink = await until('the downlink', () => network.downlinks[0]);
  // Free JSON is the driver's: with the driver of the device's last uplink.
  expect(downlink.body).toMatchObject({ payload: { interval: 60 }, DriverCfg: { mod: { pId: 'maker' } } });
  await until('it is committed', () => ledgerOf(local.bridge)?.published === 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await network.uplink(DEVICE);
  await until('the first uplink is there', async () => (await local.connection('a'))?.ledger?.delivered === 2);
  expect(await application.reported(DEVICE)).toBeNull();
  await network.uplink(DEVICE);
  await until('HERE has the version', async () => (await application.reported(DEVICE)) === version);
});

test('the same document under a newer version is a repeat; another setting is not; only the newest of two is sent', async () => {
  const { local, network, application } = await ready('embedded');
  const ids = () => network.downlinks.map(({ body }) => [body.payload_hex, body.CorrelationID]);
  await application.desire(DEVICE, { payload: { payload_hex: 'AA' } });
  await until('the first', () => network.downlinks.length === 1);
  await application.desire(DEVICE, { payload: { payload_hex: 'AA' } });
  await until('the repeat', () => network.downlinks.length === 2);
  expect(ids()[0]?.[1]).not.toBe(ids()[1]?.[1]);
  const settings = await application.desire(DEVICE, { system: { rate: { sendMs: 60_000 } } });
  await until('the setting is seen', () => ledgerOf(local.bridge)?.ignored.settings === 1);
  await network.uplink(DEVICE);
  await until('HERE has its version', async () => (await application.reported(DEVICE)) === settings);
  await application.desire(DEVICE, { payload: { payload_hex: 'BB' } });
  await application.desire(DEVICE, { payload: { payload_hex: 'CC' } });
  await until('the newest', () => network.downlinks.some(({ body }) => body.payload_hex === 'CC'));
  expect(network.downlinks.length).toBeLessThanOrEqual(4);
  expect(ledgerOf(local.bridge)).toMatchObject({ refused: 0, expired: 0 });
});

test('what the network rejects, and what cannot be encoded, is told, and neither is tried for ever', async () => {
  const { local, network, application } = await ready('embedded');
  await application.desire(DEVICE, { payload: { payload_hex: 'AA' } });
  await network.rejected(
    await until('the downlink', () => network.downlinks[0]),
    'Downlink counter value already used',
  );
  await until('it is rejected', () => ledgerOf(local.bridge)?.fates.rejected === 1);
  const odd = await application.desire(DEVICE, { payload: { payload_hex: 'ABC' } });
  await until('it is refused', () => ledgerOf(local.bridge)?.refused === 1);
  await network.uplink(DEVICE);
  await until('HERE hears that it was seen', async () => (await application.reported(DEVICE)) === odd);
  const told = (await local.events('a')).filter(({ kind }) => kind.startsWith('command'));
  expect(told.map(({ kind }) => kind).sort()).toEqual(['commandRefused', 'commandRejected']);
  expect(told.map(({ message }) => message).join()).toMatch(/odd number of digits.*|counter value/);
  expect(network.downlinks).toHaveLength(1);
});

test('what could not be sent over the air is published again after the device is heard, four times in all', async () => {
  const { local, network, application } = await ready('embedded');
  network.onDownlink = (downlink) => {
    void network
      .sent(downlink, { DeliveryStatus: '0', DeliveryFailedCause1: 'B0', DeliveryFailedCause2: '00' })
      .then(() => network.uplink(DEVICE));
  };
  await application.desire(DEVICE, { payload: { payload_hex: 'AA' } });
  await until('it is given up', async () =>
    (await local.events('a')).some(({ kind, message }) => kind === 'commandNotSent' && message.includes('B0')),
  );
  expect(network.downlinks).toHaveLength(4);
  expect(new Set(network.downlinks.map(({ body }) => body.CorrelationID)).size).toBe(4);
  expect(ledgerOf(local.bridge)).toMatchObject({ seen: 1, published: 1, waiting: 0 });
});

test('while downlinkEnabled is false nobody asks HERE, and nothing old is sent when it is switched on', async () => {
  const { local, network, application, sandbox } = await ready('embedded', { downlinkEnabled: false });
  const { email, password } = sandbox;
  const asked = () => sandbox.stats().requests['GET /shadows/v4']?.['200'] ?? 0;
  await application.desire(DEVICE, { payload: { payload_hex: 'AA' } });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(asked()).toBe(0);
  await local.apply('a', definition({ email, password, appId: sandbox.appIds[0], downlinkPort: 2 }));
  await until('HERE is asked', () => asked() > 0);
  await network.uplink(DEVICE);
  await application.desire(DEVICE, { payload: { payload_hex: 'BB' } });
  await until('the new one', () => network.downlinks.length > 0);
  expect(network.downlinks.map(({ body }) => body.payload_hex)).toEqual(['BB']);
});
