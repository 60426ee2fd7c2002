// Secrets stay secret: planted ones are looked for in everything that the bridge says, answers and keeps.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AdminClient } from '../../src/cli/admin-client.ts';
import {
  BridgeChild,
  definition,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
} from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { recordHere } from '../support/here-recorder.ts';
import { Mosquitto, passwordLine } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const canary = (name: string): string => `canary-${name}-Zx81qW`;
const HERE_PASSWORD = canary('here');
const WRONG_PASSWORD = canary('wrong');
const AS_KEY = canary('askey');
const BROKER_PASSWORD = canary('broker');
const EMBEDDED_PASSWORD = canary('embedded');
const PROXY_PASSWORD = canary('proxy');
const BAD_DEFINITION_PASSWORD = canary('bad');
const DOWNLINK_URL = canary('downlinkurl');
const KEY = '5a'.repeat(32);

/** The secrets that a text holds, plain or in base64. */
function found(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => {
    const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1);
    return text.includes(secret) || text.includes(base64);
  });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((file) => statSync(file).isFile());
}

describeWith('mosquitto', 'secrets', () => {
  test('planted in definitions, credentials, keys and uplinks are in no log, topic, event, answer, file or output', async () => {
    const mosquitto = await Mosquitto.start({
      files: { passwords: passwordLine('bridge', BROKER_PASSWORD) },
      listener: ['allow_anonymous false', 'password_file {dir}/passwords'],
    });
    onTestFinished(() => mosquitto.remove());
    const email = 'tenant@example.com';
    const sandbox = await useSandbox({
      accounts: [{ email, password: HERE_PASSWORD, projects: [{ appId: 'someAppId1' }] }],
      tokenLifetimeS: 3,
    });
    const here = await recordHere(sandbox.url);
    const url = mosquitto.url;
    const credentials = { username: 'bridge', password: BROKER_PASSWORD };
    const broker: TestBroker = { kind: 'mosquitto', url, setting: { kind: 'mqtt', url, ...credentials } };
    const dataDir = temporaryFolder();
    const users = [{ username: 'device', password: EMBEDDED_PASSWORD }];
    const brokers = {
      main: broker.setting,
      local: { kind: 'embedded', port: await freePort(), users },
      wrong: { kind: 'mqtt', url, username: 'bridge', password: WRONG_PASSWORD },
    };
    const services = { sandbox: { url: here.url } };
    const settings = {
      brokers,
      here: { defaultService: 'sandbox', services, proxy: { httpUrl: `http://user:${PROXY_PASSWORD}@127.0.0.1:9` } },
      secrets: { key: KEY },
      log: { level: 'trace', pretty: 'never' },
    };
    const child = new BridgeChild({ dataDir, broker, services, settings });
    await child.start();
    const outside = await BrokerClient.connect(url, credentials);
    await outside.follow('here-bridge/status/#');
    await outside.follow('here-bridge/ledger/#');
    await outside.follow('here-bridge/workers/#');
    await outside.follow('here-bridge/events/#');
    await outside.follow('here-bridge/connections/applied');
    await outside.follow('here-bridge/connections/refused');

    // Through the bridge, and from a producer of its own that knows no encryption.
    const good = definition({ email, password: HERE_PASSWORD, appId: 'someAppId1', downlinkAsKey: AS_KEY });
    await child.apply('applied', good);
    await outside.publish('here-bridge/connections/plain', JSON.stringify(good), { retain: true });
    await child.apply('refused', definition({ email, password: WRONG_PASSWORD, appId: 'someAppId1' }));
    const elsewhere = { email, password: HERE_PASSWORD, source: { broker: 'wrong', topics: ['x/+'] } };
    await child.apply('nobroker', definition(elsewhere));
    const bad = [
      `{"connectorId": "actility-here-iot", "configuration": {"password": "${BAD_DEFINITION_PASSWORD}"`,
      JSON.stringify({ ...good, configuration: { email, passwort: BAD_DEFINITION_PASSWORD } }),
      JSON.stringify({ ...good, configuration: { email, password: { [BAD_DEFINITION_PASSWORD]: 1 } } }),
      JSON.stringify({ ...good, configuration: { email, password: [BAD_DEFINITION_PASSWORD] } }),
      JSON.stringify({ ...good, configuration: { email, password: BAD_DEFINITION_PASSWORD, appId: '!' } }),
      JSON.stringify({ ...good, password: BAD_DEFINITION_PASSWORD }),
    ];
    for (const [n, text] of bad.entries()) {
      await outside.publish(`here-bridge/connections/bad${n}`, text, { retain: true });
    }
    await untilState(child, 'applied', 'OPENED');
    await untilState(child, 'plain', 'OPENED');
    await untilState(child, 'refused', 'AUTHENTICATION_FAILED');

    const admin = await AdminClient.find(dataDir);
    const stop = new AbortController();
    let tailed = '';
    const tail = cli(['connections', 'tail', 'applied', '--json', '--data-dir', dataDir], {
      signal: stop.signal,
      onOut: (text) => {
        tailed += text;
      },
    });
    const uplink = (n: number, more: object): string =>
      JSON.stringify({
        DevEUI_uplink: { DevEUI: `70B3D5000000000${n}`, Time: '2026-11-23T10:00:00Z', FPort: 1, ...more },
        downlinkUrl: `https://network.example/${DOWNLINK_URL}`,
      });
    await until('it is followed', async () => {
      await outside.publish('mqtt/things/70B3D50000000001/uplink', uplink(1, { payload_hex: '00' }));
      return tailed !== '';
    });
    const inside = { payload_hex: '00', downlinkUrl: `https://network.example/${DOWNLINK_URL}`, Port: 1 };
    await outside.publish('mqtt/things/70B3D50000000002/uplink', uplink(2, inside));
    await outside.publish('mqtt/things/x/uplink', `{"downlinkUrl": "${DOWNLINK_URL}"}`);
    await settledLedger(child, 'applied', 3);
    await until('a renewal', () => sandbox.account(email).refreshes > 0);
    stop.abort();
    await tail;

    const tokens = here.seen.flatMap(({ headers, url: { pathname }, body }): string[] => [
      headers.authorization?.slice('Bearer '.length) ?? '',
      ...(pathname === '/users/v2/refresh' ? Object.values(JSON.parse(body) as Record<string, string>) : []),
    ]);
    const atRest = [
      HERE_PASSWORD,
      WRONG_PASSWORD,
      AS_KEY,
      BROKER_PASSWORD,
      EMBEDDED_PASSWORD,
      PROXY_PASSWORD,
      BAD_DEFINITION_PASSWORD,
      KEY,
      ...new Set(tokens.filter((token) => token.length > 10)),
    ];
    const everywhere = [...atRest, DOWNLINK_URL];
    expect(atRest.length).toBeGreaterThan(8 + 1);

    // What it answers and prints.
    for (const route of [
      '/status',
      '/connections',
      '/connections/applied',
      '/connections/plain',
      '/events?limit=1000',
    ]) {
      expect(found(JSON.stringify((await admin.request('GET', route)).body), everywhere), route).toEqual([]);
    }
    for (const id of ['refused', 'nobroker', ...bad.map((_, n) => `bad${n}`)]) {
      const { body } = await admin.request('GET', `/connections/${id}`);
      expect(found(JSON.stringify(body), everywhere), id).toEqual([]);
    }
    const folder = temporaryFolder();
    const config = path.join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ dataDir, ...settings }));
    const runs: string[][] = [
      ['config', '--config', config],
      ['config', '--config', config, '--json'],
      ['connections', 'ls', '--data-dir', dataDir],
      ['connections', 'ls', '--json', '--data-dir', dataDir],
      ['connections', 'show', 'applied', '--data-dir', dataDir],
      ['connections', 'show', 'plain', '--json', '--data-dir', dataDir],
      ['config', '--set', `brokers.main.url=mqtt://bridge:${BROKER_PASSWORD}@127.0.0.1`],
      ['config', '--set', `secrets.key=${WRONG_PASSWORD}`],
      ['config', '--set', `here.proxy.httpUrl=ftp://user:${PROXY_PASSWORD}@127.0.0.1`],
      ['config', '--set', `brokers.local.users=[{"username":"x","passwort":"${EMBEDDED_PASSWORD}"}]`],
    ];
    for (const [n, text] of bad.entries()) {
      const file = path.join(folder, `bad${n}.json`);
      writeFileSync(file, text);
      runs.push(['validate', file], ['connections', 'apply', file, '--id', 'x', '--data-dir', dataDir]);
      runs.push(['map', file, '--definition', file]);
    }
    for (const args of runs) {
      const { out, err } = await cli(args, { cwd: folder });
      expect(out + err, args.join(' ')).not.toBe('');
      expect(found(out + err, everywhere), `${args.join(' ')}: ${out}${err}`).toEqual([]);
    }
    expect(found(tailed, everywhere)).toEqual([]);

    // What it publishes, logs and sends.
    for (const { topic, text } of outside.heard) expect(found(text, everywhere), topic).toEqual([]);
    const topics = new Set(outside.heard.map(({ topic }) => topic.split('/')[1]));
    expect([...topics].sort()).toEqual(['connections', 'events', 'ledger', 'status', 'workers']);
    await child.stop();
    expect(child.output).toContain('"level":"info"');
    for (const line of child.output.split('\n')) expect(found(line, everywhere), line).toEqual([]);
    for (const { url: target, body, method } of here.seen) {
      const where = `${method} ${target.pathname}`;
      expect(found(target.href + body, [DOWNLINK_URL, AS_KEY, BROKER_PASSWORD]), where).toEqual([]);
      if (!target.pathname.startsWith('/users/')) expect(found(target.href + body, atRest), where).toEqual([]);
    }

    // What it keeps. The journal and the dead letters hold the devices' messages as they came.
    const files = filesIn(dataDir);
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      expect(found(readFileSync(file, 'latin1'), atRest), file).toEqual([]);
      expect(statSync(file).mode & 0o077, `${file} is nobody else's`).toBe(0);
    }
  });
});
