// What a person is told of uplinks, devices, projects and records on the config topic: each event on the whole bridge.
import { expect, test } from 'vitest';
import type { BridgeEvent, EventKind } from '../../src/domain/events.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import {
  type BridgeSetup,
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { JumpClock } from '../support/jump-clock.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

async function setUp(options: SandboxOptions = {}) {
  const sandbox = await useSandbox(options);
  const broker = await useBroker('embedded');
  const setup: BridgeSetup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const clock = new JumpClock();
  const bridge = await LocalBridge.start(setup, { clock });
  const { email, password } = sandbox;
  const appId = sandbox.appIds[0] as string;
  const opened = async (configuration: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    await bridge.apply('a', definition({ email, password, appId, ...configuration }));
    await untilState(bridge, 'a', 'OPENED');
  };
  return { sandbox, broker, setup, clock, bridge, appId, opened };
}

const ofKind = async (bridge: LocalBridge, kind: EventKind): Promise<readonly BridgeEvent[]> =>
  (await bridge.events()).filter((event) => event.kind === kind);

/** What came after the first is told when a while has passed: `total` is how many in all. */
const grown = (bridge: LocalBridge, clock: JumpClock, kind: EventKind, total: number): Promise<BridgeEvent> =>
  until(`${kind} has grown to ${total}`, async () => {
    clock.jump(11_000);
    return (await ofKind(bridge, kind)).find(({ details }) => details?.total === total);
  });

const told = (bridge: LocalBridge, kind: EventKind): Promise<BridgeEvent> =>
  until(`${kind} is told`, async () => (await ofKind(bridge, kind))[0]);

test('uplinks with QoS 0 are one event that grows, and pass', async () => {
  const { broker, clock, bridge, opened } = await setUp();
  await opened();
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 5 });
  const client = await BrokerClient.connect(broker.url);
  const send = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 1) {
      const { topic, payload } = uplinks.message(n);
      await client.publish(topic, payload, { qos: 0 });
    }
  };
  await send(0, 10);
  expect(await told(bridge, 'qos0Uplinks')).toMatchObject({ severity: 'warning', connectionId: 'a' });
  await send(10, 40);
  await settledLedger(bridge, 'a', 40);
  await grown(bridge, clock, 'qos0Uplinks', 40);
  expect(await ofKind(bridge, 'qos0Uplinks')).toHaveLength(2);
});

test('300 devices that HERE does not know are skipped with one event; that is no reason to hold the connection', {
  timeout: 180_000,
}, async () => {
  const { sandbox, broker, clock, bridge, appId, opened } = await setUp();
  await opened({ createDevices: false });
  const known = new Uplinks({ brokerUrl: broker.url, devices: 5, euiPrefix: '70B3D5000A' });
  sandbox.changeDevices(
    appId,
    'claim',
    [0, 1, 2, 3, 4].map((n) => known.devEui(n)),
  );
  const unknown = new Uplinks({ brokerUrl: broker.url, devices: 300 });
  await Promise.all([known.connected(), unknown.connected()]);
  unknown.publish(300);
  known.publish(5);
  const { ledger } = await settledLedger(bridge, 'a', 305, 120_000);
  expect(ledger).toMatchObject({ delivered: 5, skipped: { unknownDevice: 300 }, deadLettered: {} });
  const event = await told(bridge, 'deviceUnknown');
  expect(event.message).toContain('createDevices is false: its uplinks are skipped');
  await grown(bridge, clock, 'deviceUnknown', 300);
  expect((await ofKind(bridge, 'deviceUnknown')).length).toBeLessThan(10);
  expect(await ofKind(bridge, 'held')).toEqual([]);
  expect((await bridge.connection('a'))?.state).toBe('OPENED');
  known.publish(5);
  expect((await settledLedger(bridge, 'a', 310)).ledger.delivered).toBe(10);
});

test('many new devices at once are told, since they may be billed', async () => {
  const { broker, bridge, opened } = await setUp({ jobMs: 200 });
  await opened();
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 200 });
  await uplinks.connected();
  uplinks.publish(200);
  const event = await told(bridge, 'devicesCreating');
  expect(event).toMatchObject({ severity: 'warning', connectionId: 'a', count: 1 });
  expect(Number(event.details?.devices)).toBeGreaterThan(50);
  expect((await settledLedger(bridge, 'a', 200)).ledger.delivered).toBe(200);
  expect(await ofKind(bridge, 'devicesCreating')).toHaveLength(1);
});

test('a payload that its profile cannot decode is told once, and the uplink passes without it', async () => {
  const { broker, bridge, opened } = await setUp();
  await opened();
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 2 });
  const client = await BrokerClient.connect(broker.url);
  for (let n = 0; n < 5; n += 1) {
    const { topic, payload } = uplinks.message(n);
    const { DevEUI_uplink: frame } = JSON.parse(payload);
    const error = { code: 'DRIVER_ERROR', message: 'the driver has thrown' };
    await client.publish(
      topic,
      JSON.stringify({ DevEUI_uplink: { ...frame, payload: undefined, payloadError: error } }),
    );
  }
  expect(await told(bridge, 'payloadNotDecoded')).toMatchObject({ connectionId: 'a', count: 1 });
  await settledLedger(bridge, 'a', 5);
  expect(await ofKind(bridge, 'payloadNotDecoded')).toHaveLength(1);
});

test('another project that HERE lists first is told; the connection stays with its own', async () => {
  const { sandbox, setup, bridge, opened } = await setUp();
  const [first, second] = sandbox.appIds as [string, string];
  sandbox.setExpired(first, true);
  await opened({ appId: undefined });
  expect((await bridge.connection('a'))?.status.appId).toBe(second);
  await bridge.stop();
  sandbox.setExpired(first, false);
  const again = await LocalBridge.start(setup);
  await untilState(again, 'a', 'OPENED');
  expect(await told(again, 'projectOtherFirst')).toMatchObject({ severity: 'warning', connectionId: 'a', key: first });
  expect((await again.connection('a'))?.status.appId).toBe(second);
});

test('records on the config topic that are no brokers and no users are told and change nothing', async () => {
  const { broker, bridge, opened } = await setUp();
  await opened();
  const stranger = await BrokerClient.connect(broker.url);
  await stranger.publish('here-bridge/brokers/other', '{"kind": "carrier pigeon"}', { retain: true });
  expect(await told(bridge, 'brokerInvalid')).toMatchObject({ severity: 'error', connectionId: null, key: 'other' });
  await stranger.publish('here-bridge/access/book', '{"users": []}', { retain: true });
  expect(await told(bridge, 'usersRecord')).toMatchObject({ severity: 'error', connectionId: null });
  expect((await bridge.connection('a'))?.state).toBe('OPENED');
});

test('a worker whose secret key is not that of the config topic is told so', async () => {
  const broker = await useBroker('mosquitto');
  const sandbox = await useSandbox();
  const services = { sandbox: { url: sandbox.url } };
  const first = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services });
  expect(await ofKind(first, 'secretKeyDiffers')).toEqual([]);
  await first.stop();
  // Another data directory without a key of its own: it makes one.
  const stranger = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services });
  const event = await told(stranger, 'secretKeyDiffers');
  expect(event).toMatchObject({ severity: 'error', connectionId: null });
  expect(event.message).toContain('Give all workers one key');
});
