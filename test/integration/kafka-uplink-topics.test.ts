// `here-bridge topics` on a real Kafka: the topics that definitions read their uplinks from, without a running bridge.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sealBroker } from '../../src/connections/broker-secrets.ts';
import { encryptSecrets } from '../../src/connections/definition-secrets.ts';
import type { BrokerDefinition } from '../../src/domain/broker-definition.ts';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { definition, type Settings, temporaryFolder, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli } from '../support/cli.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';

interface Found {
  readonly topic: string;
  readonly state: string;
  readonly problems: readonly string[];
  readonly command: string | null;
  readonly broker?: string;
  readonly connections?: readonly string[];
}

const PASSWORD = 'planted-here-password';
const KEY = 'ab'.repeat(32);
const box = (key: string) => openSecretBox({ dataDir: '/nowhere', key });

const reads = (source: Settings, more: Settings = {}) =>
  definition({ email: 'me@example.com', password: PASSWORD, source, ...more });

function sealed(id: string, record: Settings, key: string): Settings {
  return encryptSecrets(id, record as unknown as DefinitionRecord, box(key)) as unknown as Settings;
}

/** Runs `here-bridge topics` with these settings, and nothing but them. */
async function topics(verb: 'check' | 'create', settings: Settings, options: readonly string[] = ['--json']) {
  const file = path.join(temporaryFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(settings));
  const { code, out, err } = await cli(['topics', verb, '--config', file, ...options]);
  expect(err).toBe('');
  const lines = options.includes('--json') ? out.trim().split('\n') : [];
  const found = lines.map((line) => JSON.parse(line) as Found);
  return { code, out, found, of: (topic: string) => found.find((each) => each.topic === topic) };
}

async function setUp() {
  const prefix = freshName('uplinks');
  const dataDir = temporaryFolder();
  const bootstrap = [await kafkaBrokers()];
  const main = { kind: 'kafka', bootstrap };
  const settings = {
    dataDir,
    brokers: { main, twin: main, mqtt: { kind: 'mqtt', url: 'mqtt://127.0.0.1:1' } },
    topics: { prefix, broker: 'main' },
    sources: { broker: 'main' },
    downlinks: { kafkaTopic: `${prefix}-down` },
    secrets: { key: KEY },
  };
  const client = await kafkaClient();
  const admin = client.admin();
  await admin.connect();
  const producer = client.producer();
  await producer.connect();
  onTestFinished(async () => {
    const left = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
    await admin.deleteTopics({ topics: left }).catch(() => {});
    await producer.disconnect();
    await admin.disconnect();
  });
  await topics('create', settings);
  await expect.poll(async () => (await topics('check', settings)).code, { timeout: 20_000 }).toBe(0);
  const write = (table: string, records: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const messages = Object.entries(records).map(([key, value]) => {
      return { key, value: typeof value === 'string' || value === null ? value : JSON.stringify(value) };
    });
    return producer.send({ topic: `${prefix}.${table}`, messages });
  };
  return { prefix, bootstrap, dataDir, settings, write, admin };
}

