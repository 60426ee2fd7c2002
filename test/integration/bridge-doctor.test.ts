// `doctor` and `support-bundle` beside a running bridge, and where things are not well.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { definition, LocalBridge, temporaryFolder, untilState, useBroker } from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { freshName, kafkaBrokers, kafkaClient } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly message: string;
}

async function doctor(config: object): Promise<{ code: number | null; found: Map<string, Finding> }> {
  const file = path.join(temporaryFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(config));
  const { code, out } = await cli(['doctor', '--config', file, '--json']);
  const findings = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding);
  return { code, found: new Map(findings.map((finding) => [finding.what, finding])) };
}

test('all is well beside a bridge: broker, config topic, clock and HERE are looked at', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const dataDir = temporaryFolder();
  const bridge = await LocalBridge.start({ dataDir, broker, services: { sandbox: { url: sandbox.url } } });
  const { email, password } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: sandbox.appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const { code, found } = await doctor({
    dataDir,
    brokers: { main: { kind: 'mqtt', url: broker.url } },
    here: { defaultService: 'sandbox', services: { sandbox: { url: sandbox.url }, here: null, 'here-platform': null } },
    budgets: { journalMaxBytes: 1024 * 1024 },
  });
  expect([...found.values()].filter(({ ok }) => !ok)).toEqual([]);
  expect(code).toBe(0);
  expect(found.get('bridge')?.message).toMatch(/^version \S+ runs \(pid \d+\)$/);
  expect(found.get('config topic here-bridge/connections')?.message).toBe('it is read: 1 definitions');
  expect(found.get('clock against HERE sandbox')?.message).toMatch(/^this machine is \d+\.\d s (behind|ahead)$/);
  expect(sandbox.received({ limit: 10 })).toEqual([]);

  const out = path.join(temporaryFolder(), 'bundle.json');
  const bundle = await cli(['support-bundle', '--data-dir', dataDir, '--out', out]);
  expect(bundle).toMatchObject({ code: 0, out: `${out}\n`, err: '' });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const text = readFileSync(out, 'utf8');
  for (const secret of [password, email]) expect(text).not.toContain(secret);
  const { bridge: parts, configuration } = JSON.parse(text);
  expect(parts.connections).toMatchObject([{ id: 'a', state: 'OPENED', configuration: { password: '*****' } }]);
  expect(parts.metrics).toContain('here_bridge_ready 1');
  expect(parts.events.length).toBeGreaterThan(0);
  expect(configuration.dataDir.value).toBe(dataDir);
  // A bundle is never written over something else.
  expect((await cli(['support-bundle', '--data-dir', dataDir, '--out', out])).code).toBe(66);
});

test('what is not well is told in a sentence, and the exit code says so', async () => {
  const closed = await freePort();
  const { code, found } = await doctor({
    dataDir: '/proc/no/such/place',
    brokers: { main: { kind: 'mqtt', url: `mqtt://127.0.0.1:${closed}` } },
    here: {
      defaultService: 'away',
      services: { away: { url: `http://127.0.0.1:${closed}` }, here: null, 'here-platform': null },
    },
  });
  expect(code).toBe(1);
  const bad = [...found.values()].filter(({ ok }) => !ok).map(({ what }) => what);
  expect(bad).toEqual(expect.arrayContaining(['broker main', 'HERE away']));
  expect(found.get('broker main')?.message).toMatch(/ECONNREFUSED/);
  expect(found.get('HERE away')?.message).toMatch(/ECONNREFUSED.*firewall/);

  const wrong = await doctor({ brokers: { main: { kind: 'mqtt' } } });
  expect(wrong.code).toBe(1);
  expect(wrong.found.get('configuration')).toMatchObject({ ok: false, message: expect.stringContaining('url') });
});

describeWith('kafka', 'The config topic on Kafka', () => {
  test('is not made by looking at it: where it is missing a sentence says who makes it', async () => {
    const prefix = freshName('doctor');
    const bootstrap = [await kafkaBrokers()];
    const admin = (await kafkaClient()).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    const here = { defaultService: 'away', services: { away: { url: `http://127.0.0.1:${await freePort()}` } } };
    const look = async (createTopics: boolean): Promise<Finding | undefined> => {
      const { found } = await doctor({
        dataDir: temporaryFolder(),
        brokers: { main: { kind: 'kafka', bootstrap, createTopics } },
        topics: { prefix, broker: 'main' },
        here: { ...here, services: { ...here.services, here: null, 'here-platform': null } },
      });
      expect(found.get('broker main')?.ok).toBe(true);
      return found.get(`config topic ${prefix}/connections`);
    };
    const made = await look(true);
    expect((await admin.listTopics()).filter((name) => name.startsWith(prefix))).toEqual([]);
    expect(made).toMatchObject({ ok: true, message: expect.stringMatching(/^it is missing; the bridge makes it/) });
    const missing = await look(false);
    expect(missing?.ok).toBe(false);
    expect(missing?.message).toMatch(
      /there is no topic .* make it with: .* --partitions 1 --config cleanup.policy=compact$/,
    );
    expect((await admin.listTopics()).filter((name) => name.startsWith(prefix))).toEqual([]);
  }, 60_000);
});
