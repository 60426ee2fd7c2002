// What people do to the config topic on Kafka: each is told, none stops the others.
import { expect, onTestFinished, test } from 'vitest';
import { OWN_TOPICS } from '../../src/brokers/kafka-topics.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

interface Made {
  readonly partitions?: number;
  /** The bridge makes what is missing. */
  readonly mayCreate?: boolean;
}

/** `settings` null: there is no config topic yet. */
async function setUp(
  settings: Readonly<Record<string, string>> | null,
  { partitions = 1, mayCreate = true }: Made = {},
) {
  const sandbox = await useSandbox();
  const kafka = await useBroker('kafka');
  const broker = { ...kafka, setting: { ...kafka.setting, createTopics: mayCreate } };
  const prefix = freshName('hostile');
  const topic = `${prefix}.connections`;
  if (settings !== null) await makeTopic(topic, { partitions, settings });
  const uplinks = await makeTopic(freshName('uplinks'));
  const { email, password, appIds } = sandbox;
  const good = definition({ email, password, appId: appIds[0], source: { topics: [uplinks] } });
  const setup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { topics: { prefix }, secrets: { key: 'ab'.repeat(32) } },
  };
  const launch = () => LocalBridge.start(setup);
  const start = async () => {
    const local = await launch();
    await until('the config topic is read', () => local.bridge.control.worker().ready);
    return local;
  };
  const producer = (await kafkaClient()).producer({ idempotent: false });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  const put = (key: string, value: string | Buffer | null) => producer.send({ topic, messages: [{ key, value }] });
  return { prefix, topic, good, launch, start, put };
}

/** The line of the log that says why the config topic is not read. */
async function outOfReach({ log }: LocalBridge): Promise<string> {
  const lines = () => log.map((line) => (JSON.parse(line) as { msg: string }).msg);
  return until(
    'the log says so',
    () => lines().find((line) => line.startsWith('The config topic is out of reach')),
    60_000,
  );
}

describeWith('kafka', 'A config topic on Kafka', () => {
  test('with records that nobody can mean tells each of them, and serves the others', async () => {
    const { good, start, put } = await setUp({ 'cleanup.policy': 'compact', 'max.message.bytes': '4000000' });
    const local = await start();
    await put('good', JSON.stringify(good));
    await put('big', Buffer.alloc(2_000_000, 'x'));
    await put('other', JSON.stringify({ ...good, id: 'good' }));
    await put('later', JSON.stringify({ ...good, formatVersion: 99 }));
    await put('binary', Buffer.from([0, 0, 0, 0, 7, 0xff, 0xfe]));
    await put('no/id', JSON.stringify(good));
    for (let time = 0; time < 2; time++) await put('never-there', null);
    await put('twice', JSON.stringify(good));
    for (let time = 0; time < 2; time++) await put('twice', null);
    await put('last', JSON.stringify(good));
    // Thirteen records, one of them of 2 MB, beside what else is on a busy machine.
    await untilState(local, 'good', 'OPENED', 60_000);
    await untilState(local, 'last', 'OPENED', 60_000);
    const invalid = (await local.events()).filter(({ kind }) => kind === 'definitionInvalid');
    const of = (id: string | null) =>
      invalid.filter(({ connectionId }) => connectionId === id).map((each) => each.message);
    expect(of('big')).toEqual([expect.stringMatching(/must be at most \d+ bytes/)]);
    expect(of('other')).toEqual([expect.stringContaining('/id')]);
    expect(of('later')).toEqual([expect.stringContaining('/formatVersion')]);
    expect(of('binary')).toEqual([expect.stringContaining('this is no JSON')]);
    expect(of(null)).toEqual([expect.stringContaining('"no/id"')]);
    expect(invalid).toHaveLength(5);
  }, 120_000);

  test('that deletes by age is told with the command that mends it; what it has deleted meanwhile is told, and kept', async () => {
    const { topic, good, start, put } = await setUp({ 'cleanup.policy': 'delete' });
    await put('a', JSON.stringify(good));
    const first = await start();
    await untilState(first, 'a', 'OPENED');
    const told = await until('it is told', async () =>
      (await first.events()).find(({ kind }) => kind === 'topicSettings'),
    );
    expect(told.message).toContain(topic);
    expect(told.message).toMatch(/cleanup\.policy is "delete" and must be "compact": .* kafka-configs\.sh .*=compact$/);
    await first.stop();
    const admin = (await kafkaClient()).admin();
    await admin.connect();
    // kafkajs looks for the leader only among topics that it has been asked about.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
    await admin.disconnect();
    const second = await start();
    const missing = await until('that is told', async () =>
      (await second.events('a')).find(({ kind }) => kind === 'definitionMissing'),
    );
    expect(missing.message).toContain('kept');
    await put('a', JSON.stringify(good));
    await untilState(second, 'a', 'OPENED');
  }, 120_000);

  test('that is missing where the bridge may make none is told with the command that makes it, and is read once it is made', async () => {
    const { prefix, topic, good, launch, put } = await setUp(null, { mayCreate: false });
    const others = OWN_TOPICS.filter(({ name }) => name !== 'connections');
    for (const { name, settings } of others) await makeTopic(`${prefix}.${name}`, { settings });
    await makeTopic(`${prefix}.ownership`, { partitions: 4 });
    const local = await launch();
    const [bootstrap] = (await kafkaBrokers()).split(',');
    const command = `kafka-topics.sh --bootstrap-server ${bootstrap} --create --topic ${topic} --partitions 1 --config cleanup.policy=compact`;
    expect(await outOfReach(local)).toMatch(
      new RegExp(`there is no topic "${topic}".*${command.replaceAll('.', '\\.')}$`),
    );
    expect(local.bridge.control.worker().ready).toBe(false);
    expect(await local.bridge.control.apply('a', good)).toMatchObject({ kind: 'unavailable' });
    await makeTopic(topic, { settings: { 'cleanup.policy': 'compact' } });
    await put('a', JSON.stringify(good));
    await untilState(local, 'a', 'OPENED', 120_000);
    expect(local.bridge.control.worker().ready).toBe(true);
  }, 240_000);

  test('that has two partitions is refused with what to do, and nothing of it is served', async () => {
    const { topic, good, launch, put } = await setUp({ 'cleanup.policy': 'compact' }, { partitions: 2 });
    for (let n = 0; n < 8; n++) await put(`c${n}`, JSON.stringify(good));
    const local = await launch();
    const told = await outOfReach(local);
    expect(told).toContain(`topic "${topic}" has 2 partitions and must have exactly one`);
    expect(told).toMatch(
      /save its records, then: kafka-topics\.sh .*--delete --topic \S+ && kafka-topics\.sh .*--create --topic/,
    );
    expect(local.bridge.control.worker().ready).toBe(false);
    expect(await local.bridge.control.apply('a', good)).toMatchObject({ kind: 'unavailable' });
    expect(await local.bridge.control.connections()).toEqual([]);
  }, 120_000);
});
