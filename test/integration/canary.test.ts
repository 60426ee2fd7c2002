// Canaries: secrets planted in every input of the control plane, and looked for in everything that a bridge at trace level lets out.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BridgeChild, definition, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli, launcher } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { recordHere } from '../support/here-recorder.ts';
import { useSandbox } from '../support/sandbox.ts';

const canary = (name: string): string => `canary-${name}-Zx81 qW of 7 words`;
/** For places that take no blanks. */
const tight = (name: string): string => canary(name).replaceAll(' ', '.');

const HERE = canary('here');
const WRONG = canary('wrong');
const AS_KEY = tight('askey');
const FIRST_ADMIN = canary('firstadmin');
const OPERATOR = canary('operator');
const GUESS = canary('guess');
const BAD_BODY = tight('badbody');
const PROXY = tight('proxy');
const HEADER = tight('header');
const QUERY = tight('query');
const KEY = '7c'.repeat(32);
const FORMER = '3e'.repeat(32);

/** The secrets that a text holds: plain, escaped for JSON or URLs, or in base64. */
function found(text: string, secrets: Iterable<string>): string[] {
  return [...secrets].filter((secret) => {
    const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1);
    const forms = [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      base64,
      base64.replaceAll('+', '-'),
    ];
    return forms.some((form) => text.includes(form));
  });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((file) => statSync(file).isFile());
}

