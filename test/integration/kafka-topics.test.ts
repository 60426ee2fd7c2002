// `here-bridge topics` on a real Kafka: every topic that the bridge uses is looked at and can be made.
import { expect, test } from 'vitest';
import { OWN_TOPICS } from '../../src/brokers/kafka-topics.ts';
import { cli } from '../support/cli.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';

interface Found {
  readonly topic: string;
  readonly state: string;
  readonly problems: readonly string[];
  readonly command: string | null;
}

async function topics(verb: string, prefix: string, partitions = 12) {
  const main = { kind: 'kafka', bootstrap: [await kafkaBrokers()] };
  const settings = [
    ...[`topics.prefix=${prefix}`, `ownership.partitions=${partitions}`, `downlinks.kafkaTopic=${prefix}-down`],
  ];
  const { code, out, err } = await cli(['topics', verb, '--json', ...settings.flatMap((each) => ['--set', each])], {
    env: { HERE_BRIDGE_BROKERS: JSON.stringify({ main }) },
  });
  expect(err).toBe('');
  const found = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Found);
  return { code, found, states: Object.fromEntries(found.map(({ topic, state }) => [topic, state])) };
}

describeWith('kafka', 'The topics on Kafka', () => {
  test('are missing, are made, are as they must be; that of the workers’ group among them', async () => {
    const prefix = freshName('topics');
    const own = [...OWN_TOPICS.map(({ name }) => name), 'ownership'].map((name) => `${prefix}.${name}`);
    const names = [...own, `${prefix}-down`];
    const all = (state: string) => Object.fromEntries(names.map((name) => [name, state]));

    const before = await topics('check', prefix);
    expect(before).toMatchObject({ code: 1, states: all('missing') });
    expect(before.found.find(({ topic }) => topic === `${prefix}.ownership`)?.command).toContain(
      `--create --topic ${prefix}.ownership --partitions 12`,
    );
    expect(await topics('create', prefix)).toMatchObject({ code: 0, states: all('created') });
    await expect.poll(async () => (await topics('check', prefix)).states, { timeout: 20_000 }).toEqual(all('ok'));
    // How many the group has was settled when its topic was made.
    expect((await topics('check', prefix, 64)).code).toBe(0);

    const admin = (await kafkaClient()).admin();
    await admin.connect();
    const made = await admin.fetchTopicMetadata({ topics: [`${prefix}.ownership`] });
    await admin.deleteTopics({ topics: names });
    await admin.disconnect();
    expect(made.topics[0]?.partitions).toHaveLength(12);
  });

  test('of which one is wrong are told with what it risks and what mends it', async () => {
    const prefix = freshName('topics');
    const topic = await makeTopic(`${prefix}.connections`, { partitions: 2 });
    const { code, found } = await topics('check', prefix);
    expect(code).toBe(1);
    const wrong = found.find((each) => each.topic === topic);
    expect(wrong).toMatchObject({ state: 'wrong', command: expect.stringContaining('kafka-topics.sh') });
    expect(wrong?.problems.join(' ')).toMatch(/2 partitions and must have 1.*cleanup\.policy is "delete"/);
  });
});
