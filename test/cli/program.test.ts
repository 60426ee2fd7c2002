// The command line's frame: help, hints, exit codes, and the verbs that need no running bridge.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS } from '../../src/cli/sandbox.ts';
import { VALUES } from '../../src/config/schema.ts';
import { FAULT_NAMES } from '../../src/sandbox/options.ts';
import { cli } from '../support/cli.ts';

let cwd: string;

const DEFINITION = {
  id: 'tenant-a',
  connectorId: 'actility-here-iot',
  name: 'Tenant A',
  configuration: { email: 'a@example.com', password: 'Zq9planted' },
};

const UPLINK = {
  DevEUI_uplink: {
    Time: '2026-11-01T10:00:00.000+00:00',
    DevEUI: '0018B20000000B20',
    FPort: 1,
    FCntUp: 7,
    payload_hex: '01',
    payload: { latitude: 48.1, longitude: 2.2 },
  },
};

beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'here-bridge-cli-'));
  writeFileSync(path.join(cwd, 'good.json'), JSON.stringify(DEFINITION));
  writeFileSync(path.join(cwd, 'broken.json'), '{\n"a": "Zq9planted" "b" }');
  writeFileSync(path.join(cwd, 'uplink.json'), JSON.stringify(UPLINK));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const VERBS = ['start', 'demo', 'sandbox', 'fleet', 'config', 'validate', 'map', 'connections', 'chaos'];
const UNDER_CONNECTIONS = ['ls', 'show', 'apply', 'rm', 'tail'].map((name) => `connections ${name}`);

