// How much the embedded broker retains, in bytes, and for whom there is room when that is reached.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedLimits } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { RetainedMessages } from '../../src/brokers/embedded-retained.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

const notices: string[] = [];
const ROOM = 10_000;

function newStore(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

function open(storeFile: string | null, maxRetainedBytes = ROOM): { retained: RetainedMessages; file: BrokerFile } {
  notices.length = 0;
  const file = new BrokerFile(storeFile);
  file.open();
  onTestFinished(() => file.close());
  const limits = { maxRetained: 100, maxRetainedBytes, ownPrefix: 'own' };
  const retained = new RetainedMessages(file, limits, (text) => notices.push(text));
  retained.load();
  return { retained, file };
}

function message(topic: string, bytes: number) {
  return { topic, payload: Buffer.alloc(bytes), qos: 1, retain: true };
}

async function topicsOf(retained: RetainedMessages): Promise<string[]> {
  const topics: string[] = [];
  for await (const { topic } of retained.matching(['#'], () => false)) topics.push(topic);
  return topics.sort();
}

async function start(limits: Partial<EmbeddedLimits> = { maxRetainedBytes: ROOM }): Promise<EmbeddedBroker> {
  notices.length = 0;
  const broker = createEmbeddedBroker({
    ...{ name: 'test', port: 0, storeFile: null, clock: systemClock, limits },
    onNotice: (text) => notices.push(text),
  });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

test('what is too much to be retained is refused with its connection, and told', async () => {
  const broker = await start();
  const sender = await outside(broker.url);
  onTestFinished(() => sender.endAsync(true));
  const options = { qos: 1, retain: true } as const;
  await sender.publishAsync('a', Buffer.alloc(6_000), options);
  const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
  sender.publish('b', Buffer.alloc(6_000), options);
  await closed;
  await until('it is told', () => notices.some((text) => text.includes('bytes of retained messages already')));
  expect(notices[0]).toContain('could not store "b"');
});

test.each([
  ['bytes', { maxRetainedBytes: ROOM }],
  ['messages', { maxRetained: 1 }],
])('an uplink is acknowledged though it may not be retained, and taken once: too many %s', async (_, limits) => {
  const broker = await start(limits);
  const journal = new RecordingListener();
  broker.openSource({ clientId: 'journal', topics: ['up/#'], expectSession: false }, journal).start();
  await journal.up();
  const heard: string[] = [];
  const reader = await outside(broker.url, { clientId: 'reader', clean: false }, (text) => heard.push(text));
  onTestFinished(() => reader.endAsync(true));
  await reader.subscribeAsync('up/#', { qos: 1 });
  const sender = await outside(broker.url);
  onTestFinished(() => sender.endAsync(true));
  let isCutOff = false;
  sender.once('close', () => {
    isCutOff = true;
  });
  const [kept, tooMuch] = ['k'.repeat(6_000), 't'.repeat(6_000)];
  await sender.publishAsync('other', kept, { qos: 1, retain: true });
  await sender.publishAsync('up/a', tooMuch, { qos: 1, retain: true });
  await sender.publishAsync('up/a', tooMuch, { qos: 2, retain: true });
  await until('both are heard', () => heard.length === 2);
  expect(isCutOff).toBe(false);
  expect(journal.texts).toEqual([tooMuch, tooMuch]);
  expect(notices).toEqual(['Broker "test": uplinks are delivered and not retained: as much is retained as may be']);
  const retained: string[] = [];
  const late = await outside(broker.url, {}, (text) => retained.push(text));
  onTestFinished(() => late.endAsync(true));
  await late.subscribeAsync('#', { qos: 1 });
  await until('what is retained is heard', () => retained.length > 0);
  expect(retained).toEqual([kept]);
});

test('what an uplink without room would have replaced is not retained any more', async () => {
  const { retained, file } = open(newStore());
  await retained.storeIfRoom(message('a', 4_000));
  await retained.storeIfRoom(message('b', 4_000));
  await retained.storeIfRoom(message('a', 6_000));
  expect(await topicsOf(retained)).toEqual(['b']);
  expect(file.all('SELECT topic FROM retained')).toEqual([{ topic: 'b' }]);
  file.close();
  await expect(retained.storeIfRoom(message('c', 1))).rejects.toThrow();
});

test('topics and what each message costs count, and so does what is still being written', async () => {
  const { retained } = open(null);
  const topics = Array.from({ length: 30 }, (_, at) => `${'t'.repeat(500 - 2)}${String(at).padStart(2, '0')}`);
  const stored = await Promise.allSettled(topics.map((topic) => retained.store(message(topic, 1))));
  // 1,001 bytes each.
  expect(stored.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
  await retained.store(message(topics[0]!, 0));
  await retained.store(message('u', 1));
});

test('what is there can be replaced by as much, and by more while there is room', async () => {
  const { retained } = open(null);
  await retained.store(message('a', 4_000));
  await retained.store(message('b', 4_000));
  await retained.store(message('a', 4_000));
  await expect(retained.store(message('a', 6_000))).rejects.toMatchObject({ code: 'retainedLimit' });
  await retained.store(message('b', 1_000));
  await retained.store(message('a', 6_000));
  await expect(retained.store(message('c', 2_000))).rejects.toMatchObject({ code: 'retainedLimit' });
});

test("nobody else can fill the place of the bridge's own topics", async () => {
  const storeFile = newStore();
  const { retained, file } = open(storeFile);
  await retained.store(message('z', ROOM - 501));
  await expect(retained.store(message('b', 1))).rejects.toMatchObject({ code: 'retainedLimit' });
  await retained.store(message('own/status', 1_500));
  await expect(retained.store(message('own/more', 1_500))).rejects.toMatchObject({ code: 'retainedLimit' });
  file.close();
  // The next process has room for all that this one has taken.
  expect(await topicsOf(open(storeFile).retained)).toEqual(['own/status', 'z']);
  expect(notices).toEqual([]);
});

test("at the start no more is loaded than that, but for the bridge's own; the rest stays in the file", async () => {
  const storeFile = newStore();
  const { retained: larger, file } = open(storeFile, 100 * ROOM);
  for (const topic of ['a', 'b', 'c', 'own/status', 'z']) await larger.store(message(topic, 4_500));
  file.close();

  const { retained, file: second } = open(storeFile);
  expect(notices).toEqual(['2 retained messages are left out: all together are too large']);
  expect(await topicsOf(retained)).toEqual(['a', 'b', 'own/status']);
  second.close();

  const { retained: again } = open(storeFile, 100 * ROOM);
  expect(await topicsOf(again)).toEqual(['a', 'b', 'c', 'own/status', 'z']);
  expect(notices).toEqual([]);
});
