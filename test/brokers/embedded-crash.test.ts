// What the embedded broker still knows after its process was killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, RecordingTable, until } from './outside.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function child(storeFile: string): Promise<{ url: string; kill: () => Promise<void> }> {
  const file = path.join(import.meta.dirname, 'embedded-child.ts');
  const started: ChildProcess = spawn(process.execPath, [file, storeFile], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = async (): Promise<void> => {
    if (started.exitCode !== null || started.signalCode !== null) return;
    const ended = once(started, 'exit');
    started.kill('SIGKILL');
    await ended;
  };
  cleanUps.push(kill);
  if (started.stdout === null) throw new Error('no stdout');
  const [port] = await once(createInterface(started.stdout), 'line');
  return { url: `mqtt://127.0.0.1:${port}`, kill };
}

async function store(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'bridge-broker-'));
  cleanUps.push(() => rm(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

async function start(storeFile: string): Promise<EmbeddedBroker> {
  const broker = createEmbeddedBroker({ name: 'next', port: 0, storeFile, clock: systemClock });
  await broker.start();
  cleanUps.push(() => broker.stop());
  return broker;
}

test('retained messages, sessions and what waits in them survive kill -9 from the acknowledgement on', async () => {
  const storeFile = await store();
  const first = await child(storeFile);
  const session = { clientId: 'downlinks', clean: false };
  const subscriber = await outside(first.url, session);
  await subscriber.subscribeAsync('down/#', { qos: 1 });
  await subscriber.endAsync();
  const sender = await outside(first.url);
  const sent = Array.from({ length: 200 }, (_, at) => `command ${at}`);
  await Promise.all(sent.map((text, at) => sender.publishAsync(`down/${at % 5}`, text, { qos: 1 })));
  await Promise.all([
    sender.publishAsync('table/kept', 'value', { qos: 1, retain: true }),
    sender.publishAsync('table/emptied', 'value', { qos: 1, retain: true }),
    sender.publishAsync('table/emptied', '', { qos: 1, retain: true }),
  ]);
  await first.kill();
  sender.end(true);

  const next = await start(storeFile);
  const table = new RecordingTable();
  next.openTable({ prefix: 'table', settleMs: 1 }, table).start();
  await until('the snapshot has come', () => table.snapshots.length === 1);
  expect(table.records).toEqual(['kept=value']);

  const heard: string[] = [];
  const again = await outside(next.url, session, (text) => heard.push(text));
  cleanUps.push(() => again.endAsync(true));
  await until('all are heard', () => heard.length >= sent.length);
  expect(heard).toEqual(sent);
  await again.endAsync();

  const third: string[] = [];
  const last = await outside(next.url, session, (text) => third.push(text));
  cleanUps.push(() => last.endAsync(true));
  await (await outside(next.url)).publishAsync('down/0', 'after', { qos: 1 });
  await until('the next is heard', () => third.length > 0);
  expect(third).toEqual(['after']);
});

test('the will of a publisher in the killed process is published at the next start', async () => {
  const storeFile = await store();
  const first = await child(storeFile);
  const before: string[] = [];
  const watcher = await outside(first.url, {}, (text) => before.push(text));
  await watcher.subscribeAsync('worker/heartbeat', { qos: 1 });
  await until('the heartbeat is heard', () => before.length === 1);
  expect(before).toEqual(['here']);
  await first.kill();
  watcher.end(true);
  const next = await start(storeFile);
  const after: string[] = [];
  const reader = await outside(next.url, {}, (text) => after.push(text));
  cleanUps.push(() => reader.endAsync(true));
  await reader.subscribeAsync('worker/heartbeat', { qos: 1 });
  await until('the will is heard', () => after.length === 1);
  expect(after).toEqual(['gone']);
});

test("a source's session outlives its process: what is acknowledged before the source is back waits for it", async () => {
  const storeFile = await store();
  const options = { clientId: 'uplinks', topics: ['up/#'], expectSession: true };
  const first = await start(storeFile);
  const before = new RecordingListener();
  const opened = first.openSource(options, before);
  opened.start();
  await before.up();
  expect(before.statuses).toEqual([{ kind: 'up', sessionLost: true }]);
  await opened.stop();
  await (await outside(first.url)).publishAsync('up/a', 'one', { qos: 1 });
  await first.stop();

  const second = await start(storeFile);
  await (await outside(second.url)).publishAsync('up/a', 'two', { qos: 1 });
  await second.stop();

  const third = await start(storeFile);
  const after = new RecordingListener();
  const again = third.openSource(options, after);
  again.start();
  await until('both have come', () => after.messages.length === 2);
  expect(after.texts).toEqual(['one', 'two']);
  expect(after.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
  await again.stop();
  await again.clear(1_000);
  await (await outside(third.url)).publishAsync('up/a', 'three', { qos: 1 });
  again.start();
  await (await outside(third.url)).publishAsync('up/a', 'four', { qos: 1 });
  await until('the last has come', () => after.messages.length === 3);
  expect(after.texts).toEqual(['one', 'two', 'four']);
});

test('a table with a session hears of what was deleted before the process was killed', async () => {
  const storeFile = await store();
  const first = await start(storeFile);
  const before = new RecordingTable();
  const options = { prefix: 'connections', settleMs: 1, clientId: 'definitions' };
  first.openTable(options, before).start();
  const publisher = first.openPublisher({});
  publisher.start();
  await until('the publisher is connected', () => publisher.connected);
  await publisher.publish('connections/a', '1', { retain: true });
  await publisher.publish('connections/a', '', { retain: true });
  await publisher.publish('connections/b', '', { retain: true });
  await publisher.publish('connections/b', '2', { retain: true });
  expect(before.records).toEqual(['a=1', 'a=null', 'b=null', 'b=2']);
  await first.stop();
  const next = await start(storeFile);
  const after = new RecordingTable();
  next.openTable(options, after).start();
  await until('the snapshot has come', () => after.snapshots.length === 1);
  expect(after.records).toEqual(['a=null', 'b=2']);
  expect(after.snapshots).toEqual([['b']]);
});
