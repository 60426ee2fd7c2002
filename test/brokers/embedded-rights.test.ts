// What users of the embedded broker may publish and read, by real clients.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { covers } from '../../src/brokers/embedded-rights.ts';
import { systemClock } from '../../src/ops/clock.ts';

const DEVICE = { publish: ['mqtt/things/{username}/uplink'], subscribe: ['mqtt/things/{username}/downlink'] };
let broker: EmbeddedBroker;
const clients: MqttClient[] = [];

beforeEach(async () => {
  const users = [
    { name: 'bridge', password: 'b' },
    { name: '0018B20000000001', password: '1', ...DEVICE },
    { name: '0018B20000000002', password: '2', ...DEVICE },
    { name: 'reader', password: 'r', subscribe: ['mqtt/things/+/uplink', 'plant/#'] },
  ];
  broker = createEmbeddedBroker({ name: 'test', port: 0, users, storeFile: null, clock: systemClock });
  await broker.start();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  await broker.stop();
});

async function as(username: string, password: string, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(broker.url, { username, password, reconnectPeriod: 0, ...options });
  clients.push(client);
  return client;
}

const granted = async (client: MqttClient, filter: string): Promise<number | string> => {
  try {
    return (await client.subscribeAsync(filter, { qos: 1 }))[0]?.qos ?? -1;
  } catch (error) {
    return (error as Error).message;
  }
};

function closed(client: MqttClient): Promise<boolean> {
  return new Promise((resolve) => client.once('close', () => resolve(true)));
}

test('a device publishes its own uplinks and reads its own downlinks, and nothing else', async () => {
  const all = await as('bridge', 'b');
  const heard: string[] = [];
  all.on('message', (topic) => heard.push(topic));
  await all.subscribeAsync('mqtt/#', { qos: 1 });
  const device = await as('0018B20000000001', '1');
  const commands: string[] = [];
  device.on('message', (topic) => commands.push(topic));
  expect(await granted(device, 'mqtt/things/0018B20000000001/downlink')).toBe(1);
  for (const filter of [
    '#',
    'mqtt/things/+/downlink',
    'mqtt/things/0018B20000000002/downlink',
    'mqtt/things/0018B20000000001/#',
    'here-bridge/#',
  ]) {
    expect([filter, await granted(device, filter)]).toEqual([filter, expect.stringMatching(/refus|128|Unspecified/i)]);
  }
  await device.publishAsync('mqtt/things/0018B20000000001/uplink', 'x', { qos: 1 });
  await all.publishAsync('mqtt/things/0018B20000000001/downlink', 'a', { qos: 1 });
  await all.publishAsync('mqtt/things/0018B20000000002/downlink', 'b', { qos: 1 });
  await all.publishAsync('mqtt/things/0018B20000000001/downlink', 'c', { qos: 1 });
  await expect.poll(() => commands).toEqual(Array(2).fill('mqtt/things/0018B20000000001/downlink'));
  const other = await as('0018B20000000002', '2');
  const gone = closed(other);
  other.on('error', () => {});
  other.publish('mqtt/things/0018B20000000001/uplink', 'forged', { qos: 1 });
  expect(await gone).toBe(true);
  expect(heard.filter((topic) => topic.endsWith('uplink'))).toEqual(['mqtt/things/0018B20000000001/uplink']);
});

test('a will does not lead around that', async () => {
  const will = (topic: string) => ({ will: { topic, payload: Buffer.from('x'), qos: 1 as const, retain: false } });
  await expect(as('0018B20000000001', '1', will('here-bridge/connections/x'))).rejects.toThrow(/5|uthor/);
  await as('0018B20000000001', '1', will('mqtt/things/0018B20000000001/uplink'));
});

test('what a session was subscribed to when its user might read more is left out', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const session = { clientId: 'device', clean: false };
  await broker.stop();
  const options = { name: 'test', port: 0, storeFile: path.join(dir, 'broker.sqlite'), clock: systemClock };
  broker = createEmbeddedBroker({ ...options, users: [{ name: '0018B20000000001', password: '1' }] });
  await broker.start();
  const first = await as('0018B20000000001', '1', session);
  await first.subscribeAsync('secret/#', { qos: 1 });
  await first.endAsync();
  const sender = await as('0018B20000000001', '1');
  await sender.publishAsync('secret/plan', 'queued', { qos: 1 });
  await sender.endAsync();
  await broker.stop();
  const users = [
    { name: 'bridge', password: 'b' },
    { name: '0018B20000000001', password: '1', ...DEVICE },
  ];
  broker = createEmbeddedBroker({ ...options, users });
  await broker.start();
  const heard: string[] = [];
  const again = mqtt.connect(broker.url, { username: users[1]!.name, password: '1', reconnectPeriod: 0, ...session });
  clients.push(again);
  again.on('message', (topic) => heard.push(topic));
  await new Promise<void>((resolve) => again.once('connect', () => resolve()));
  const all = await as('bridge', 'b');
  await all.publishAsync('secret/plan', 'live', { qos: 1 });
  await again.subscribeAsync('mqtt/things/0018B20000000001/downlink', { qos: 1 });
  await all.publishAsync('mqtt/things/0018B20000000001/downlink', 'mine', { qos: 1 });
  await expect.poll(() => heard).toEqual(['mqtt/things/0018B20000000001/downlink']);
});

test('one who may only read publishes nothing', async () => {
  const reader = await as('reader', 'r');
  expect(await granted(reader, 'mqtt/things/+/uplink')).toBe(1);
  expect(await granted(reader, 'plant')).toBe(1);
  const gone = closed(reader);
  reader.on('error', () => {});
  reader.publish('mqtt/things/1/uplink', 'x');
  expect(await gone).toBe(true);
});

describe('A filter is allowed', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/+', true],
    ['a/b', 'a/+', false],
    ['a/#', 'a', true],
    ['a/#', 'a/+/c', true],
    ['a/+', 'a/#', false],
    ['a/+', 'a/b/c', false],
    ['#', 'a/#', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['a/+/c', 'a/b', false],
  ])('%s for %s: %s', (allowed, asked, is) => {
    expect(covers(allowed.split('/'), asked.split('/'))).toBe(is);
  });
});
