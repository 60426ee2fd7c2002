// Ingestion into the sandbox: what is accepted, refused as a whole, limited and remembered.
import { expect, test } from 'vitest';
import type { Clock } from '../../src/domain/ports/clock.ts';
import { logIn, request, useSandbox } from '../support/sandbox.ts';

const T = 1_700_000_000_000;
const record = (id: string, timestamp: number, more: object = {}) => ({ id, timestamp, ...more });
const position = { lat: 48.85, lng: 2.35, accuracy: 10 };

async function ready(options: Parameters<typeof useSandbox>[0] = {}, ids: readonly string[] = ['a', 'b', 'c']) {
  const sandbox = await useSandbox(options);
  const appId = sandbox.appIds[0]!;
  sandbox.changeDevices(appId, 'claim', ids);
  return { sandbox, appId, client: await logIn(sandbox) };
}

test('a batch is answered 204 without a body, and can be asked for by device and time', async () => {
  const { sandbox, appId, client } = await ready();
  const sent = [record('a', T), record('b', T + 1, { position }), record('a', T + 2, { payload: { text: 'é "{[' } })];
  const answer = await client.send(sent);
  expect([answer.status, answer.body]).toEqual([204, undefined]);
  expect(sandbox.received().map(({ record }) => record)).toEqual(sent);
  expect(sandbox.received({ device: 'a' }).map(({ seq }) => seq)).toEqual([1, 3]);
  expect(sandbox.received({ from: T + 1, to: T + 1 }).map(({ device }) => device)).toEqual(['b']);
  expect(sandbox.received({ afterSeq: 1, limit: 1 }).map(({ seq }) => seq)).toEqual([2]);
  expect(sandbox.device(appId, 'a')).toMatchObject({ accepted: 2, duplicates: 0, outOfOrder: 0, lastTimestamp: T + 2 });
});

test('one bad record refuses the whole batch and is named', async () => {
  const { sandbox, client } = await ready();
  const answer = await client.send([record('a', T), record('b', T, { position: { lat: 1 } }), record('c', T)]);
  expect(answer.status).toBe(400);
  expect(answer.body.message).toContain('data[1].position.lng');
  expect(sandbox.stats()).toMatchObject({ acceptedRecords: 0, refusedRecords: 3 });
});

test('a switch keeps the refusal from naming the record', async () => {
  const { client } = await ready({ namesRecord: false });
  const answer = await client.send([record('a', 1)]);
  expect(answer.status).toBe(400);
  expect(answer.body.message).not.toContain('data[0]');
});

test('a payload of more than 1000 bytes refuses the batch', async () => {
  const { client } = await ready();
  expect((await client.send([record('a', T, { payload: { text: 'x'.repeat(989) } })])).status).toBe(204);
  expect((await client.send([record('a', T, { payload: { text: 'x'.repeat(990) } })])).status).toBe(400);
});

test('an unknown device is 404, an unclaimed one 404 or, by a switch, 403', async () => {
  const first = await ready();
  expect((await first.client.send([record('a', T), record('nobody', T)])).status).toBe(404);
  expect(first.sandbox.stats().acceptedRecords).toBe(0);
  first.sandbox.changeDevices(first.appId, 'unclaim', ['b']);
  expect((await first.client.send([record('b', T)])).status).toBe(404);
  const second = await ready({ unclaimedStatus: 403 });
  second.sandbox.changeDevices(second.appId, 'unclaim', ['b']);
  expect((await second.client.send([record('b', T)])).status).toBe(403);
});

test('a project of others is 403, one whose licence has ended too', async () => {
  const { sandbox, appId, client } = await ready();
  expect((await client.send([record('a', T)], 'ya5f66oj2vau1EGMvREK')).status).toBe(403);
  sandbox.setExpired(appId, true);
  expect((await client.send([record('a', T)])).status).toBe(403);
});

test('data must be an array, the body an object of JSON', async () => {
  const { appId, client } = await ready();
  expect((await client.call('POST', '/v3/batch', { appId })).status).toBe(400);
  expect((await client.call('POST', '/v3/batch', { appId, data: {} })).status).toBe(400);
  expect((await client.call('POST', '/v3/batch', '[')).status).toBe(400);
  expect((await client.call('POST', '/v3/batch', [])).status).toBe(400);
  expect((await client.call('POST', '/v3/batch', { appId, data: [null] })).status).toBe(400);
});

test('too many records or too long a body is 413', async () => {
  const { client } = await ready({ maxBatchRecords: 2, maxBodyBytes: 5000 });
  expect((await client.send([record('a', T), record('b', T), record('c', T)])).status).toBe(413);
  const long = record('a', T, { note: 'x'.repeat(5000) });
  expect((await client.send([long])).status).toBe(413);
  expect((await client.send([record('a', T), record('b', T)])).status).toBe(204);
});

