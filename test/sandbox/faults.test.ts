// Each fault of the sandbox, as a client sees it, and the admin paths that set it.
import { expect, test } from 'vitest';
import type { FaultRule } from '../../src/sandbox/options.ts';
import { logIn, request, useSandbox } from '../support/sandbox.ts';

const T = 1_700_000_000_000;
const batch = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ id: `d${i}`, timestamp: T + from + i }));

async function ready(...faults: FaultRule[]) {
  const sandbox = await useSandbox();
  const appId = sandbox.appIds[0]!;
  sandbox.changeDevices(
    appId,
    'claim',
    Array.from({ length: 1000 }, (_, i) => `d${i}`),
  );
  const client = await logIn(sandbox);
  for (const fault of faults) sandbox.addFault(fault);
  return { sandbox, appId, client };
}

test.each(['403', '413', '500', '503'] as const)('%s is answered without any effect', async (name) => {
  const { sandbox, client } = await ready({ name, count: 1 });
  const answer = await client.send(batch(2));
  expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([
    Number(name),
    Number(name),
    null,
  ]);
  expect(sandbox.stats().acceptedRecords).toBe(0);
  expect((await client.send(batch(2))).status).toBe(204);
});

test('429 comes with Retry-After, or without', async () => {
  const { client } = await ready(
    { name: '429', count: 1, retryAfterS: 7 },
    { name: '429', count: 1, retryAfterS: null },
  );
  const first = await client.send(batch(1));
  expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7']);
  expect(first.headers.get('x-ratelimit-remaining')).toBe('0');
  const second = await client.send(batch(1));
  expect([second.status, second.headers.get('retry-after')]).toEqual([429, null]);
});

test('401 ends the token', async () => {
  const { sandbox, client } = await ready({ name: '401', count: 1 });
  expect((await client.send(batch(1))).status).toBe(401);
  expect((await client.send(batch(1))).status).toBe(401);
  expect(sandbox.account(sandbox.email).liveTokens).toBe(0);
  expect((await (await logIn(sandbox)).send(batch(1))).status).toBe(204);
});

test('400 strikes records: the same ones however the batch is cut', async () => {
  const { sandbox, client } = await ready({ name: '400', rate: 0.05 });
  const records = batch(100);
  expect((await client.send(records)).status).toBe(400);
  const refused: string[] = [];
  for (const record of records) if ((await client.send([record])).status === 400) refused.push(record.id);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(20);
  const rest = records.filter((record) => !refused.includes(record.id));
  expect((await client.send(rest)).status).toBe(204);
  for (const id of refused) expect((await client.send(records.filter((record) => record.id === id))).status).toBe(400);
  expect(sandbox.received().some(({ device }) => refused.includes(device))).toBe(false);
});

test('400 for one device refuses each batch with it', async () => {
  const { client } = await ready({ name: '400', device: 'd1' });
  expect((await client.send(batch(2))).body.message).toContain('data[1]');
  expect((await client.send(batch(1))).status).toBe(204);
});

test('404 removes a device once; created again it is known', async () => {
  const { sandbox, appId, client } = await ready({ name: '404', device: 'd0' });
  expect((await client.send(batch(1))).status).toBe(404);
  expect((await client.send(batch(1))).status).toBe(404);
  sandbox.changeDevices(appId, 'claim', ['d0']);
  expect((await client.send(batch(1))).status).toBe(204);
});

test('413 can have a limit, so that smaller batches pass', async () => {
  const { client } = await ready({ name: '413', maxRecords: 3 });
  expect((await client.send(batch(4))).status).toBe(413);
  expect((await client.send(batch(3))).status).toBe(204);
});

test('reset cuts the connection before anything happened', async () => {
  const { sandbox, client } = await ready({ name: 'reset', count: 1, path: '/v3/batch' });
  await expect(client.send(batch(1))).rejects.toThrow();
  expect(sandbox.stats()).toMatchObject({ acceptedRecords: 0, requests: { 'POST /v3/batch': { cut: 1 } } });
});

