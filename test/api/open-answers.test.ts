// A stream that was opened with a session is cut when the session is over, and not before.
import { request as httpRequest } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import type { Authentication } from '../../src/api/rights.ts';
import type { Role } from '../../src/domain/access.ts';
import { portsOf } from '../support/api.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

const known = (role: Role): Authentication => ({
  kind: 'ok',
  principal: { kind: 'session', name: 'anna', role, user: 'anna' },
});
const refused = (status: 401 | 503): Authentication => ({ kind: 'refused', status, message: 'over' });

async function stream() {
  const clock = new ManualClock();
  let verdict = known('admin');
  const { app } = await createApp({ ports: portsOf({}, { clock }), authenticate: () => verdict });
  app.get('/endless', { config: { right: 'users:read' } }, (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200);
    reply.raw.write('first\n');
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  let isOpen = true;
  await new Promise<void>((resolve, reject) => {
    const call = httpRequest(`${url}/endless`, (response) => {
      response.once('data', () => resolve());
      response.on('close', () => {
        isOpen = false;
      });
      response.on('error', () => {});
    });
    call.on('error', reject);
    call.end();
  });
  return {
    become: (next: Authentication) => {
      verdict = next;
    },
    isOpenAfter: async (ms: number) => {
      for (let at = 0; at < ms; at += 10_000) {
        await clock.advance(10_000);
        await settle(20);
      }
      return isOpen;
    },
    get isOpen() {
      return isOpen;
    },
  };
}

test.each<[string, Authentication]>([
  ['the session is over', refused(401)],
  ['the role is a lesser one', known('operator')],
])('a stream is cut when %s', async (_, next) => {
  const one = await stream();
  expect(await one.isOpenAfter(60_000)).toBe(true);
  one.become(next);
  await one.isOpenAfter(30_000);
  await expect.poll(() => one.isOpen).toBe(false);
});

test('a stream goes on while its issuer cannot be asked', async () => {
  const one = await stream();
  one.become(refused(503));
  expect(await one.isOpenAfter(120_000)).toBe(true);
});