describeWith('kafka', 'The topics that definitions read their uplinks from', () => {
  test('are told with who reads them, what is wrong, what it risks and what mends it; and create leaves them alone', async () => {
    const { prefix, settings, write, admin, bootstrap } = await setUp();
    const [fine, compacted, brief, small, plant] = ['fine', 'compacted', 'brief', 'small', 'plant.a'].map(
      (name) => `${prefix}-${name}`,
    ) as [string, string, string, string, string];
    await makeTopic(fine);
    await makeTopic(plant, { partitions: 3 });
    await makeTopic(compacted, { settings: { 'cleanup.policy': 'compact' } });
    await makeTopic(brief, { settings: { 'retention.ms': '7200000' } });
    await makeTopic(small, { settings: { 'retention.bytes': '3600000' } });
    await write('connections', {
      b: reads({ topics: [fine, compacted] }),
      a: reads({ topics: [fine, `${prefix}-nowhere`] }),
      gone: reads({ topics: [`${prefix}-of-one-that-was-deleted`] }),
      short: reads({ topics: [brief, small], broker: 'twin' }),
      brief: reads({ topics: [brief] }, { uplinkTimeValidity: '1h' }),
      patterns: reads({ topics: [`${prefix}-plant.*`, `${prefix}-other.*`] }),
      levels: reads({ topics: [`${prefix}-plant/+/#`] }),
      illegal: reads({ topics: ['no name; at all'] }),
      unnamed: reads({}),
      mqtt: reads({ topics: ['mqtt/things/+/uplink'], broker: 'mqtt' }),
    });
    await write('connections', { gone: null });

    // A definition without topics reads those of the configuration, which cannot know that Kafka writes its own with dots.
    const sources = { broker: 'main', topics: [`${prefix}.status`] };
    const check = await topics('check', { ...settings, sources });
    expect(check.code).toBe(1);
    const uplinks = check.found.filter(({ broker }) => broker !== undefined);
    expect(uplinks.map(({ topic, state, connections }) => [topic, state, ...(connections ?? [])])).toEqual([
      ['no name; at all', 'wrong', 'illegal'],
      [brief, 'wrong', 'brief', 'short'],
      [compacted, 'wrong', 'b'],
      [fine, 'ok', 'a', 'b'],
      [`${prefix}-nowhere`, 'missing', 'a'],
      [`${prefix}-other.*`, 'missing', 'patterns'],
      [plant, 'ok', 'levels', 'patterns'],
      [small, 'wrong', 'short'],
      [`${prefix}.status`, 'wrong', 'unnamed'],
    ]);
    expect(uplinks.at(-1)?.problems.join()).toContain("one of the bridge's own topics");
    // The same cluster under two names is one.
    expect(new Set(uplinks.map(({ broker }) => broker))).toEqual(new Set(['main']));
    expect(check.of(compacted)).toMatchObject({
      problems: [expect.stringContaining('cleanup.policy is "compact" and must be "delete": of each key Kafka keeps')],
      command: `kafka-configs.sh --bootstrap-server ${bootstrap[0]} --alter --entity-type topics --entity-name ${compacted} --add-config cleanup.policy=delete`,
    });
    expect(check.of(brief)?.problems).toEqual([
      'retention.ms is 7200000: a bridge that is away for longer than 2 h loses uplinks.',
    ]);
    expect(check.of(small)?.problems.join()).toMatch(
      /^retention\.bytes is 3600000 .* at one a second.* than 60 min loses/,
    );
    expect(check.of(`${prefix}-nowhere`)).toMatchObject({
      problems: ['It is not there: nothing is read until somebody makes it.'],
      command: expect.stringContaining(`--create --topic ${prefix}-nowhere`),
    });
    expect(check.of(`${prefix}-other.*`)).toMatchObject({
      problems: [expect.stringContaining('No topic matches this pattern')],
      command: null,
    });
    expect(check.found.filter(({ topic }) => topic.includes('mqtt') || topic.includes('deleted'))).toEqual([]);

    const text = await topics('check', settings, []);
    expect(text.code).toBe(1);
    expect(text.out).toContain(`ok       ${fine}\n         read from main by a, b\n`);
    expect(text.out).toContain(
      `missing  ${prefix}-nowhere\n         read from main by a\n         It is not there: nothing is read until somebody makes it.\n         kafka-topics.sh `,
    );

    // They are shown, but neither made nor counted: a bridge waits for `create`.
    const create = await topics('create', settings);
    expect(create.code).toBe(0);
    expect(create.of(`${prefix}-nowhere`)?.state).toBe('missing');
    expect(await admin.listTopics()).not.toContain(`${prefix}-nowhere`);
  });

  test('are bound by size: how long that lasts is told by the pace of the last hour', async () => {
    const { prefix, settings, write } = await setUp();
    const topic = await makeTopic(`${prefix}-paced`, { partitions: 2, settings: { 'retention.bytes': '1000000' } });
    // Another one writes a batch twice when its acknowledgement is late: the count must be exact here.
    const producer = (await kafkaClient()).producer({ idempotent: true });
    await producer.connect();
    const messages = (partition: number, count: number) =>
      Array.from({ length: count }, () => ({ partition, value: '{}' }));
    await producer.send({ topic, messages: [...messages(0, 10), ...messages(1, 500)] });
    await producer.disconnect();
    await write('connections', { a: reads({ topics: [topic] }) });
    const { of } = await topics('check', settings);
    expect(of(topic)?.problems.join()).toMatch(/at the pace of the last hour.* longer than 2 h loses/);
  });

  test('of definitions that the bridge would leave out are told by name, and the others are looked at', async () => {
    const { prefix, settings, write, dataDir } = await setUp();
    const fine = await makeTopic(`${prefix}-fine`);
    await write('connections', {
      'bad-json': '{"password": "planted-here-password',
      'bad-field': reads({ topics: [fine] }, { downlinkPort: 999 }),
      'bad-mqtt': reads({ topics: ['a/+'], broker: 'mqtt' }, { downlinkPort: 999 }),
      'bad-broker': reads({ topics: [fine], broker: 'nowhere' }),
      'own-topic': reads({ topics: [`${prefix}.connections`] }),
      'other-key': sealed('other-key', reads({ topics: [fine] }), 'cd'.repeat(32)),
      'other-key-mqtt': sealed('other-key-mqtt', reads({ topics: ['a/+'], broker: 'mqtt' }), 'cd'.repeat(32)),
      right: sealed('right', reads({ topics: [fine] }), KEY),
    });
    const check = await topics('check', settings);
    expect(check.code).toBe(1);
    expect(check.of(fine)).toMatchObject({ state: 'ok', connections: ['other-key', 'right'] });
    const unread = check.found.filter(({ topic }) => topic.startsWith(`${prefix}/connections`));
    const told = Object.fromEntries(unread.map(({ topic, problems }) => [topic.split('/').pop(), problems.join(' ')]));
    const left = 'It could not be looked at, for its definition is not valid:';
    expect(told).toEqual({
      'bad-json': `${left} it must be a JSON object; this is no JSON.`,
      'bad-field': expect.stringContaining(`${left} /configuration/downlinkPort must be`),
      'bad-broker': expect.stringContaining(`${left} /configuration/source/broker must name an entry`),
      'own-topic': expect.stringContaining("these are the bridge's own topics."),
      'other-key': expect.stringMatching(/^The bridge leaves it out: \/configuration\/password cannot be decrypted/),
    });
    expect(new Set(unread.map(({ state }) => state))).toEqual(new Set(['unknown']));
    expect(check.out).not.toContain('planted');

    // Where the program is not beside the bridge there is no key: topics are no secrets, and none is made.
    const { secrets, ...rest } = settings;
    const keyless = await topics('check', { ...rest, dataDir: path.join(dataDir, 'none') });
    expect(keyless.of(fine)).toMatchObject({ state: 'ok', connections: ['other-key', 'right'] });
    expect(keyless.of(`${prefix}/connections/other-key`)).toBeUndefined();
    expect(existsSync(path.join(dataDir, 'none'))).toBe(false);
    expect(readdirSync(dataDir)).toEqual([]);
    expect(secrets.key).toBe(KEY);
  });

  test('on brokers that are defined over the API are looked at there; one that cannot be reached holds up no other', async () => {
    const { prefix, settings, write, bootstrap } = await setUp();
    const fine = await makeTopic(`${prefix}-fine`);
    const kafka = { kind: 'kafka', bootstrap } as unknown as BrokerDefinition;
    const login = { username: 'me', password: 'planted-broker-password', sasl: { mechanism: 'plain' } };
    await write('brokers', {
      theirs: kafka,
      away: { kind: 'kafka', bootstrap: ['127.0.0.1:1'] },
      locked: sealBroker(box('cd'.repeat(32)), 'locked', { ...kafka, ...login } as BrokerDefinition),
    });
    await write('connections', {
      a: reads({ topics: [fine], broker: 'theirs' }),
      b: reads({ topics: ['up'], broker: 'away' }),
      c: reads({ topics: [fine], broker: 'locked' }),
    });
    const brokerDefinitions = { hosts: ['127.0.0.0/8', 'localhost'] };
    const check = await topics('check', { ...settings, brokerDefinitions });
    expect(check.of(fine)).toMatchObject({ state: 'ok', broker: 'theirs', connections: ['a'] });
    expect(check.of('up')).toMatchObject({ state: 'unknown', broker: 'away', connections: ['b'] });
    expect(check.of('up')?.problems.join()).toMatch(/^Kafka cannot be asked: .*127\.0\.0\.1:1/);
    const locked = check.of(`${prefix}/connections/c`);
    expect(locked?.problems.join(' ')).toMatch(
      /must name an entry.*"locked" on the config topic is left out.*with key/,
    );
    expect(check.out).not.toContain('planted');
  });

  test('are not looked at where the config topic is not as it must be, and that is told once', async () => {
    const prefix = freshName('uplinks');
    await makeTopic(`${prefix}.connections`, { partitions: 2, settings: { 'cleanup.policy': 'compact' } });
    const main = { kind: 'kafka', bootstrap: [await kafkaBrokers()] };
    const check = await topics('check', { dataDir: temporaryFolder(), brokers: { main }, topics: { prefix } });
    expect(check.code).toBe(1);
    expect(check.of(`${prefix}/connections`)).toMatchObject({
      state: 'unknown',
      problems: [expect.stringMatching(/their definitions cannot be read: topic ".*" has 2 partitions/)],
    });
  });
});

describeWith('kafka', 'With definitions on MQTT', () => {
  describeWith('mosquitto', 'on Mosquitto', () => {
    test('the topics on Kafka that they read their uplinks from are looked at too', async () => {
      const mosquitto = await useBroker('mosquitto');
      const prefix = freshName('mqtt');
      const fine = await makeTopic(`${prefix}-fine`);
      const client = await BrokerClient.connect(mosquitto.url);
      const define = (id: string, record: Settings) =>
        client.publish(`${prefix}/connections/${id}`, JSON.stringify(record), { retain: true });
      await define('a', reads({ topics: [fine], broker: 'log' }));
      await define('b', reads({ topics: ['mqtt/things/+/uplink'] }));
      const log = { kind: 'kafka', bootstrap: [await kafkaBrokers()] };
      const check = await topics('check', {
        dataDir: temporaryFolder(),
        brokers: { main: mosquitto.setting, log },
        topics: { prefix },
      });
      expect(check.found).toEqual([
        { topic: fine, state: 'ok', problems: [], command: null, broker: 'log', connections: ['a'] },
      ]);
      expect(check.code).toBe(0);
    });
  });
});
