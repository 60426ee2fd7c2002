// What a session of the embedded broker is subscribed to: what was granted, and nothing else of the same SUBSCRIBE.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { IClientOptions, MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedUser } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, until } from './outside.ts';

const SESSION = { clientId: 'session', clean: false };
const TOO_DEEP = 'a/'.repeat(100).concat('a');
const ALL = { name: 'all', password: 'all' };
const SOME = { name: 'some', password: 'some', subscribe: ['mine/#'] };
const notices: string[] = [];

function newStore(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

async function start(storeFile: string, users: readonly EmbeddedUser[] = []): Promise<EmbeddedBroker> {
  notices.length = 0;
  const onNotice = (text: string) => notices.push(text);
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile, users, clock: systemClock, onNotice });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

async function client(
  broker: EmbeddedBroker,
  options: IClientOptions = SESSION,
  onMessage: (text: string) => void = () => {},
): Promise<MqttClient> {
  const connected = await outside(broker.url, options, onMessage);
  onTestFinished(() => connected.endAsync(true));
  return connected;
}

function as({ name, password }: EmbeddedUser, options: IClientOptions = {}): IClientOptions {
  return { username: name, password: String(password), ...options };
}

/** A SUBSCRIBE with QoS 1, past the checks of mqtt.js. */
function subscribe(subscriber: MqttClient, ...filters: string[]): void {
  const body = filters.map((filter) =>
    Buffer.concat([Buffer.from([filter.length >> 8, filter.length & 0xff]), Buffer.from(filter), Buffer.from([1])]),
  );
  const rest = Buffer.concat([Buffer.from([0, 7]), ...body]);
  const header = [0x82, (rest.length & 0x7f) | 0x80, rest.length >> 7];
  subscriber.stream.write(Buffer.concat([Buffer.from(header), rest]));
}

/** Its SUBACK. */
function granted(subscriber: MqttClient, ...filters: string[]): Promise<unknown> {
  const answer = new Promise<unknown>((resolve) =>
    subscriber.on('packetreceive', (packet) => {
      if (packet.cmd === 'suback') resolve(packet.granted);
    }),
  );
  subscribe(subscriber, ...filters);
  return answer;
}

async function expectCutOff(subscriber: MqttClient, ...filters: string[]): Promise<void> {
  const closed = new Promise<void>((resolve) => subscriber.once('close', () => resolve()));
  subscribe(subscriber, ...filters);
  await closed;
}

/** Of the file of a broker, which ends. */
async function rows(broker: EmbeddedBroker, storeFile: string, select: string): Promise<unknown[]> {
  await broker.stop();
  const db = new DatabaseSync(storeFile);
  const found = db.prepare(select).all();
  db.close();
  return found.map((row) => Object.values(row).join(' '));
}

const FILTERS = 'SELECT client, topic FROM subscriptions ORDER BY client, topic';

function write(storeFile: string, ...statements: string[]): void {
  const db = new DatabaseSync(storeFile);
  for (const statement of statements) db.exec(statement);
  db.close();
}

test.each([
  ['101 levels', TOO_DEEP],
  ['many wildcards', '#/#/#/#'],
  ['a wildcard within', 'a/#/b'],
])('a filter that ends the connection is not kept: %s', async (_, bad) => {
  const storeFile = newStore();
  const broker = await start(storeFile);
  await expectCutOff(await client(broker), 'ok', bad);
  // Its session can be used.
  const heard: string[] = [];
  await client(broker, SESSION, (text) => heard.push(text));
  await (await client(broker, {})).publishAsync('ok', 'x', { qos: 1 });
  await until('it is heard', () => heard.length === 1);
  expect(await rows(broker, storeFile, FILTERS)).toEqual(['session ok']);
  await start(storeFile);
});

test('a filter that is none is refused, though aedes lets it pass', async () => {
  const storeFile = newStore();
  const broker = await start(storeFile);
  expect(await granted(await client(broker), 'a+', 'ok', 'a#')).toEqual([128, 1, 128]);
  expect(await rows(broker, storeFile, FILTERS)).toEqual(['session ok']);
});

test('nothing waits for a session by a filter that was refused to it', async () => {
  const storeFile = newStore();
  const broker = await start(storeFile, [ALL, SOME]);
  expect(await granted(await client(broker, as(SOME, SESSION)), 'mine/a', 'others/#')).toEqual([1, 128]);
  const publisher = await client(broker, as(ALL));
  await publisher.publishAsync('others/a', 'x', { qos: 1 });
  expect(await rows(broker, storeFile, 'SELECT topic FROM outgoing')).toEqual([]);
  const again = await start(storeFile, [ALL, SOME]);
  expect(await rows(again, storeFile, FILTERS)).toEqual(['session mine/a']);
});

test('filters that a former version kept do not prevent the start, and are forgotten', async () => {
  const storeFile = newStore();
  await (await start(storeFile)).stop();
  write(
    storeFile,
    ...[TOO_DEEP, '#/#/#/#', 'ok'].map((topic) => `INSERT INTO subscriptions VALUES ('session', '${topic}', 1)`),
    "INSERT INTO subscriptions VALUES ('other', 'a/#/b', 1)",
    "INSERT INTO owners VALUES ('session', 'all'), ('other', 'all')",
  );
  const broker = await start(storeFile);
  expect(notices).toEqual([expect.stringMatching(/3 filters of sessions are dropped: .*"a\/#\/b"/)]);
  const heard: string[] = [];
  await client(broker, SESSION, (text) => heard.push(text));
  await client(broker, { clientId: 'other', clean: false });
  await (await client(broker, {})).publishAsync('ok', 'x', { qos: 1 });
  await until('it is heard', () => heard.length === 1);
  expect(await rows(broker, storeFile, FILTERS)).toEqual(['session ok']);
  const again = await start(storeFile);
  expect(notices).toEqual([]);
  expect(await rows(again, storeFile, 'SELECT client FROM owners')).toEqual(['session']);
});

test('nothing waits by a filter that a user may not read any more, and all does when it may again', async () => {
  const storeFile = newStore();
  const first = await start(storeFile, [ALL, { ...SOME, subscribe: ['#'] }]);
  expect(await granted(await client(first, as(SOME, SESSION)), 'mine/a', 'others/#')).toEqual([1, 1]);
  await first.stop();

  const narrow = await start(storeFile, [ALL, SOME]);
  expect(notices).toEqual([expect.stringContaining('1 filters of sessions are left out')]);
  const publisher = await client(narrow, as(ALL));
  await publisher.publishAsync('others/a', 'x', { qos: 1 });
  await publisher.publishAsync('mine/a', 'y', { qos: 1 });
  expect(await rows(narrow, storeFile, 'SELECT topic FROM outgoing')).toEqual(['mine/a']);

  const wide = await start(storeFile, [ALL, { ...SOME, subscribe: ['#'] }]);
  const heard: string[] = [];
  await client(wide, as(SOME, SESSION), (text) => heard.push(text));
  await (await client(wide, as(ALL))).publishAsync('others/a', 'z', { qos: 1 });
  await until('both are heard', () => heard.length === 2);
  expect(heard).toEqual(['y', 'z']);
  expect(notices).toEqual([]);
});
