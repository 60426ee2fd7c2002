// Who gets into the embedded broker: whose a client id is, and how often a password may be tried.
import { randomBytes, scryptSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Client } from 'aedes';
import type { IClientOptions, MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from '../../src/brokers/embedded.ts';
import { Entrance } from '../../src/brokers/embedded-entrance.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { ClientOwners } from '../../src/brokers/embedded-owners.ts';
import { ClientRights } from '../../src/brokers/embedded-rights.ts';
import { UserList } from '../../src/brokers/embedded-users.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { outside, RecordingTable, until } from './outside.ts';

const DEVICE = { publish: ['things/{username}/up'], subscribe: ['things/{username}/down'] };
const USERS = [
  { name: 'network', password: 'network' },
  { name: 'anna', password: 'anna', ...DEVICE },
  { name: 'bert', password: 'bert', ...DEVICE },
];
const SESSION = { clientId: 'thing', clean: false };
/** CONNACK of MQTT 3.1.1. */
const REJECTED = { code: 2 };
const LATER = { code: 3 };
const WRONG = { code: 4 };

async function start(options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> {
  const made = { name: 'test', port: 0, storeFile: null, clock: systemClock, users: USERS, ...options };
  const broker = createEmbeddedBroker(made);
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

function storeFile(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

async function as(
  broker: EmbeddedBroker,
  name: string,
  options: IClientOptions = {},
  onMessage: (text: string) => void = () => {},
): Promise<MqttClient> {
  const client = await outside(broker.url, { username: name, password: name, ...options }, onMessage);
  onTestFinished(() => client.endAsync(true));
  return client;
}

/** A session of anna's, with a command that waits in it. */
async function leaveSession(broker: EmbeddedBroker, text: string): Promise<void> {
  const anna = await as(broker, 'anna', SESSION);
  await anna.subscribeAsync('things/anna/down', { qos: 1 });
  await anna.endAsync();
  const network = await as(broker, 'network');
  await network.publishAsync('things/anna/down', text, { qos: 1 });
  await network.endAsync();
}

/** What anna gets when she is back. */
async function fetched(broker: EmbeddedBroker): Promise<string> {
  const heard: string[] = [];
  const anna = await as(broker, 'anna', SESSION, (text) => heard.push(text));
  await until('the command has come', () => heard.length > 0);
  await anna.endAsync();
  return heard.join();
}

test('a session and what waits in it are ended by nobody but their user, after a restart neither', async () => {
  const options = { storeFile: storeFile() };
  const first = await start(options);
  await leaveSession(first, 'open');
  for (const clean of [true, false]) {
    await expect(as(first, 'bert', { ...SESSION, clean })).rejects.toMatchObject(REJECTED);
    await expect(as(first, 'network', { ...SESSION, clean })).rejects.toMatchObject(REJECTED);
  }
  expect(await fetched(first)).toBe('open');
  await leaveSession(first, 'close');
  await first.stop();
  const next = await start(options);
  await expect(as(next, 'bert', { ...SESSION, clean: true })).rejects.toMatchObject(REJECTED);
  expect(await fetched(next)).toBe('close');
  // Its user may end it; then the client id is free.
  await (await as(next, 'anna', { ...SESSION, clean: true })).endAsync();
  await as(next, 'bert', SESSION);
});

test('a connection is not taken over by another user, and by its own one as before', async () => {
  const broker = await start();
  const anna = await as(broker, 'anna', { clientId: 'thing' });
  let closed = false;
  anna.on('close', () => {
    closed = true;
  });
  await expect(as(broker, 'bert', { clientId: 'thing' })).rejects.toMatchObject(REJECTED);
  await anna.publishAsync('things/anna/up', 'x', { qos: 1 });
  expect(closed).toBe(false);
  const again = await as(broker, 'anna', { clientId: 'thing' });
  await until('the former one is cut off', () => closed);
  await expect(as(broker, 'bert', { clientId: 'thing' })).rejects.toMatchObject(REJECTED);
  await again.endAsync();
  await expect.poll(() => as(broker, 'bert', { clientId: 'thing' }).then(() => 'in', String)).toBe('in');
});

test('a session that an older version left goes to a user who may read of it, one of a former user as well', async () => {
  const options = { storeFile: storeFile() };
  const old = await start(options);
  await leaveSession(old, 'open');
  await old.stop();
  const db = new DatabaseSync(options.storeFile);
  db.exec('DROP TABLE owners; PRAGMA user_version = 2');
  db.close();
  const next = await start(options);
  await expect(as(next, 'bert', { ...SESSION, clean: true })).rejects.toMatchObject(REJECTED);
  expect(await fetched(next)).toBe('open');
  // From now on it is known.
  await expect(as(next, 'network', { ...SESSION, clean: true })).rejects.toMatchObject(REJECTED);
  await next.stop();
  const third = await start({ ...options, users: USERS.filter(({ name }) => name !== 'anna') });
  await expect(as(third, 'bert', { ...SESSION, clean: true })).rejects.toMatchObject(REJECTED);
  await as(third, 'network', { ...SESSION, clean: true });
});

test("the bridge's own clients have names that no client of the outside gets, without users neither", async () => {
  const options = { storeFile: storeFile(), users: [] };
  const first = await start(options);
  const publisher = first.openPublisher({
    clientId: 'main',
    will: { topic: 'worker/heartbeat', payload: 'gone', retain: true },
  });
  publisher.start();
  await publisher.publish('worker/heartbeat', 'here', { retain: true });
  const will = { topic: 'worker/heartbeat', payload: Buffer.from('forged'), qos: 1 as const, retain: true };
  await expect(outside(first.url, { clientId: 'here-bridge/main', will })).rejects.toMatchObject(REJECTED);
  await first.stop();
  const next = await start(options);
  const table = new RecordingTable();
  next.openTable({ prefix: 'worker', settleMs: 1 }, table).start();
  await until('the snapshot has come', () => table.snapshots.length === 1);
  expect(table.records).toEqual(['heartbeat=gone']);
});

test('passwords are guessed slowly, and who was there before is not held up by it', async () => {
  const clock = new ManualClock();
  const notices: string[] = [];
  const broker = await start({ clock, onNotice: (text) => notices.push(text) });
  await (await as(broker, 'anna', { clientId: 'thing' })).endAsync();
  const guess = (n: number, clientId: string) => as(broker, 'anna', { password: `guess ${n}`, clientId });
  // A device that tries a wrong password for ever.
  for (let n = 0; n < 10; n++) await expect(guess(n, 'stale')).rejects.toMatchObject(WRONG);
  await expect(guess(10, 'stale')).rejects.toMatchObject(LATER);
  await expect(as(broker, 'anna', { clientId: 'stale' })).rejects.toMatchObject(LATER);
  await (await as(broker, 'anna', { clientId: 'new' })).endAsync();
  // Somebody who takes another client id and another name each time.
  for (let n = 10; n < 100; n++) await expect(guess(n, `guess ${n}`)).rejects.toMatchObject(WRONG);
  await expect(guess(100, 'guess 100')).rejects.toMatchObject(LATER);
  await expect(as(broker, 'nobody')).rejects.toMatchObject(LATER);
  await as(broker, 'anna', { clientId: 'thing' });
  await as(broker, 'anna', { clientId: 'new' });
  await expect(as(broker, 'anna', { clientId: 'newer' })).rejects.toMatchObject(LATER);
  expect(notices.filter((text) => text.includes('too many'))).toEqual([
    'Broker "test": too many wrong passwords from 127.0.0.1',
  ]);
  await clock.advance(1000);
  await as(broker, 'anna', { clientId: 'newer' });
});

test('a right password that nobody had the time to look at is not taken for a wrong one', async () => {
  const salt = randomBytes(16);
  const hash = scryptSync('anna', salt, 32, { N: 2 ** 10, r: 1, p: 1 });
  const password = `$scrypt$ln=10,r=1,p=1$${salt.toString('base64')}$${hash.toString('base64')}`;
  const users = [{ name: 'anna', password }];
  const rights = new ClientRights(users);
  const owners = new ClientOwners(new BrokerFile(null));
  const clock = new ManualClock();
  const entrance = new Entrance({ users: new UserList(users), rights, owners, topicsOf: () => null, clock });
  const code = (id: string, text: string): Promise<number> =>
    new Promise((resolve) => {
      const client = { id, closed: false, conn: { remoteAddress: '192.0.2.1', destroyed: false } };
      entrance.authenticate(client as unknown as Client, 'anna', Buffer.from(text), (error) =>
        resolve(error === null ? 0 : (error.returnCode ?? -1)),
      );
    });
  // As many as may wait for their turn.
  const wrong = Array.from({ length: 16 }, (_, n) => code(`wrong ${n}`, 'wrong'));
  for (let n = 0; n < 20; n++) expect(await code('thing', 'anna')).toBe(LATER.code);
  expect(await Promise.all(wrong)).toEqual(Array(16).fill(WRONG.code));
  expect(await code('thing', 'anna')).toBe(0);
});
