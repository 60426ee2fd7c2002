// Shadows and traces of the sandbox: what devices reported, what applications desire, and the list of changes.
import { expect, test } from 'vitest';
import { logIn, useSandbox } from '../support/sandbox.ts';

const T = 1_700_000_000_000;
const position = { lat: 48.85, lng: 2.35, accuracy: 10 };
const DAY = 86_400_000;

async function ready(devices: readonly string[] = ['a', 'b', 'c', 'd'], keepRecords = 1000) {
  const sandbox = await useSandbox({
    keepRecords,
    accounts: [{ email: 'a@b.example', password: 'secret', projects: [{ appId: 'someAppId1', devices }] }],
  });
  const client = await logIn(sandbox);
  const desire = (id: string, desired: object) => client.call('PUT', `/shadows/v2/${id}?appId=someAppId1`, { desired });
  const shadow = async (id: string) => (await client.call('GET', `/shadows/v2/${id}?appId=someAppId1`)).body;
  return { sandbox, client, desire, shadow };
}

test('a device that has sent nothing has an empty shadow, an unknown one none', async () => {
  const { client, shadow } = await ready();
  expect(await shadow('a')).toEqual({ desired: {}, reported: {} });
  expect((await client.call('GET', '/shadows/v2/nobody?appId=someAppId1')).status).toBe(404);
});

test('the reported shadow has the latest of each part, and ignores what is older', async () => {
  const { client, shadow } = await ready();
  await client.send([
    { id: 'a', timestamp: T, position, payload: { n: 1 } },
    { id: 'a', timestamp: T + 5, system: { reportedSensorData: { batteryLevel: 40 }, stateVersion: 3 } },
    { id: 'a', timestamp: T + 6, payload: { n: 2 }, system: { client: { model: 'M' } } },
    { id: 'a', timestamp: T + 1, payload: { n: 3 }, position: { ...position, lat: 1 } },
  ]);
  expect((await shadow('a')).reported).toEqual({
    timestamp: T + 6,
    position,
    payload: { n: 2 },
    system: { client: { model: 'M' }, reportedSensorData: { batteryLevel: 40 }, stateVersion: 3 },
  });
  expect((await client.call('GET', '/shadows/v2/a/reported?appId=someAppId1')).body.timestamp).toBe(T + 6);
});

test('each write to the desired shadow raises its state version; settings are merged, the payload replaced', async () => {
  const { desire, shadow } = await ready();
  const first = await desire('a', { payload: { colour: 'red', x: 1 }, system: { rate: { sendMs: 5 } } });
  expect(first.body.desired).toMatchObject({ payload: { colour: 'red', x: 1 }, system: { stateVersion: 1 } });
  await desire('a', { payload: { colour: 'blue' } });
  const { desired } = await shadow('a');
  expect(desired.payload).toEqual({ colour: 'blue' });
  expect(desired.system).toEqual({ rate: { sendMs: 5 }, lastModifiedGeofenceTimestamp: 0, stateVersion: 2 });
});

test('what applications may not write is 400, what is too long 413', async () => {
  const { client, desire } = await ready();
  expect((await desire('a', { payload: [] })).status).toBe(400);
  expect((await desire('a', { system: { stateVersion: 9 } })).status).toBe(400);
  expect((await desire('a', { system: { rate: { sendMs: -1 } } })).status).toBe(400);
  expect((await desire('a', { system: { disableTracking: { position: ['nonsense'] } } })).status).toBe(400);
  expect((await desire('a', { other: 1 })).status).toBe(400);
  expect((await client.call('PUT', '/shadows/v2/a?appId=someAppId1', { reported: {} })).status).toBe(400);
  expect((await desire('a', { payload: { text: 'x'.repeat(1000) } })).status).toBe(413);
  expect((await desire('nobody', {})).status).toBe(404);
});

test('clearing takes either half or both, and a state version is not given twice', async () => {
  const { client, desire, shadow } = await ready();
  await client.send([{ id: 'a', timestamp: T, position }]);
  await desire('a', { payload: { x: 1 } });
  await client.call('DELETE', '/shadows/v2/a?appId=someAppId1&reported=false');
  expect(await shadow('a')).toMatchObject({ desired: {}, reported: { position } });
  expect((await desire('a', { payload: { x: 2 } })).body.desired.system.stateVersion).toBe(2);
  await client.call('DELETE', '/shadows/v2/a?appId=someAppId1');
  expect(await shadow('a')).toEqual({ desired: {}, reported: {} });
});

test('some shadows at once: a status for each, and only those modified since', async () => {
  const { client } = await ready();
  await client.send([
    { id: 'a', timestamp: T, position },
    { id: 'b', timestamp: T + 10, position },
  ]);
  const ask = (query: string, ids: unknown) => client.call('POST', `/shadows/v2/batch?appId=someAppId1${query}`, ids);
  const { body } = await ask('', ['b', 'nobody', 'a']);
  expect(body.map(({ externalId, statusCode }: never) => [externalId, statusCode])).toEqual([
    ['b', 200],
    ['nobody', 404],
    ['a', 200],
  ]);
  const since = await ask(`&after=${T + 5}`, ['a', 'b']);
  expect(since.body.map(({ externalId }: never) => externalId)).toEqual(['b']);
  expect((await ask('', [])).status).toBe(400);
  expect((await ask('', Array(101).fill('a'))).status).toBe(400);
});

