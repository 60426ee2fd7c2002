// How much waits for the sessions of the embedded broker's clients, and who gives way when it is too much.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedLimits } from '../../src/brokers/embedded.ts';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { OutgoingQueues } from '../../src/brokers/embedded-queues.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

/** Of a message with a topic of one character: 1,000 in all. */
const PAYLOAD = 499;
const told: string[] = [];
let counter = 0;

function newStore(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'broker.sqlite');
}

function open(maxBytes: number, maxTotalBytes: number, storeFile: string | null = null) {
  told.length = 0;
  const file = new BrokerFile(storeFile);
  file.open();
  onTestFinished(() => file.close());
  const limits = { maxMessages: 1_000, maxBytes, maxTotalBytes };
  const queues = new OutgoingQueues(file, limits, (client, full) => told.push(`${client}: ${full}`));
  queues.load();
  return { queues, file };
}

async function send(queues: OutgoingQueues, text: string, ...clients: string[]): Promise<void> {
  counter += 1;
  const payload = Buffer.from(text.padEnd(PAYLOAD));
  const packet = { topic: 't', payload, qos: 1, retain: false, brokerId: 'b', brokerCounter: counter };
  await queues.enqueue(new Set(clients), packet);
}

async function sendTimes(queues: OutgoingQueues, times: number, client: string): Promise<void> {
  for (let at = 0; at < times; at++) await send(queues, String(at), client);
}

function textsOf(queues: OutgoingQueues, client: string): string[] {
  return queues.list(client).map(({ payload }) => payload.toString().trim());
}

/** As the next process would have it. */
async function inFile(file: BrokerFile, client: string): Promise<string[]> {
  await file.durable(() => {});
  const rows = file.all('SELECT payload FROM outgoing WHERE client = ? ORDER BY id', client);
  return rows.map(({ payload }) =>
    Buffer.from(payload as Uint8Array)
      .toString()
      .trim(),
  );
}

test('topics and what each message costs count', async () => {
  const { queues } = open(10_000, 100_000);
  for (let at = 0; at < 30; at++) {
    const packet = { topic: 't'.repeat(500), payload: Buffer.alloc(0), qos: 1, retain: false };
    await queues.enqueue(new Set(['a']), { ...packet, brokerId: 'x', brokerCounter: at });
  }
  expect(queues.list('a')).toHaveLength(10);
  expect(told).toEqual(Array(20).fill('a: its own'));
});

test('when all queues together are full the largest one gives way with its latest messages', async () => {
  const { queues, file } = open(8_000, 10_000);
  await sendTimes(queues, 8, 'large');
  await sendTimes(queues, 2, 'small');
  expect(told).toEqual([]);
  await send(queues, 'more', 'small');
  expect(told).toEqual(['large: all']);
  expect(textsOf(queues, 'large')).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  expect(textsOf(queues, 'small')).toEqual(['0', '1', 'more']);
  await sendTimes(queues, 2, 'small');
  // Now they are equal: who would be the larger one gets nothing more.
  told.length = 0;
  await send(queues, 'lost', 'small');
  await send(queues, 'lost', 'large');
  expect(told).toEqual(['small: all', 'large: all']);
  expect(textsOf(queues, 'large')).toEqual(['0', '1', '2', '3', '4']);
  for (const client of ['large', 'small']) expect(await inFile(file, client)).toEqual(textsOf(queues, client));
});

test('there is room again for what has been acknowledged, and when a session has ended', async () => {
  const { queues } = open(10_000, 10_000);
  await sendTimes(queues, 10, 'large');
  const first = queues.list('large')[0]!;
  queues.update('large', { ...first, messageId: 7 });
  queues.clear('large', 7);
  await send(queues, 'x', 'large');
  expect(told).toEqual([]);
  await send(queues, 'lost', 'large');
  queues.clearAll('large');
  told.length = 0;
  await sendTimes(queues, 10, 'other');
  expect(told).toEqual([]);
  // Many that have come and gone.
  for (let at = 0; at < 500; at++) {
    queues.update('other', { ...queues.list('other')[0]!, messageId: 1 });
    queues.clear('other', 1);
    await send(queues, `later ${at}`, 'other');
  }
  expect(told).toEqual([]);
  await send(queues, 'y', 'small');
  expect(told).toEqual(['other: all']);
  expect(textsOf(queues, 'other')).toHaveLength(9);
  expect(textsOf(queues, 'other').at(-1)).toBe('later 498');
});

test('what gives way in the breath in which it came is not in the file either', async () => {
  const { queues, file } = open(10_000, 2_500);
  await send(queues, '0', 'a');
  await send(queues, '1', 'a', 'b');
  expect(textsOf(queues, 'a')).toEqual(['0']);
  expect(textsOf(queues, 'b')).toEqual(['1']);
  for (const client of ['a', 'b']) expect(await inFile(file, client)).toEqual(textsOf(queues, client));
});

test('a store in which more waits loses the latest of the largest queues at the start', async () => {
  const storeFile = newStore();
  const { queues: before, file: first } = open(100_000, 100_000, storeFile);
  for (let at = 0; at < 8; at++) await send(before, String(at), 'large', 'larger', ...(at < 2 ? ['small'] : []));
  for (let at = 8; at < 20; at++) await send(before, String(at), 'larger');
  first.close();

  const { queues, file } = open(100_000, 10_500, storeFile);
  expect(told.sort()).toEqual(['large: all', 'larger: all']);
  expect(textsOf(queues, 'small')).toEqual(['0', '1']);
  for (const client of ['large', 'larger']) expect(textsOf(queues, client)).toEqual(['0', '1', '2', '3']);
  await send(queues, 'next', 'small');
  for (const client of ['small', 'large', 'larger']) {
    expect(await inFile(file, client)).toEqual(textsOf(queues, client));
  }
  file.close();
  open(100_000, 11_500, storeFile);
  expect(told).toEqual([]);
});

test("what waits for the bridge's own sources gives way to nobody's", async () => {
  const notices: string[] = [];
  const limits: Partial<EmbeddedLimits> = { maxAllQueuedBytes: 3_000 };
  const broker = createEmbeddedBroker({
    ...{ name: 'test', port: 0, storeFile: null, clock: systemClock, limits },
    onNotice: (text) => notices.push(text),
  });
  await broker.start();
  onTestFinished(() => broker.stop());
  const journal = new RecordingListener();
  const source = broker.openSource({ clientId: 'journal', topics: ['t'], expectSession: false }, journal);
  source.start();
  await journal.up();
  await source.stop();
  const session = await outside(broker.url, { clientId: 'session', clean: false });
  await session.subscribeAsync('t', { qos: 1 });
  await session.endAsync();

  const sender = await outside(broker.url);
  onTestFinished(() => sender.endAsync(true));
  const texts = Array.from({ length: 10 }, (_, at) => String(at));
  for (const text of texts) await sender.publishAsync('t', text.padEnd(PAYLOAD), { qos: 1 });
  expect(notices).toEqual([
    'Broker "test": the queues of all clients are full: messages for client "session", whose queue is the largest, are dropped',
  ]);
  source.start();
  await until('all of it is there', () => journal.texts.length >= 10);
  expect(journal.texts.map((text) => text.trim())).toEqual(texts);
  const heard: string[] = [];
  const back = await outside(broker.url, { clientId: 'session', clean: false }, (text) => heard.push(text.trim()));
  onTestFinished(() => back.endAsync(true));
  await until('what was kept is heard', () => heard.length >= 3);
  expect(heard).toEqual(['0', '1', '2']);
});
