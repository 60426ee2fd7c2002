// What the embedded broker remembers of QoS 2 publishes until PUBREL: identifiers, of so many clients, so many of each.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { IClientOptions, MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedLimits } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { LIMITS } from '../../src/brokers/embedded-limits.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

const notices: string[] = [];

function newStore(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

async function start(storeFile: string | null, limits: Partial<EmbeddedLimits> = {}): Promise<EmbeddedBroker> {
  notices.length = 0;
  const onNotice = (text: string) => notices.push(text);
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile, clock: systemClock, limits, onNotice });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

async function client(
  broker: EmbeddedBroker,
  options: IClientOptions = {},
  onMessage: (text: string) => void = () => {},
): Promise<MqttClient> {
  const connected = await outside(broker.url, options, onMessage);
  onTestFinished(() => connected.endAsync(true));
  return connected;
}

/** Publishes `x` to `up/a` with QoS 2 under the packet identifier 1, and never releases it. True: PUBREC came. */
async function publishUnreleased(sender: MqttClient, dup = false): Promise<boolean> {
  const answered = new Promise<boolean>((resolve) => {
    sender.on('packetreceive', ({ cmd }) => {
      if (cmd === 'pubrec') resolve(true);
    });
    sender.once('close', () => resolve(false));
  });
  sender.stream.write(Buffer.concat([Buffer.from([dup ? 0x3c : 0x34, 9, 0, 4]), Buffer.from('up/a\0\x01x')]));
  return answered;
}

async function cutOff(sender: MqttClient): Promise<void> {
  const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
  sender.stream.destroy();
  await closed;
}

async function persistence(): Promise<{ store: DiskPersistence; file: BrokerFile }> {
  notices.length = 0;
  const file = new BrokerFile(null);
  file.open();
  onTestFinished(() => file.close());
  const limits = { ...LIMITS, maxMessages: 10, maxBytes: 1_000, maxTotalBytes: 10_000, ownPrefix: null };
  const store = new DiskPersistence(file, limits, (text) => notices.push(text));
  await store.setup({ id: 'broker' });
  return { store, file };
}

function packet(messageId: number, bytes = 1) {
  return { topic: 'up/a', payload: Buffer.alloc(bytes), qos: 2, retain: false, messageId };
}

test('of a message that waits for PUBREL nothing but its identifier is kept', async () => {
  const { store } = await persistence();
  for (const clean of [true, false]) {
    const sender = { id: `clean: ${clean}`, clean };
    await store.incomingStorePacket(sender, packet(7, 1024 * 1024));
    expect(await store.incomingGetPacket(sender, { messageId: 7 })).toMatchObject({ messageId: 7, qos: 2 });
    expect((await store.incomingGetPacket(sender, { messageId: 7 })).payload).toHaveLength(0);
    await store.incomingDelPacket(sender, { messageId: 7 });
    await expect(store.incomingGetPacket(sender, { messageId: 7 })).rejects.toThrow('no such packet');
  }
});

test('what a client repeats goes out once, whatever connection and process it comes by', async () => {
  const storeFile = newStore();
  const session = { clientId: 'sender', clean: false };
  const heard: string[] = [];
  const first = await start(storeFile);
  await (await client(first, {}, (text) => heard.push(text))).subscribeAsync('up/#', { qos: 2 });
  expect(await publishUnreleased(await client(first, session))).toBe(true);
  await until('it is heard', () => heard.length === 1);
  expect(await publishUnreleased(await client(first, session), true)).toBe(true);
  await first.stop();
  const second = await start(storeFile);
  const listener = await client(second, {}, (text) => heard.push(text));
  await listener.subscribeAsync('up/#', { qos: 2 });
  const sender = await client(second, session);
  expect(await publishUnreleased(sender, true)).toBe(true);
  // Behind it: what had gone out once more would have come first.
  await sender.publishAsync('up/b', 'y', { qos: 2 });
  await until('the next is heard', () => heard.includes('y'));
  expect(heard).toEqual(['x', 'y']);
});

