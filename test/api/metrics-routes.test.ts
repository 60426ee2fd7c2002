// `/metrics` and `/here/usage`: who may read them, and in which form.
import { expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import type { Authentication } from '../../src/api/rights.ts';
import { portsOf } from '../support/api.ts';

const nobody: Authentication = { kind: 'refused', status: 401, message: 'Who are you?' };
const viewer: Authentication = { kind: 'ok', principal: { kind: 'session', name: 'v', role: 'viewer', user: 'v' } };
const metrics = { read: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'x 1\n' }) };

async function appOf(who: Authentication, metricsPublic = false) {
  const { app } = await createApp({ ports: portsOf({}, { metrics, metricsPublic }), authenticate: () => who });
  return app;
}

test('metrics are for viewers, in the form that scrapers ask for', async () => {
  const app = await appOf(viewer);
  const accept = 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const answer = await app.inject({ url: '/metrics', headers: { accept } });
  expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
    'x 1\n',
  ]);
  expect((await app.inject({ url: '/iot-flow/v1/metrics' })).statusCode).toBe(404);
  expect((await app.inject({ url: '/here/usage' })).json()).toEqual([]);
  expect((await (await appOf(nobody)).inject({ url: '/metrics' })).statusCode).toBe(401);
});

test('metrics are for everyone where the operator says so, and nothing else is', async () => {
  const app = await appOf(nobody, true);
  expect((await app.inject({ url: '/metrics' })).statusCode).toBe(200);
  expect((await app.inject({ url: '/here/usage' })).statusCode).toBe(401);
});
