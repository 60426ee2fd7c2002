// Combinations that cannot work are refused before anything connects.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const readable = path.resolve(import.meta.dirname, '../../package.json');

/** The lines of the error without their origins. `brokers`: all of them, where one of another name than main is needed. */
function faults({ brokers, ...values }: Record<string, string>): string[] {
  const flags = Object.entries(values).map(([key, text]) => ({ flag: '-', key, text }));
  try {
    loadConfig({ env: brokers === undefined ? {} : { HERE_BRIDGE_BROKERS: brokers }, cwd: '/', flags });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replaceAll(/ \(from (-|HERE_BRIDGE_BROKERS)\)/g, ''));
  }
}

const KAFKA = { 'brokers.main.kind': 'kafka', 'brokers.main.bootstrap': 'b:9092' };
const MQTT = { 'brokers.main.url': 'mqtts://b' };

describe('Impossible combinations', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'an embedded broker for all the world without users',
      { 'brokers.main.host': '0.0.0.0' },
      'brokers.main.host = "0.0.0.0": beyond the loopback interface an embedded broker needs users',
    ],
    [
      'values of the other kind of broker',
      { ...MQTT, 'brokers.main.port': '1884' },
      'brokers.main.port = 1884: not for a broker of the kind mqtt',
    ],
    [
      'a login for an embedded broker',
      { 'brokers.main.username': 'u' },
      'brokers.main.username = "u": not for a broker of the kind embedded; its accounts are in users',
    ],
    [
      'Kafka without addresses',
      { 'brokers.main.kind': 'kafka' },
      'brokers.main.bootstrap = null: a broker of the kind kafka needs bootstrap addresses',
    ],
    [
      'an address of Kafka for MQTT',
      { ...MQTT, 'brokers.main.bootstrap': 'b:9092' },
      'brokers.main.bootstrap = ["b:9092"]: not for a broker of the kind mqtt',
    ],
    [
      'a SASL mechanism without a login',
      { ...KAFKA, 'brokers.main.sasl.mechanism': 'plain' },
      'brokers.main.sasl.mechanism = "plain": plain needs username and password',
    ],
    [
      'a login without a SASL mechanism',
      { ...KAFKA, 'brokers.main.username': 'u', 'brokers.main.password': 'p' },
      'brokers.main.username = "u": needs sasl.mechanism',
    ],
    [
      'OAuth without a token',
      { ...KAFKA, 'brokers.main.sasl.mechanism': 'oauthbearer' },
      'brokers.main.sasl.mechanism = "oauthbearer": oauthbearer needs sasl.tokenUrl or sasl.tokenFile',
    ],
    [
      'certificates while TLS is off',
      { ...KAFKA, 'brokers.main.tls.enabled': 'false', 'brokers.main.tls.caFile': readable },
      `brokers.main.tls.caFile = "${readable}": needs tls.enabled`,
    ],
    [
      'mqtt without a url',
      { 'brokers.main.kind': 'mqtt' },
      'brokers.main.url = null: a broker of the kind mqtt needs a url',
    ],
    [
      'a password without a user name',
      { ...MQTT, 'brokers.main.password': 'geheim' },
      'brokers.main.password = *****: a password needs a username',
    ],
    [
      'MQTT 5 values with MQTT 3.1.1',
      { ...MQTT, 'brokers.main.receiveMaximum': '100' },
      'brokers.main.receiveMaximum = 100: needs protocolVersion 5',
    ],
    [
      'TLS files without TLS',
      { 'brokers.main.url': 'mqtt://b', 'brokers.main.tls.caFile': readable },
      `brokers.main.tls.caFile = ${JSON.stringify(readable)}: needs a url with mqtts:// or wss://`,
    ],
    [
      'a TLS file that is not there',
      { ...MQTT, 'brokers.main.tls.caFile': '/nowhere.pem' },
      'brokers.main.tls.caFile = "/nowhere.pem": the file cannot be read',
    ],
    [
      'half a client certificate',
      { ...MQTT, 'brokers.main.tls.certFile': readable },
      `brokers.main.tls.certFile = ${JSON.stringify(readable)}: needs tls.keyFile too`,
    ],
    [
      'a broker that is not there',
      { 'sources.broker': 'plant' },
      'sources.broker = "plant": there is no such broker; allowed: main',
    ],
    [
      'a service that is not there',
      { 'here.defaultService': 'hera' },
      'here.defaultService = "hera": there is no such service; allowed: here, here-platform',
    ],
    [
      'uplinks from the bridge’s own topics',
      { 'sources.topics': 'a/+/up,+/+/x' },
      'sources.topics = ["a/+/up","+/+/x"]: "+/+/x" would take in the bridge\'s own topics under topics.prefix',
    ],
    [
      'a shortest wait above the longest',
      { 'delivery.retryMinMs': '30000' },
      'delivery.retryMinMs = 30000: must not be more than delivery.retryMaxMs (20000)',
    ],
    ['a process without a role', { roles: '[]' }, 'roles = []: a process needs at least one role'],
    [
      'the API alone where no other worker can serve the connections',
      { ...MQTT, roles: 'api' },
      'roles = ["api"]: without ownership.broker nobody else would serve the connections; allowed: ["worker"], ["worker","api"]',
    ],
    [
      'ownership by a broker that is not Kafka',
      { ...MQTT, 'ownership.broker': 'main' },
      'ownership.broker = "main": must be a broker of the kind kafka; there is none yet',
    ],
    [
      'ownership by a broker that is not there',
      { ...KAFKA, 'ownership.broker': 'plant' },
      'ownership.broker = "plant": must be a broker of the kind kafka; allowed: main',
    ],
    [
      'an embedded broker among several workers',
      { brokers: '{"main":{"kind":"kafka","bootstrap":["b:9092"]},"local":{"kind":"embedded"}}' },
      'brokers.local.kind = "embedded": an embedded broker is this process’s own: several workers need brokers that all of them reach',
    ],
    [
      'heartbeats that one lost would end the session',
      { ...KAFKA, 'ownership.heartbeatMs': '2001' },
      'ownership.heartbeatMs = 2001: must not be more than a third of ownership.sessionTimeoutMs (6000)',
    ],
    ['one port twice', { 'admin.port': '8080' }, 'admin.port = 8080: is the port of http.port already'],
  ])('refuses %s', (_, values, line) => {
    expect(faults(values)).toEqual([line]);
  });

  test('takes an embedded broker for all the world with users', () => {
    const users = '[{"username":"gw","password":"p"}]';
    expect(faults({ 'brokers.main.host': '0.0.0.0', 'brokers.main.users': users })).toEqual([]);
  });

  test('takes either role alone among several workers, and the worker alone without others', () => {
    expect(faults({ ...KAFKA, roles: 'api' })).toEqual([]);
    expect(faults({ ...KAFKA, roles: 'worker' })).toEqual([]);
    expect(faults({ ...MQTT, roles: 'worker' })).toEqual([]);
    // Also where Kafka only deals the connections out.
    const brokers = '{"main":{"url":"mqtts://b"},"log":{"kind":"kafka","bootstrap":["b:9092"]}}';
    expect(faults({ brokers, 'ownership.broker': 'log', roles: 'api' })).toEqual([]);
  });

  test('takes a client certificate and MQTT 5', () => {
    const tls = { 'brokers.main.tls.certFile': readable, 'brokers.main.tls.keyFile': readable };
    expect(
      faults({ ...MQTT, ...tls, 'brokers.main.protocolVersion': '5', 'brokers.main.receiveMaximum': '50' }),
    ).toEqual([]);
  });

  test('does not report what only follows from another fault', () => {
    expect(faults({ 'brokers.main.kind': 'mqtt', 'brokers.main.url': 'nonsense' })).toHaveLength(1);
  });
});
