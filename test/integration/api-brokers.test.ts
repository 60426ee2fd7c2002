// Brokers as resources of a real bridge: defined over the API, used at once by connections, sealed on the config topic, and kept
// out of the operator's network.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
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
import { BrokerClient, retainedUnder } from '../support/broker-client.ts';
import { Certificates } from '../support/certificates.ts';
import { cli } from '../support/cli.ts';
import { freshName, KAFKA_START_MS } from '../support/kafka.ts';
import { Mosquitto, passwordLine } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const HERE = { brokerDefinitions: { hosts: ['127.0.0.0/8'] } };
const SECRET = 'canary-of-the-broker';

async function stage(settings: Settings = HERE, broker?: TestBroker, prefix = 'here-bridge') {
  const sandbox = await useSandbox();
  const used = broker ?? (await useBroker('embedded'));
  const dataDir = temporaryFolder();
  const services = { sandbox: { url: sandbox.url } };
  const bridge = await LocalBridge.start({
    dataDir,
    broker: used,
    services,
    settings: { ...settings, topics: { prefix } },
  });
  const call = apiClient(bridge.bridge.health.url);
  const { email, password, appIds } = sandbox;
  const using = (name: string) => definition({ email, password, appId: appIds[0], source: { broker: name } });
  return { sandbox, broker: used, bridge, call, using, dataDir };
}

function uplink(device: string, n: number): string {
  const payload = { position: { latitude: 48.8, longitude: 2.3, accuracy: 9 } };
  const head = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, FCntUp: n };
  return JSON.stringify({ DevEUI_uplink: { ...head, payload_hex: '00', payload } });
}

