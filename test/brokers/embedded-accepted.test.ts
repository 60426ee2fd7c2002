// What the embedded broker remembers to publish at its next start: nothing that it never owed, nor what has gone out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { IClientOptions, MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedLimits } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

/** A broker with a session that waits for `up/#`. */
async function start(limits: Partial<EmbeddedLimits> = {}): Promise<{ broker: EmbeddedBroker; storeFile: string }> {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const storeFile = path.join(dir, 'broker.sqlite');
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile, clock: systemClock, limits });
  await broker.start();
  onTestFinished(() => broker.stop());
  const session = await client(broker, { clientId: 'session', clean: false });
  await session.subscribeAsync('up/#', { qos: 1 });
  await session.endAsync();
  return { broker, storeFile };
}

async function client(broker: EmbeddedBroker, options: IClientOptions = {}): Promise<MqttClient> {
  const connected = await outside(broker.url, options);
  onTestFinished(() => connected.endAsync(true));
  return connected;
}

/** `isGone`: the broker knows that the sender is. */
async function senderWithWill(
  broker: EmbeddedBroker,
  clean = false,
): Promise<{ sender: MqttClient; isGone: () => boolean }> {
  const watcher = await client(broker);
  let gone = false;
  watcher.on('message', () => {
    gone = true;
  });
  await watcher.subscribeAsync('gone', { qos: 1 });
  const will = { topic: 'gone', payload: Buffer.from('x'), qos: 1 as const, retain: false };
  const sender = await client(broker, { will, clean, clientId: 'sender' });
  return { sender, isGone: () => gone };
}

type Table = 'accepted' | 'incoming' | 'outgoing';

/** Rows of the file of a broker, which ends. */
async function rows(broker: EmbeddedBroker, storeFile: string, table: Table): Promise<number> {
  await broker.stop();
  const db = new DatabaseSync(storeFile);
  const found = db.prepare(`SELECT * FROM ${table}`).all();
  db.close();
  return found.length;
}

test('a message of QoS 2 that its publisher repeats goes out once', async () => {
  const { broker, storeFile } = await start();
  const sender = await client(broker);
  let received = 0;
  sender.on('packetreceive', ({ cmd }) => {
    if (cmd === 'pubrec') received += 1;
  });
  // PUBLISH of `x` to `up/a` under packet identifier 1, the second time with DUP.
  for (const [at, header] of [0x34, 0x3c].entries()) {
    sender.stream.write(Buffer.concat([Buffer.from([header, 9, 0, 4]), Buffer.from('up/a\0\x01x')]));
    await until('it has arrived', () => received === at + 1);
  }
  expect(await rows(broker, storeFile, 'accepted')).toBe(0);
});

test.each([
  [1, false, 0],
  // It may come back and ask for its identifier.
  [2, false, 1],
  [2, true, 0],
] as const)(
  'a publisher that is cut off before its acknowledgement is owed nothing (QoS %i, clean: %s)',
  async (qos, clean, identifiers) => {
    const { broker, storeFile } = await start();
    const journal = new RecordingListener();
    journal.holding = true;
    broker.openSource({ clientId: 'journal', topics: ['up/#'], expectSession: false }, journal).start();
    await journal.up();
    const { sender, isGone } = await senderWithWill(broker, clean);
    sender.publish('up/a', 'x', { qos });
    await until('the journal has it', () => journal.held.length === 1);
    sender.stream.destroy();
    await until('the broker knows', isGone);
    journal.settle();
    await (await client(broker)).publishAsync('elsewhere', 'x', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await rows(broker, storeFile, 'accepted')).toBe(0);
    expect(await rows(broker, storeFile, 'incoming')).toBe(identifiers);
  },
);

test('a clean publisher that is cut off while its message identifier is written leaves none in memory either', async () => {
  const file = new BrokerFile(null);
  file.open();
  onTestFinished(() => file.close());
  const limits = {
    maxMessages: 10,
    maxBytes: 1_000,
    maxTotalBytes: 10_000,
    maxRetained: 10,
    maxSessions: 10,
    maxFilters: 10,
    maxFilterBytes: 1e6,
    maxRetainedBytes: 1e6,
    ownPrefix: null,
  };
  const store = new DiskPersistence(file, limits, () => {});
  await store.setup({ id: 'broker' });
  const sender = { id: 'sender', clean: true, closed: false };
  const packet = { topic: 'up/a', payload: Buffer.from('x'), qos: 2, retain: false, messageId: 1 };
  const stored = store.incomingStorePacket(sender, packet);
  sender.closed = true;
  await Promise.all([stored, store.cleanIncoming(sender)]);
  await expect(store.incomingGetPacket(sender, packet)).rejects.toThrow('no such packet');
  await file.durable(() => {});
  expect(file.all('SELECT * FROM incoming')).toEqual([]);
});

test('a message is owed to nobody when its publisher leaves while a source is to be asked again', async () => {
  const { broker, storeFile } = await start();
  const [good, bad] = [new RecordingListener(), new RecordingListener()];
  bad.holding = true;
  for (const [at, journal] of [good, bad].entries()) {
    broker.openSource({ clientId: `journal-${at}`, topics: ['up/#'], expectSession: false }, journal).start();
    await journal.up();
  }
  const { sender, isGone } = await senderWithWill(broker);
  sender.publish('up/a', 'x', { qos: 1 });
  await until('both have it', () => good.texts.length + bad.held.length === 2);
  bad.settle(new Error('disk full'));
  sender.stream.destroy();
  await until('the broker knows', isGone);
  expect(await rows(broker, storeFile, 'accepted')).toBe(0);
});

test('a message that was refused is owed to nobody', async () => {
  const { broker, storeFile } = await start({ maxRetained: 0 });
  const sender = await client(broker);
  const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
  sender.publish('up/a', 'x', { qos: 1, retain: true });
  await closed;
  expect(await rows(broker, storeFile, 'accepted')).toBe(0);
});

test('a message that was acknowledged waits for the session, and is not remembered beyond that', async () => {
  const { broker, storeFile } = await start();
  const sender = await client(broker);
  await sender.publishAsync('up/a', 'x', { qos: 1 });
  await sender.publishAsync('up/a', 'y', { qos: 2 });
  expect(await rows(broker, storeFile, 'outgoing')).toBe(2);
  expect(await rows(broker, storeFile, 'accepted')).toBe(0);
});
