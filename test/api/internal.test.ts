// A worker's internal address: what another worker asks is signed for it, this moment and this body, with the rights of who asks.
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import { startInternal } from '../../src/api/internal.ts';
import { sendLetters, sendUplinks } from '../../src/bridge/letter-courier.ts';
import { WorkerRequests } from '../../src/bridge/worker-requests.ts';
import type { AuditEntry, Principal } from '../../src/domain/access.ts';
import type { Asker } from '../../src/domain/ports/access.ts';
import type { Cluster, WorkerQuestion } from '../../src/domain/ports/cluster.ts';
import type { DeviceControl } from '../../src/domain/ports/devices.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { portsOf } from '../support/api.ts';

const DEVICE = '0018B20000000B20';
const uplinks = JSON.stringify({ uplinks: [{ topic: 't', payload: 'AA==', arrivedAt: 1, retain: false }] });
const forgotten = { pseudonym: 'device-1', deadLetters: 0, expired: 0, messages: 0, commands: 0, events: 0 };

const as = (role: Principal['role'], name = 'anna'): Asker => {
  return { principal: { kind: 'session', name, role, user: name }, from: '192.0.2.7' };
};

function requestsOf(workerId: string, more: { key?: string; group?: string; now?: () => number } = {}): WorkerRequests {
  const { key = '11', group = 'g', now = systemClock.now } = more;
  const clock = { ...systemClock, now };
  return new WorkerRequests({
    box: openSecretBox({ dataDir: '/nowhere', key: key.repeat(32) }),
    group,
    workerId,
    clock,
  });
}

/** The worker w-2 at its internal address. */
async function useWorker() {
  const noted: Omit<AuditEntry, 'id' | 'time'>[] = [];
  const taken: unknown[] = [];
  const cluster = {
    worker: 'w-2',
    workers: () => [],
    whereIs: () => ({ kind: 'here' }),
    ledger: () => null,
    ledgerIds: () => [],
    take: async (_id: string, all: unknown) => void taken.push(all),
    ask: requestsOf('w-2').ask,
  } as Partial<Cluster> as Cluster;
  const ports = portsOf(
    { connection: () => null, letters: { kept: () => [], box: () => ({}), import: () => ({ kind: 'ok' }) } } as object,
    {
      cluster,
      audit: { note: (entry) => noted.push(entry), list: () => [] },
      devices: { forget: async () => forgotten, retired: () => [DEVICE] } as object as DeviceControl,
    },
  );
  const internal = await startInternal({ ports, judge: requestsOf('w-2').judge, host: '127.0.0.1', port: 0 });
  onTestFinished(() => internal.stop());
  const to = { worker: 'w-2', address: `http://127.0.0.1:${internal.port}` };
  const w1 = requestsOf('w-1');
  const ask = async (question: Partial<WorkerQuestion>, by = w1, worker = 'w-2') => {
    const whole = { method: 'GET', path: '/deleted-connections', signal: AbortSignal.timeout(10_000), ...question };
    const json = whole.body === undefined ? {} : { headers: { 'content-type': 'application/json' } };
    const answer = await by.ask({ ...to, worker }, { ...whole, ...json });
    return { status: answer.status, text: await answer.text() };
  };
  return { to, ask, noted, taken, cluster };
}