test('only so many clients leave publishes unreleased: who is away is forgotten, else it is refused', async () => {
  const broker = await start(newStore(), { maxSessions: 2 });
  const journal = new RecordingListener();
  broker.openSource({ clientId: 'journal', topics: ['up/#'], expectSession: false }, journal).start();
  await journal.up();
  const second = await client(broker, { clientId: 'second', clean: false });
  expect(await publishUnreleased(await client(broker, { clientId: 'first', clean: false }))).toBe(true);
  expect(await publishUnreleased(second)).toBe(true);
  // Those that begin anew with each connection are as many as are connected.
  expect(await publishUnreleased(await client(broker, { clientId: 'clean' }))).toBe(true);
  expect(await publishUnreleased(await client(broker, { clientId: 'third', clean: false }))).toBe(false);
  expect(notices).toEqual([expect.stringContaining('"third": The broker waits for PUBREL of 2 clients already')]);
  // Before the journals have it: it will come again.
  expect(journal.texts).toEqual(['x', 'x', 'x']);

  await cutOff(second);
  expect(await publishUnreleased(await client(broker, { clientId: 'third', clean: false }))).toBe(true);
  expect(notices.at(-1)).toContain('are forgotten: there are too many');
});

test('clients that are away with a session keep nobody out: rather one without a session is forgotten, else the oldest', async () => {
  const storeFile = newStore();
  const limits = { maxSessions: 3 };
  const first = await start(storeFile, limits);
  for (const clientId of ['first', 'second', 'bare']) {
    const sender = await client(first, { clientId, clean: false });
    if (clientId !== 'bare') await sender.subscribeAsync(`to/${clientId}`, { qos: 1 });
    expect(await publishUnreleased(sender)).toBe(true);
  }
  await first.stop();

  const broker = await start(storeFile, limits);
  const journal = new RecordingListener();
  broker.openSource({ clientId: 'journal', topics: ['up/#'], expectSession: false }, journal).start();
  await journal.up();
  expect(await publishUnreleased(await client(broker, { clientId: 'fourth', clean: false }))).toBe(true);
  expect(await publishUnreleased(await client(broker, { clientId: 'fifth', clean: false }))).toBe(true);
  expect(notices.at(-1)).toContain('are forgotten: there are too many');
  await broker.stop();
  const file = new BrokerFile(storeFile);
  file.open();
  onTestFinished(() => file.close());
  const known = file.all('SELECT client FROM incoming').map((row) => row.client);
  expect(known.sort()).toEqual(['fifth', 'fourth', 'second']);
});

test('who never releases what it publishes is remembered with its latest identifiers', async () => {
  const { store, file } = await persistence();
  const sender = { id: 'sender', clean: false };
  for (let id = 1; id <= 2_100; id++) void store.incomingStorePacket(sender, packet(id));
  await file.durable(() => {});
  await file.durable(() => {});
  expect(file.all('SELECT COUNT(*) AS count, MIN(message_id) AS first FROM incoming')).toEqual([
    { count: 2_000, first: 101 },
  ]);
  await expect(store.incomingGetPacket(sender, { messageId: 100 })).rejects.toThrow('no such packet');
  await store.incomingGetPacket(sender, { messageId: 101 });
  expect(notices.at(-1)).toContain('"sender" leaves QoS 2 publishes unfinished');
});

test('a clean client leaves nothing in the file, not even while it is connected', async () => {
  const { store, file } = await persistence();
  await store.incomingStorePacket({ id: 'sender', clean: true }, packet(1));
  await file.durable(() => {});
  expect(file.all('SELECT * FROM incoming')).toEqual([]);
});

test('a client id that is too long is refused', async () => {
  const broker = await start(null);
  await expect(client(broker, { clientId: 'c'.repeat(1_025) })).rejects.toMatchObject({ code: 2 });
  await client(broker, { clientId: 'c'.repeat(1_024) });
});
