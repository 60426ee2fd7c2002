// Definitions that are wrong: an event and a status that name each field, while every other connection goes on; and changes
// of right ones under load, which lose nothing.
import mqtt from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import {
  BridgeChild,
  definition,
  figures,
  LocalBridge,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

test('a definition that is no JSON or breaks the schema is told by field; other connections, and the one before it, go on', async () => {
  const sandbox = await useSandbox();
  const { email, password, appIds } = sandbox;
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const good = definition({ email, password, appId: appIds[0] });
  await bridge.apply('good', good);
  await untilState(bridge, 'good', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 5 });
  await uplinks.connected();
  uplinks.start(100);

  const client = await mqtt.connectAsync(broker.url);
  onTestFinished(() => client.endAsync(true));
  const statuses = new Map<string, ConnectionStatus>();
  const events: BridgeEvent[] = [];
  client.on('message', (topic, payload) => {
    const value = JSON.parse(payload.toString());
    if (topic.startsWith('here-bridge/events/')) events.push(value);
    else statuses.set(topic.slice('here-bridge/status/'.length), value);
  });
  await client.subscribeAsync(['here-bridge/status/+', 'here-bridge/events/+'], { qos: 1 });
  const define = (id: string, text: string) =>
    client.publishAsync(`here-bridge/connections/${id}`, text, { qos: 1, retain: true });

  const hidden = 'a-password-that-nobody-may-see';
  const wrong = {
    connectorId: 'actility-here-iot',
    name: '',
    colour: 'red',
    configuration: {
      email: 'x@example.com',
      password: hidden,
      maxDevices: -1,
      uplinkTimeValidity: 'soon',
      downlinkPort: 300,
      source: { broker: 'nowhere', matchers: [{ type: 'key', key: 'lora:xyz' }] },
    },
  };
  const nested = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  await define('no-json', `{"configuration": {"password": "${hidden}",,}`);
  await define('schema', JSON.stringify(wrong));
  await define('array', '[]');
  await define('nested', nested);
  await define('long', JSON.stringify({ ...good, name: 'x'.repeat(100_000) }));
  await define('proto', '{"__proto__": {"connectorId": "actility-here-iot"}, "constructor": 1}');
  await define('unknown-service', JSON.stringify(definition({ email, password, service: 'mars' })));
  // The one that runs is broken as well: its last valid definition stays in force.
  await define('good', JSON.stringify({ ...good, configuration: { email } }));

  const named = async (id: string): Promise<string[]> => {
    const { errors } = await until(`the status of ${id} names what is wrong`, () =>
      statuses.get(id)?.errors === undefined ? null : (statuses.get(id) as ConnectionStatus),
    );
    for (const { message } of errors ?? []) expect(message.length).toBeLessThan(500);
    return (errors ?? []).map(({ pointer }) => pointer).sort();
  };
  expect(await named('no-json')).toEqual(['']);
  expect(await named('schema')).toEqual([
    '/colour',
    '/configuration/downlinkPort',
    '/configuration/maxDevices',
    '/configuration/source/broker',
    '/configuration/source/matchers/0/key',
    '/configuration/uplinkTimeValidity',
    '/name',
  ]);
  for (const id of ['array', 'nested', 'long', 'proto']) expect((await named(id)).length).toBeGreaterThan(0);
  expect(await named('unknown-service')).toEqual(['/configuration/service']);
  expect(await named('good')).toEqual(['/configuration/password']);
  const ids = ['no-json', 'schema', 'array', 'nested', 'long', 'proto', 'unknown-service', 'good'];
  await until('each has its event', () =>
    ids.every((id) => events.some(({ kind, connectionId }) => kind === 'definitionInvalid' && connectionId === id)),
  );
  expect(JSON.stringify([...statuses.values(), ...events, bridge.log])).not.toContain(hidden);
  expect((await bridge.connection('good'))?.state).toBe('OPENED');

  const accepted = sandbox.stats().acceptedRecords;
  await until('uplinks go on', () => sandbox.stats().acceptedRecords > accepted + 50);
  await define('good', JSON.stringify({ ...good, name: 'Right again' }));
  await until('its status has no errors', () => statuses.get('good')?.errors === undefined);
  uplinks.pause();
  await uplinks.allAcked();
  await settledLedger(bridge, 'good', uplinks.published);
  expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
  for (const line of bridge.log) expect(line.length).toBeLessThan(16 * 1024 + 1);
});