test('changed shadows come newest first, page by page, with ISO times', async () => {
  const { client, desire } = await ready();
  for (const id of ['c', 'a', 'd', 'a']) await desire(id, { payload: { for: id } });
  await client.send([{ id: 'a', timestamp: T, position }]);
  const list = (more: string) => client.call('GET', `/shadows/v4?sort=desired.timestamp:desc&limit=2${more}`);
  const first = await list('');
  expect(first.body).toMatchObject({ limit: 2, count: 2 });
  const ids = (answer: { body: { items: { externalId: string }[] } }) =>
    answer.body.items.map((item) => item.externalId);
  expect(ids(first)).toEqual(['a', 'd']);
  expect(first.body.items[0].appId).toBe('someAppId1');
  expect(first.body.items[0].shadow.reported.timestamp).toBe(new Date(T).toISOString());
  expect(first.body.items[0].shadow.desired.timestamp).toMatch(/^\d{4}-.*Z$/);
  // A change between two pages must not hide what comes after.
  await desire('d', { payload: { again: true } });
  const second = await list(`&pageToken=${first.body.nextPageToken}`);
  expect(ids(second)).toEqual(['c', 'b']);
  expect(second.body.nextPageToken).toBeUndefined();
});

test('other orders, and a filter by reported time, which does not see commands', async () => {
  const { client, desire } = await ready();
  await client.send([
    { id: 'b', timestamp: T + 20, position },
    { id: 'c', timestamp: T + 10, position: { ...position, lat: -10 } },
  ]);
  await desire('a', { payload: { x: 1 } });
  const ids = async (query: string) => {
    const { body } = await client.call('GET', `/shadows/v4?${query}`);
    return body.items.map((item: { externalId: string }) => item.externalId);
  };
  expect(await ids('')).toEqual(['a', 'b', 'c', 'd']);
  expect(await ids('sort=trackingId:desc')).toEqual(['d', 'c', 'b', 'a']);
  expect(await ids('sort=reported.timestamp:desc')).toEqual(['b', 'c', 'a', 'd']);
  expect(await ids('sort=desired.timestamp:asc')).toEqual(['b', 'c', 'd', 'a']);
  expect(await ids(`after=${new Date(T + 15).toISOString()}&sort=desired.timestamp:desc`)).toEqual(['b']);
  expect(await ids('bbox=60&bbox=0&bbox=0&bbox=10')).toEqual(['b']);
  expect((await client.call('GET', '/shadows/v4?sort=nonsense')).status).toBe(400);
});

test('members of several projects must name one', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  expect((await client.call('GET', '/shadows/v4')).status).toBe(400);
  const { projectId } = sandbox.account(sandbox.email).projects[0]!;
  expect((await client.call('GET', `/shadows/v4?projectId=${projectId}`)).body).toMatchObject({ count: 0, items: [] });
  expect((await client.call('GET', '/shadows/v4?projectId=another')).status).toBe(403);
});

test('traces come newest first, page by page, for at most 18 days', async () => {
  const { client } = await ready();
  const now = Date.now();
  const times = [now - 20 * DAY, now - 3000, now - 1000, now - 2000];
  await client.send(times.map((timestamp) => ({ id: 'a', timestamp, position })));
  const ask = (query: string) => client.call('GET', `/traces/v2/a?appId=someAppId1${query}`);
  const first = await ask('&count=2');
  expect(first.body.data.map(({ timestamp }: never) => timestamp)).toEqual([now - 1000, now - 2000]);
  expect(first.body.data[0]).toMatchObject({ position, serverTimestamp: expect.any(Number) });
  const second = await ask(`&count=2&pageToken=${first.body.pageToken}`);
  expect(second.body.data.map(({ timestamp }: never) => timestamp)).toEqual([now - 3000]);
  const early = await ask(`&after=${now - 21 * DAY}&before=${now - 19 * DAY}`);
  expect(early.body.count).toBe(1);
  expect((await ask(`&after=${now - 19 * DAY}&before=${now}`)).status).toBe(400);
  expect((await client.call('DELETE', '/traces/v2/a?appId=someAppId1')).status).toBe(204);
  expect((await ask('')).body.count).toBe(0);
});

test('shadows stay when no records are kept', async () => {
  const { sandbox, client, shadow } = await ready(['a'], 0);
  await client.send([{ id: 'a', timestamp: T, position }]);
  expect((await shadow('a')).reported.position).toEqual(position);
  expect(sandbox.received()).toEqual([]);
  expect(sandbox.device('someAppId1', 'a')?.accepted).toBe(1);
});
