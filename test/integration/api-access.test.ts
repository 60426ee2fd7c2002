// Who gets in at a running bridge's port, and who does not: people, programs, pages of other sites, names that are not its own.
import { request as httpRequest } from 'node:http';
import { beforeEach, describe, expect, test } from 'vitest';
import { definition, LocalBridge, type Settings, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { cli } from '../support/cli.ts';

const PASSWORD = 'correct horse battery staple';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly cookie: string | null;
}

interface Asked {
  readonly body?: unknown;
  readonly cookie?: string | null;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

let url: string;
let dataDir: string;

async function start(http: Settings = {}): Promise<LocalBridge> {
  dataDir = temporaryFolder();
  const broker = await useBroker('embedded');
  const services = { sandbox: { url: 'http://127.0.0.1:9' } };
  const bridge = await LocalBridge.start({ dataDir, broker, services, settings: { http: { port: 0, ...http } } });
  url = bridge.bridge.health.url;
  return bridge;
}

async function ask(method: string, path: string, { body, cookie, token, headers = {} }: Asked = {}): Promise<Answer> {
  const sent: Record<string, string> = { ...headers };
  if (body !== undefined) sent['content-type'] = 'application/json';
  if (cookie) sent.cookie = cookie;
  if (token !== undefined) sent.authorization = `Bearer ${token}`;
  const init = body === undefined ? { method, headers: sent } : { method, headers: sent, body: JSON.stringify(body) };
  const response = await fetch(`${url}${path}`, init);
  const text = await response.text();
  const set = response.headers.get('set-cookie');
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : JSON.parse(text),
    cookie: set === null ? null : (set.split(';')[0] as string),
  };
}

async function logIn(name: string): Promise<string> {
  const { status, cookie } = await ask('POST', '/session', { body: { name, password: PASSWORD } });
  expect([name, status]).toEqual([name, 200]);
  return cookie as string;
}

