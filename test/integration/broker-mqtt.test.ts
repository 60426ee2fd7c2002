// The MQTT client on a real Mosquitto beyond the contract: sessions, redelivery, keepalive, and what becomes of connections.
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createMqttBroker, type MqttBrokerOptions } from '../../src/brokers/mqtt.ts';
import type { Broker, SourceOptions, UplinkSource } from '../../src/domain/ports/broker.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from '../brokers/outside.ts';
import { freePort } from '../support/free-port.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Mosquitto, type MosquittoOptions, passwordLine } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function mosquitto(options?: MosquittoOptions): Promise<Mosquitto> {
  const server = await Mosquitto.start(options);
  cleanUps.push(() => server.remove());
  return server;
}

async function proxy(server: Mosquitto): Promise<TcpProxy> {
  const started = await TcpProxy.start(server.port);
  cleanUps.push(() => started.stop());
  return started;
}

function broker(url: string, options: Partial<MqttBrokerOptions> = {}): Broker {
  return createMqttBroker({
    name: 'broker',
    url,
    clock: systemClock,
    chance: systemChance,
    reconnect: { minMs: 20, maxMs: 100 },
    ...options,
  });
}

function source(of: Broker, listener: RecordingListener, options: Partial<SourceOptions> = {}): UplinkSource {
  const opened = of.openSource({ clientId: 'source', topics: ['up/#'], expectSession: false, ...options }, listener);
  cleanUps.push(() => {
    listener.holding = false;
    listener.settle();
    return opened.stop();
  });
  opened.start();
  return opened;
}

async function send(url: string, texts: readonly string[]): Promise<void> {
  const sender = await outside(url);
  await Promise.all(texts.map((text) => sender.publishAsync('up/a', text, { qos: 1 })));
  await sender.endAsync();
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `message ${at}`);