test('hang never answers', async () => {
  const { sandbox, client } = await ready({ name: 'hang', count: 1, path: '/v3/batch' });
  const answer = client.send(batch(1)).then(
    () => 'answered',
    () => 'cut',
  );
  await expect.poll(() => sandbox.stats().requests['POST /v3/batch']).toEqual({ cut: 1 });
  // Other requests are served meanwhile; the end of the sandbox cuts it.
  expect((await client.send(batch(1))).status).toBe(204);
  await sandbox.stop();
  expect(await answer).toBe('cut');
});

test('slow answers late, with everything done', async () => {
  const { sandbox, client } = await ready({ name: 'slow', count: 1, delayMs: 60 });
  const startedAt = performance.now();
  expect((await client.send(batch(1))).status).toBe(204);
  expect(performance.now() - startedAt).toBeGreaterThan(50);
  expect(sandbox.stats().acceptedRecords).toBe(1);
});

test('half an answer breaks off after the effect', async () => {
  const { sandbox, client } = await ready({ name: 'half', count: 1 });
  await expect(client.send(batch(1))).rejects.toThrow();
  expect(sandbox.stats().acceptedRecords).toBe(1);
});

test('duplicate204 accepts, and the client sees a reset or a 503: a repetition is a duplicate', async () => {
  const { sandbox, client } = await ready(
    { name: 'duplicate204', count: 1, as: 'reset' },
    { name: 'duplicate204', count: 1, as: '503' },
  );
  await expect(client.send(batch(2))).rejects.toThrow();
  expect((await client.send(batch(2))).status).toBe(503);
  expect((await client.send(batch(2))).status).toBe(204);
  expect(sandbox.stats()).toMatchObject({ acceptedRecords: 6, duplicates: 4 });
});

test('rules are limited by project, account, path and rate', async () => {
  const { sandbox, client } = await ready(
    { name: '503', appId: 'sandboxAppTwo02' },
    { name: '500', email: 'nobody@sandbox.example' },
    { name: '403', path: '/shadows' },
  );
  expect((await client.send(batch(1))).status).toBe(204);
  expect((await client.send(batch(1), 'sandboxAppTwo02')).status).toBe(503);
  expect((await client.call('GET', '/shadows/v4?projectId=x')).status).toBe(403);
  sandbox.removeFault();
  sandbox.addFault({ name: '503', rate: 0.3 });
  let struck = 0;
  for (let i = 0; i < 200; i++) if ((await client.send(batch(1, i))).status === 503) struck++;
  expect(struck).toBeGreaterThan(30);
  expect(struck).toBeLessThan(90);
});

test('health is spared unless the rule says all paths', async () => {
  const { sandbox } = await ready({ name: '503' });
  expect((await request(sandbox.url, 'GET', '/v3/health')).status).toBe(200);
  sandbox.addFault({ name: '503', path: '*' });
  expect((await request(sandbox.url, 'GET', '/v3/health')).status).toBe(503);
});

test('faults are set, shown and taken back over HTTP, strictly read', async () => {
  const { sandbox, client } = await ready();
  const post = (body: unknown) => request(sandbox.url, 'POST', '/sandbox/faults', body);
  expect((await post({ name: 'earthquake' })).status).toBe(400);
  expect((await post({ name: '503', rate: 2 })).status).toBe(400);
  expect((await post({ name: '503', rat: 1 })).status).toBe(400);
  const { body } = await post([{ name: '503', count: 1 }, { name: '500' }]);
  expect((await client.send(batch(1))).status).toBe(503);
  expect((await client.send(batch(1))).status).toBe(500);
  const listed = await request(sandbox.url, 'GET', '/sandbox/faults');
  expect(listed.body.faults.map(({ struck }: { struck: number }) => struck)).toEqual([1, 1]);
  expect((await request(sandbox.url, 'DELETE', `/sandbox/faults/${body.ids[1]}`)).status).toBe(204);
  expect((await client.send(batch(1))).status).toBe(204);
  expect((await request(sandbox.url, 'DELETE', '/sandbox/faults')).status).toBe(204);
  expect((await request(sandbox.url, 'DELETE', '/sandbox/faults/99')).status).toBe(404);
});
