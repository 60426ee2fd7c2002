// Commands for devices on ChirpStack and The Things Stack: in their network's form, where it takes them, and its word on them.
import { connect } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { Application } from '../support/commands.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';
const APPLICATION = '6b7cbd83-2c60-4a6f-9f6c-6b0a3c3f6f11';
const CHIRPSTACK = `eu868/application/${APPLICATION}/device/${DEVICE.toLowerCase()}`;
const THINGS_STACK = 'v3/fleet@tenant/devices/tracker-1';
const TOPICS = ['mqtt/things/+/uplink', 'eu868/application/+/device/+/event/+', `${THINGS_STACK}/#`];

const deviceInfo = { applicationId: APPLICATION, devEui: DEVICE.toLowerCase() };
const end_device_ids = { device_id: 'tracker-1', dev_eui: DEVICE, application_ids: { application_id: 'fleet' } };

interface Published {
  readonly topic: string;
  readonly body: Record<string, unknown>;
}

async function ready() {
  const broker = await useBroker('embedded');
  const sandbox = await useSandbox();
  const services = { test: { url: sandbox.url } };
  const settings = { downlinks: { pollMinMs: 500, pollMaxMs: 500 } };
  const setup = { dataDir: temporaryFolder(), broker, services, settings };
  const local = await LocalBridge.start(setup);
  const { email, password } = sandbox;
  const source = { topics: TOPICS };
  const configuration = { email, password, appId: sandbox.appIds[0], downlinkPort: 2, source };
  await local.apply('a', definition(configuration));
  await untilState(local, 'a', 'OPENED');
  await until('the source is up', async () => (await local.connection('a'))?.status.source?.up);
  const client = connect(broker.url, { clean: false, clientId: 'network', reconnectPeriod: 200 });
  onTestFinished(() => client.endAsync(true));
  const published: Published[] = [];
  client.on('message', (topic, payload) => published.push({ topic, body: JSON.parse(payload.toString()) }));
  await client.subscribeAsync(
    [
      '+/application/+/device/+/command/+',
      `${THINGS_STACK}/down/push`,
      `${THINGS_STACK}/down/replace`,
      'mqtt/things/+/downlink',
    ],
    { qos: 1 },
  );
  const application = await Application.logIn(sandbox);
  let fCnt = 0;
  return {
    ...{ local, setup, application, published },
    publish: (topic: string, body: object) => client.publishAsync(topic, JSON.stringify(body), { qos: 1 }),
    async chirpStack() {
      const up = { time: new Date().toISOString(), deviceInfo, fPort: 1, fCnt: ++fCnt, data: 'AQ==' };
      await this.publish(`${CHIRPSTACK}/event/up`, { ...up, object: { temperature: 20 } });
    },
    async thingsStack() {
      const received_at = new Date().toISOString();
      const uplink_message = { f_port: 1, f_cnt: ++fCnt, decoded_payload: { temperature: 20 }, received_at };
      await this.publish(`${THINGS_STACK}/up`, { end_device_ids, received_at, uplink_message });
    },
    async isKnown(count = 1) {
      await until(
        'HERE has the record',
        () => (sandbox.device(sandbox.appIds[0] as string, DEVICE)?.accepted ?? 0) >= count,
      );
    },
    commands: () => local.bridge.control.commands.list('a', { limit: 10 })?.commands ?? [],
    stateOf: () => local.bridge.control.commands.list('a', { limit: 1 })?.commands[0]?.state,
  };
}

