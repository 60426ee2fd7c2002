// `Idempotency-Key`: what is answered again, and what nobody can do with it to others.
import { expect, onTestFinished, test } from 'vitest';
import { type ApiApp, createApp } from '../../src/api/app.ts';
import type { CommandControl } from '../../src/domain/ports/commands.ts';
import { portsOf } from '../support/api.ts';

const ADDRESS = '11111111-1111-4111-8111-111111111111';
const DOWNLINK = { DevEUI_downlink: { DevEUI: '0018B20000000B20' } };

/** Each downlink gets a number of its own. `outcomes`: what comes before those. */
async function stage(outcomes: ReturnType<CommandControl['post']>[] = []): Promise<ApiApp> {
  let id = 0;
  const post: CommandControl['post'] = (uuid) => {
    if (uuid !== ADDRESS) return { kind: 'notFound', message: 'There is no such address' };
    id += 1;
    return outcomes.shift() ?? { kind: 'ok', id };
  };
  const { app } = await createApp({
    ports: portsOf({ commands: { post } as CommandControl }),
    authenticate: () => ({ kind: 'refused', status: 401, message: 'Who are you?' }),
  });
  onTestFinished(() => app.close());
  return app;
}

async function send(app: ApiApp, key: string, payload: object | string = DOWNLINK, uuid = ADDRESS) {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const { statusCode, body } = await app.inject({ method: 'POST', url: `/downlinkMessages/${uuid}`, payload, headers });
  return [statusCode, JSON.parse(body).id ?? null];
}

test('strangers without an address push out no answer that is kept', { timeout: 120_000 }, async () => {
  const app = await stage();
  expect(await send(app, 'first')).toEqual([202, 1]);
  const stranger = ADDRESS.replaceAll('1', '2');
  for (let n = 0; n < 1_100; n++) expect((await send(app, `key${n}`, DOWNLINK, stranger))[0]).toBe(404);
  expect(await send(app, 'first')).toEqual([202, 1]);
  expect((await send(app, 'first', { DevEUI_downlink: {} }))[0]).toBe(422);
  expect(await send(app, 'second')).toEqual([202, 2]);
});

test('what was refused is tried again with the same key', async () => {
  const app = await stage([{ kind: 'tooOften', message: 'Too many', retryAfterS: 1 }]);
  expect((await send(app, 'one'))[0]).toBe(429);
  expect(await send(app, 'one')).toEqual([202, 2]);
  expect(await send(app, 'one')).toEqual([202, 2]);
});

test('a body that is nested too deeply is a 400, with a key and without', async () => {
  const app = await stage();
  const deep = `{"DevEUI_downlink":{"DevEUI":"0018B20000000B20","a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`;
  expect((await send(app, 'deep', deep))[0]).toBe(400);
  const headers = { 'content-type': 'application/json' };
  const plain = await app.inject({ method: 'POST', url: `/downlinkMessages/${ADDRESS}`, payload: deep, headers });
  expect([plain.statusCode, plain.json().errors[0].pointer]).toEqual([400, '/DevEUI_downlink']);
  expect(await send(app, 'deep')).toEqual([202, 1]);
});