/** `Host` and the like cannot be set with fetch. */
function raw(headers: Record<string, string>, path = '/connections'): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${url}${path}`, { headers, setHost: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

describe('On the loopback interface', () => {
  beforeEach(() => start({ corsOrigins: ['https://console.example'] }).then(() => {}));

  test('without users everybody on this machine is administrator, but no page of another site', async () => {
    expect(await ask('GET', '/session')).toMatchObject({
      status: 200,
      body: { kind: 'open', role: 'admin', hasUsers: false },
    });
    const put = (headers: Record<string, string>) => ask('PUT', '/connections/x', { headers, body: {} });
    // 400: it got in, and its definition is wrong.
    expect((await put({})).status).toBe(400);
    expect((await put({ origin: url })).status).toBe(400);
    const evil = ['https://evil.example', 'null', 'http://localhost:3000', `${url}.evil.example`, 'http://127.0.0.1:1'];
    for (const origin of evil) expect([origin, (await put({ origin })).status]).toEqual([origin, 403]);
    for (const site of ['cross-site', 'same-site']) expect((await put({ 'sec-fetch-site': site })).status).toBe(403);
    expect((await put({ 'sec-fetch-site': 'same-origin' })).status).toBe(400);
    const form = await fetch(`${url}/connections/x`, { method: 'PUT', body: new URLSearchParams({ a: '1' }) });
    expect(form.status).toBe(415);
  });

  test('a name that is not its own is refused, so that no page gets in by rebinding a name', async () => {
    const { host, port } = new URL(url);
    for (const name of [host, `localhost:${port}`, `LOCALHOST:${port}`, 'localhost', `[::1]:${port}`]) {
      expect([name, await raw({ host: name })]).toEqual([name, 200]);
    }
    const bad = [
      'evil.example',
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      'localhost.evil.example',
      'a@localhost',
      '',
    ];
    for (const name of bad) expect([name, await raw({ host: name })]).toEqual([name, name === '' ? 421 : 421]);
    expect(await raw({ host: 'evil.example', 'x-forwarded-host': 'localhost' })).toBe(421);
    // Probes address a container by whatever it has.
    expect(await raw({ host: '10.2.3.4:8080' }, '/health/live')).toBe(200);
  });

  test('pages of a listed origin may read and write with a token; others are given no leave', async () => {
    const preflight = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' };
    const listed = await ask('OPTIONS', '/connections/x', {
      headers: { origin: 'https://console.example', ...preflight },
    });
    expect([listed.status, listed.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://console.example',
    ]);
    expect(listed.headers.get('access-control-allow-credentials')).toBe(null);
    const other = await ask('OPTIONS', '/connections/x', { headers: { origin: 'https://evil.example', ...preflight } });
    expect(other.headers.get('access-control-allow-origin')).toBe(null);
    const read = await ask('GET', '/connections', { headers: { origin: 'https://evil.example' } });
    expect(read.headers.get('access-control-allow-origin')).toBe(null);
  });

  test('every answer carries the headers that keep browsers from misusing it', async () => {
    for (const path of ['/connections', '/nothing', '/health/live', '/session']) {
      const { headers } = await ask('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('x-powered-by') ?? headers.get('server')).toBe(null);
    }
  });
});

test('with users: log in, do what the role may, make a token, log out, and find it in the audit', async () => {
  await start();
  expect(
    (await cli(['users', 'add', 'anna', '--role', 'admin', '--data-dir', dataDir], { stdin: `${PASSWORD}\n` })).code,
  ).toBe(0);
  expect((await ask('GET', '/connections')).status).toBe(401);
  expect((await ask('GET', '/connections')).headers.get('www-authenticate')).toBe('Bearer realm="here-bridge"');
  expect((await ask('GET', '/health/live')).status).toBe(200);
  expect((await ask('POST', '/session', { body: { name: 'anna', password: 'a wrong one, surely' } })).status).toBe(401);

  const anna = await logIn('anna');
  const wrong = await ask('POST', '/users', {
    cookie: anna,
    body: { name: 'vera', role: 'viewer', password: 'too short' },
  });
  expect([wrong.status, wrong.body.errors]).toEqual([
    400,
    [{ pointer: '/password', message: 'must have at least 15 characters; a few words do well' }],
  ]);
  for (const [name, role] of Object.entries({ vera: 'viewer', otto: 'operator' })) {
    expect((await ask('POST', '/users', { cookie: anna, body: { name, role, password: PASSWORD } })).status).toBe(201);
  }
  const vera = await logIn('vera');
  const good = definition({ email: 'tenant@example.com', password: 'x' });
  expect((await ask('GET', '/connections', { cookie: vera })).status).toBe(200);
  expect((await ask('PUT', '/connections/a', { cookie: vera, body: good })).status).toBe(403);
  for (const path of ['/users', '/audit', '/keys']) expect((await ask('GET', path, { cookie: vera })).status).toBe(403);

  const otto = await logIn('otto');
  expect((await ask('PUT', '/connections/a', { cookie: otto, body: good })).status).toBe(201);
  expect(
    (await ask('PUT', '/connections/a', { cookie: otto, body: good, headers: { origin: 'https://evil.example' } }))
      .status,
  ).toBe(403);
  const issued = await ask('POST', '/tokens', { cookie: otto, body: { name: 'ci', role: 'viewer' } });
  const token = issued.body.token as string;
  expect((await ask('GET', '/connections/a', { token })).status).toBe(200);
  expect((await ask('DELETE', '/connections/a', { token })).status).toBe(403);
  expect((await ask('POST', '/tokens', { token, body: { name: 'more', role: 'viewer' } })).status).toBe(403);
  expect((await ask('DELETE', `/tokens/${issued.body.id}`, { cookie: vera })).status).toBe(404);
  expect((await ask('DELETE', `/tokens/${issued.body.id}`, { cookie: otto })).status).toBe(204);
  expect((await ask('GET', '/connections/a', { token })).status).toBe(401);

  expect((await ask('DELETE', '/session', { cookie: otto })).status).toBe(204);
  expect((await ask('GET', '/connections', { cookie: otto })).status).toBe(401);
  expect((await ask('PATCH', '/users/vera', { cookie: anna, body: { role: 'operator' } })).status).toBe(200);
  expect((await ask('GET', '/connections', { cookie: vera })).status).toBe(401);
  expect((await ask('DELETE', '/users/anna', { cookie: anna })).status).toBe(403);

  const audit = (await ask('GET', '/audit', { cookie: anna })).body as unknown as Record<string, unknown>[];
  const lines = audit.map(({ who, action, target, outcome, detail }) =>
    [who, action, target, outcome, detail].join(' | '),
  );
  expect(lines).toEqual(
    expect.arrayContaining([
      'local | user.add | anna | done | role admin',
      'vera | PUT /connections/:id | a | refused | ',
      expect.stringMatching(/^otto \| PUT \/connections\/:id \| a \| done \| fields: .*configuration\.password/),
      expect.stringMatching(/^otto \| token\.issue \| .{12} \| done \| "ci", role viewer, expires /),
      'token ci of otto | DELETE /connections/:id | a | refused | ',
      'anna | user.change | vera | done | role operator',
    ]),
  );
  const narrowed = async (query: string): Promise<unknown[]> => {
    const { status, body } = await ask('GET', `/audit?${query}`, { cookie: anna });
    expect(status).toBe(200);
    return (body as unknown as Record<string, unknown>[]).map(
      ({ who, action, target }) => `${who} ${action} ${target}`,
    );
  };
  expect(await narrowed('who=VER&outcome=refused')).toEqual([
    expect.stringMatching(/^vera token\.revoke /),
    'vera PUT /connections/:id a',
  ]);
  expect(await narrowed('action=user.change')).toEqual(['anna user.change vera']);
  expect(await narrowed('who=otto&action=delete&target=a')).toEqual(['token ci of otto DELETE /connections/:id a']);
  // Narrowed before it is cut, so that a page is full; and the page after it goes on where it ended.
  const [one, two] = audit.filter(({ who }) => String(who).includes('otto')).map(({ id }) => id);
  const ofOtto = async (query: string): Promise<unknown> =>
    ((await ask('GET', `/audit?who=otto&limit=1${query}`, { cookie: anna })).body as unknown as { id: string }[])[0]
      ?.id;
  expect([await ofOtto('&action=PUT'), await ofOtto('')]).toEqual([expect.any(String), one]);
  expect(await ofOtto(`&before=${one}`)).toBe(two);
  const [latest] = audit as unknown as { time: string }[];
  expect(await narrowed(`to=${audit.at(-1)?.time}`)).toEqual([]);
  expect(await narrowed(`from=${new Date(Date.parse(latest?.time ?? '') + 1).toISOString()}`)).toEqual([]);
  expect(await narrowed(`from=${audit.at(-1)?.time}`)).toHaveLength(audit.length);
  expect((await ask('GET', '/audit?outcome=maybe', { cookie: anna })).status).toBe(400);
  expect(JSON.stringify(audit)).not.toContain(PASSWORD);
  expect(JSON.stringify(audit)).not.toContain(token.slice(17));
  const shown = await cli(['audit', '--limit', '3', '--data-dir', dataDir]);
  expect([shown.code, shown.out]).toEqual([0, expect.stringContaining('user.remove')]);
});

test('the cookie is of this site only, unreadable for pages, and over once it is stolen from a logged-out browser', async () => {
  await start();
  await cli(['users', 'add', 'anna', '--role', 'admin', '--data-dir', dataDir], { stdin: PASSWORD });
  const { headers } = await ask('POST', '/session', { body: { name: 'anna', password: PASSWORD } });
  expect(headers.get('set-cookie')).toMatch(
    /^here-bridge=enc:v1:\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
  );
});

test('log-ins of one address are slowed down after five wrong ones', async () => {
  await start();
  await cli(['users', 'add', 'anna', '--role', 'admin', '--data-dir', dataDir], { stdin: PASSWORD });
  const attempt = (password: string) => ask('POST', '/session', { body: { name: 'anna', password } });
  for (let n = 0; n < 5; n++) expect((await attempt(`guess number ${n}`)).status).toBe(401);
  const sixth = await attempt(PASSWORD);
  expect(sixth.status).toBe(429);
  expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(30);
});

test('one address may ask so often, then waits; health is answered all the same', async () => {
  await start({ requestsPerSecond: 2 });
  const statuses = await Promise.all(
    Array.from({ length: 30 }, () => ask('GET', '/session').then(({ status }) => status)),
  );
  expect(statuses.filter((status) => status === 200).length).toBeLessThan(20);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
  expect((await ask('GET', '/health/live')).status).toBe(200);
  await until('it may again', async () => (await ask('GET', '/session')).status === 200);
});

test('keys are rotated while the bridge runs: definitions are sealed anew, and sessions and users stay', async () => {
  const bridge = await start();
  await cli(['users', 'add', 'anna', '--role', 'admin', '--data-dir', dataDir], { stdin: PASSWORD });
  const anna = await logIn('anna');
  for (const id of ['a', 'b']) await bridge.apply(id, definition({ email: 'tenant@example.com', password: 'x' }));
  const before = JSON.parse((await cli(['keys', 'ls', '--json', '--data-dir', dataDir])).out);
  expect(before.definitions).toEqual({ [before.keyId]: 2 });
  const rotated = JSON.parse((await cli(['keys', 'rotate', '--json', '--data-dir', dataDir])).out);
  expect(rotated).toMatchObject({ renewed: 2, failed: [], formerIds: [before.keyId] });
  expect(rotated.keyId).not.toBe(before.keyId);
  const after = await ask('GET', '/keys', { cookie: anna });
  expect(after.body).toMatchObject({ keyId: rotated.keyId, definitions: { [rotated.keyId]: 2 } });
  expect((await cli(['keys', 'forget', before.keyId, '--data-dir', dataDir])).code).toBe(0);
  expect((await ask('GET', '/users', { cookie: await logIn('anna') })).status).toBe(200);
  expect((await cli(['keys', 'forget', before.keyId, '--data-dir', dataDir])).code).toBe(66);
});
