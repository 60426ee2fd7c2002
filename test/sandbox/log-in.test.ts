// Log-in, tokens, renewal and lock-out of the sandbox, through its HTTP interface.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Clock } from '../../src/domain/ports/clock.ts';
import { DOCUMENTATION_ACCOUNT } from '../../src/sandbox/options.ts';
import { logIn, request, useSandbox } from '../support/sandbox.ts';

const wrong = (email: string) => ({ email, password: 'not this one' });

test('an account logs in and gets a token that opens its licences', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const { body } = await client.call('GET', '/registry/v2/licenses');
  expect(body.licenses.map((license: { appId: string }) => license.appId)).toEqual(sandbox.appIds);
});

test("the documentation's own example account is always known", async () => {
  const sandbox = await useSandbox({
    accounts: [{ email: 'a@b.example', password: 'secret', projects: [{ appId: 'someAppId1' }] }],
  });
  const client = await logIn(sandbox, DOCUMENTATION_ACCOUNT);
  const { body } = await client.call('GET', '/registry/v2/licenses');
  expect(body.licenses[0].appId).toBe('ya5f66oj2vau1EGMvREK');
});

test('a wrong password, an unknown account and a missing token are 401', async () => {
  const sandbox = await useSandbox();
  expect((await request(sandbox.url, 'POST', '/users/v2/login', wrong(sandbox.email))).status).toBe(401);
  expect((await request(sandbox.url, 'POST', '/users/v2/login', wrong('nobody@sandbox.example'))).status).toBe(401);
  expect((await request(sandbox.url, 'GET', '/registry/v2/licenses')).status).toBe(401);
  expect(
    (await request(sandbox.url, 'GET', '/registry/v2/licenses', undefined, { Authorization: 'Bearer nonsense' }))
      .status,
  ).toBe(401);
});

test('five failures lock the account, whatever is sent afterwards, until it is unlocked', async () => {
  const sandbox = await useSandbox();
  for (let i = 0; i < 5; i++) {
    expect((await request(sandbox.url, 'POST', '/users/v2/login', wrong(sandbox.email))).status).toBe(401);
  }
  const { email, password } = sandbox;
  expect((await request(sandbox.url, 'POST', '/users/v2/login', { email, password })).status).toBe(401);
  expect(sandbox.account(email)).toMatchObject({ locked: true, failedLogIns: 6, logIns: 0 });
  await request(sandbox.url, 'POST', `/sandbox/accounts/${encodeURIComponent(email)}/unlock`);
  expect((await request(sandbox.url, 'POST', '/users/v2/login', { email, password })).status).toBe(200);
});

test('a success in between starts the count of failures anew', async () => {
  const sandbox = await useSandbox();
  for (let i = 0; i < 4; i++) await request(sandbox.url, 'POST', '/users/v2/login', wrong(sandbox.email));
  await logIn(sandbox);
  for (let i = 0; i < 4; i++) await request(sandbox.url, 'POST', '/users/v2/login', wrong(sandbox.email));
  await logIn(sandbox);
  expect(sandbox.account(sandbox.email).locked).toBe(false);
});

test('the fourth log-in ends the oldest token', async () => {
  const sandbox = await useSandbox();
  const clients = [];
  for (let i = 0; i < 4; i++) clients.push(await logIn(sandbox));
  const statuses = [];
  for (const client of clients) statuses.push((await client.call('GET', '/registry/v2/licenses')).status);
  expect(statuses).toEqual([401, 200, 200, 200]);
  expect(sandbox.account(sandbox.email)).toMatchObject({ liveTokens: 3, logIns: 4 });
});

test('by the other switch the fourth log-in is refused, and is no failure', async () => {
  const sandbox = await useSandbox({ fourthLogIn: 'refused' });
  for (let i = 0; i < 3; i++) await logIn(sandbox);
  const { email, password } = sandbox;
  expect((await request(sandbox.url, 'POST', '/users/v2/login', { email, password })).status).toBe(403);
  expect(sandbox.account(email)).toMatchObject({ liveTokens: 3, failedLogIns: 0 });
});

test('renewal needs both old tokens, works once, and leaves the old access token alive', async () => {
  const sandbox = await useSandbox();
  const { token, refreshToken, call } = await logIn(sandbox);
  const other = await logIn(sandbox);
  const renew = (accessToken: string, refresh: string) =>
    request(sandbox.url, 'POST', '/users/v2/refresh', { accessToken, refreshToken: refresh });
  expect((await renew('another', refreshToken)).status).toBe(401);
  expect((await renew(token, other.refreshToken)).status).toBe(401);
  const renewed = await renew(token, refreshToken);
  expect(renewed.status).toBe(200);
  expect(renewed.body.accessToken).not.toBe(token);
  expect((await renew(token, refreshToken)).status).toBe(401);
  expect((await call('GET', '/registry/v2/licenses')).status).toBe(200);
  expect(sandbox.account(sandbox.email)).toMatchObject({ liveTokens: 3, refreshes: 1, failedLogIns: 0 });
});