/** Keeps what it is sent, as somebody would who got a worker to ask there. */
async function useThief() {
  const seen: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];
  const server = http.createServer(({ method = '', url = '', headers }, response) => {
    seen.push({ method, url, headers });
    response.setHeader('content-type', 'application/json').end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { seen, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('what a worker asks by itself is answered, its body is checked, and nothing else is open to it', async () => {
  const { to, ask, taken } = await useWorker();
  expect(await ask({})).toEqual({ status: 200, text: '[]' });
  const signal = AbortSignal.timeout(10_000);
  const handed = { topic: 't', payload: Buffer.from([0]), arrivedAt: 1, retain: false };
  await sendUplinks(requestsOf('w-1').ask, to, 'a', [handed], signal);
  expect(taken).toMatchObject([[handed]]);
  expect(await sendLetters(requestsOf('w-1').ask, to, 'a', [], signal)).toBeNull();
  await expect(sendUplinks(requestsOf('w-1').ask, { ...to, worker: 'w-3' }, 'a', [handed], signal)).rejects.toThrow(
    'answered 401',
  );
  const user = JSON.stringify({ name: 'mallory', role: 'admin', password: 'correct horse battery staple' });
  for (const [method, forbidden, body] of [
    ['POST', '/users', user],
    ['POST', '/session', JSON.stringify({ name: 'a', password: 'b' })],
    ['GET', '/users'],
    ['GET', '/audit'],
    ['POST', '/tokens', '{}'],
    ['POST', '/keys/rotate'],
    ['DELETE', '/connections/a'],
    ['POST', `/connections/a/devices/${DEVICE}/forget`],
    ['GET', '/iot-flow/v1/users'],
  ] as const) {
    for (const asker of [undefined, as('admin')]) {
      const question = { method, path: forbidden, ...(body === undefined ? {} : { body }), ...(asker && { asker }) };
      if (asker !== undefined && forbidden.endsWith('/forget')) continue;
      expect([forbidden, (await ask(question)).status]).toEqual([forbidden, 403]);
    }
  }
});

test('a question is worth nothing elsewhere: another worker, path, method, body, group, key or time', async () => {
  const { to, ask, taken } = await useWorker();
  expect((await ask({}, undefined, 'w-3')).status).toBe(401);
  expect((await ask({}, requestsOf('w-1', { key: '22' }))).status).toBe(401);
  expect((await ask({}, requestsOf('w-1', { group: 'other' }))).status).toBe(401);
  for (const differenceMs of [-70_000, 70_000]) {
    const by = requestsOf('w-1', { now: () => Date.now() + differenceMs });
    expect((await ask({}, by)).text).toContain('clocks');
  }
  expect((await ask({}, requestsOf('w-1', { now: () => Date.now() - 50_000 }))).status).toBe(200);

  // Stolen, and sent again as something else.
  const thief = await useThief();
  const path = '/internal/connections/a/uplinks';
  const signal = AbortSignal.timeout(10_000);
  const json = { 'content-type': 'application/json' };
  await requestsOf('w-1').ask(
    { ...thief, worker: 'w-2' },
    { method: 'POST', path, body: uplinks, headers: json, signal },
  );
  const authorization = thief.seen[0]?.headers.authorization ?? '';
  const send = async (method: string, url: string, body?: string, headers: Record<string, string> = json) => {
    const init = { method, headers: { authorization, ...headers } };
    return (await fetch(`${to.address}${url}`, body === undefined ? init : { ...init, body })).status;
  };
  expect(await send('POST', '/internal/connections/b/uplinks', uplinks)).toBe(401);
  expect(await send('GET', '/deleted-connections', undefined, {})).toBe(401);
  expect(await send('POST', path, uplinks.replace('AA==', 'AQ=='))).toBe(401);
  expect(await send('POST', path, undefined, {})).toBe(401);
  expect(taken).toEqual([]);
  expect(await send('POST', path, uplinks)).toBe(204);
  const old = `Bearer ${openSecretBox({ dataDir: '/', key: '11'.repeat(32) }).hmac('the token that workers share')}`;
  expect((await fetch(`${to.address}/deleted-connections`, { headers: { authorization: old } })).status).toBe(401);
});

test('what is passed on keeps the rights and the name of who asked, and takes no cookie or token of theirs along', async () => {
  const { to, noted, cluster } = await useWorker();
  const thief = await useThief();
  let where = to;
  let asker = as('admin');
  const { app } = await createApp({
    ports: portsOf(
      {},
      {
        cluster: {
          ...cluster,
          worker: 'w-1',
          ask: requestsOf('w-1').ask,
          whereIs: () => ({ kind: 'elsewhere', ...where }),
        },
      },
    ),
    authenticate: () => ({ kind: 'ok', principal: asker.principal }),
  });
  onTestFinished(() => app.close());
  const call = async (method: 'GET' | 'POST', url: string) => {
    const headers = { cookie: 'here-bridge=secret', authorization: 'Bearer secret', accept: 'application/json' };
    return app.inject({ method, url, headers, remoteAddress: '192.0.2.7' });
  };
  const forget = `/connections/a/devices/${DEVICE}/forget`;
  expect((await call('POST', forget)).statusCode).toBe(200);
  expect(noted).toMatchObject([{ who: 'anna', kind: 'session', action: 'device.forget', from: '192.0.2.7' }]);
  expect((await call('GET', '/connections/a/retired-devices')).json()).toEqual([DEVICE]);
  // The other worker judges the role as well.
  asker = as('viewer');
  const direct = { method: 'POST', path: forget, asker, signal: AbortSignal.timeout(10_000) };
  expect((await requestsOf('w-1').ask(to, direct)).status).toBe(403);
  expect(noted).toHaveLength(1);

  where = { worker: 'w-2', address: thief.address };
  await call('GET', '/connections/a/ledger');
  expect(thief.seen.map(({ url }) => url)).toEqual(['/connections/a/ledger']);
  expect(JSON.stringify(thief.seen)).not.toContain('secret');
  // A worker that does not know this one is away for whoever asks; it is not they who have to log in.
  where = { worker: 'w-3', address: to.address };
  expect((await call('GET', '/connections/a/retired-devices')).statusCode).toBe(503);
});