test('nesting a thousand and a hundred thousand deep is answered, not suffered', async () => {
  const { appId, client } = await ready();
  const nested = (depth: number) =>
    `{"appId":"${appId}","data":[{"id":"a","timestamp":${T},"x":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;
  expect((await client.call('POST', '/v3/batch', nested(1000))).status).toBe(204);
  expect([204, 400]).toContain((await client.call('POST', '/v3/batch', nested(100_000))).status);
});

test('the same record again is a duplicate, an older one is out of order', async () => {
  const { sandbox, appId, client } = await ready();
  await client.send([record('a', T), record('a', T + 5)]);
  await client.send([record('a', T + 5), record('a', T), record('a', T + 1)]);
  expect(sandbox.device(appId, 'a')).toMatchObject({ accepted: 5, duplicates: 2, outOfOrder: 1 });
  expect(sandbox.stats()).toMatchObject({
    acceptedRequests: 2,
    duplicates: 2,
    outOfOrder: 1,
    largestBatch: { records: 3 },
  });
  expect(sandbox.received().map(({ request }) => request)).toEqual([1, 1, 2, 2, 2]);
});

test('odd but valid forms of the body are read as JSON says', async () => {
  const { sandbox, appId, client } = await ready();
  const text = `{"note":"data","other":[{"x":1}],"d\\u0061ta":[ {"timestamp" : ${T}, "id":"a"} ],"appId":"${appId}"}`;
  expect((await client.call('POST', '/v3/batch', text)).status).toBe(204);
  const twice = `{"appId":"${appId}","data":[{"id":"b","timestamp":${T}}],"data":[{"id":"c","timestamp":${T}}]}`;
  expect((await client.call('POST', '/v3/batch', twice)).status).toBe(204);
  const escaped = `{"appId":"${appId}","data":[{"id":"a","timestamp":${T + 1},"x":"\\\\\\"}]"}]}`;
  expect((await client.call('POST', '/v3/batch', escaped)).status).toBe(204);
  expect(sandbox.received().map(({ device }) => device)).toEqual(['a', 'c', 'a']);
  expect(sandbox.received()[2]?.record.x).toBe('\\"}]');
});

test('without appId the ids are tracking ids', async () => {
  const { sandbox, appId, client } = await ready();
  const { body } = await client.call('GET', `/registry/v2/devices/a?appId=${appId}`);
  const answer = await client.call('POST', '/v3/batch', { data: [record(body.trackingId, T)] });
  expect(answer.status).toBe(204);
  expect(sandbox.device(appId, 'a')?.accepted).toBe(1);
});

test('one device alone is answered with its desired shadow, or 204 when asynchronous', async () => {
  const { sandbox, appId, client } = await ready();
  await client.call('PUT', `/shadows/v2/a?appId=${appId}`, { desired: { payload: { colour: 'red' } } });
  const answer = await client.call('POST', '/v3/', { appId, id: 'a', data: [{ timestamp: T }, { timestamp: T + 1 }] });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ payload: { colour: 'red' }, system: { stateVersion: 1 } });
  const later = await client.call('POST', '/v3/?async=true', { appId, id: 'a', data: [{ timestamp: T + 2 }] });
  expect(later.status).toBe(204);
  expect((await client.call('POST', '/v3/', { appId, data: [{ timestamp: T }] })).status).toBe(400);
  expect(sandbox.received({ device: 'a' })).toHaveLength(3);
});

test('the rate limit answers 429 with its headers until it has refilled', async () => {
  let now = 0;
  const clock: Clock = { now: () => T + now, monotonic: () => now, after: () => () => {} };
  const { sandbox, client } = await ready({ clock, rateLimit: { limit: 2, windowMs: 4000 } });
  const first = await client.send([record('a', T)]);
  expect(first.headers.get('x-ratelimit-limit')).toBe('2');
  expect(first.headers.get('x-ratelimit-remaining')).toBe('1');
  await client.send([record('a', T + 1)]);
  const refused = await client.send([record('a', T + 2)]);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
  now = 2000;
  expect((await client.send([record('a', T + 2)])).status).toBe(204);
  await request(sandbox.url, 'PUT', '/sandbox/rate-limit', { limit: null });
  for (let i = 0; i < 5; i++) expect((await client.send([record('a', T + 3 + i)])).status).toBe(204);
});

test('what is kept is bounded in bytes and per device, counters are not', async () => {
  const { sandbox, appId, client } = await ready({ keepBytes: 10_000, keepRecords: 3 });
  for (let batch = 0; batch < 10; batch++) {
    const records = Array.from({ length: 1000 }, (_, i) => record('a', T + batch * 1000 + i));
    expect((await client.send(records)).status).toBe(204);
  }
  expect(sandbox.received({ device: 'a' }).map(({ seq }) => seq)).toEqual([9998, 9999, 10_000]);
  expect(sandbox.received()[0]?.seq).toBe(8193);
  expect(sandbox.stats().forgottenRecords).toBe(8192);
  expect(sandbox.device(appId, 'a')?.accepted).toBe(10_000);
});

test('waiting for records resolves when they are there, and rejects with the count when not', async () => {
  const { sandbox, client } = await ready();
  const waiting = sandbox.whenAccepted(2, 5000);
  await client.send([record('a', T)]);
  await client.send([record('a', T + 1)]);
  await waiting;
  await expect(sandbox.whenAccepted(3, 10)).rejects.toThrow('2 of 3 records');
});