test('tokens end after their lifetime, and can still be renewed for as long again', async () => {
  let now = 0;
  const clock: Clock = { now: () => 1_700_000_000_000 + now, monotonic: () => now, after: () => () => {} };
  const sandbox = await useSandbox({ clock, tokenLifetimeS: 60 });
  const { token, refreshToken, call } = await logIn(sandbox);
  now = 59_999;
  expect((await call('GET', '/registry/v2/licenses')).status).toBe(200);
  now = 60_000;
  expect((await call('GET', '/registry/v2/licenses')).status).toBe(401);
  expect(sandbox.account(sandbox.email).liveTokens).toBe(0);
  const renewed = await request(sandbox.url, 'POST', '/users/v2/refresh', { accessToken: token, refreshToken });
  expect(renewed.status).toBe(200);
});

test('revoked tokens are 401 at once, and cannot be renewed', async () => {
  const sandbox = await useSandbox();
  const { token, refreshToken, call } = await logIn(sandbox);
  expect(sandbox.revokeTokens(sandbox.email)).toBe(1);
  expect((await call('GET', '/registry/v2/licenses')).status).toBe(401);
  const renewed = await request(sandbox.url, 'POST', '/users/v2/refresh', { accessToken: token, refreshToken });
  expect(renewed.status).toBe(401);
});

test('a realm must fit where the account has one, in any case', async () => {
  const sandbox = await useSandbox({
    accounts: [{ email: 'a@b.example', password: 'secret', realm: 'MyOrg', projects: [{ appId: 'someAppId1' }] }],
  });
  const attempt = (realm: string) =>
    request(sandbox.url, 'POST', '/users/v2/login', { email: 'a@b.example', password: 'secret', realm });
  expect((await attempt('myorg')).status).toBe(200);
  expect((await attempt('elsewhere')).status).toBe(401);
});

test('a platform project needs a token of its own, from tokenExchange', async () => {
  const sandbox = await useSandbox();
  const client = await logIn(sandbox);
  const platform = sandbox.appIds[2]!;
  sandbox.changeDevices(platform, 'claim', ['tracker-1']);
  const record = { id: 'tracker-1', timestamp: 1_700_000_000_000 };
  expect((await client.send([record], platform)).status).toBe(403);
  const { body } = await client.call('GET', '/registry/v2/licenses');
  const scope = body.licenses.find((license: { appId: string }) => license.appId === platform).projectHrn;
  const exchanged = await client.call('POST', '/users/v2/tokenExchange', { accessToken: client.token, scope });
  expect(exchanged.status).toBe(200);
  const Authorization = `Bearer ${exchanged.body.accessToken}`;
  const scoped = (appId: string) =>
    request(sandbox.url, 'POST', '/v3/batch', { appId, data: [record] }, { Authorization });
  expect((await scoped(platform)).status).toBe(204);
  expect((await scoped(sandbox.appIds[0]!)).status).toBe(403);
  const unknown = { accessToken: client.token, scope: 'hrn:here:authorization::nowhere:project/none' };
  expect((await client.call('POST', '/users/v2/tokenExchange', unknown)).status).toBe(404);
});

test('a request id must be a UUID version 4, and names the error', async () => {
  const sandbox = await useSandbox();
  const id = randomUUID();
  const refused = await request(sandbox.url, 'GET', '/registry/v2/licenses', undefined, { 'X-Request-Id': id });
  expect(refused.body).toMatchObject({ code: 401, id, details: { hereErrorCode: 401306 } });
  const malformed = await request(sandbox.url, 'GET', '/v2/timestamp', undefined, { 'X-Request-Id': 'request-7' });
  expect(malformed.status).toBe(400);
  expect(malformed.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
});

test('what is no JSON, or lacks a field, is 400', async () => {
  const sandbox = await useSandbox();
  expect((await request(sandbox.url, 'POST', '/users/v2/login', '{"email":')).status).toBe(400);
  expect((await request(sandbox.url, 'POST', '/users/v2/login', { email: sandbox.email })).status).toBe(400);
  expect((await request(sandbox.url, 'POST', '/users/v2/login', { email: sandbox.email, password: 7 })).status).toBe(
    400,
  );
  expect((await request(sandbox.url, 'POST', '/users/v2/refresh', { accessToken: 'x' })).status).toBe(400);
});
