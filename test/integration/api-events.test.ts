// Events over the API of a real bridge: pages by cursor, the live stream and its resumption, and the API's own description.
import { expect, onTestFinished, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';

async function stage() {
  const sandbox = await useSandbox();
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker: await useBroker('embedded'),
    services: { sandbox: { url: sandbox.url } },
  });
  const { url } = bridge.bridge.health;
  const { email, password, appIds } = sandbox;
  const record = definition({ email, password, appId: appIds[0] });
  return { sandbox, bridge, url, call: apiClient(url), record };
}

/** What a stream has said so far, as it comes. */
async function follow(url: string, headers: Readonly<Record<string, string>> = {}) {
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const response = await fetch(url, { headers, signal: end.signal });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const heard = { text: '', end: () => end.abort() };
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) heard.text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  return heard;
}

test('the stream tells events and states as they come, and after a break what was missed', async () => {
  const { url, call, record } = await stage();
  const all = await follow(`${url}/events/stream`);
  const one = await follow(`${url}/iot-flow/v1/events/stream?connectionId=b`);
  await call('PUT', '/connections/a', record);
  await until('a opens', () => all.text.includes('"kind":"connectionOpened"') && all.text.includes('"state":"OPENED"'));
  expect(one.text).not.toContain('"a"');
  const [, lastId] = /id: (\S+)\nevent: event\n/.exec(all.text) as RegExpExecArray;
  all.end();
  await call('POST', '/connections/a/stop');
  await until('it has stopped', async () => (await call('GET', '/connections/a')).body.state === 'DEACTIVATED');
  const again = await follow(`${url}/events/stream`, { 'last-event-id': lastId as string });
  await until('it is told what it missed', () => again.text.includes('"kind":"connectionDeactivated"'));
  expect(again.text.startsWith('retry: 2000\n\nevent: reset\n')).toBe(true);
  const garbled = await follow(`${url}/events/stream`, { 'last-event-id': 'no id of ours' });
  await until('a stranger reads anew', () => garbled.text.includes('event: reset'));
  await until('the bridge says that it lives', () => again.text.includes(': ping'));
  await call('PUT', '/connections/b', record);
  await until('b is told to its listener', () => one.text.includes('"state":"OPENED"'));
  await call('DELETE', '/connections/b');
  await until('that b is gone too', () => one.text.includes('event: removed\ndata: {"id":"b"}'));
});

test('pages of events lead to older ones, of a time, a kind and a connection', async () => {
  const { call, record } = await stage();
  for (const id of ['a', 'b']) {
    await call('PUT', `/connections/${id}`, record);
    await until(`${id} is open`, async () => (await call('GET', `/connections/${id}`)).body.state === 'OPENED');
    await call('POST', `/connections/${id}/stop`);
    await until(`${id} is off`, async () => (await call('GET', `/connections/${id}`)).body.state === 'DEACTIVATED');
  }
  const all = (await call('GET', '/events?limit=1000')).body as { id: string; time: string; connectionId: string }[];
  expect(all.length).toBeGreaterThanOrEqual(4);
  const paged: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const answer = await call('GET', `/events?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
    paged.push(...answer.body.map((event: { id: string }) => event.id));
    cursor = answer.headers.get('x-next-cursor');
  }
  expect(paged).toEqual(all.map(({ id }) => id));
  const ofA = (await call('GET', '/connections/a/events?kind=connectionOpened,connectionDeactivated')).body;
  expect(ofA.map(({ kind }: { kind: string }) => kind)).toEqual(['connectionDeactivated', 'connectionOpened']);
  const middle = all[1]?.time as string;
  const newer = (await call('GET', `/events?from=${middle}`)).body;
  const older = (await call('GET', `/events?to=${middle}`)).body;
  expect(newer.length + older.length).toBe(all.length);
  expect((await call('GET', '/events?cursor=abc%20')).body.errors[0].pointer).toBe('/cursor');
  expect((await call('GET', '/events?kind=opened')).body.errors[0].message).toContain('connectionOpened');
});

test('the API describes itself: a document without loose ends, and a page that needs nothing from elsewhere', async () => {
  const { url, call } = await stage();
  const { body: document } = await call('GET', '/openapi.json');
  expect(document.openapi).toBe('3.1.1');
  const text = JSON.stringify(document);
  const referred = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]));
  expect([...referred].filter((name) => document.components.schemas[name as string] === undefined)).toEqual([]);
  const ids = Object.values(document.paths).flatMap((item) =>
    Object.values(item as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, { summary?: string; tags?: string[] }>)) {
      expect([path, method, operation.summary, operation.tags]).toEqual([
        path,
        method,
        expect.any(String),
        [expect.any(String)],
      ]);
    }
  }
  const page = await fetch(`${url}/docs`);
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
  const html = await page.text();
  expect(html).toContain('/connections/{id}');
  expect(html).not.toMatch(/<script|<style|style=|https?:\/\/(?!127)/);
  expect((await fetch(`${url}/docs/style.css`)).headers.get('content-type')).toBe('text/css; charset=utf-8');
});
