// The embedded broker beyond the contract: when it acknowledges, who is left out, who may connect, and what it refuses.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MqttClient } from 'mqtt';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  hashPassword,
} from '../../src/brokers/embedded.ts';
import { EXIT } from '../../src/domain/errors.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> {
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock, ...options });
  await broker.start();
  cleanUps.push(() => broker.stop());
  return broker;
}

async function client(broker: EmbeddedBroker, options: Parameters<typeof outside>[1] = {}): Promise<MqttClient> {
  const connected = await outside(broker.url, options);
  cleanUps.push(() => connected.endAsync(true));
  return connected;
}

describe('who may connect', () => {
  const users = [{ name: 'gateway', password: 'right' }];

  test('beyond the loopback interface it does not start without users', () => {
    const options = { name: 'open', host: '0.0.0.0', port: 0, storeFile: null, clock: systemClock };
    expect(() => createEmbeddedBroker(options)).toThrow(
      expect.objectContaining({ code: 'brokerOpenWithoutUsers', exitCode: EXIT.config }),
    );
    expect(createEmbeddedBroker({ ...options, users }).port).toBe(0);
  });

  test('a wrong or missing password is refused with the return code for it', async () => {
    const broker = await start({ users });
    for (const options of [{ username: 'gateway', password: 'wrong' }, { username: 'nobody', password: 'right' }, {}]) {
      await expect(client(broker, options)).rejects.toMatchObject({ code: 4 });
    }
    const sender = await client(broker, { username: 'gateway', password: 'right' });
    await sender.publishAsync('a', 'x', { qos: 1 });
  });

  test('a password may be given as a scrypt hash', async () => {
    const broker = await start({ users: [{ name: 'gateway', password: await hashPassword('right') }] });
    await expect(client(broker, { username: 'gateway', password: 'wrong' })).rejects.toMatchObject({ code: 4 });
    await client(broker, { username: 'gateway', password: 'right' });
    await client(broker, { username: 'gateway', password: 'right' });
    expect(() =>
      createEmbeddedBroker({
        name: 'x',
        storeFile: null,
        clock: systemClock,
        users: [{ name: 'a', password: '$scrypt$ln=99$x' }],
      }),
    ).toThrow(expect.objectContaining({ code: 'brokerUserInvalid' }));
  });

  test('MQTT 5 is refused with the return code for an unknown version', async () => {
    const broker = await start();
    await expect(client(broker, { protocolVersion: 5 })).rejects.toMatchObject({ message: /refused|protocol/i });
  });
});

describe('limits', () => {
  test('a packet over the limit ends its connection before it is collected', async () => {
    const notices: string[] = [];
    const broker = await start({ limits: { maxPacketBytes: 10_000 }, onNotice: (text) => notices.push(text) });
    const sender = await client(broker);
    await sender.publishAsync('a', 'x'.repeat(9_000), { qos: 1 });
    const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
    // The length of 200 MB, and nothing of them.
    sender.stream.write(Buffer.from([0x32, 0x80, 0x80, 0x80, 0x64, 0]));
    await closed;
    await until('it is told', () => notices.some((text) => text.includes('larger than 10000')));
  });

  test('no more clients than allowed', async () => {
    const broker = await start({ limits: { maxClients: 2 } });
    const [sender, listener] = [await client(broker), await client(broker)];
    const ends: string[] = [];
    for (const each of [sender, listener]) each.on('close', () => ends.push('one that was there'));
    const socket = connect(broker.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    // The others stay, and are served.
    const heard = new Promise<string>((resolve) => listener.once('message', (topic) => resolve(topic)));
    await listener.subscribeAsync('a', { qos: 1 });
    await sender.publishAsync('a', 'x', { qos: 1 });
    expect(await heard).toBe('a');
    expect(ends).toEqual([]);
  });

  test('the queue of a client that stays away is bounded, and its loss is told', async () => {
    const notices: string[] = [];
    const broker = await start({ limits: { maxQueuedMessages: 3 }, onNotice: (text) => notices.push(text) });
    const session = { clientId: 'away', clean: false };
    const before = await client(broker, session);
    await before.subscribeAsync('down/#', { qos: 1 });
    await before.endAsync();
    const sender = await client(broker);
    for (let at = 0; at < 5; at++) await sender.publishAsync('down/a', String(at), { qos: 1 });
    expect(notices).toEqual(['Broker "test": the queue of client "away" is full: messages for it are dropped']);
    const heard: string[] = [];
    const after = await outside(broker.url, session, (text) => heard.push(text));
    cleanUps.push(() => after.endAsync(true));
    await until('what was kept is heard', () => heard.length === 3);
    await sender.publishAsync('down/a', 'last', { qos: 1 });
    await until('the last is heard', () => heard.length === 4);
    expect(heard).toEqual(['0', '1', '2', 'last']);
  });

  test("the broker's own topics cannot be published to", async () => {
    const broker = await start();
    const heard: string[] = [];
    const listener = await client(broker);
    listener.on('message', (topic) => heard.push(topic));
    await listener.subscribeAsync(['$SYS/x', 'a'], { qos: 1 });
    const sender = await client(broker);
    const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
    sender.publish('$SYS/x', 'y', { qos: 1 });
    await closed;
    // Behind it: what had been taken would have come first.
    const next = await client(broker);
    await next.publishAsync('a', 'z', { qos: 1 });
    await until('the other one is heard', () => heard.includes('a'));
    expect(heard).toEqual(['a']);
  });
});

describe('starting', () => {
  test('a port in use is told with what to do, and exit code 75', async () => {
    const broker = await start();
    const second = createEmbeddedBroker({
      name: 'second',
      port: broker.port,
      storeFile: null,
      clock: systemClock,
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'brokerPortInUse',
      exitCode: EXIT.inUse,
      message: expect.stringContaining(String(broker.port)),
    });
  });

  test('a store that another broker uses is told, and exit code 75', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'bridge-broker-'));
    cleanUps.push(() => rm(dir, { recursive: true, force: true }));
    const storeFile = path.join(dir, 'broker.sqlite');
    await start({ storeFile });
    const second = createEmbeddedBroker({ name: 'second', port: 0, storeFile, clock: systemClock });
    await expect(second.start()).rejects.toMatchObject({ code: 'brokerStoreInUse', exitCode: EXIT.inUse });
  });

  test('sources, tables and publishers that were started before the broker come up with it, and hear of its end', async () => {
    const broker = createEmbeddedBroker({ name: 'late', port: 0, storeFile: null, clock: systemClock });
    const listener = new RecordingListener();
    broker.openSource({ clientId: 'x', topics: ['up/#'], expectSession: false }, listener).start();
    expect(listener.statuses).toEqual([]);
    await broker.start();
    await listener.up();
    await broker.stop();
    expect(listener.statuses.at(-1)).toMatchObject({ kind: 'down', fatal: false });
  });
});
