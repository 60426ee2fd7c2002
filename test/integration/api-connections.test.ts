// Connections over the API of a real bridge: as ThingPark's documentation writes it, and safely with several editors.
import { describe, expect, onTestFinished, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, type Settings, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { BrokerClient, retainedUnder } from '../support/broker-client.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

async function stage(broker?: Awaited<ReturnType<typeof useBroker>>) {
  const sandbox = await useSandbox();
  const used = broker ?? (await useBroker('embedded'));
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker: used,
    services: { sandbox: { url: sandbox.url } },
  });
  const call = apiClient(bridge.bridge.health.url);
  const { email, password, appIds } = sandbox;
  const account = { email, password, appId: appIds[0] };
  const make = (more: Settings = {}, rest: Settings = {}) => definition({ ...account, ...more }, rest);
  return { sandbox, bridge, call, account, make, broker: used };
}

describe('The documentation’s own example', () => {
  test.each(['', '/iot-flow/v1'])('creates a connection under %o that opens', async (base) => {
    const { call, account } = await stage();
    const created = await call('POST', `${base}/connections`, {
      connectorId: 'actility-here-iot',
      name: 'My first HERE connection',
      configuration: { ...account, description: 'My tracking project' },
    });
    expect(created.status).toBe(201);
    const { id } = created.body;
    expect(created.headers.get('location')).toBe(`${base}/connections/${id}`);
    expect(created.body).toMatchObject({
      connectorId: 'actility-here-iot',
      name: 'My first HERE connection',
      active: true,
      alarms: [],
      configuration: { ...account, password: '*****', description: 'My tracking project' },
    });
    const at = `${base}/connections/${id}`;
    await until('it is open', async () => (await call('GET', at)).body.state === 'OPENED');

    // What was read comes back, with the mask and with all that the answer adds.
    const read = await call('GET', at);
    const put = await call('PUT', at, { ...read.body, name: 'Renamed' });
    expect([put.status, put.body.name, put.body.configuration.password]).toEqual([200, 'Renamed', '*****']);
    expect((await call('GET', at)).body.state).toBe('OPENED');

    const stopped = await call('POST', `${at}/stop`);
    expect(stopped.status).toBe(202);
    await until('it is off', async () => (await call('GET', at)).body.state === 'DEACTIVATED', 5000);
    expect((await call('POST', `${at}/start`)).status).toBe(202);
    await until('it is open again', async () => (await call('GET', at)).body.state === 'OPENED');
    const { startupTime } = (await call('GET', at)).body;
    expect((await call('POST', `${at}/restart`)).status).toBe(202);
    await until('it was restarted', async () => {
      const { state, startupTime: again } = (await call('GET', at)).body;
      return state === 'OPENED' && again !== startupTime;
    });

    expect((await call('DELETE', at)).status).toBe(204);
    await until('it is gone', async () => (await call('GET', at)).status === 404);
  });

  test('the id may be in the body or in the query', async () => {
    const { call, make } = await stage();
    const put = await call('PUT', '/connections', { id: 'a', ...make() });
    expect([put.status, put.headers.get('location')]).toEqual([201, '/connections/a']);
    expect((await call('PUT', '/connections?id=a', make({}, { name: 'B' }))).body.name).toBe('B');
    expect((await call('PUT', '/connections', make())).body.errors).toEqual([
      { pointer: '/id', message: expect.stringContaining('is missing') },
    ]);
    expect((await call('DELETE', '/connections?id=a')).status).toBe(204);
    await call('PUT', '/connections/b', make());
    expect((await call('DELETE', '/connections', { id: 'b' })).status).toBe(204);
    expect((await call('DELETE', '/connections?id=nobody')).status).toBe(404);
  });
});