describeWith('mosquitto', 'sessions on Mosquitto', () => {
  for (const protocolVersion of [4, 5] as const) {
    test(`what is not acknowledged comes again on the next connection, and an old acknowledgement does nothing there (MQTT ${protocolVersion})`, async () => {
      const server = await mosquitto();
      const between = await proxy(server);
      const listener = new RecordingListener();
      listener.holding = true;
      const opened = source(broker(`mqtt://127.0.0.1:${between.port}`, { protocolVersion }), listener);
      await listener.up();
      await send(server.url, numbered(100));
      await until('all have arrived', () => listener.messages.length === 100);
      const old = listener.held.splice(0);
      between.cut();
      await until('all have come again', () => listener.messages.length === 200);
      expect(listener.texts.slice(100)).toEqual(numbered(100));
      expect(listener.messages.slice(100).every((message) => message.dup)).toBe(true);
      for (const done of old) done(null);
      between.cut();
      await until('all have come a third time', () => listener.messages.length === 300);
      expect(listener.texts.slice(200)).toEqual(numbered(100));
      listener.holding = false;
      listener.settle();
      await opened.stop();
      opened.start();
      await until('it is up', () => listener.last === 'up');
      await send(server.url, ['after']);
      await until('the next has arrived', () => listener.texts.includes('after'));
      expect(listener.messages.length).toBe(301);
      expect(listener.statuses.every((status) => status.kind !== 'up' || !status.sessionLost)).toBe(true);
    });
  }

  test('the session queues while the process is away, and a stop acknowledges what was kept', async () => {
    const server = await mosquitto();
    const listener = new RecordingListener();
    const opened = source(broker(server.url), listener);
    await listener.up();
    await send(server.url, ['first']);
    await until('the first has arrived', () => listener.messages.length === 1);
    await opened.stop();
    await send(server.url, numbered(500));
    const next = new RecordingListener();
    source(broker(server.url), next, { expectSession: true });
    await until('all have arrived', () => next.messages.length === 500);
    expect(next.texts).toEqual(numbered(500));
    await until('it is up', () => next.last === 'up');
    expect(next.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
  });

  test('a broker that has lost the session is told as such: at the start, and at a later connection', async () => {
    const server = await mosquitto({ settings: ['persistence false'] });
    const listener = new RecordingListener();
    source(broker(server.url), listener, { expectSession: true });
    await listener.up();
    expect(listener.statuses).toEqual([{ kind: 'up', sessionLost: true }]);
    await server.kill();
    await until('it is down', () => listener.last === 'down');
    await server.resume();
    await until('it is up again', () => listener.last === 'up');
    expect(listener.statuses.at(-1)).toEqual({ kind: 'up', sessionLost: true });
    await send(server.url, ['after']);
    await until('it goes on', () => listener.texts.includes('after'));
  });

  test('clearing ends the session and its queue', async () => {
    const server = await mosquitto();
    const listener = new RecordingListener();
    const of = broker(server.url, { protocolVersion: 5 });
    const opened = source(of, listener);
    await listener.up();
    await opened.stop();
    await send(server.url, ['queued']);
    await opened.clear(5_000);
    const next = new RecordingListener();
    source(of, next, { expectSession: true });
    await next.up();
    expect(next.statuses).toEqual([{ kind: 'up', sessionLost: true }]);
    expect(next.texts).toEqual([]);
  });

  test('clearing says why it could not', async () => {
    const port = await freePort();
    const opened = broker(`mqtt://127.0.0.1:${port}`).openSource(
      { clientId: 'x', topics: ['up/#'], expectSession: false },
      new RecordingListener(),
    );
    await expect(opened.clear(200)).rejects.toMatchObject({
      code: 'sessionNotCleared',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('5,000 uplinks held without acknowledgement do not end the connection: keepalive is answered', async () => {
    const server = await mosquitto();
    const listener = new RecordingListener();
    listener.holding = true;
    const opened = source(broker(server.url, { keepaliveMs: 1_000 }), listener);
    await listener.up();
    await send(
      server.url,
      numbered(5_000).map((text) => text.padEnd(1_500, '.')),
    );
    await until('all have arrived', () => listener.messages.length === 5_000);
    // Three times the time after which a client without an answer to its PINGREQ gives up.
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(listener.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
    listener.holding = false;
    listener.settle();
    await opened.stop();
    opened.start();
    await until('it is up again', () => listener.statuses.length === 2);
    await send(server.url, ['after']);
    await until('the next has arrived', () => listener.texts.includes('after'));
    expect(listener.messages.length).toBe(5_001);
  });

  test('more than may be held stays in the socket until there is room', async () => {
    const server = await mosquitto();
    const listener = new RecordingListener();
    listener.holding = true;
    source(broker(server.url, { held: { maxMessages: 100 } }), listener);
    await listener.up();
    await send(server.url, numbered(1_000));
    await until('it is full', () => listener.messages.length >= 100);
    // A round trip through the broker on another connection.
    await send(server.url, []);
    expect(listener.messages.length).toBe(100);
    listener.holding = false;
    listener.settle();
    await until('all have arrived', () => listener.messages.length === 1_000);
    expect(listener.texts).toEqual(numbered(1_000));
  });

  test('a connection that is dead at the other end is found by its keepalive', async () => {
    const server = await mosquitto();
    const between = await proxy(server);
    const listener = new RecordingListener();
    source(broker(`mqtt://127.0.0.1:${between.port}`, { keepaliveMs: 1_000 }), listener);
    await listener.up();
    between.freeze();
    await until('it is found', () => listener.statuses.some((status) => status.kind === 'down'));
    expect(listener.statuses[1]).toMatchObject({ reason: expect.stringContaining('Keepalive timeout') });
    await until('it is up again', () => listener.last === 'up');
  });
});

describeWith('mosquitto', 'publishers on Mosquitto', () => {
  test('what is published while there is no connection goes out with the next one, in order', async () => {
    const server = await mosquitto();
    const between = await proxy(server);
    between.refuse(true);
    const publisher = broker(`mqtt://127.0.0.1:${between.port}`).openPublisher({});
    cleanUps.push(() => publisher.stop());
    publisher.start();
    const heard: string[] = [];
    const watcher = await outside(server.url, {}, (text) => heard.push(text));
    cleanUps.push(() => watcher.endAsync(true));
    await watcher.subscribeAsync('status/#', { qos: 1 });
    const published = numbered(20).map((text) => publisher.publish('status/a', text));
    await until('it has tried', () => between.accepted > 1);
    expect(publisher.connected).toBe(false);
    between.refuse(false);
    await Promise.all(published);
    await until('all are heard', () => heard.length >= 20);
    expect(heard).toEqual(numbered(20));
  });

  test('what waits is bounded, and gives up', async () => {
    const clock = new ManualClock();
    const publisher = broker(`mqtt://127.0.0.1:${await freePort()}`, {
      clock,
      publish: { maxPending: 2, timeoutMs: 10_000 },
    }).openPublisher({});
    cleanUps.push(() => publisher.stop());
    publisher.start();
    const first = expect(publisher.publish('a', '1')).rejects.toMatchObject({ code: 'publishTimeout' });
    const second = expect(publisher.publish('a', '2')).rejects.toMatchObject({ code: 'publishTimeout' });
    await expect(publisher.publish('a', '3')).rejects.toMatchObject({ code: 'publishQueueFull' });
    await clock.advance(10_001);
    await Promise.all([first, second]);
    const third = expect(publisher.publish('a', '4')).rejects.toMatchObject({ code: 'publisherStopped' });
    await publisher.stop();
    await third;
  });

  test('a connection that breaks leaves the will', async () => {
    const server = await mosquitto();
    const between = await proxy(server);
    const publisher = broker(`mqtt://127.0.0.1:${between.port}`).openPublisher({
      will: { topic: 'worker/heartbeat', payload: 'gone', retain: true },
    });
    cleanUps.push(() => publisher.stop());
    publisher.start();
    await publisher.publish('worker/heartbeat', 'here', { retain: true });
    const heard: string[] = [];
    const watcher = await outside(server.url, {}, (text) => heard.push(text));
    cleanUps.push(() => watcher.endAsync(true));
    await watcher.subscribeAsync('worker/heartbeat', { qos: 1 });
    await until('the heartbeat is heard', () => heard.length === 1);
    between.refuse(true);
    between.cut();
    await until('the will is heard', () => heard.length === 2);
    expect(heard).toEqual(['here', 'gone']);
  });
});

describe('why there is no connection', () => {
  async function whyNot(url: string, options: Partial<MqttBrokerOptions> = {}) {
    const listener = new RecordingListener();
    source(broker(url, options), listener);
    await until('it is told', () => listener.statuses.length > 0);
    return listener.statuses[0];
  }

  test('nothing listens there', async () => {
    const port = await freePort();
    expect(await whyNot(`mqtt://127.0.0.1:${port}`)).toEqual({
      kind: 'down',
      reason: `nothing listens at 127.0.0.1:${port} (ECONNREFUSED)`,
      fatal: false,
    });
    expect(await whyNot(`ws://127.0.0.1:${port}`)).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') });
  });

  test('no such host', async () => {
    expect(await whyNot('mqtt://no-such-host.invalid')).toMatchObject({
      kind: 'down',
      reason: expect.stringMatching(/no-such-host\.invalid.* \((ENOTFOUND|EAI_AGAIN)\)/),
      fatal: false,
    });
  });

  test('a server that says nothing, and one that speaks something else', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      if (sockets.length > 1) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUps.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const listener = new RecordingListener();
    source(broker(`mqtt://127.0.0.1:${port}`, { connectTimeoutMs: 100 }), listener);
    await until('both are told', () => listener.statuses.length >= 2);
    expect(listener.statuses[0]).toMatchObject({ reason: `127.0.0.1:${port} did not answer within 100 ms` });
    expect(listener.statuses[1]).toMatchObject({ kind: 'down', fatal: false });
  });

  test('a TLS file that cannot be read', async () => {
    const missing = '/no/such/ca.pem';
    expect(await whyNot('mqtts://127.0.0.1', { tls: { caFile: missing } })).toMatchObject({
      kind: 'down',
      reason: expect.stringContaining(missing),
      fatal: false,
    });
  });

  test('a url that is none is refused when the broker is made, without its credentials in the message', () => {
    for (const url of ['', 'localhost:1883', 'http://localhost', 'mqtt://user:secret@localhost']) {
      expect(() => broker(url)).toThrow(expect.objectContaining({ code: 'brokerUrlInvalid' }));
      expect(() => broker(url)).not.toThrow('secret');
    }
  });
});

describeWith('mosquitto', 'refused credentials', () => {
  const secured = {
    files: { passwords: passwordLine('me', 'right-secret') },
    listener: ['allow_anonymous false', 'password_file {dir}/passwords'],
  };

  test('right ones are let in', async () => {
    const server = await mosquitto(secured);
    const listener = new RecordingListener();
    source(broker(server.url, { username: 'me', password: 'right-secret' }), listener);
    await listener.up();
  });

  for (const [protocolVersion, code] of [
    [4, 5],
    [5, 135],
  ] as const) {
    test(`are a person's to mend: told as fatal, and tried again only after a minute or two (MQTT ${protocolVersion})`, async () => {
      const server = await mosquitto(secured);
      const between = await proxy(server);
      const clock = new ManualClock();
      const listener = new RecordingListener();
      source(
        broker(`mqtt://127.0.0.1:${between.port}`, {
          protocolVersion,
          username: 'me',
          password: 'wrong-secret',
          clock,
          // The latest moment, so that nothing else falls due before it.
          chance: { ...systemChance, random: () => 0.999 },
          reconnect: {},
        }),
        listener,
      );
      await until('it is told', () => listener.statuses.length === 1);
      expect(listener.statuses[0]).toMatchObject({
        kind: 'down',
        fatal: true,
        reason: expect.stringContaining(`MQTT ${code}`),
      });
      expect(JSON.stringify(listener.statuses)).not.toContain('wrong-secret');
      await clock.advance(59_000);
      expect(between.accepted).toBe(1);
      await clock.advance(61_001);
      await until('it has tried again', () => listener.statuses.length === 2);
      expect(between.accepted).toBe(2);
    });
  }
});
