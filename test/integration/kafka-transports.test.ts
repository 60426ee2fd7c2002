// Kafka over TLS, with client certificates, and with every log-in that the bridge knows: a record goes there and comes back; what
// cannot be is told, and tried again with pauses or not at all.
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker, type KafkaBrokerOptions } from '../../src/brokers/kafka.ts';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { RecordingListener, until } from '../brokers/outside.ts';
import { Certificates } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { formatKafka, type KafkaProcess, kafkaProperties, runKafka } from '../support/kafka-jars.ts';
import { kafkaBrokerOptions, kafkaOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';

const START_MS = 120_000;
const LOGIN = 'org.apache.kafka.common.security';
const SECRET = 'bridge-secret-41';

/** Of those that Kafka takes unsigned where nothing else is configured (RFC 7515, appendix A.5). */
function tokenOf(subject: string, lifeS: number): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 10, exp: now + lifeS })}.`;
}

describeWith('kafkaJars', 'A Kafka behind TLS and log-ins', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-transports-'));
  let certificates: Certificates | null = null;
  let server: KafkaProcess | null = null;
  const ports = { plain: 0, mutual: 0, sasl: 0, token: 0 };

  const tls = (more: Partial<KafkaBrokerOptions['tls']> = {}): KafkaBrokerOptions['tls'] => ({
    enabled: true,
    caFile: certificates?.file('ca.crt') ?? null,
    certFile: null,
    keyFile: null,
    rejectUnauthorized: true,
    ...more,
  });
  const own = () => ({
    certFile: certificates?.file('client.crt') ?? null,
    keyFile: certificates?.file('client.key') ?? null,
  });

  /** Publishes a record and reads it with a group of its own. */
  const roundTrip = async (port: number, more: Partial<KafkaBrokerOptions>): Promise<void> => {
    const broker = createKafkaBroker(kafkaBrokerOptions(`127.0.0.1:${port}`, more));
    const listener = new RecordingListener();
    const clientId = `group-${port}-${JSON.stringify(more).length}-${Math.random()}`;
    const source = broker.openSource({ clientId, topics: ['up'], expectSession: false }, listener);
    onTestFinished(() => source.stop());
    source.start();
    await until('the source is up', () => listener.last === 'up', 30_000);
    const publisher = broker.openPublisher({});
    onTestFinished(() => publisher.stop());
    publisher.start();
    await until('the publisher is connected', () => publisher.connected, 30_000);
    await publisher.publish('up/key', clientId);
    await until('the record is back', () => listener.texts.includes(clientId), 20_000);
  };

  /** What a source is told first, and all that it was told. */
  const refusal = async (addresses: string, more: Partial<KafkaBrokerOptions>) => {
    const reconnect = { minMs: 20, maxMs: 200, refusedMs: 60_000 };
    const broker = createKafkaBroker(kafkaBrokerOptions(addresses, { reconnect, ...more }));
    const listener = new RecordingListener();
    const source = broker.openSource({ clientId: 'refused', topics: ['up'], expectSession: false }, listener);
    onTestFinished(() => source.stop());
    source.start();
    await until('the source is told', () => listener.last === 'down', 30_000);
    const [first] = listener.statuses;
    return first?.kind === 'down' ? first : { reason: JSON.stringify(first), fatal: null };
  };

  beforeAll(async () => {
    certificates = new Certificates();
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    const pem = (...names: ('server.key' | 'server.crt' | 'ca.crt')[]): string => {
      const file = path.join(folder, `${names.join('-')}.pem`);
      fs.writeFileSync(file, names.map((name) => certificates?.read(name).toString() ?? '').join('\n'));
      return file;
    };
    const scram = `${LOGIN}.scram.ScramLoginModule required;`;
    const plain = `${LOGIN}.plain.PlainLoginModule required user_bridge="${SECRET}";`;
    const controller = await freePort();
    const listeners = Object.entries(ports).map(([name, port]) => `${name.toUpperCase()}://127.0.0.1:${port}`);
    const properties = kafkaProperties(ports.plain, controller, {
      listeners: `${listeners.join(',')},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': listeners.join(','),
      'inter.broker.listener.name': 'PLAIN',
      'listener.security.protocol.map':
        'CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,MUTUAL:SSL,SASL:SASL_SSL,TOKEN:SASL_PLAINTEXT',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': pem('server.key', 'server.crt', 'ca.crt'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': pem('ca.crt'),
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.sasl.plain.sasl.jaas.config': plain,
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': scram,
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': scram,
      'listener.name.token.sasl.enabled.mechanisms': 'OAUTHBEARER',
      'listener.name.token.oauthbearer.sasl.jaas.config': `${LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="server";`,
    });
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=bridge,password=${SECRET}]`,
    );
    formatKafka(path.join(folder, 'kafka'), properties, users);
    server = runKafka(path.join(folder, 'kafka'));
    for (const end = Date.now() + START_MS; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
      const client = createKafkaClient(kafkaOptions(`127.0.0.1:${ports.plain}`, { retries: 3 })).admin();
      try {
        await client.connect();
        await client.fetchOffsets({ groupId: 'warm-up' });
        await client.createTopics({ topics: [{ topic: 'up', numPartitions: 1 }] });
        break;
      } catch (error) {
        if (Date.now() > end) throw error;
      } finally {
        await client.disconnect();
      }
    }
  }, START_MS);

  afterAll(() => {
    server?.kill();
    certificates?.remove();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test('over TLS with a client certificate', async () => {
    await roundTrip(ports.mutual, { tls: tls(own()) });
  });

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`over TLS with ${mechanism}`, async () => {
      const sasl = { mechanism, tokenUrl: null, tokenScope: null, tokenFile: null };
      await roundTrip(ports.sasl, { tls: tls(), username: 'bridge', password: SECRET, sasl });
      const wrong = await refusal(`127.0.0.1:${ports.sasl}`, { tls: tls(), username: 'bridge', password: 'no', sasl });
      expect(wrong).toMatchObject({ fatal: true, reason: expect.stringContaining('Kafka refused the log-in') });
    });
  }

  test('with an OAuth token from a file, which is read anew at each log-in', async () => {
    const tokenFile = path.join(folder, 'token');
    const sasl = { mechanism: 'oauthbearer', tokenUrl: null, tokenScope: null, tokenFile } as const;
    fs.writeFileSync(tokenFile, `${tokenOf('bridge', 600)}\n`);
    await roundTrip(ports.token, { sasl });
    // Kafka refuses one that has run out; the next log-in would take a new one.
    fs.writeFileSync(tokenFile, tokenOf('bridge', -300));
    const old = await refusal(`127.0.0.1:${ports.token}`, { sasl });
    expect(old).toMatchObject({ fatal: true, reason: expect.stringContaining('Kafka refused the log-in') });
    fs.rmSync(tokenFile);
    const none = await refusal(`127.0.0.1:${ports.token}`, { sasl });
    expect(none).toMatchObject({ fatal: false, reason: expect.stringContaining('There is no OAuth token for Kafka') });
  });

  test("with an OAuth token that is fetched with the client's secret, once for all connections of a broker", async () => {
    const asked: { authorization: string | undefined; body: string }[] = [];
    const issuer = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        asked.push({ authorization: request.headers.authorization, body });
        response.end(JSON.stringify({ access_token: tokenOf('bridge', 600), expires_in: 600 }));
      });
    });
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void issuer.close());
    const tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
    const sasl = { mechanism: 'oauthbearer', tokenUrl, tokenScope: 'kafka', tokenFile: null } as const;
    await roundTrip(ports.token, { username: 'bridge', password: SECRET, sasl });
    const basic = `Basic ${Buffer.from(`bridge:${SECRET}`).toString('base64')}`;
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set([basic]));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body).toBe('grant_type=client_credentials&scope=kafka');
  });

  test('without a client certificate, or with an authority that does not know the server, it is told and tried again', async () => {
    const anonymous = await refusal(`127.0.0.1:${ports.mutual}`, { tls: tls() });
    expect(anonymous.fatal).toBe(false);
    expect(anonymous.reason).toMatch(/certificate/i);
    const stranger = await refusal(`127.0.0.1:${ports.mutual}`, {
      tls: tls({ ...own(), caFile: certificates?.file('stranger.crt') ?? null }),
    });
    expect(stranger.reason).toMatch(/certificate/i);
    const missing = await refusal(`127.0.0.1:${ports.mutual}`, { tls: tls({ caFile: path.join(folder, 'none.pem') }) });
    expect(missing.reason).toContain('none.pem');
  });

  test('TLS is not spoken to a listener without it, and a host that nobody knows is told by its name', async () => {
    expect((await refusal(`127.0.0.1:${ports.plain}`, { tls: tls() })).fatal).toBe(false);
    const unknown = await refusal('kafka.invalid:9092', {});
    expect(unknown).toMatchObject({ fatal: false, reason: expect.stringContaining('kafka.invalid') });
  });
});
