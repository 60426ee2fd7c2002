// The way back at its edges: one device of two connections, HERE without shadows, hostile answers, what is too late to cancel.
import { createServer } from 'node:http';
import { connect } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import {
  definition,
  LocalBridge,
  type Settings,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { Application } from '../support/commands.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';
const FAST = { downlinks: { pollMinMs: 500, pollMaxMs: 500 } };

interface Heard {
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ready(url: (sandbox: Sandbox) => string | Promise<string> = ({ url }) => url) {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const dataDir = temporaryFolder();
  const services = { test: { url: await url(sandbox) } };
  const start = () => LocalBridge.start({ dataDir, broker, services, settings: FAST });
  let local = await start();
  const client = connect(broker.url, { reconnectPeriod: 200 });
  onTestFinished(() => client.endAsync(true));
  const heard: Heard[] = [];
  client.on('message', (topic, payload) => {
    const text = String(payload);
    if (!text.startsWith('{"DevEUI_downlink":')) return;
    const { DevEUI_downlink: body } = JSON.parse(text) as { DevEUI_downlink: Heard['body'] };
    heard.push({ topic, body });
  });
  await client.subscribeAsync('#', { qos: 1 });
  const { email, password, appIds } = sandbox;
  return {
    ...{ sandbox, dataDir, heard },
    get local() {
      return local;
    },
    async restart(meanwhile: () => Promise<void>): Promise<void> {
      await local.stop();
      await meanwhile();
      local = await start();
      await untilState(local, 'a', 'OPENED');
      await until('the source is up', async () => (await local.connection('a'))?.status.source?.up);
    },
    async open(id: string, more: Settings = {}): Promise<void> {
      const source = { topics: [`${id}/+/uplink`] };
      await local.apply(id, definition({ email, password, appId: appIds[0], downlinkPort: 2, source, ...more }));
      await untilState(local, id, 'OPENED');
      await until('the source is up', async () => (await local.connection(id))?.status.source?.up);
    },
    async uplink(id: string, device = DEVICE): Promise<void> {
      const before = sandbox.device(appIds[0] as string, device)?.accepted ?? 0;
      const body = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, payload: { temperature: 20 } };
      await client.publishAsync(`${id}/${device}/uplink`, JSON.stringify({ DevEUI_uplink: body }), { qos: 1 });
      await until('HERE has the uplink', () => (sandbox.device(appIds[0] as string, device)?.accepted ?? 0) > before);
    },
    asked: (what: string) => Object.values(sandbox.stats().requests[what] ?? {}).reduce((sum, count) => sum + count, 0),
    ledger: (id: string) => local.bridge.control.commands.ledger(id)?.ledger,
  };
}

test('of two connections on one project the one that heard the device last has its commands, and only that one', async () => {
  const it = await ready();
  for (const id of ['a', 'b']) await it.open(id, { downlinkTopicPattern: `${id}/{DevEUI}/down` });
  const application = await Application.logIn(it.sandbox);
  const turns = ['a', 'b', 'b', 'a'];
  for (const [turn, id] of turns.entries()) {
    await it.uplink(id);
    await application.desire(DEVICE, { payload: { payload_hex: `0${turn}` } });
    await until(`turn ${turn}`, () => it.heard.length > turn);
  }
  // A look later nobody else has taken them either.
  const asked = it.asked('GET /shadows/v4');
  await until('two more looks', () => it.asked('GET /shadows/v4') >= asked + 2);
  expect(it.heard.map(({ topic, body }) => [topic, body.payload_hex])).toEqual(
    turns.map((id, turn) => [`${id}/${DEVICE}/down`, `0${turn}`]),
  );
  expect([it.ledger('a')?.seen, it.ledger('b')?.seen]).toEqual([2, 2]);
});

test('commands of devices that must be heard before their topic is known hold up no others', async () => {
  const it = await ready();
  await it.open('a', { downlinkTopicPattern: 'port/{FPort}/{DevEUI}' });
  // More than are published at a time.
  const devices = Array.from({ length: 60 }, (_, at) => `70B3D500000000${String(at + 10)}`);
  for (const device of devices) await it.uplink('a', device);
  await it.restart(async () => {
    const application = await Application.logIn(it.sandbox);
    for (const device of devices) await application.desire(device, { payload: { payload_hex: device.slice(-2) } });
  });
  await until('all wait', () => it.ledger('a')?.waiting === devices.length);
  const last = devices.at(-1) as string;
  await it.uplink('a', last);
  await until('the one that was heard has its downlink', () => it.heard.length > 0);
  expect(it.heard.map(({ topic }) => topic)).toEqual([`port/1/${last}`]);
  await until('it is committed', () => it.ledger('a')?.published === 1);
  expect(it.ledger('a')?.waiting).toBe(devices.length - 1);
});

describe('HERE refuses', () => {
  test('the list of changes: the served devices are asked for by their ids', async () => {
    const it = await ready();
    it.sandbox.addFault({ name: '403', path: '/shadows/v4' });
    await it.open('a');
    await it.uplink('a');
    const application = await Application.logIn(it.sandbox);
    const version = await application.desire(DEVICE, { payload: { payload_hex: '01' } });
    await until('the downlink', () => it.heard[0]);
    expect(it.asked('POST /shadows/v2/batch')).toBeGreaterThan(0);
    expect(it.asked('GET /shadows/v4')).toBe(1);
    for (let uplink = 0; uplink < 2; uplink++) await it.uplink('a');
    await until('HERE has the version', async () => (await application.reported(DEVICE)) === version);
    expect((await it.local.events('a')).map(({ kind }) => kind)).not.toContain('shadowsRefused');
  });

  test('all shadows: an event once, no more questions for now, and telemetry is untouched', async () => {
    const it = await ready();
    for (const path of ['/shadows/v4', '/shadows/v2']) it.sandbox.addFault({ name: '403', path });
    await it.open('a');
    await it.uplink('a');
    const told = await until('it is told', async () =>
      (await it.local.events('a')).find(({ kind }) => kind === 'shadowsRefused'),
    );
    expect(told.message).toContain('asked again every 10 minutes');
    const asked = () => it.asked('GET /shadows/v4') + it.asked('POST /shadows/v2/batch');
    const before = asked();
    // Longer than four looks.
    for (const end = Date.now() + 2_200; Date.now() < end; ) await it.uplink('a');
    expect(asked()).toBe(before);
    expect((await it.local.connection('a'))?.state).toBe('OPENED');
    expect((await it.local.events('a')).filter(({ kind }) => kind === 'shadowsRefused')).toMatchObject([{ count: 1 }]);
  });
});

function hostileList(timestamp: string): string {
  const shadow = (payload: unknown, more: object = {}) => ({
    desired: { timestamp, payload, system: { stateVersion: 1 }, ...more },
  });
  let deep = '1';
  for (let level = 0; level < 5_000; level++) deep = `[${deep}]`;
  const good = { payload_hex: 'AA' };
  const items = [
    ...[
      '70B3D5000000000+',
      '#',
      '../x',
      'a/b',
      '70B3D500000000011',
      '',
      '__proto__',
      '70B3D5000000000\u0000',
      5,
      null,
    ].map((externalId) => ({ externalId, shadow: shadow(good) })),
    ...[null, 1, [], 'x', {}, { externalId: DEVICE }, { externalId: DEVICE, shadow: null }],
    { externalId: DEVICE, shadow: shadow(good, { timestamp: 'yesterday' }) },
    ...['1', -1, 1e99, null, {}].map((stateVersion) => ({
      externalId: DEVICE,
      shadow: shadow(good, { system: { stateVersion } }),
    })),
    { externalId: '70B3D50000000002', shadow: shadow({ DevEUI: '70B3D50000000009', payload_hex: 'BB' }) },
    { externalId: '70B3D50000000003', shadow: shadow('x'.repeat(100_000)) },
    { externalId: '70B3D50000000004', shadow: shadow({ payload: { nul: 'a\u0000b/#+' } }) },
    { externalId: DEVICE.toLowerCase(), shadow: shadow(good) },
  ];
  return JSON.stringify({ items }).replace(
    '{"items":[',
    `{"items":[{"externalId":"70B3D50000000005","shadow":{"desired":{"timestamp":"${timestamp}","payload":{"deep":${deep}},` +
      `"system":{"stateVersion":1,"__proto__":{"x":1}}}}},`,
  );
}

test('a hostile list can neither publish elsewhere nor crash, and what is good in it goes its way', async () => {
  // Of the first look: later than the connection's beginning.
  let list: string | null = null;
  const it = await ready(async ({ url }) => {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>;
      const method = request.method ?? 'GET';
      const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) };
      const isList = request.url?.startsWith('/shadows/v4') === true;
      if (isList) list ??= hostileList(new Date().toISOString());
      const answer = isList ? new Response(list) : await fetch(`${url}${request.url}`, { method, headers, ...body });
      response.writeHead(answer.status, { 'content-type': 'application/json', date: new Date().toUTCString() });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  await it.open('a');
  const devices = [1, 2, 3, 4, 5].map((n) => `70B3D5000000000${n}`);
  for (const device of devices) await it.uplink('a', device);
  await until('all five are seen', () => it.ledger('a')?.seen === devices.length);
  await until('none waits', () => it.ledger('a')?.waiting === 0);
  const topics = it.heard.map(({ topic }) => topic).sort();
  expect(topics).toEqual([`mqtt/things/${DEVICE}/downlink`, 'mqtt/things/70B3D50000000004/downlink']);
  expect(it.ledger('a')).toMatchObject({ published: 2, refused: 3 });
  expect(({} as Record<string, unknown>).x).toBeUndefined();
  const told = (await it.local.events('a')).filter(({ kind }) => kind === 'commandRefused');
  expect(told.map(({ message }) => message).join()).toMatch(/another device/);
});

test('what is too late to cancel is told in one sentence, with the exit code of a verdict', async () => {
  const it = await ready();
  await it.open('a');
  await it.uplink('a');
  await (await Application.logIn(it.sandbox)).desire(DEVICE, { payload: { payload_hex: '01' } });
  await until('it is published', () => it.ledger('a')?.published === 1);
  const [command] = it.local.bridge.control.commands.list('a', { limit: 1 })?.commands ?? [];
  const args = ['--data-dir', it.dataDir];
  const late = await cli(['commands', 'cancel', 'a', String(command?.id), ...args]);
  expect(late).toMatchObject({ code: 1, out: '' });
  expect(late.err).toMatch(/Command \d+ is published: it is too late to cancel it\n$/);
  expect((await cli(['commands', 'cancel', 'a', '999', ...args])).code).toBe(66);
});
