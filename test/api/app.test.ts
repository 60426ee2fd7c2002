// The rules of the API that hold for every route: rights, forms of refusal, methods, media types.
import { afterEach, describe, expect, test } from 'vitest';
import { type Api, createApp } from '../../src/api/app.ts';
import { startHttp } from '../../src/api/http.ts';
import { mayUse, RIGHTS, type Right } from '../../src/api/rights.ts';
import { type Principal, ROLES, type Role } from '../../src/domain/access.ts';
import { portsOf } from '../support/api.ts';

let api: Api | null = null;

afterEach(() => api?.app.close());

async function appOf(principal: Principal | null, extend?: Parameters<typeof createApp>[0]['extend']): Promise<Api> {
  api = await createApp({
    ports: portsOf({ connections: () => [], events: () => [], connection: () => null }),
    authenticate: () =>
      principal === null ? { kind: 'refused', status: 401, message: 'Who are you?' } : { kind: 'ok', principal },
    ...(extend === undefined ? {} : { extend }),
  });
  return api;
}

function as(role: Role): Principal {
  return { kind: 'session', name: 'somebody', role, user: 'somebody' };
}

/** A path that a route of this address takes. */
function pathOf(url: string): string {
  return url.replaceAll(/:\w+/g, '1').replaceAll('*', 'x');
}

describe('Rights', () => {
  test('a route that declares none fails at the start', async () => {
    const { app } = await appOf(as('admin'));
    expect(() => app.get('/anything', async () => 'x')).toThrow('GET /anything declares no right');
    expect(() => app.get('/other', { config: { right: 'everything' as Right } }, async () => 'x')).toThrow(
      'declares no right',
    );
  });

  test('every route refuses the unknown with 401, and whoever has a lesser role than its right with 403', async () => {
    const { app: locked, routes } = await appOf(null);
    expect(routes.length).toBeGreaterThan(20);
    const open: string[] = [];
    for (const { method, url, right } of routes) {
      if (right === 'open') {
        open.push(`${method} ${url}`);
        continue;
      }
      const { statusCode } = await locked.inject({ method: method as 'GET', url: pathOf(url) });
      expect([method, url, statusCode]).toEqual([method, url, 401]);
    }
    const known =
      / \/health\/(live|ready)$|^POST (\/iot-flow\/v1)?\/(session|downlinkMessages\/:uuid)$|^(GET|HEAD) \/(ui(\/\*)?)?$/;
    expect(open.filter((route) => !known.test(route))).toEqual([]);
    await locked.close();
    for (const role of ROLES) {
      const { app } = await appOf(as(role));
      for (const { method, url, right } of routes) {
        if (mayUse(role, right)) continue;
        const { statusCode } = await app.inject({ method: method as 'GET', url: pathOf(url) });
        expect([role, method, url, statusCode]).toEqual([role, method, url, 403]);
      }
      await app.close();
    }
  });

  test('no route that changes something is a viewer’s, but those of one’s own session and the ones that only look', async () => {
    const { routes } = await appOf(as('admin'));
    const unsafe = routes.filter(({ method, right }) => !/GET|HEAD/.test(method) && right !== 'open');
    const byViewers = unsafe.filter(({ right }) => RIGHTS[right as keyof typeof RIGHTS] === 'viewer');
    expect([...new Set(byViewers.map(({ method, url }) => `${method} ${url.replace('/iot-flow/v1', '')}`))]).toEqual([
      'POST /connections/:id/dead-letters/search',
      'POST /uplinks/try',
      'DELETE /session',
      'POST /session/password',
      'POST /tokens',
      'DELETE /tokens/:id',
    ]);
  });
});

