// HTTP to a host that misbehaves, on raw sockets; and the proxy.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HereHttp, type HttpAnswer, type HttpOptions } from '../../src/here/http.ts';
import { completeService, HERE_SCOPED_URL, HERE_URL } from '../../src/here/options.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { never } from './support.ts';

/** A server that does with each socket what `serve` says. */
async function rawServer(serve: (socket: Socket, request: string) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => serve(socket, data.toString()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function httpTo(url: string, options: Partial<HttpOptions> = {}): HereHttp {
  const http = new HereHttp({
    url,
    timeoutMs: 400,
    proxy: null,
    userAgent: 'test',
    clock: systemClock,
    chance: systemChance,
    ...options,
  });
  onTestFinished(() => http.stop());
  return http;
}

function post(http: HereHttp): Promise<HttpAnswer> {
  return http.call({ method: 'POST', path: '/v3/batch', token: 't', body: '{}', signal: never() });
}

test('an answer that trickles byte by byte ends with the total time', async () => {
  const url = await rawServer((socket) => {
    socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  const from = performance.now();
  expect(await post(httpTo(url))).toMatchObject({ kind: 'noAnswer', cause: 'timeout', maybeSent: true });
  expect(performance.now() - from).toBeLessThan(1500);
});

test('headers that trickle end with the total time too', async () => {
  const url = await rawServer((socket) => {
    const timer = setInterval(() => socket.write('H'), 20);
    socket.on('close', () => clearInterval(timer));
    socket.write('HTTP/1.1 204 No Content\r\nX-');
  });
  expect(await post(httpTo(url))).toMatchObject({ kind: 'noAnswer', cause: 'timeout' });
});

test.each([
  ['a body that is cut off', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n{"error":', true],
  ['headers that are cut off', 'HTTP/1.1 204 No', true],
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', true],
  ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc', true],
  [
    'a body beyond all measure',
    `HTTP/1.1 400 Bad Request\r\nContent-Length: 3000000\r\n\r\n${'x'.repeat(2_000_000)}`,
    false,
  ],
  ['headers beyond all measure', `HTTP/1.1 204 No Content\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`, false],
])('%s is no answer', async (_, bytes, isEnded) => {
  const url = await rawServer((socket) => {
    if (isEnded) socket.end(bytes);
    else socket.write(bytes);
  });
  const answer = await post(httpTo(url, { timeoutMs: 5000 }));
  expect(answer).toMatchObject({ kind: 'noAnswer', maybeSent: true });
  expect(['connection', 'badAnswer']).toContain((answer as { cause: string }).cause);
});

test('a refused connection was certainly not sent', async () => {
  const url = await rawServer(() => {});
  const { port } = new URL(url);
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: freePort } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  expect(freePort).not.toBe(Number(port));
  const answer = await post(httpTo(`http://127.0.0.1:${freePort}`));
  expect(answer).toMatchObject({ kind: 'noAnswer', cause: 'connection', maybeSent: false });
  expect((answer as { message: string }).message).toContain('ECONNREFUSED');
});

test('every call carries a request id of its own, the token, and a path under the base URL', async () => {
  const requests: string[] = [];
  const url = await rawServer((socket, request) => {
    requests.push(request);
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const http = httpTo(`${url}/tracking/`);
  const answers = [await post(http), await post(http)];
  expect(requests).toHaveLength(2);
  for (const [index, request] of requests.entries()) {
    expect(request).toMatch(/^POST \/tracking\/v3\/batch HTTP\/1\.1\r\n/);
    expect(request).toContain('authorization: Bearer t\r\n');
    expect(request).toContain(`x-request-id: ${answers[index]?.requestId}\r\n`);
  }
  expect(answers[0]?.requestId).not.toBe(answers[1]?.requestId);
});

test('connections are kept alive and used again', async () => {
  const sockets = new Set<Socket>();
  const url = await rawServer((socket) => {
    sockets.add(socket);
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const http = httpTo(url);
  for (let index = 0; index < 20; index++) await post(http);
  // A second one is opened when a call comes in the very turn in which the former one ended.
  expect(sockets.size).toBeLessThanOrEqual(2);
});

test('the proxy is used where it should be: not for loopback unless told so, not for NO_PROXY', async () => {
  let proxied = 0;
  const proxy = createHttpServer((_request, response) => response.writeHead(204).end());
  proxy.on('connect', (_request, socket) => {
    proxied++;
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.once('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  proxy.on('request', () => proxied++);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const direct = await rawServer((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
  const settings = { httpProxy: proxyUrl, httpsProxy: proxyUrl, noProxy: '', loopbackToo: false };

  expect(await post(httpTo(direct, { proxy: settings }))).toMatchObject({ status: 204 });
  expect(proxied).toBe(0);
  expect(await post(httpTo(direct, { proxy: { ...settings, loopbackToo: true } }))).toMatchObject({ status: 204 });
  expect(proxied).toBe(1);
  expect(await post(httpTo('http://here.invalid', { proxy: settings }))).toMatchObject({ status: 204 });
  expect(proxied).toBe(2);
  const excepted = httpTo('http://here.invalid', { proxy: { ...settings, noProxy: '.invalid' } });
  expect(await post(excepted)).toMatchObject({ kind: 'noAnswer', cause: 'connection', maybeSent: false });
  expect(proxied).toBe(2);
});

test("a service is completed with defaults, HERE's own with its host for scoped tokens; nonsense is refused", () => {
  expect(completeService('here', {})).toMatchObject({ url: HERE_URL, scopedUrl: HERE_SCOPED_URL, concurrency: 4 });
  expect(completeService('own', { url: 'http://127.0.0.1:1' })).toMatchObject({ scopedUrl: null, timeoutMs: 30_000 });
  for (const bad of [{ url: 'ftp://x' }, { url: 'nonsense' }, { concurrency: 0 }, { requestsPerSecond: 0 }]) {
    expect(() => completeService('bad', bad)).toThrow('here.services.bad');
  }
});