test('ChirpStack: command/down beside the uplink’s topic, and its txack closes the circle', async () => {
  const it = await ready();
  await it.chirpStack();
  await it.isKnown();
  const version = await it.application.desire(DEVICE, { payload: { payload_hex: '0201ff', Confirmed: 1 } });
  const { topic, body } = await until('the downlink', () => it.published[0]);
  expect(topic).toBe(`${CHIRPSTACK}/command/down`);
  expect(body).toEqual({
    ...{ id: expect.any(String), devEui: DEVICE.toLowerCase(), confirmed: true, fPort: 2, data: 'AgH/' },
  });
  const about = { time: new Date().toISOString(), deviceInfo };
  await it.publish(`${CHIRPSTACK}/event/txack`, {
    ...about,
    downlinkId: 7,
    queueItemId: 'of-somebody-else',
    gatewayId: '01',
  });
  await it.publish(`${CHIRPSTACK}/event/txack`, { ...about, downlinkId: 8, queueItemId: body.id, gatewayId: '01' });
  await until('it is sent', () => it.stateOf() === 'sent');
  await it.publish(`${CHIRPSTACK}/event/ack`, { ...about, queueItemId: body.id, acknowledged: true });
  await it.chirpStack();
  await until('HERE has the version', async () => (await it.application.reported(DEVICE)) === version);
  expect(it.published).toHaveLength(1);
});

test('The Things Stack: down/push below the device’s topic, down/sent closes the circle, down/failed is a rejection', async () => {
  const it = await ready();
  await it.thingsStack();
  await it.isKnown();
  const version = await it.application.desire(DEVICE, { payload: { interval: 60 } });
  const { topic, body } = await until('the downlink', () => it.published[0]);
  expect(topic).toBe(`${THINGS_STACK}/down/push`);
  const [item] = body.downlinks as Record<string, unknown>[];
  expect(item).toMatchObject({ f_port: 2, decoded_payload: { interval: 60 }, confirmed: false });
  const { correlation_ids } = item as { correlation_ids: string[] };
  const about = { end_device_ids, received_at: new Date().toISOString() };
  await it.publish(`${THINGS_STACK}/down/queued`, { ...about, downlink_queued: { f_port: 2, correlation_ids } });
  await it.publish(`${THINGS_STACK}/down/sent`, { ...about, downlink_sent: { f_port: 2, correlation_ids } });
  await until('it is sent', () => it.stateOf() === 'sent');
  await it.thingsStack();
  await until('HERE has the version', async () => (await it.application.reported(DEVICE)) === version);

  await it.application.desire(DEVICE, { payload: { payload_hex: '01', FlushDownlinkQueue: 1 } });
  const next = await until('the next', () => it.published[1]);
  expect(next.topic).toBe(`${THINGS_STACK}/down/replace`);
  const [again] = next.body.downlinks as [{ correlation_ids: string[] }];
  const downlink = { f_port: 2, correlation_ids: again.correlation_ids };
  const error = { message_format: 'no gateway in reach' };
  await it.publish(`${THINGS_STACK}/down/failed`, { ...about, downlink_failed: { downlink, error } });
  await until('it is rejected', () => it.stateOf() === 'rejected');
  expect(it.commands()[0]?.cause).toContain('no gateway in reach');
});

test('a device that moves to another network gets its downlinks there, also after a restart of the bridge', async () => {
  const it = await ready();
  await it.chirpStack();
  await it.isKnown();
  await it.application.desire(DEVICE, { payload: { payload_hex: '01', ValidityTime: 60 } });
  await until('it is refused', () => it.stateOf() === 'refused');
  expect(it.commands()[0]?.cause).toContain('ChirpStack knows no ValidityTime');
  await it.thingsStack();
  await it.isKnown(2);
  await it.local.bridge.stop();
  await LocalBridge.start(it.setup);
  await it.application.desire(DEVICE, { payload: { payload_hex: '02' } });
  expect((await until('the downlink', () => it.published[0])).topic).toBe(`${THINGS_STACK}/down/push`);
  const body = {
    Time: new Date().toISOString(),
    DevEUI: DEVICE,
    FPort: 1,
    payload_hex: '01',
    payload: { temperature: 2 },
  };
  await it.publish(`mqtt/things/${DEVICE}/uplink`, { DevEUI_uplink: body });
  await it.isKnown(3);
  await it.application.desire(DEVICE, { payload: { payload_hex: '03' } });
  expect((await until('ThingPark’s', () => it.published[1])).topic).toBe(`mqtt/things/${DEVICE}/downlink`);
});
