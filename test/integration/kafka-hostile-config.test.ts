// What people do to the config topic on Kafka: each is told, none stops the others.
import { expect, onTestFinished, test } from 'vitest';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { freshName, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

async function setUp(settings: Readonly<Record<string, string>>) {
  const sandbox = await useSandbox();
  const broker = await useBroker('kafka');
  const prefix = freshName('hostile');
  const topic = await makeTopic(`${prefix}.connections`, { settings });
  const uplinks = await makeTopic(freshName('uplinks'));
  const { email, password, appIds } = sandbox;
  const good = definition({ email, password, appId: appIds[0], source: { topics: [uplinks] } });
  const setup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { topics: { prefix }, secrets: { key: 'ab'.repeat(32) } },
  };
  const start = async () => {
    const local = await LocalBridge.start(setup);
    await until('the config topic is read', () => local.bridge.control.worker().ready);
    return local;
  };
  const producer = (await kafkaClient()).producer({ idempotent: false });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  const put = (key: string, value: string | Buffer | null) => producer.send({ topic, messages: [{ key, value }] });
  return { topic, good, start, put };
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
});