describe('A list of connections', () => {
  test('is a bare array in pages, with ThingPark’s headers; it can be searched, filtered and sorted', async () => {
    const { call, make } = await stage();
    for (const n of [1, 2, 3, 4, 5]) {
      await call('PUT', `/connections/c${n}`, make({}, { name: `Name ${6 - n}`, active: n !== 2 }));
    }
    await until('all are there', async () => (await call('GET', '/connections')).body.length === 5);
    const page = await call('GET', '/iot-flow/v1/connections?page=2&perPage=2');
    expect(page.body.map(({ id }: { id: string }) => id)).toEqual(['c3', 'c4']);
    const headers = Object.fromEntries(
      ['x-total', 'x-total-pages', 'x-per-page', 'x-page', 'x-next-page', 'x-prev-page'].map((name) => [
        name,
        page.headers.get(name),
      ]),
    );
    expect(headers).toEqual({
      'x-total': '5',
      'x-total-pages': '3',
      'x-per-page': '2',
      'x-page': '2',
      'x-next-page': '3',
      'x-prev-page': '1',
    });
    expect(page.headers.get('link')).toBe(
      [
        '</iot-flow/v1/connections?page=1&perPage=2>; rel="prev"',
        '</iot-flow/v1/connections?page=3&perPage=2>; rel="next"',
        '</iot-flow/v1/connections?page=1&perPage=2>; rel="first"',
        '</iot-flow/v1/connections?page=3&perPage=2>; rel="last"',
      ].join(', '),
    );
    const ids = async (query: string) =>
      (await call('GET', `/connections?${query}`)).body.map((c: { id: string }) => c.id);
    expect(await ids('q=name%205')).toEqual(['c1']);
    expect(await ids('sort=name')).toEqual(['c5', 'c4', 'c3', 'c2', 'c1']);
    expect(await ids('sort=-id&perPage=1')).toEqual(['c5']);
    await until('c2 is off', async () => (await ids('state=DEACTIVATED')).join() === 'c2');
    expect((await call('GET', '/connections?perPage=101')).status).toBe(400);
  });
});