describe('A refusal', () => {
  test('is a problem with ThingPark’s code and message', async () => {
    const { app } = await appOf(as('admin'));
    const { statusCode, headers, body } = await app.inject({ url: '/connections/nobody' });
    expect([statusCode, headers['content-type']]).toEqual([404, 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'There is no connection nobody',
      code: 'com-4004',
      message: 'There is no connection nobody',
    });
  });

  test('names every wrong field of path, query and body at once, with what is allowed', async () => {
    const { app } = await appOf(as('admin'));
    const { statusCode, body } = await app.inject({ url: '/events?limit=0&connectionId=-&limitt=3' });
    expect([statusCode, JSON.parse(body).errors]).toEqual([
      400,
      [
        { pointer: '/limit', in: 'query', message: 'must be a whole number from 1 to 1000' },
        {
          pointer: '/connectionId',
          in: 'query',
          message:
            'must be a text: at most 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
        },
        { pointer: '/limitt', in: 'query', message: 'is not a known field; did you mean "limit"?' },
      ],
    ]);
    const searched = await app.inject({
      method: 'POST',
      url: '/connections/-x/dead-letters/search',
      payload: { filtre: {}, filter: { device: 3 } },
    });
    const named = searched
      .json()
      .errors.map(({ pointer, in: where }: { pointer: string; in: string }) => [where, pointer]);
    expect(named).toEqual([
      ['path', '/id'],
      ['body', '/filtre'],
      ['body', '/filter/device'],
    ]);
  });

  test('tells a wrong path, a wrong method, a wrong type and a wrong size apart', async () => {
    const { app } = await appOf(as('admin'));
    // As a file of the console is, that is not there: another method would not find it either.
    app.get('/files/*', { config: { right: 'open' } }, (_, reply) => reply.callNotFound());
    expect((await app.inject({ url: '/nothing' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/files/gone.js' })).statusCode).toBe(404);
    const method = await app.inject({ method: 'POST', url: '/iot-flow/v1/events?limit=1' });
    expect([method.statusCode, method.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await app.inject({ url: '/events', headers: { accept: 'text/csv' } })).statusCode).toBe(406);
    expect(
      (await app.inject({ url: '/events', headers: { accept: 'text/html, application/*;q=0.1' } })).statusCode,
    ).toBe(200);
    const put = (payload: string, type: string) =>
      app.inject({ method: 'PUT', url: '/connections/a', payload, headers: { 'content-type': type } });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      expect((await put('a=1', type)).statusCode).toBe(415);
    }
    expect((await put('{"a":', 'application/json')).statusCode).toBe(400);
    expect((await put(`"${'x'.repeat(300_000)}"`, 'application/json')).statusCode).toBe(413);
    expect((await app.inject({ url: '/connections/%zz' })).json()).toMatchObject({ code: 'com-4000' });
    // It can be parsed, but not be written again.
    const deep = `{"uplink":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`;
    const headers = { 'content-type': 'application/json' };
    const tried = await app.inject({ method: 'POST', url: '/uplinks/try', payload: deep, headers });
    expect([tried.statusCode, tried.json().errors[0].pointer]).toEqual([400, '/uplink']);
  });
});

describe('The HTTP port', () => {
  test('is live at once, and ready when the bridge is', async () => {
    let isReady = false;
    const server = await startHttp({
      ports: portsOf({}, { isReady: () => isReady }),
      host: '127.0.0.1',
      port: 0,
      authenticate: () => ({ kind: 'refused', status: 401, message: 'Who are you?' }),
    });
    const answer = async (path: string) => {
      const response = await fetch(`${server.url}/health/${path}`);
      return [response.status, await response.json()];
    };
    try {
      expect(await answer('live')).toEqual([200, { status: 'live' }]);
      expect(await answer('ready')).toEqual([503, { status: 'notReady' }]);
      isReady = true;
      expect(await answer('ready')).toEqual([200, { status: 'ready' }]);
    } finally {
      await server.stop();
    }
  });

  test('keeps a connection for longer than proxies do, so that none is closed under a question', async () => {
    const server = await startHttp({
      ports: portsOf({}),
      host: '127.0.0.1',
      port: 0,
      authenticate: () => ({ kind: 'refused', status: 401, message: 'Who are you?' }),
    });
    try {
      const { headers } = await fetch(`${server.url}/health/live`);
      const [, seconds] = /timeout=(\d+)/.exec(headers.get('keep-alive') ?? '') ?? [];
      expect(Number(seconds)).toBeGreaterThan(60);
    } finally {
      await server.stop();
    }
  });
});
