// What time does to commands, on a clock that HERE and the bridge share and that is moved on: they grow too old wherever they
// wait, and a HERE that gave no shadows is asked again.
import { describe, expect, onTestFinished, test } from 'vitest';
import { commandImbalance } from '../../src/domain/command.ts';
import {
  definition,
  LocalBridge,
  type Settings,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { Application, Network } from '../support/commands.ts';
import { JumpClock } from '../support/jump-clock.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';
const MINUTE_MS = 60_000;
/** Commands live for ten minutes here, and HERE is asked twice a second. */
const MAX_AGE_MS = 10 * MINUTE_MS;
const SETTINGS = { downlinks: { pollMinMs: 500, pollMaxMs: 500, commandMaxAgeMs: MAX_AGE_MS } };

async function ready(broker: TestBroker, configuration: Settings = {}) {
  const clock = new JumpClock();
  const sandbox = await useSandbox({ clock });
  const services = { test: { url: sandbox.url } };
  const setup = { dataDir: temporaryFolder(), broker, services, settings: SETTINGS };
  const local = await LocalBridge.start(setup, { clock });
  const { email, password } = sandbox;
  const appId = sandbox.appIds[0] as string;
  const application = await Application.logIn(sandbox);
  return {
    ...{ clock, sandbox, local, application },
    async open(): Promise<void> {
      await local.apply('a', definition({ email, password, appId, downlinkPort: 2, ...configuration }));
      await untilState(local, 'a', 'OPENED');
      await until('the source is up', async () => (await local.connection('a'))?.status.source?.up);
    },
    async uplink(network: Network, device = DEVICE): Promise<void> {
      const before = sandbox.device(appId, device)?.accepted ?? 0;
      await network.uplink(device);
      await until('HERE has the uplink', () => (sandbox.device(appId, device)?.accepted ?? 0) > before);
    },
    ledger() {
      const { ledger } = local.bridge.control.commands.ledger('a') ?? {};
      if (ledger === undefined) throw new Error('no ledger');
      if (commandImbalance(ledger) !== 0) throw new Error(`out of balance: ${JSON.stringify(ledger)}`);
      return ledger;
    },
    newest: () => local.bridge.control.commands.list('a', { limit: 1 })?.commands[0],
    told: async (kind: string) => (await local.events('a')).filter((event) => event.kind === kind),
    /** Both kinds of questions for shadows. */
    asked: () =>
      ['GET /shadows/v4', 'POST /shadows/v2/batch']
        .flatMap((route) => Object.values(sandbox.stats().requests[route] ?? {}))
        .reduce((sum, count) => sum + count, 0),
  };
}

describeWith('mosquitto', 'a command that grows too old while its broker is away', () => {
  test('is expired, told, counted, and not sent when the broker is back; a younger one is', async () => {
    const server = await Mosquitto.start();
    onTestFinished(() => server.remove());
    const it = await ready({ kind: 'mosquitto', url: server.url, setting: { kind: 'mqtt', url: server.url } });
    await it.open();
    const network = await Network.on(server.url, { clientId: 'network' });
    await it.uplink(network);
    await server.stop();
    await it.application.desire(DEVICE, { payload: { payload_hex: '01' } });
    await until('it waits for the broker', async () => (await it.told('downlinksDelayed'))[0]);
    expect(it.ledger()).toMatchObject({ seen: 1, waiting: 1, expired: 0 });
    it.clock.jump(MAX_AGE_MS - MINUTE_MS);
    // It is tried again meanwhile, and is not given up a moment too early.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(it.ledger()).toMatchObject({ waiting: 1, expired: 0 });
    it.clock.jump(2 * MINUTE_MS);
    await until('it is expired', () => it.ledger().expired === 1);
    expect(it.ledger()).toMatchObject({ seen: 1, published: 0, waiting: 0, expired: 1 });
    expect(it.newest()).toMatchObject({ state: 'expired', attempt: 0, publishedAt: null });
    expect(await it.told('commandsExpired')).toMatchObject([{ severity: 'warning', count: 1 }]);
    await server.resume();
    // The pause before the next try to connect is over.
    it.clock.jump(30_000);
    await it.application.desire(DEVICE, { payload: { payload_hex: '02' } });
    await until('the younger one', () => network.downlinks.length > 0);
    expect(network.downlinks.map(({ body }) => body.payload_hex)).toEqual(['02']);
    await until('it is committed', () => it.ledger().published === 1);
    expect(it.ledger()).toMatchObject({ seen: 2, published: 1, waiting: 0, expired: 1 });
  });
});

test('a command that the network could not send, and whose device is silent since, expires and is not sent once more', async () => {
  const broker = await useBroker('embedded');
  const it = await ready(broker);
  await it.open();
  const network = await Network.on(broker.url);
  await it.uplink(network);
  await it.application.desire(DEVICE, { payload: { payload_hex: '01' } });
  const downlink = await until('the downlink', () => network.downlinks[0]);
  await until('it is committed', () => it.newest()?.state === 'published');
  await network.sent(downlink, { DeliveryStatus: '0', DeliveryFailedCause1: 'B0' });
  await until('it could not be sent', () => it.newest()?.state === 'notSent');
  it.clock.jump(MAX_AGE_MS + MINUTE_MS);
  await until('it is expired', () => it.newest()?.state === 'expired');
  expect(await it.told('commandsExpired')).toMatchObject([{ count: 1 }]);
  await it.uplink(network);
  await it.application.desire(DEVICE, { payload: { payload_hex: '02' } });
  await until('the next one', () => network.downlinks.length > 1);
  expect(network.downlinks.map(({ body }) => body.payload_hex)).toEqual(['01', '02']);
  expect(it.ledger().seen).toBe(2);
});

test('a command that was too old when HERE could tell of it at last is expired, not sent', async () => {
  const broker = await useBroker('embedded');
  const it = await ready(broker);
  await it.open();
  const network = await Network.on(broker.url);
  await it.uplink(network);
  // What was desired before anything was handled is none of the connection's: something is handled first.
  await it.application.desire(DEVICE, { payload: { payload_hex: '00' } });
  await until('the first is committed', () => it.ledger().published === 1);
  for (const path of ['/shadows/v4', '/shadows/v2/batch']) it.sandbox.addFault({ name: '503', path });
  await it.application.desire(DEVICE, { payload: { payload_hex: '01' } });
  it.clock.jump(MAX_AGE_MS + MINUTE_MS);
  it.sandbox.removeFault();
  await until('it is expired', () => it.ledger().expired === 1);
  expect(await it.told('commandsExpired')).toMatchObject([{ count: 1 }]);
  expect(it.ledger()).toMatchObject({ seen: 2, published: 1, waiting: 0, expired: 1 });
  expect(network.downlinks.map(({ body }) => body.payload_hex)).toEqual(['00']);
});

describe('HERE gives no shadows', () => {
  test('it is asked again every ten minutes, told once, and commands come back when HERE allows them', async () => {
    const broker = await useBroker('embedded');
    const it = await ready(broker);
    for (const path of ['/shadows/v4', '/shadows/v2']) it.sandbox.addFault({ name: '403', path });
    await it.open();
    const network = await Network.on(broker.url);
    await it.uplink(network);
    await until('it is told', async () => (await it.told('shadowsRefused'))[0]);
    for (let turn = 0; turn < 3; turn++) {
      const before = it.asked();
      it.clock.jump(8 * MINUTE_MS);
      await it.uplink(network);
      expect(it.asked()).toBe(before);
      // With a tenth of jitter: ten minutes have passed for certain.
      it.clock.jump(3 * MINUTE_MS + 1_000);
      // By the list, and a moment later by the devices' ids.
      await until('HERE is asked again', () => it.asked() === before + 2);
      await it.uplink(network);
    }
    expect(await it.told('shadowsRefused')).toMatchObject([{ count: 1 }]);
    expect(await it.told('shadowsBack')).toEqual([]);
    expect((await it.local.connection('a'))?.state).toBe('OPENED');
    it.sandbox.removeFault();
    it.clock.jump(11 * MINUTE_MS + 1_000);
    await until('it is told that they are back', async () => (await it.told('shadowsBack'))[0]);
    await it.application.desire(DEVICE, { payload: { payload_hex: '01' } });
    const downlink = await until('the downlink', () => network.downlinks[0]);
    expect(downlink.body.payload_hex).toBe('01');
    await until('it is committed', () => it.ledger().published === 1);
  });
});