async function delivers(url: string, bridge: LocalBridge, id: string, options = {}): Promise<void> {
  const client = await BrokerClient.connect(url, options);
  const delivered = async () => (await bridge.connection(id))?.ledger?.delivered ?? 0;
  const before = await delivered();
  // What comes before the subscription is nobody's.
  for (let n = before + 1; (await delivered()) === before; n++) {
    if (n > before + 40) throw new Error('nothing was delivered');
    await client.publish('mqtt/things/0018B20000000B20/uplink', uplink('0018B20000000B20', n));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

describeWith('mosquitto', 'A broker that is defined over the API', () => {
  test('is used at once, changed under way, cannot be deleted while it is in use, and goes', async () => {
    const first = await Mosquitto.start();
    const second = await Mosquitto.start();
    onTestFinished(async () => void (await Promise.all([first.remove(), second.remove()])));
    const { call, bridge, using, broker } = await stage();
    // Its connection came first: it waits for the broker's name.
    const client = await BrokerClient.connect(broker.url);
    await client.publish('here-bridge/connections/a', JSON.stringify(using('tenant')), { retain: true });
    await until('a is not valid', async () =>
      (await bridge.events('a')).some(({ kind }) => kind === 'definitionInvalid'),
    );

    const made = await call('POST', '/brokers', { name: 'tenant', kind: 'mqtt', url: first.url });
    expect([made.status, made.headers.get('location')]).toEqual([201, '/brokers/tenant']);
    expect(made.body).toMatchObject({ name: 'tenant', kind: 'mqtt', url: first.url, origin: 'api', usedBy: ['a'] });
    await untilState(bridge, 'a', 'OPENED');
    await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
    await delivers(first.url, bridge, 'a');

    const tag = made.headers.get('etag') ?? '';
    const stale = await call('PUT', '/brokers/tenant', { kind: 'mqtt', url: second.url }, { 'if-match': '"other"' });
    const moved = await call('PUT', '/brokers/tenant', { kind: 'mqtt', url: second.url }, { 'if-match': tag });
    expect([stale.status, moved.status, moved.body.url]).toEqual([412, 200, second.url]);
    await delivers(second.url, bridge, 'a');

    const used = await call('DELETE', '/brokers/tenant');
    expect([used.status, used.body.message]).toEqual([
      409,
      'The broker tenant is in use by a: move or delete them first',
    ]);
    expect((await call('POST', '/brokers', { name: 'tenant', kind: 'mqtt', url: first.url })).status).toBe(409);
    await call('DELETE', '/connections/a');
    await until('a is gone', async () => (await call('GET', '/connections/a')).status === 404);
    expect((await call('DELETE', '/brokers/tenant')).status).toBe(204);
    expect((await call('GET', '/brokers/tenant')).status).toBe(404);
    expect((await retainedUnder(broker.url, 'here-bridge/brokers/#')).size).toBe(0);
  });

  test('its password and certificates are sealed on the topic and in answers; ***** keeps them; it survives a restart and a rotation of the key', async () => {
    const certificates = new Certificates();
    onTestFinished(() => certificates.remove());
    const server = await Mosquitto.start({
      files: {
        'ca.crt': certificates.read('ca.crt'),
        'server.crt': certificates.read('server.crt'),
        'server.key': certificates.read('server.key'),
        passwords: passwordLine('bridge', SECRET),
      },
      listener: [
        ...['cafile {dir}/ca.crt', 'certfile {dir}/server.crt', 'keyfile {dir}/server.key', 'require_certificate true'],
        ...['allow_anonymous false', 'password_file {dir}/passwords'],
      ],
    });
    onTestFinished(() => server.remove());
    const { call, broker, bridge, using, dataDir } = await stage();
    const read = (name: Parameters<Certificates['read']>[0]) => certificates.read(name).toString('utf8');
    const tls = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') };
    const url = `mqtts://127.0.0.1:${server.port}`;
    const wanted = { name: 'secured', kind: 'mqtt', url, username: 'bridge', password: SECRET, tls };

    const tried = await call('POST', '/brokers/test', wanted);
    expect(tried.body).toMatchObject({ ok: true, steps: [{ step: 'definition' }, { step: 'connect', result: 'ok' }] });
    const wrong = await call('POST', '/brokers/test', { ...wanted, password: 'no' });
    expect([wrong.body.ok, wrong.body.steps[1].message]).toEqual([
      false,
      expect.stringContaining('user name or password'),
    ]);
    expect((await call('GET', '/brokers')).body.map(({ name }: { name: string }) => name)).toEqual(['main']);

    const made = await call('POST', '/brokers', wanted);
    expect(made.body.definition).toMatchObject({
      password: '*****',
      tls: { ca: tls.ca, cert: tls.cert, key: '*****' },
    });
    const record = [...(await retainedUnder(broker.url, 'here-bridge/brokers/#')).values()].join();
    for (const secret of [SECRET, 'BEGIN CERTIFICATE', 'PRIVATE KEY']) expect(record).not.toContain(secret);
    const kept = await call('PUT', '/brokers/secured', { ...made.body.definition, description: 'kept' });
    expect([kept.status, kept.body.definition.description]).toEqual([200, 'kept']);
    expect((await call('POST', '/brokers/test', { ...kept.body.definition, name: 'secured' })).body.ok).toBe(true);
    const masked = await call('PUT', '/brokers/other', { kind: 'mqtt', url, username: 'x', password: '*****' });
    expect(masked.body.errors).toMatchObject([{ pointer: '/password' }]);

    const { keyId } = (await call('GET', '/keys')).body;
    const rotated = await call('POST', '/keys/rotate');
    expect(rotated.body.failed).toEqual([]);
    await until('it is sealed anew', async () => (await call('DELETE', `/keys/${keyId}`)).status === 200);
    await call('PUT', '/connections/a', using('secured'));
    await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
    await bridge.stop();
    const settings = { ...HERE, topics: { prefix: 'here-bridge' } };
    const again = await LocalBridge.start({
      dataDir,
      broker,
      services: { sandbox: { url: (await useSandbox()).url } },
      settings,
    });
    await until('it is up again', async () => (await again.connection('a'))?.status.source?.up);
    expect(await again.events('a')).not.toContainEqual(expect.objectContaining({ kind: 'definitionInvalid' }));
    expect([...again.log, ...bridge.log].join('\n')).not.toContain(SECRET);
  });
});

describe('Brokers', () => {
  test('of the configuration are shown and read only; what is wrong with a definition is named field by field', async () => {
    const { call } = await stage();
    expect((await call('GET', '/brokers')).body).toMatchObject([
      { name: 'main', kind: 'embedded', origin: 'configuration', revision: null, definition: null },
    ]);
    const other = { name: 'main', kind: 'mqtt', url: 'mqtt://127.0.0.1' };
    expect((await call('POST', '/brokers', other)).status).toBe(409);
    for (const method of ['PUT', 'DELETE']) {
      const { status, headers, body } = await call(method, '/brokers/main', method === 'PUT' ? other : undefined);
      expect([status, headers.get('allow'), body.message]).toEqual([
        405,
        'GET',
        expect.stringContaining('configuration (brokers.main)'),
      ]);
    }
    const pointers = async (body: Settings) => {
      const answer = await call('PUT', '/brokers/x', body);
      return [answer.status, ...(answer.body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)];
    };
    expect(await pointers({ kind: 'embedded' })).toEqual([400, '/kind']);
    expect(await pointers({ kind: 'mqtt', url: 'mqtt://127.0.0.1', tls: { caFile: '/etc/passwd' } })).toEqual([
      400,
      '/tls/caFile',
    ]);
    expect(await pointers({ kind: 'mqtt', url: 'mqtt://u:p@127.0.0.1', password: 'x' })).toEqual([
      400,
      '/password',
      '/url',
    ]);
    expect(await pointers({ kind: 'mqtt', url: 'mqtts://127.0.0.1', tls: { ca: 'none', cert: 'no' } })).toEqual([
      400,
      '/tls/ca',
      '/tls/cert',
      '/tls/cert',
    ]);
    expect(
      await pointers({ kind: 'kafka', bootstrap: ['127.0.0.1:9092'], username: 'x', sasl: { mechanism: 'plain' } }),
    ).toEqual([400, '/sasl/mechanism']);
    expect(await pointers({ kind: 'kafka', bootstrap: ['127.0.0.1'], tokenFile: '/x' })).toEqual([
      400,
      '/bootstrap/0',
      '/tokenFile',
    ]);
    expect(
      (await call('POST', '/brokers', { name: 'constructor', kind: 'mqtt', url: 'mqtt://127.0.0.1' })).status,
    ).toBe(400);
  });

  test('the command line lists, defines, tries and deletes them', async () => {
    const { broker, dataDir, call } = await stage();
    const folder = mkdtempSync(path.join(os.tmpdir(), 'bridge-brokers-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const run = (...args: string[]) => cli(['brokers', ...args, '--data-dir', dataDir], { cwd: folder });
    const file = path.join(folder, 'b.json');
    writeFileSync(file, JSON.stringify({ name: 'second', kind: 'mqtt', url: broker.url }));
    expect(await run('test', file)).toMatchObject({ code: 0, out: expect.stringContaining('connect: ok') });
    expect(await run('apply', file)).toMatchObject({ code: 0, out: 'second defined\n' });
    expect((await run('ls')).out).toMatch(/^second +mqtt +api +0 +mqtt:/m);
    expect((await run('show', 'second')).out).toContain('"kind": "mqtt"');
    writeFileSync(file, JSON.stringify({ name: 'second', kind: 'mqtt', url: 'mqtt://127.0.0.1:1' }));
    expect((await run('test', file)).code).toBe(1);
    expect(await run('rm', 'main')).toMatchObject({ code: 69, err: expect.stringContaining('configuration') });
    expect(await run('rm', 'second')).toMatchObject({ code: 0, out: 'second deleted\n' });
    expect((await run('show', 'second')).code).toBe(66);
    expect((await call('GET', '/audit')).body.map(({ action }: { action: string }) => action)).toEqual([
      'DELETE /brokers/:name',
      'PUT /brokers/:name',
    ]);
  });
});

describeWith('kafka', 'On Kafka’s config topic', () => {
  test('two workers apply the same definition, and a Kafka cluster can be one', {
    timeout: KAFKA_START_MS + 60_000,
  }, async () => {
    const kafka = await useBroker('kafka');
    const prefix = freshName('brokers');
    const alone = { ...HERE, ownership: { partitions: 4 } };
    const one = await stage(alone, kafka, prefix);
    const two = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker: kafka,
      services: { sandbox: { url: one.sandbox.url } },
      settings: { ...alone, topics: { prefix }, secrets: { key: 'a'.repeat(64) } },
    });
    const bootstrap = kafka.url.replace('kafka://', '').split(',');
    const made = await one.call('PUT', '/brokers/second', { kind: 'kafka', bootstrap });
    expect([made.status, made.body.origin]).toEqual([201, 'api']);
    const ask = apiClient(two.bridge.health.url);
    await until('the other worker has it', async () => (await ask('GET', '/brokers/second')).status === 200);
    expect((await one.call('POST', '/brokers/test', { kind: 'kafka', bootstrap })).body.ok).toBe(true);
    expect((await ask('DELETE', '/brokers/second')).status).toBe(204);
    await until('it is gone from the first', async () => (await one.call('GET', '/brokers/second')).status === 404);
  });
});
