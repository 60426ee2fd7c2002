// A broker that is defined over the API leads nowhere in the operator's own network, and its secrets to no other broker.
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openSecretBox } from '../../src/store/secrets.ts';
import { apiClient } from '../support/api.ts';
import { LocalBridge, type Settings, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { BrokerClient, retainedUnder } from '../support/broker-client.ts';

async function stage(settings: Settings) {
  const broker = await useBroker('embedded');
  const services = { sandbox: { url: 'http://127.0.0.1:9' } };
  const dataDir = temporaryFolder();
  const bridge = await LocalBridge.start({ dataDir, broker, services, settings });
  return { call: apiClient(bridge.bridge.health.url), broker, bridge, dataDir };
}

test.each(['mqtt', 'ws'])(
  'none is reached in the operator’s own network, whatever its name resolves to (%s)',
  async (protocol) => {
    let knocks = 0;
    const own = net.createServer((socket) => {
      knocks += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void own.close());
    const { port } = own.address() as net.AddressInfo;
    // As it is by default.
    const { call } = await stage({});
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254']) {
      const { status, body } = await call('PUT', '/brokers/x', {
        kind: 'mqtt',
        url: `${protocol}://${host}:${port}`,
      });
      expect([status, body.errors]).toEqual([
        400,
        [{ pointer: '/url', message: expect.stringContaining('brokerDefinitions.hosts') }],
      ]);
    }
    for (const url of [`${protocol}://localhost:${port}`, `${protocol}s://localhost:${port}`, `mqtt://127.1:${port}`]) {
      const { ok, steps } = (await call('POST', '/brokers/test', { kind: 'mqtt', url, connectTimeoutMs: 3000 })).body;
      expect([ok, steps.at(-1).message ?? '']).toEqual([false, expect.stringContaining('brokerDefinitions.hosts')]);
    }
    const kafka = { kind: 'kafka', bootstrap: [`localhost:${port}`], connectTimeoutMs: 3000 };
    const { ok, steps } = (await call('POST', '/brokers/test', kafka)).body;
    expect([ok, steps.at(-1).message]).toEqual([false, expect.stringContaining('brokerDefinitions.hosts')]);
    expect(knocks).toBe(0);
    const off = await stage({ brokerDefinitions: { hosts: [] } });
    expect((await off.call('PUT', '/brokers/x', { kind: 'mqtt', url: 'mqtt://broker.example.com' })).status).toBe(409);
  },
  60_000,
);

test('a stored secret goes to no other address: neither by ***** nor by its sealed text on the topic', async () => {
  const { call, broker, bridge, dataDir } = await stage({ brokerDefinitions: { hosts: ['127.0.0.0/8'] } });
  const city = { kind: 'mqtt', url: 'mqtts://127.0.0.1:1', username: 'bridge', password: 'of the city' };
  expect((await call('PUT', '/brokers/city', city)).status).toBe(201);
  const masked = { ...city, password: '*****' };
  const refusal = { pointer: '/password', message: expect.stringContaining('must be given again') };
  for (const changed of [{ url: 'mqtts://127.0.0.1:2' }, { tls: { rejectUnauthorized: false } }]) {
    expect((await call('PUT', '/brokers/city', { ...masked, ...changed })).body.errors).toEqual([refusal]);
    const tried = await call('POST', '/brokers/test', { ...masked, ...changed, name: 'city' });
    expect(tried.body.steps[0].errors).toEqual([refusal]);
  }
  expect((await call('PUT', '/brokers/city', { ...masked, description: 'kept' })).status).toBe(200);

  const client = await BrokerClient.connect(broker.url);
  const topic = (name: string) => `here-bridge/brokers/${name}`;
  const publish = (name: string, record: object) =>
    client.publish(topic(name), JSON.stringify(record), { retain: true });
  const isThere = async (name: string) => (await call('GET', `/brokers/${name}`)).status === 200;
  const onTopic = async (name: string) =>
    JSON.parse((await retainedUnder(broker.url, topic(name))).get(topic(name)) ?? '{}');
  const box = openSecretBox({ dataDir, key: null });
  // As it was sealed before it was bound to an address: it opens where it is, and is bound with the next change.
  const unbound = box.encrypt(city.password, 'broker old/password');
  await publish('old', { ...city, password: unbound });
  await until('the old one is read', () => isThere('old'));
  expect((await call('PUT', '/brokers/old', masked)).status).toBe(200);
  const { password } = await onTopic('old');
  expect(box.isEncrypted(password)).toBe(true);
  expect(() => box.decrypt(password, 'broker old/password')).toThrow('another connection, field or address');

  const { revision: _, basedOn: __, url: ___, ...sealed } = await onTopic('city');
  const url = 'mqtt://127.0.0.1:3';
  const bootstrap = ['127.0.0.1:3'];
  await publish('city', { ...sealed, url });
  await publish('city', { ...sealed, url, password: '*****' });
  await publish('city', { ...sealed, url: city.url, tls: { rejectUnauthorized: false } });
  await publish('city', { ...sealed, kind: 'kafka', bootstrap, sasl: { mechanism: 'plain' } });
  await publish('old', { ...city, url, password: unbound });
  await publish('last', { kind: 'mqtt', url });
  await until('all were read', () => isThere('last'));
  for (const name of ['city', 'old']) {
    const { definition } = (await call('GET', `/brokers/${name}`)).body;
    expect([definition.url, definition.tls, definition.password]).toEqual([city.url, undefined, '*****']);
  }
  const leftOut = (await bridge.events()).filter(({ kind }) => kind === 'brokerInvalid');
  expect(leftOut.map(({ key }) => key)).toEqual(expect.arrayContaining(['city', 'old']));
}, 60_000);
