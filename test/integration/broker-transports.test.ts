// The MQTT client's ways to a broker: TLS with and without a client certificate, and WebSockets with and without TLS.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createMqttBroker, type MqttBrokerOptions } from '../../src/brokers/mqtt.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { Certificates } from '../support/certificates.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';

describeWith('mosquitto', 'transports to Mosquitto', () => {
  let certificates: Certificates;
  let sources = 0;
  const cleanUps: (() => unknown)[] = [];
  beforeAll(() => {
    certificates = new Certificates();
  });
  afterAll(() => certificates?.remove());
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function mosquitto(listener: readonly string[]): Promise<Mosquitto> {
    const server = await Mosquitto.start({
      listener,
      files: {
        'ca.crt': certificates.read('ca.crt'),
        'server.crt': certificates.read('server.crt'),
        'server.key': certificates.read('server.key'),
      },
    });
    cleanUps.push(() => server.remove());
    return server;
  }

  const tlsListener = ['cafile {dir}/ca.crt', 'certfile {dir}/server.crt', 'keyfile {dir}/server.key'];

  function open(url: string, tls: NonNullable<MqttBrokerOptions['tls']> = {}) {
    const broker = createMqttBroker({
      name: 'broker',
      url,
      tls,
      clock: systemClock,
      chance: systemChance,
      reconnect: { minMs: 20, maxMs: 50 },
    });
    const listener = new RecordingListener();
    sources += 1;
    const source = broker.openSource(
      { clientId: `source-${sources}`, topics: [`up/${sources}`], expectSession: false },
      listener,
    );
    const publisher = broker.openPublisher({});
    cleanUps.push(
      () => source.stop(),
      () => publisher.stop(),
    );
    source.start();
    publisher.start();
    return { listener, publisher };
  }

  async function carries(url: string, tls?: NonNullable<MqttBrokerOptions['tls']>): Promise<void> {
    const { listener, publisher } = open(url, tls);
    await listener.up();
    const texts = Array.from({ length: 200 }, (_, at) => `${at}`.padEnd(1_500, '.'));
    await Promise.all(texts.map((text) => publisher.publish(`up/${sources}`, text)));
    await until('all have arrived', () => listener.messages.length === texts.length);
    expect(listener.texts).toEqual(texts);
  }

  test('mqtts:// with the authority of the server', async () => {
    const server = await mosquitto(tlsListener);
    await carries(`mqtts://localhost:${server.port}`, { caFile: certificates.file('ca.crt') });
    await carries(`mqtts://127.0.0.1:${server.port}`, { caFile: certificates.file('ca.crt') });
  });

  test('mqtts:// with a client certificate, and what is said without it', async () => {
    const server = await mosquitto([...tlsListener, 'require_certificate true']);
    const url = `mqtts://127.0.0.1:${server.port}`;
    await carries(url, {
      caFile: certificates.file('ca.crt'),
      certFile: certificates.file('client.crt'),
      keyFile: certificates.file('client.key'),
    });
    const { listener } = open(url, { caFile: certificates.file('ca.crt') });
    await until('it is told', () => listener.statuses.length > 0);
    expect(listener.statuses[0]).toMatchObject({ kind: 'down', reason: expect.stringContaining('TLS with') });
  });

  test('mqtts:// to a server that another authority vouches for', async () => {
    const server = await mosquitto(tlsListener);
    const url = `mqtts://127.0.0.1:${server.port}`;
    for (const tls of [{}, { caFile: certificates.file('stranger.crt') }]) {
      const { listener } = open(url, tls);
      await until('it is told', () => listener.statuses.length > 0);
      expect(listener.statuses[0]).toMatchObject({
        kind: 'down',
        reason: expect.stringMatching(/^TLS with 127\.0\.0\.1:\d+ failed: .*\((UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/),
      });
    }
    await carries(url, { rejectUnauthorized: false });
  });

  test('ws://', async () => {
    const server = await mosquitto(['protocol websockets']);
    await carries(`ws://127.0.0.1:${server.port}/mqtt`);
  });

  test('wss:// with a client certificate', async () => {
    const server = await mosquitto([...tlsListener, 'require_certificate true', 'protocol websockets']);
    await carries(`wss://127.0.0.1:${server.port}/mqtt`, {
      caFile: certificates.file('ca.crt'),
      certFile: certificates.file('client.crt'),
      keyFile: certificates.file('client.key'),
    });
  });

  test('ws:// to a server that is no MQTT broker', async () => {
    const server = await mosquitto([]);
    const { listener } = open(`ws://127.0.0.1:${server.port}`);
    await until('it is told', () => listener.statuses.length > 0);
    expect(listener.statuses[0]).toMatchObject({ kind: 'down', fatal: false });
  });
});