describe('Several editors', () => {
  test('do not overwrite each other: If-Match, If-None-Match, and a definition’s own basedOn', async () => {
    const { call, make } = await stage();
    const first = await call('PUT', '/connections/a', make());
    const etag = first.headers.get('etag') as string;
    expect(etag).toMatch(/^"[0-9a-f]{16}"$/);
    const second = await call('PATCH', '/connections/a', { name: 'Second' }, { 'if-match': etag });
    expect([second.status, second.body.name]).toEqual([200, 'Second']);
    const third = await call('PATCH', '/connections/a', { name: 'Third' }, { 'if-match': etag });
    expect([third.status, third.body.code]).toEqual([412, 'com-4012']);
    expect((await call('PUT', '/connections/a', make(), { 'if-none-match': '*' })).status).toBe(412);
    expect((await call('DELETE', '/connections/a', undefined, { 'if-match': etag })).status).toBe(412);
    expect((await call('PUT', '/connections/b', make(), { 'if-match': '*' })).status).toBe(412);
    expect((await call('PATCH', '/connections/a', { name: 'x' }, { 'if-match': 'no tag' })).status).toBe(400);
    expect((await call('PUT', '/connections/a', make({}, { basedOn: etag.slice(1, -1) }))).status).toBe(409);
    expect((await call('GET', '/connections/a')).body.name).toBe('Second');
    const fresh = second.headers.get('etag') as string;
    expect((await call('DELETE', '/connections/a', undefined, { 'if-match': `"x", ${fresh}` })).status).toBe(204);
  });

  test('a change that another process overtakes is made anew, or refused where it was bound to a revision', async () => {
    const { call, make, broker } = await stage();
    const etag = (await call('PUT', '/connections/a', make())).headers.get('etag') as string;
    const other = await BrokerClient.connect(broker.url);
    // Another process based on the same revision is faster: it writes between our look and our record.
    const write = (name: string, revision: string, basedOn: string) =>
      other.publish('here-bridge/connections/a', JSON.stringify({ ...make({}, { name }), revision, basedOn }), {
        retain: true,
      });
    await write('Theirs', 'theirs-1', etag.slice(1, -1));
    await until('theirs is in force', async () => (await call('GET', '/connections/a')).body.name === 'Theirs');
    expect((await call('PATCH', '/connections/a', { name: 'Ours' }, { 'if-match': etag })).status).toBe(412);
    // Twenty changes at once, each upon the one before.
    const fields = Array.from({ length: 20 }, (_, n) => `${n}`.padStart(2, '0'));
    const answers = await Promise.all(
      fields.map((n) => call('PATCH', '/connections/a', { alarms: null, configuration: { description: n } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(fields.map(() => 200));
    expect(new Set(answers.map(({ body }) => body.configuration.description)).size).toBe(20);
    // Late and stale: left out by every reader, and the topic is mended.
    await write('Stale', 'stale-1', 'theirs-1');
    await until('the topic is mended', async () => {
      const text = (await retainedUnder(broker.url, 'here-bridge/connections/a')).get('here-bridge/connections/a');
      return text !== undefined && JSON.parse(text).name === 'Theirs';
    });
    expect((await call('GET', '/connections/a')).body.name).toBe('Theirs');
  });

  test('a repeated POST with one Idempotency-Key makes one connection', async () => {
    const { call, make } = await stage();
    const key = { 'idempotency-key': 'order-4711' };
    const first = await call('POST', '/connections', make(), key);
    const again = await call('POST', '/connections', make(), key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect([again.headers.get('location'), again.headers.get('etag')]).toEqual([
      first.headers.get('location'),
      first.headers.get('etag'),
    ]);
    expect((await call('POST', '/connections', make({}, { name: 'Other' }), key)).status).toBe(422);
    // Another base path, as another process would have no memory of the key.
    const elsewhere = await call('POST', '/iot-flow/v1/connections', make(), key);
    expect([elsewhere.status, elsewhere.body.id]).toEqual([201, first.body.id]);
    const other = await call('POST', '/connections', make(), { 'idempotency-key': 'order-4712' });
    expect(other.body.id).not.toBe(first.body.id);
    expect((await call('POST', '/connections', { ...make(), id: other.body.id })).status).toBe(409);
    await until('there are two', async () => (await call('GET', '/connections')).headers.get('x-total') === '2');
  });
});

describe('A definition that does not validate', () => {
  test('is a 400 that names every wrong field at once, and nothing is written', async () => {
    const { call, make } = await stage();
    const { status, body } = await call(
      'POST',
      '/connections',
      make({ emial: 'x', downlinkPort: 0, source: { broker: 'nowhere' } }, { nme: 'x', name: '' }),
    );
    expect([status, body.code]).toEqual([400, 'com-4000']);
    expect(body.errors.map(({ pointer, message }: { pointer: string; message: string }) => [pointer, message])).toEqual(
      [
        ['/name', 'must be a text of 1 to 200 characters'],
        ['/nme', 'is not a known field; did you mean "name"?'],
        ['/configuration/emial', 'is not a known field; did you mean "email"?'],
        ['/configuration/downlinkPort', 'must be a whole number from 1 to 224'],
        ['/configuration/source/broker', expect.stringContaining('main')],
      ],
    );
    for (const wrong of ['[]', '"x"', '12', 'null', '{"configuration": {"password": "*****"}}']) {
      expect((await call('POST', '/connections', wrong)).status).toBe(400);
    }
    expect((await call('GET', '/connections')).body).toEqual([]);
  });
});

describe('Connectors', () => {
  test('carry a schema for forms: each field with its meaning, and the names that this worker knows', async () => {
    const { call } = await stage();
    const [connector] = (await call('GET', '/iot-flow/v1/connectors')).body;
    expect(connector).toMatchObject({
      id: 'actility-here-iot',
      producerId: 'actility',
      moduleId: 'here-iot',
      flow: {},
    });
    expect((await call('GET', '/connectors/actility-here-iot')).body).toEqual(connector);
    expect((await call('GET', '/connectors/other')).status).toBe(404);
    const { properties, required } = connector.connection.configurationSchema;
    expect(required).toEqual(['email', 'password']);
    expect(Object.keys(properties).slice(0, 4)).toEqual(['email', 'password', 'appId', 'description']);
    for (const [name, field] of Object.entries(properties)) {
      expect([name, field]).toEqual([
        name,
        expect.objectContaining({ title: expect.any(String), description: expect.any(String) }),
      ]);
    }
    expect(properties.service.enum).toContain('sandbox');
    expect(properties.source.properties.broker.enum).toEqual(['main']);
  });
});

describeWith('mosquitto', 'a broker of the config topic that is away', () => {
  test('is a 503 with Retry-After, and nothing is half done', async () => {
    const server = await Mosquitto.start();
    onTestFinished(() => server.remove());
    const { url } = server;
    const { call, make } = await stage({ kind: 'mosquitto', url, setting: { kind: 'mqtt', url } });
    await call('PUT', '/connections/a', make());
    await until('it is there', async () => (await call('GET', '/connections/a')).status === 200);
    await server.stop();
    await until('the bridge has noticed', async () => (await call('GET', '/health/ready')).status === 503);
    for (const [method, path, body] of [
      ['POST', '/connections', make()],
      ['PUT', '/connections/a', make({}, { name: 'New' })],
      ['PATCH', '/connections/a', { name: 'New' }],
      ['DELETE', '/connections/a', undefined],
      ['POST', '/connections/a/stop', undefined],
    ] as const) {
      const answer = await call(method, path, body);
      expect([method, path, answer.status, answer.headers.get('retry-after')]).toEqual([method, path, 503, '5']);
    }
    expect((await call('GET', '/connections')).body.map(({ name }: { name: string }) => name)).toEqual(['Test']);
    await server.resume();
    await until('the broker is back', async () => (await call('GET', '/health/ready')).status === 200);
    expect((await call('PATCH', '/connections/a', { name: 'New' })).status).toBe(200);
  });
});
