// One contract of the API on both kinds of config topic: the embedded broker's retained messages and Kafka's compacted topic.
import { describe, expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, type Settings, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { freshName, KAFKA_START_MS } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

async function stage(kind: 'embedded' | 'kafka') {
  const sandbox = await useSandbox();
  const broker = await useBroker(kind);
  const services = { sandbox: { url: sandbox.url } };
  const settings = { topics: { prefix: freshName('contract') }, ownership: { partitions: 4 } };
  const bridge = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services, settings });
  const call = apiClient(bridge.bridge.health.url);
  await until('the config topic is read', () => bridge.bridge.control.worker().ready, 60_000);
  const { email, password, appIds } = sandbox;
  const make = (more: Settings = {}, rest: Settings = {}) =>
    definition({ email, password, appId: appIds[0], ...more }, rest);
  const state = (id: string, wanted: string) =>
    until(`${id} is ${wanted}`, async () => (await call('GET', `/connections/${id}`)).body.state === wanted, 60_000);
  return { bridge, call, make, state };
}

function contract(kind: 'embedded' | 'kafka'): void {
  test('connections are created, read, listed, changed, switched and deleted', {
    timeout: KAFKA_START_MS + 90_000,
  }, async () => {
    const { call, make, state } = await stage(kind);
    const key = { 'idempotency-key': 'one' };
    const made = await call('POST', '/connections', make({}, { name: 'First' }), key);
    const { id } = made.body;
    expect([made.status, made.headers.get('location'), made.body.configuration.password]).toEqual([
      201,
      `/connections/${id}`,
      '*****',
    ]);
    expect((await call('POST', '/connections', make({}, { name: 'First' }), key)).body.id).toBe(id);
    await state(id, 'OPENED');
    expect((await call('POST', '/connections', { id, ...make() })).status).toBe(409);
    expect((await call('PUT', '/connections/b', make({ emial: 'x' }))).body.errors).toMatchObject([
      { pointer: '/configuration/emial', message: expect.stringContaining('email') },
    ]);
    expect((await call('PUT', '/iot-flow/v1/connections/b', make({}, { active: false }))).status).toBe(201);
    const list = await call('GET', '/connections?perPage=1&sort=-id');
    expect([list.body.length, list.headers.get('x-total'), list.headers.get('x-next-page')]).toEqual([1, '2', '2']);

    const read = await call('GET', `/connections/${id}`);
    const tag = read.headers.get('etag') ?? '';
    const changed = await call('PUT', `/connections/${id}`, { ...read.body, name: 'Second' }, { 'if-match': tag });
    expect([changed.status, changed.body.name]).toEqual([200, 'Second']);
    expect((await call('PATCH', `/connections/${id}`, { name: 'Third' }, { 'if-match': tag })).status).toBe(412);
    expect((await call('PATCH', `/connections/${id}`, { name: 'Third' })).body.name).toBe('Third');
    expect((await call('POST', `/connections/${id}/stop`)).status).toBe(202);
    await state(id, 'DEACTIVATED');
    expect((await call('POST', `/connections/${id}/start`)).status).toBe(202);
    await state(id, 'OPENED');
    const deleted = await call('DELETE', `/connections/${id}`);
    expect([deleted.status, deleted.headers.get('x-dead-letters-kept')]).toEqual([204, '0']);
    await until('it is gone', async () => (await call('GET', `/connections/${id}`)).status === 404, 60_000);
    const kinds = (await call('GET', `/events?connectionId=${id}`)).body.map((each: { kind: string }) => each.kind);
    expect(kinds).toEqual(expect.arrayContaining(['connectionOpened', 'connectionDeleted']));
  });

  test('users, tokens and brokers are records of the config topic as well; two writers do not overwrite each other', {
    timeout: KAFKA_START_MS + 90_000,
  }, async () => {
    const { call, make } = await stage(kind);
    const both = await Promise.all(
      [1, 2].map((n) =>
        call('PUT', '/connections/c', make({}, { name: `Name ${n}`, active: false }), { 'if-none-match': '*' }),
      ),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([201, 412]);
    const broker = await call('PUT', '/brokers/other', { kind: 'mqtt', url: 'mqtts://broker.example.com' });
    expect([broker.status, (await call('GET', '/brokers')).body.length]).toEqual([201, 2]);
    expect((await call('DELETE', '/brokers/other')).status).toBe(204);
    const user = { name: 'boss', role: 'admin', password: 'a long enough password 7' };
    expect((await call('POST', '/users', user)).status).toBe(201);
    const session = await call('POST', '/session', { name: user.name, password: user.password });
    expect(session.status).toBe(200);
    const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const as = (method: string, path: string, body?: unknown) => call(method, path, body, { cookie });
    expect((await as('GET', '/connections')).status).toBe(200);
    expect((await call('GET', '/connections')).status).toBe(401);
  });
}

describe('On the embedded broker', () => contract('embedded'));
describeWith('kafka', 'On Kafka', () => contract('kafka'));
