// The bridge's own topics are nobody's uplinks and take nobody's downlinks, whatever a definition asks for.
import { describe, expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
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
import { BrokerClient } from '../support/broker-client.ts';
import { freshName, KAFKA_START_MS } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D500000000AA';

async function stage(kind: TestBroker['kind'], prefix: string) {
  const sandbox = await useSandbox();
  const broker = await useBroker(kind);
  const services = { sandbox: { url: sandbox.url } };
  // The same broker once more under another name.
  const { kind: _, ...setting } = broker.setting as Settings;
  const twin = { kind: kind === 'kafka' ? 'kafka' : 'mqtt', ...(kind === 'kafka' ? setting : { url: broker.url }) };
  const settings = {
    brokers: { main: broker.setting, twin },
    topics: { prefix, broker: 'main' },
    sources: { broker: 'main' },
  };
  const bridge = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services, settings });
  const { email, password, appIds } = sandbox;
  const record = (more: Settings) => definition({ email, password, appId: appIds[0], ...more });
  return { broker, bridge, call: apiClient(bridge.bridge.health.url), record };
}

async function refusals({ call, record }: Awaited<ReturnType<typeof stage>>, wrong: readonly Settings[]) {
  const found: unknown[] = [];
  for (const configuration of wrong) {
    const { status, body } = await call('PUT', '/connections/wrong', record(configuration));
    found.push([status, ...(body.errors ?? []).map(({ pointer, message }: Settings) => `${pointer} ${message}`)]);
  }
  return found;
}

const refused = (pointer: string, prefix: string) => [
  400,
  `/configuration/${pointer} must not be below "${prefix}" (topics.prefix): these are the bridge's own topics`,
];

function onMqtt(kind: 'embedded' | 'mosquitto'): void {
  test('are refused in a definition, and left out where a wildcard takes them in', { timeout: 120_000 }, async () => {
    const prefix = 'site/bridge';
    const at = await stage(kind, prefix);
    const { bridge, broker, record } = at;
    const inside = `${prefix}/connections/{DevEUI}`;
    const wrong = [
      { source: { topics: ['up/+', `${prefix}/#`] } },
      { source: { topics: [`${prefix}/connections/+`], broker: 'twin' } },
      { uplinkTopicPattern: inside },
      { downlinkTopicPattern: inside },
    ];
    expect(await refusals(at, wrong)).toEqual(
      ['source/topics/1', 'source/topics/0', 'uplinkTopicPattern', 'downlinkTopicPattern'].map((pointer) =>
        refused(pointer, prefix),
      ),
    );
    const client = await BrokerClient.connect(broker.url);
    const define = (id: string, more: Settings) =>
      client.publish(`${prefix}/connections/${id}`, JSON.stringify(record(more)), { retain: true });
    await define('all', { source: { topics: ['#'] } });
    await define('level', { source: { topics: ['site/+/#', '+/+/connections/+'], broker: 'twin' } });
    for (const id of ['all', 'level']) {
      await untilState(bridge, id, 'OPENED');
      await until('it listens', async () => (await bridge.connection(id))?.status.source?.up);
    }
    // A definition with a plain password, as other producers write them, and what comes of it: statuses, events.
    await define('late', { source: { topics: ['elsewhere/+'] } });
    await untilState(bridge, 'late', 'OPENED');
    const head = { Time: new Date().toISOString(), DevEUI: DEVICE, FPort: 1, FCntUp: 1, payload_hex: '00' };
    await client.publish(
      'site/other/uplink',
      JSON.stringify({ DevEUI_uplink: { ...head, payload: { temperature: 1 } } }),
    );
    for (const id of ['all', 'level']) {
      const ledger = async () => (await bridge.connection(id))?.ledger;
      await until(`${id} has delivered it`, async () => (await ledger())?.delivered === 1);
      expect(await ledger()).toMatchObject({ received: 1 });
    }
  });
}

describe('On the embedded broker the bridge’s own topics', () => onMqtt('embedded'));
describeWith('mosquitto', 'On Mosquitto the bridge’s own topics', () => onMqtt('mosquitto'));

describeWith('kafka', 'On Kafka the bridge’s own topics', () => {
  test('are refused in a definition', { timeout: KAFKA_START_MS + 60_000 }, async () => {
    const prefix = freshName('own');
    const at = await stage('kafka', prefix);
    const wrong = [
      { source: { topics: [`${prefix}.connections`] } },
      { source: { topics: ['uplinks', `${prefix}.*`], broker: 'twin' } },
      { source: { topics: [`${prefix}/+`] } },
      { downlinkTopicPattern: `${prefix}.connections` },
    ];
    expect(await refusals(at, wrong)).toEqual(
      ['source/topics/0', 'source/topics/1', 'source/topics/0', 'downlinkTopicPattern'].map((pointer) =>
        refused(pointer, prefix),
      ),
    );
  });
});
