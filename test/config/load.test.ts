// Loading the configuration: layers, strictness, secrets, and errors that say everything at once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { EXIT } from '../../src/domain/errors.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'here-bridge-config-'));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const full = path.join(cwd, name);
  writeFileSync(full, typeof content === 'string' ? content : JSON.stringify(content));
  return full;
}

function load(options: Partial<LoadOptions> = {}) {
  return loadConfig({ env: {}, cwd, ...options });
}

function flag(name: string, key: string, text: string) {
  return { flag: name, key, text };
}

/** The lines of the error; none when it loads. */
function faults(options: Partial<LoadOptions>): string[] {
  try {
    load(options);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).exitCode).toBe(EXIT.config);
    return (error as ConfigError).message.split('\n');
  }
}

function origin(options: Partial<LoadOptions>, key: string): [unknown, string] {
  const found = load(options).values.find(({ spec }) => spec.key === key)!;
  return [found.value, found.origin];
}

describe('The configuration', () => {
  test('needs nothing: an embedded broker on the loopback interface and HERE’s own hosts', () => {
    const { config } = load();
    expect(config.dataDir).toBe(path.join(cwd, 'data'));
    expect(config.brokers).toEqual({ main: { kind: 'embedded', host: '127.0.0.1', port: 1883, users: [] } });
    expect(config.topics).toEqual({ prefix: 'here-bridge', broker: 'main' });
    expect(config.sources).toEqual({ broker: 'main', topics: ['mqtt/things/+/uplink'], maxMessageBytes: 262_144 });
    expect(config.here.defaultService).toBe('here');
    expect(config.here.services.here?.url).toBe('https://tracking.api.here.com');
    expect(config.here.services['here-platform']?.url).toBe('https://tracking.hereapi.com');
    expect(config.here.services.here).toMatchObject({ requestsPerSecond: null, concurrency: 4, maxRecords: 500 });
    expect(config.budgets.journalMaxBytes).toBe(1024 ** 3);
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8080, open: false, trustProxy: [] });
  });

  test('is frozen to its leaves', () => {
    const { config } = load();
    expect(
      Object.isFrozen(config) && Object.isFrozen(config.brokers.main) && Object.isFrozen(config.sources.topics),
    ).toBe(true);
  });

  test('takes flags over variables over later files over earlier files over defaults, and says which', () => {
    const first = file('first.json', { http: { port: 1001 }, log: { level: 'warn' } });
    const second = file('second.json', { http: { port: 1002 } });
    const files = { files: [first, second] };
    expect(origin({}, 'http.port')).toEqual([8080, 'default']);
    expect(origin(files, 'http.port')).toEqual([1002, 'second.json']);
    expect(origin(files, 'log.level')).toEqual(['warn', 'first.json']);
    const env = { HERE_BRIDGE_HTTP_PORT: '1003' };
    expect(origin({ ...files, env }, 'http.port')).toEqual([1003, 'HERE_BRIDGE_HTTP_PORT']);
    const flags = [flag('--http-port', 'http.port', '1004')];
    expect(origin({ ...files, env, flags }, 'http.port')).toEqual([1004, '--http-port']);
    expect(origin({}, 'here.services.here.url')).toEqual(['https://tracking.api.here.com', 'config/default.json']);
  });

  test('finds a file by its name in the bridge’s config folder', () => {
    const { config } = load({ files: ['compose'] });
    expect(config.dataDir).toBe('/data');
    expect(config.brokers.main).toMatchObject({ kind: 'mqtt', url: 'mqtt://mosquitto:1883' });
    expect(load({ env: { HERE_BRIDGE_CONFIG: 'demo' } }).config.here.defaultService).toBe('sandbox');
  });

  test('merges the entries of maps value by value', () => {
    const site = file('site.json', { here: { services: { here: { requestsPerSecond: 5 } } } });
    const { config } = load({ files: [site], env: { HERE_BRIDGE_HERE_SERVICES_HERE_CONCURRENCY: '2' } });
    expect(config.here.services.here).toMatchObject({
      url: 'https://tracking.api.here.com',
      requestsPerSecond: 5,
      concurrency: 2,
    });
  });

  test('takes brokers as JSON from a variable, and single values over it', () => {
    const env = {
      HERE_BRIDGE_BROKERS: '{"main":null,"plant-2":{"url":"mqtts://a:8883","username":"u"}}',
      HERE_BRIDGE_BROKERS_PLANT_2_URL: 'mqtts://b:8883',
    };
    const { config } = load({ env });
    expect(Object.keys(config.brokers)).toEqual(['plant-2']);
    expect(config.brokers['plant-2']).toMatchObject({ kind: 'mqtt', url: 'mqtts://b:8883', username: 'u' });
    expect(config.topics.broker).toBe('plant-2');
    expect(config.sources.broker).toBe('plant-2');
  });

  test('makes an mqtt broker of one that has a url', () => {
    const { config } = load({ flags: [flag('--broker-url', 'brokers.main.url', 'ws://broker.example/mqtt')] });
    expect(config.brokers.main).toMatchObject({ kind: 'mqtt', protocolVersion: 4, keepaliveMs: 30_000 });
    expect(config.brokers.main).not.toHaveProperty('users');
  });

  test('takes an empty variable as not set and null as a value', () => {
    expect(origin({ env: { HERE_BRIDGE_HTTP_PORT: '' } }, 'http.port')).toEqual([8080, 'default']);
    const site = file('site.json', { worker: { id: 'w1' } });
    expect(load({ files: [site], env: { HERE_BRIDGE_WORKER_ID: 'null' } }).config.worker.id).toBeNull();
  });

  test('overlooks the variables that Kubernetes makes for a service of this name', () => {
    const env = {
      HERE_BRIDGE_SERVICE_HOST: '10.0.0.1',
      HERE_BRIDGE_SERVICE_PORT_HTTP: '8080',
      HERE_BRIDGE_PORT: 'tcp://10.0.0.1:8080',
      HERE_BRIDGE_PORT_8080_TCP_ADDR: '10.0.0.1',
    };
    expect(faults({ env })).toEqual([]);
  });

  test('takes the customary proxy variables', () => {
    const { config } = load({ env: { https_proxy: 'http://p:3128', NO_PROXY: 'localhost' } });
    expect(config.here.proxy).toEqual({ httpUrl: null, httpsUrl: 'http://p:3128', noProxy: 'localhost' });
  });
});