describe('The command line', () => {
  test.each([...VERBS, ...UNDER_CONNECTIONS])('explains %s with examples', async (verb) => {
    const { code, out } = await cli([...verb.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: here-bridge ${verb}`));
    expect(out).toMatch(/Examples:\n {2}(here-bridge|npm run|jq|mosquitto_sub)/);
  });

  test('tells its version', async () => {
    expect(await cli(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' });
  });

  test.each([
    [['strat'], 'Did you mean start?'],
    [['config', '--jsno'], 'Did you mean --json?'],
    [['connections', 'lst'], 'Did you mean ls?'],
    [['validate'], "missing required argument 'file'"],
    [['fleet', '--rate', 'fast'], 'Allowed: a number'],
    [['fleet', '--for', '20'], 'Allowed: a number with ms, s, m or h'],
    [['sandbox', '--port', '65536'], 'Allowed: a whole number from 0 to 65535'],
    [['config', '--set', 'http.port'], '--set wants key=value'],
  ])('answers %j with exit code 64 and a hint', async (args, hint) => {
    const { code, err } = await cli(args, { cwd });
    expect(code).toBe(64);
    expect(err).toContain(hint);
  });

  test('shows its help and exits 64 without a verb', async () => {
    const { code, err } = await cli([]);
    expect([code, err.startsWith('Usage: here-bridge')]).toEqual([64, true]);
  });

  test('has an option for each flag of the documentation', async () => {
    const { out } = await cli(['start', '--help']);
    for (const spec of VALUES) if (spec.flag !== null) expect(out).toContain(spec.flag);
  });

  test('knows the faults of the sandbox', () => {
    expect([...FAULTS].sort()).toEqual([...FAULT_NAMES].sort());
  });
});

describe('config', () => {
  test('prints values with origins for people and programs', async () => {
    const args = ['config', '--http-port', '9001', '--data-dir', 'd', '--set', 'brokers.main.port=1900'];
    const { out } = await cli(args, { cwd });
    expect(out).toMatch(/^http\.port +9001 +--http-port$/m);
    const json = JSON.parse((await cli([...args, '--json'], { cwd })).out);
    expect(json['http.port']).toEqual({ value: 9001, from: '--http-port', env: 'HERE_BRIDGE_HTTP_PORT' });
    expect(json['brokers.main.port']).toMatchObject({ value: 1900, from: '--set' });
    expect(json.dataDir.value).toBe(path.join(cwd, 'd'));
  });

  test('reports all faults, one line each, with exit code 78', async () => {
    const env = { HERE_BRIDGE_LOG_LEVEL: 'loud', HERE_BRIDGE_BROKERS_MAIN_PASSWORD: 'Zq9planted' };
    const { code, out, err } = await cli(['config', '--http-port', 'x'], { cwd, env });
    expect([code, out]).toEqual([78, '']);
    expect(err.trimEnd().split('\n')).toEqual([
      expect.stringContaining('log.level = "loud" (from HERE_BRIDGE_LOG_LEVEL): allowed: trace'),
      expect.stringContaining('http.port = "x" (from --http-port): allowed: a whole number'),
      expect.stringContaining(
        'brokers.main.password = ***** (from HERE_BRIDGE_BROKERS_MAIN_PASSWORD): not for a broker',
      ),
    ]);
  });
});

describe('validate', () => {
  test('accepts a definition', async () => {
    expect(await cli(['validate', 'good.json'], { cwd })).toEqual({ code: 0, out: 'valid: good.json\n', err: '' });
    expect((await cli(['validate', '-', '--json'], { cwd, stdin: JSON.stringify(DEFINITION) })).out).toBe(
      '{"ok":true,"errors":[]}\n',
    );
  });

  test('names each wrong field with what is allowed, without its value, and exits 65', async () => {
    const configuration = {
      email: 'a@example.com',
      pasword: 'Zq9planted',
      downlinkPort: 300,
      uplinkTimeValidity: '5 minutes',
    };
    const stdin = JSON.stringify({ ...DEFINITION, configuration });
    const { code, out } = await cli(['validate', '-'], { stdin });
    expect(code).toBe(65);
    expect(out).toMatch(/^\/configuration\/pasword: .*"password"/m);
    expect(out).toMatch(/^\/configuration\/downlinkPort: .*224/m);
    expect(out).toMatch(/^\/configuration\/uplinkTimeValidity: .*72h/m);
    expect(out).not.toContain('Zq9planted');
    const json = JSON.parse((await cli(['validate', '-', '--json'], { stdin })).out);
    expect(json).toMatchObject({
      ok: false,
      errors: expect.arrayContaining([{ pointer: '/configuration/pasword', message: expect.any(String) }]),
    });
  });

  test('says where a file is no JSON, without quoting it', async () => {
    const { code, err } = await cli(['validate', 'broken.json'], { cwd });
    expect([code, err]).toEqual([65, 'here-bridge: broken.json: is not JSON, see line 2\n']);
  });

  test('exits 66 for a file that is not there', async () => {
    expect(await cli(['validate', 'none.json'], { cwd })).toMatchObject({
      code: 66,
      err: 'here-bridge: none.json: no such file\n',
    });
  });
});

describe('map', () => {
  test('prints the exact record and which rule gave each field', async () => {
    const { code, out } = await cli(['map', 'uplink.json'], { cwd });
    expect(code).toBe(0);
    const record = JSON.parse(out.split('\n')[0]!);
    expect(record).toMatchObject({ id: '0018B20000000B20', timestamp: Date.parse('2026-11-01T10:00:00Z') });
    expect(record.position).toMatchObject({ lat: 48.1, lng: 2.2 });
    expect(out).toMatch(/^id +device-in-body /m);
  });

  test('says why there is none, and exits 1', async () => {
    const { code, out } = await cli(['map', '-'], { cwd, stdin: '{"DevEUI_uplink": ' });
    expect(code).toBe(1);
    expect(out).toContain('no record: deadLettered (notJson)');
  });

  test('takes an uplink a line and prints one of JSON for each', async () => {
    const stdin = `${JSON.stringify(UPLINK)}\n\nnonsense\n`;
    const { code, out } = await cli(['map', '-', '--lines', '--json'], { cwd, stdin });
    const [first, second] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(first).toMatchObject({ device: '0018B20000000B20', outcome: null, records: [expect.any(String)] });
    expect(second).toMatchObject({ outcome: { kind: 'deadLettered', reason: 'notJson' }, records: [] });
  });

  test('obeys a definition and refuses a wrong one', async () => {
    writeFileSync(
      path.join(cwd, 'wrong.json'),
      JSON.stringify({ ...DEFINITION, configuration: { email: 'a@example.com' } }),
    );
    expect((await cli(['map', 'uplink.json', '--definition', 'good.json'], { cwd })).code).toBe(0);
    const { code, err } = await cli(['map', 'uplink.json', '--definition', 'wrong.json'], { cwd });
    expect([code, err]).toEqual([65, expect.stringContaining('wrong.json: /configuration/password')]);
  });
});
