// Topics that the embedded broker cannot publish to: refused at the door, and left out at a start, which they must not prevent.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingTable, until } from './outside.ts';

const notices: string[] = [];
/** 100 and 101 levels. */
const DEEPEST = 'a/'.repeat(99).concat('a');
const TOO_DEEP = `${DEEPEST}/a`;

async function start(options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> {
  notices.length = 0;
  const onNotice = (text: string) => notices.push(text);
  const broker = createEmbeddedBroker({
    ...{ name: 'test', port: 0, storeFile: null, clock: systemClock, onNotice },
    ...options,
  });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

/** The file of a broker that has ended, with rows that a former version let in. */
async function storeWith(rows: string, ...topics: string[]): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const storeFile = path.join(dir, 'broker.sqlite');
  await (await start({ storeFile })).stop();
  const db = new DatabaseSync(storeFile);
  topics.forEach((topic, at) => {
    db.prepare(rows).run(...(rows.includes('wills') ? [`client ${at}`, topic] : [topic]));
  });
  db.close();
  return storeFile;
}

/** What a new subscriber gets of what is retained. */
async function retained(broker: EmbeddedBroker): Promise<string[]> {
  const heard: string[] = [];
  const reader = await outside(broker.url, {}, (_, topic) => heard.push(topic));
  onTestFinished(() => reader.endAsync(true));
  await reader.subscribeAsync('#', { qos: 1 });
  await reader.publishAsync('last', 'x', { qos: 1 });
  await until('all are heard', () => heard.includes('last'));
  return heard.filter((topic) => topic !== 'last');
}

test('a will that could not be published is refused with its client', async () => {
  const broker = await start();
  for (const topic of [TOO_DEEP, 'a/#', 'a\0b']) {
    const will = { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true };
    await expect(outside(broker.url, { will })).rejects.toMatchObject({ code: 5 });
  }
  const will = { topic: DEEPEST, payload: Buffer.from('gone'), qos: 1 as const, retain: true };
  (await outside(broker.url, { will })).stream.destroy();
  await expect.poll(() => retained(broker)).toEqual([DEEPEST]);
});

test('what cannot be published is not retained either, from inside nor from outside', async () => {
  const broker = await start();
  const publisher = broker.openPublisher({});
  publisher.start();
  await until('the publisher is connected', () => publisher.connected);
  const refusal = expect.objectContaining({ code: 'topicInvalid' });
  await expect(publisher.publish(TOO_DEEP, 'x', { retain: true })).rejects.toEqual(refusal);
  const sender = await outside(broker.url);
  const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
  sender.publish('a\0b', 'x', { qos: 1, retain: true });
  await closed;
  expect(await retained(broker)).toEqual([]);
});

test('wills that cannot be published, or retained, do not prevent the start', async () => {
  const rows = "INSERT INTO wills (client, topic, payload, qos, retain) VALUES (?, ?, 'gone', 1, 1)";
  const storeFile = await storeWith(rows, TOO_DEEP, '$SYS/x', 'first', 'one too many');
  const broker = await start({ storeFile, limits: { maxRetained: 1 } });
  expect(await retained(broker)).toEqual(['first']);
  expect(notices).toEqual([
    expect.stringContaining('100 levels'),
    expect.stringContaining('reserved'),
    expect.stringContaining('retained messages already'),
  ]);
  await broker.stop();
  await start({ storeFile, limits: { maxRetained: 1 } });
  expect(notices).toEqual([]);
});

test('a retained message at a topic that is too deep is dropped at the start, and ends no process', async () => {
  const storeFile = await storeWith("INSERT INTO retained (topic, payload, qos) VALUES (?, 'x', 1)", TOO_DEEP, 'good');
  const broker = await start({ storeFile });
  expect(notices).toEqual([expect.stringContaining('100 levels')]);
  const table = new RecordingTable();
  broker.openTable({ prefix: TOO_DEEP.slice(0, -2), settleMs: 1 }, table).start();
  await until('the snapshot has come', () => table.snapshots.length === 1);
  expect(table.records).toEqual([]);
  expect(await retained(broker)).toEqual(['good']);
  await broker.stop();
  await start({ storeFile });
  expect(notices).toEqual([]);
});