test('no canary comes out: not in logs, topics, answers, metrics, events, audit, files, output, crash messages or process titles', async () => {
  const secrets = new Set([HERE, WRONG, AS_KEY, FIRST_ADMIN, OPERATOR, GUESS, BAD_BODY, PROXY, HEADER, KEY, FORMER]);
  const email = 'tenant@example.com';
  const sandbox = await useSandbox({ accounts: [{ email, password: HERE, projects: [{ appId: 'someAppId1' }] }] });
  const here = await recordHere(sandbox.url);
  const broker = await useBroker('embedded');
  const [dataDir, port] = [temporaryFolder(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const services = { sandbox: { url: here.url } };
  const settings = {
    here: { defaultService: 'sandbox', services, proxy: { httpUrl: `http://user:${PROXY}@127.0.0.1:9` } },
    secrets: { key: KEY, formerKeys: [FORMER] },
    http: { port, firstAdminPassword: FIRST_ADMIN, requestsPerSecond: 1000 },
    log: { level: 'trace', pretty: 'never' },
  };
  const child = new BridgeChild({ dataDir, broker, services, settings });
  await child.start();
  const outside = await BrokerClient.connect(broker.url);
  await outside.follow('here-bridge/#');

  let said = '';
  const ask = async (method: string, route: string, more: { body?: unknown; raw?: string; headers?: object } = {}) => {
    const json = more.body === undefined ? {} : { 'content-type': 'application/json' };
    const init: RequestInit = { method, headers: { ...json, ...more.headers } as Record<string, string> };
    if (more.body !== undefined || more.raw !== undefined) init.body = more.raw ?? JSON.stringify(more.body);
    const answer = await fetch(`${url}${route}`, init);
    const headers = JSON.stringify([...answer.headers].filter(([name]) => name !== 'set-cookie'));
    return { status: answer.status, text: await answer.text(), headers, cookie: answer.headers.get('set-cookie') };
  };
  const tell = async (...[method, route, more]: Parameters<typeof ask>): Promise<number> => {
    const { status, text, headers } = await ask(method, route, more);
    said += `${method} ${route.split('?', 1)[0]} ${status} ${headers} ${text}\n`;
    return status;
  };

  // Log-ins, right and wrong; the cookie and the API token are secrets from now on.
  const logIn = async (name: string, password: string) => {
    const { status, cookie } = await ask('POST', '/session', { body: { name, password } });
    expect([name, status]).toEqual([name, 200]);
    const pair = (cookie ?? '').split(';')[0] as string;
    secrets.add(pair.slice(pair.indexOf('=') + 1));
    return { cookie: pair };
  };
  const admin = await logIn('admin', FIRST_ADMIN);
  await tell('POST', '/session', { body: { name: 'admin', password: GUESS } });
  await tell('POST', '/session', { body: { name: GUESS, password: GUESS } });
  await tell('POST', '/session', { body: { name: 'admin', password: { [BAD_BODY]: 1 } } });
  await tell('POST', '/users', { headers: admin, body: { name: 'otto', role: 'operator', password: OPERATOR } });
  await tell('POST', '/users', { headers: admin, body: { name: 'bad', role: BAD_BODY, password: BAD_BODY } });
  await tell('PATCH', '/users/otto', { headers: admin, body: { password: tight('x').slice(0, 9), role: BAD_BODY } });
  const otto = await logIn('otto', OPERATOR);
  await tell('POST', '/session/password', { headers: otto, body: { currentPassword: GUESS, password: BAD_BODY } });
  const issued = JSON.parse(
    (await ask('POST', '/tokens', { headers: otto, body: { name: 'ci', role: 'operator' } })).text,
  );
  secrets.add(issued.token.slice(17));
  const token = { authorization: `Bearer ${issued.token}` };
  for (const authorization of [`Bearer ${HEADER}`, `Basic ${Buffer.from(`x:${HEADER}`).toString('base64')}`, HEADER]) {
    await tell('GET', '/connections', { headers: { authorization } });
  }
  await tell('GET', '/connections', { headers: { cookie: `here-bridge=${HEADER}; other=${HEADER}` } });
  await tell('GET', `/connections?password=${encodeURIComponent(QUERY)}`, { headers: token });

  // Looks before anything is saved.
  const wrongOnly = definition({ email: 'other@example.com', password: WRONG, appId: 'someAppId1' });
  await tell('POST', '/connections/test', { headers: token, body: wrongOnly });
  await tell('POST', '/connections/test', {
    headers: token,
    body: { ...wrongOnly, configuration: { email, password: [BAD_BODY] } },
  });
  await tell('POST', '/uplinks/try', {
    headers: token,
    body: { downlinkUrl: BAD_BODY, DevEUI_uplink: { password: BAD_BODY } },
  });

  // Definitions, good and bad.
  const good = definition({ email, password: HERE, appId: 'someAppId1', downlinkAsKey: AS_KEY });
  expect(await tell('PUT', '/connections/applied', { headers: token, body: good })).toBe(201);
  expect(await tell('POST', '/connections', { headers: token, body: { ...good, name: 'Second' } })).toBe(201);
  const wrong = definition({ email, password: WRONG, appId: 'someAppId1' });
  expect(await tell('PUT', '/connections/refused', { headers: token, body: wrong })).toBe(201);
  const bad: [string, unknown][] = [
    ['/connections/b1', { ...good, configuration: { email, passwort: BAD_BODY } }],
    ['/connections/b2', { ...good, configuration: { email, password: [BAD_BODY] } }],
    ['/connections/b3', { ...good, configuration: { email, password: { [BAD_BODY]: BAD_BODY } } }],
    ['/connections/b4', { ...good, password: BAD_BODY }],
    ['/connections/b5', { ...good, configuration: { email, password: BAD_BODY, appId: '!' } }],
    ['/connections/b6', BAD_BODY],
    ['/connections/b7', { ...good, configuration: { email, password: BAD_BODY.repeat(400) } }],
  ];
  for (const [route, body] of bad)
    expect([route, await tell('PUT', route, { headers: token, body })]).toEqual([route, 400]);
  const broken = `{"configuration": {"password": "${BAD_BODY}"`;
  await tell('PUT', '/connections/b8', { headers: { ...token, 'content-type': 'application/json' }, raw: broken });
  await tell('PATCH', '/connections/applied', {
    headers: token,
    body: { configuration: { password: 5, downlinkAsKey: [BAD_BODY] } },
  });
  await outside.publish(
    'here-bridge/connections/byhand',
    JSON.stringify({ ...good, configuration: { email, password: [BAD_BODY] } }),
  );
  await untilState(child, 'applied', 'OPENED');
  await untilState(child, 'refused', 'AUTHENTICATION_FAILED');
  await outside.publish(
    'mqtt/things/70B3D50000000001/uplink',
    JSON.stringify({
      DevEUI_uplink: { DevEUI: '70B3D50000000001', Time: '2026-11-28T10:00:00Z', FPort: 1, payload_hex: '00' },
    }),
  );
  await until('HERE was called', () => here.seen.some(({ url: { pathname } }) => pathname.includes('/v3/')));

  // Every route that reads, whichever there are, by the document of the routes themselves.
  const document = JSON.parse((await ask('GET', '/openapi.json', { headers: admin })).text) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const values: Record<string, string> = {
    id: 'applied',
    name: 'otto',
    device: '70B3D50000000001',
    devEui: '70B3D50000000001',
  };
  const routes = Object.entries(document.paths).filter(
    ([route, verbs]) => 'get' in verbs && !/tail|stream/.test(route),
  );
  expect(routes.length).toBeGreaterThan(15);
  for (const [route] of routes) {
    for (const id of ['applied', 'refused', 'b1', 'byhand']) {
      await tell(
        'GET',
        route.replace(/\{(\w+)\}/g, (_, name) => (name === 'id' ? id : (values[name] ?? '1'))),
        { headers: admin },
      );
    }
  }
  expect(said).toContain('GET /audit 200');
  expect(said).toContain('GET /metrics 200');
  expect(said).toContain('*****');
  for (const line of said.split('\n')) expect(found(line, [...secrets, QUERY]), line.slice(0, 300)).toEqual([]);

  // What the command line prints, also of wrong configurations: those are the last words of a start that fails.
  const folder = temporaryFolder();
  const file = path.join(folder, 'definition.json');
  writeFileSync(file, JSON.stringify(bad[1]?.[1]));
  const at = ['--data-dir', dataDir];
  const runs: string[][] = [
    ['connections', 'ls', '--json', ...at],
    ['connections', 'show', 'applied', '--json', ...at],
    ['connections', 'apply', file, '--id', 'b9', ...at],
    ['users', 'ls', '--json', ...at],
    ['tokens', 'ls', '--json', ...at],
    ['audit', '--json', ...at],
    ['keys', 'ls', '--json', ...at],
    ['keys', 'rotate', '--json', ...at],
    ['ledger', '--json', ...at],
    ['config', '--set', `http.firstAdminPassword=${FIRST_ADMIN}`, '--set', `secrets.formerKeys=${FORMER}`],
    ['start', '--set', `secrets.key=${BAD_BODY}`],
    ['start', '--set', `secrets.formerKeys=${BAD_BODY}`],
    ['start', '--set', `brokers.main.url=mqtt://u:${BAD_BODY}@127.0.0.1`],
    ['start', '--set', `http.oidc.issuer=https://u:${BAD_BODY}@sso.example`],
  ];
  const bundle = path.join(folder, 'bundle.json');
  const whole = path.join(folder, 'whole.json');
  writeFileSync(whole, JSON.stringify({ dataDir, brokers: { main: broker.setting }, ...settings }));
  runs.push(['support-bundle', '--config', whole, '--out', bundle], ['doctor', '--config', whole]);
  for (const args of runs) {
    const { out, err } = await cli(args, { cwd: folder });
    expect(out + err, args.join(' ')).not.toBe('');
    expect(found(out + err, secrets), `${args.slice(0, 2).join(' ')}: ${out}${err}`).toEqual([]);
  }

  expect(found(readFileSync(bundle, 'utf8'), secrets), 'the support bundle').toEqual([]);

  // Topics, but for the definitions that their own producers wrote in plain; the process's title; the log; the files.
  for (const { topic, text } of outside.heard) {
    if (topic !== 'here-bridge/connections/byhand') expect(found(text, secrets), topic).toEqual([]);
  }
  expect(new Set(outside.heard.map(({ topic }) => topic.split('/')[1]))).toContain('access');
  const titles = execFileSync('ps', ['-o', 'args=', '-p', String(child.pid)], { encoding: 'utf8' });
  expect(titles.trim()).toBe('here-bridge');
  await child.stop();
  expect(child.output).toContain('"level":"info"');
  for (const line of child.output.split('\n')) expect(found(line, [...secrets, QUERY]), line.slice(0, 500)).toEqual([]);
  for (const { url: target, body, method } of here.seen) {
    const own = target.pathname.startsWith('/users/') ? [AS_KEY, FIRST_ADMIN, OPERATOR] : secrets;
    expect(found(target.href + body, own), `${method} ${target.pathname}`).toEqual([]);
  }
  const files = filesIn(dataDir);
  expect(files.map((each) => path.basename(each))).toContain('access.sealed');
  for (const each of files) {
    // The broker keeps what others published on it, as they published it.
    const hidden = each.includes('broker-main') ? [...secrets].filter((secret) => secret !== BAD_BODY) : secrets;
    expect(found(readFileSync(each, 'latin1'), hidden), each).toEqual([]);
    expect(statSync(each).mode & 0o077, `${each} is nobody else's`).toBe(0);
  }
}, 180_000);

test('arguments of a process that runs are not in the list of processes, also where they hold secrets', async () => {
  const dataDir = temporaryFolder();
  const { spawn } = await import('node:child_process');
  const secret = `--set=here.proxy.httpUrl=http://u:${PROXY}@127.0.0.1:9`;
  const quiet = ['--set=brokers.main.port=0', '--set=http.port=0', '--data-dir', dataDir];
  const child = spawn(process.execPath, [launcher, 'start', secret, ...quiet], {
    env: { PATH: process.env.PATH ?? '' },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  await until('it runs', () => output.includes('The bridge runs'), 60_000);
  expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').replaceAll('\u0000', ' ').trim()).toBe('here-bridge');
  expect(output).toMatch(/A key for secrets was made: back this file up/);
  expect(found(output, [PROXY])).toEqual([]);
});
