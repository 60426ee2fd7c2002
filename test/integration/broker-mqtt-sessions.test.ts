import { expect, test } from 'vitest';
import { broker, mosquitto, numbered, proxy, send, source } from '../brokers/mosquitto-setup.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/requirements.ts';

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