async function change(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const { email, password } = sandbox;
  const [appId] = sandbox.appIds;
  const broker = await useBroker(kind);
  const child = new BridgeChild({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
  });
  await child.start();
  const base = { email, password, appId };
  await child.apply('a', definition(base));
  await untilState(child, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 20, tags: ['all'] });
  await uplinks.connected();
  uplinks.start(500);
  const pass = async (): Promise<void> => {
    const accepted = sandbox.stats().acceptedRecords;
    await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > accepted + 200);
  };
  await pass();
  // How messages are read, which are taken, a person's restart, another name, off and on.
  await child.apply('a', definition({ ...base, uplinkTimeValidity: '2h' }));
  await pass();
  await child.apply('a', definition({ ...base, source: { matchers: [{ type: 'thing', tags: ['ALL'] }] } }));
  await pass();
  await child.apply('a', definition(base, { restart: 'now' }));
  await pass();
  await child.apply('a', definition({ ...base, createDevices: false }, { name: 'Other' }));
  await pass();
  await child.apply('a', definition(base, { active: false }));
  await untilState(child, 'a', 'DEACTIVATED');
  await child.apply('a', definition(base));
  await pass();
  // In good order, twice.
  for (let n = 0; n < 2; n++) {
    expect(await child.stop()).toBe(0);
    await child.start();
    await pass();
  }
  uplinks.pause();
  await uplinks.allAcked();
  const arrivals = await uplinks.arrived(sandbox);
  const { ledger, sums } = await settledLedger(child, 'a', uplinks.published);
  figures(`${kind}, definition changed under load`, {
    published: uplinks.published,
    received: ledger.received,
    doubled: arrivals.doubled.length,
    outOfOrder: arrivals.outOfOrder.length,
  });
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect(sums).toEqual({ expired: 0, filtered: 0, skipped: 0, deadLettered: 0 });
  expect(sandbox.account(email)).toMatchObject({ logIns: 1 });
  return void (await child.stop());
}

async function move(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const { email, password } = sandbox;
  const [appId] = sandbox.appIds;
  const broker = await useBroker(kind);
  const child = new BridgeChild({ dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } });
  await child.start();
  await child.apply('a', definition({ email, password, appId }));
  await untilState(child, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 20 });
  await uplinks.connected();
  uplinks.start(300);
  for (const topics of [['mqtt/things/#'], ['mqtt/+/+/uplink', 'elsewhere'], ['mqtt/things/+/uplink']]) {
    await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > uplinks.published - 100);
    await child.apply('a', definition({ email, password, appId, source: { topics } }));
    const accepted = sandbox.stats().acceptedRecords;
    await until('uplinks go on', () => sandbox.stats().acceptedRecords > accepted + 200);
  }
  await child.kill();
  await child.start();
  uplinks.pause();
  await uplinks.allAcked();
  const arrivals = await uplinks.arrived(sandbox);
  await settledLedger(child, 'a', uplinks.published);
  figures(`${kind}, source moved under load`, { published: uplinks.published, doubled: arrivals.doubled.length });
  expect(uplinks.missing(arrivals)).toEqual([]);
  // What came between the first acknowledgement of the one subscription and the end of the other; and what the kill caught.
  expect(arrivals.doubled.length).toBeLessThan(uplinks.published / 4);
}

describe('a definition is changed, and the bridge restarted in good order, under load', () => {
  test('beside its own broker nothing is lost', () => change('embedded'), 120_000);
  test('nothing is lost when it is other topics, and few come twice', () => move('embedded'), 120_000);
});

describeWith(
  'mosquitto',
  'a definition is changed, and the bridge restarted in good order, under load, beside a Mosquitto',
  () => {
    test('nothing is lost', () => change('mosquitto'), 120_000);
    test('nothing is lost when it is other topics, and few come twice', () => move('mosquitto'), 120_000);
  },
);
