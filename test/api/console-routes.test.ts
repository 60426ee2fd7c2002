// The console's files: what is served under /ui/, and that nothing beside them is.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import fastify from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiApp } from '../../src/api/app.ts';
import { consoleRoutes } from '../../src/api/console-routes.ts';

const SECRET = 'of the machine, not of the console';
let root: string;
let app: ApiApp;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'here-bridge-console-'));
  const folder = path.join(root, 'console');
  mkdirSync(path.join(folder, 'assets'), { recursive: true });
  writeFileSync(path.join(root, 'secret.json'), SECRET);
  writeFileSync(path.join(folder, 'index.html'), '<title>console</title>');
  writeFileSync(path.join(folder, 'logo.svg'), '<svg/>');
  writeFileSync(path.join(folder, 'assets', 'main.js'), 'run()');
  app = fastify() as unknown as ApiApp;
  consoleRoutes(app, folder);
});

afterEach(async () => {
  await app.close();
  rmSync(root, { recursive: true, force: true });
});

test('serves its files, and its page for every other address', async () => {
  expect((await app.inject('/ui/assets/main.js')).body).toBe('run()');
  expect((await app.inject('/ui/logo.svg')).body).toBe('<svg/>');
  for (const address of ['/ui/', '/ui/connections/tenant-a', '/ui/gone.svg']) {
    const page = await app.inject(address);
    expect([page.statusCode, page.body]).toEqual([200, '<title>console</title>']);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  }
});

test.each([
  '/ui/../secret.json',
  '/ui/%2e%2e/secret.json',
  '/ui/%2e%2e%2fsecret.json',
  '/ui/..%5csecret.json',
  '/ui/assets/../../secret.json',
  '/ui/assets/..%2f..%2fsecret.json',
  '/ui/assets/..%5c..%5csecret.json',
  '/ui/assets/%00../../secret.json',
  '/ui/logo.svg/../../secret.json',
  '/ui//secret.json',
  '/ui/assets/',
])('leads to nothing outside of its folder: %s', async (address) => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  // Sent as it is: `fetch` and `inject` would tidy it up.
  const [answer] = (await once(request({ port, path: address }).end(), 'response')) as [IncomingMessage];
  const body = await text(answer);
  expect(body).not.toContain(SECRET);
  expect([200, 400, 403, 404]).toContain(answer.statusCode);
  if (answer.statusCode === 200) expect(body).toBe('<title>console</title>');
});
