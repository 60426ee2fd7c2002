import { createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { MqttBrokerOptions } from '../../src/brokers/mqtt.ts';
import { systemChance } from '../../src/ops/clock.ts';
import { broker, cleanUps, mosquitto, numbered, proxy, source } from '../brokers/mosquitto-setup.ts';
import { outside, RecordingListener, until } from '../brokers/outside.ts';
import { freePort } from '../support/free-port.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { passwordLine } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';

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