describe('Secrets', () => {
  test('come from files, their last line break left out', () => {
    const secret = file('password', 'pa ss\n');
    const env = {
      HERE_BRIDGE_BROKERS_MAIN_URL: 'mqtt://b',
      HERE_BRIDGE_BROKERS_MAIN_USERNAME: 'u',
      HERE_BRIDGE_BROKERS_MAIN_PASSWORD_FILE: secret,
    };
    expect(load({ env }).config.brokers.main).toMatchObject({ password: 'pa ss' });
    expect(load({ env }).config.brokers.main).not.toHaveProperty('passwordFile');
    expect(origin({ env }, 'brokers.main.password')[1]).toBe(
      `file ${secret}, named by HERE_BRIDGE_BROKERS_MAIN_PASSWORD_FILE`,
    );
  });

  test('as a value and as a file of the same origin are one too many; else the stronger counts', () => {
    const secret = file('password', 'fromFile');
    const site = file('site.json', { brokers: { main: { url: 'mqtt://b', username: 'u', passwordFile: secret } } });
    const both = { brokers: { main: { url: 'mqtt://b', username: 'u', password: 'x', passwordFile: secret } } };
    expect(faults({ files: [file('both.json', both)] })).toEqual([
      'brokers.main.passwordFile (from both.json): give either this or brokers.main.password, not both',
    ]);
    const env = { HERE_BRIDGE_BROKERS_MAIN_PASSWORD: 'fromVariable' };
    expect(load({ files: [site], env }).config.brokers.main).toMatchObject({ password: 'fromVariable' });
  });

  test('are not in any error', () => {
    const secret = 'Zq9planted';
    const lines = faults({
      files: [file('site.json', `{"brokers": {"main": {"password": "${secret}" "x"}}}`)],
      env: {
        HERE_BRIDGE_SECRETS_KEY: `${secret}!`,
        HERE_BRIDGE_BROKERS_MAIN_URL: `mqtt://u:${secret}@b`,
        HERE_BRIDGE_HERE_PROXY_HTTPS_URL: `socks://u:${secret}@b`,
        HERE_BRIDGE_BROKERS_MAIN_USERS: `[{"username":"u","password":"${secret}","x":1}]`,
        HERE_BRIDGE_BROKERS: `{"main": {"password": ["${secret}"]`,
      },
    });
    expect(lines.length).toBeGreaterThanOrEqual(6);
    expect(lines.join('\n')).not.toContain(secret);
  });
});

describe('A wrong configuration', () => {
  test('is told whole: key, value, origin and what is allowed, one line each', () => {
    const site = file('site.json', {
      htpp: { port: 1 },
      http: { port: '8080', hots: 'x' },
      log: 'debug',
      here: { services: { here: { concurrency: 0.5 } } },
    });
    const env = { HERE_BRIDGE_LOG_LEVEL: 'loud', HERE_BRIDGE_HTP_PORT: '1', HERE_BRIDGE_WORKER_HEARTBEAT_MS: '5s' };
    expect(faults({ files: [site], env, flags: [flag('--set', 'http.prot', '1')] })).toEqual([
      'htpp (from site.json): unknown key',
      'http.hots (from site.json): unknown key; did you mean http.host?',
      'log (from site.json): must be a group of values in {…}',
      'HERE_BRIDGE_HTP_PORT: unknown variable; did you mean HERE_BRIDGE_HTTP_PORT?',
      'http.prot (from --set): unknown key; did you mean http.port?',
      'http.port = "8080" (from site.json): allowed: a whole number from 0 to 65535',
      'here.services.here.concurrency = 0.5 (from site.json): allowed: a whole number from 1 to 64',
      'worker.heartbeatMs = "5s" (from HERE_BRIDGE_WORKER_HEARTBEAT_MS): allowed: a whole number from 1000 to 60000',
      'log.level = "loud" (from HERE_BRIDGE_LOG_LEVEL): allowed: trace, debug, info, warn, error, fatal, silent',
    ]);
  });

  test('may be no JSON or no file at all', () => {
    const broken = file('broken.json', '{\n "a": 1,\n}');
    expect(faults({ files: [broken, 'nowhere'] })).toEqual([
      'broken.json: is not JSON, see line 3',
      '--config = "nowhere": no such file, neither here nor in ./config',
    ]);
  });

  test.each(['__proto__', 'constructor', 'prototype', 'default', 'Main', 'a_b', '-a', '', 'a'.repeat(33)])(
    'refuses the name %j of a broker',
    (name) => {
      const site = file(
        'site.json',
        `{"brokers": {${JSON.stringify(name)}: {"prototype": {"polluted": 1}, "url": "mqtt://b"}}}`,
      );
      expect(faults({ files: [site] })[0]).toMatch(/^brokers \(from site.json\): ".*" is no name; allowed: 1 to 32 of/);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test('has no unknown key, whatever it is called', () => {
    const site = file('site.json', '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {}}, "http.port": 1}');
    expect(faults({ files: [site] })).toHaveLength(3);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
