// Topics of uplinks on a Kafka with rights: what can be seen of them is told, and which right is missing for the rest.
import { expect, test } from 'vitest';
import { checkUplinks } from '../../src/brokers/kafka-check-uplinks.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';
import { useSecuredKafka } from '../support/secured-kafka.ts';

describeWith('kafkaJars', 'The topics that connections read their uplinks from', () => {
  const { login, at } = useSecuredKafka();

  test('are judged as far as the rights go, and each right that is missing is told', async () => {
    const readers = [
      { connectionId: 'a', topics: ['open', 'closed', 'nowhere'], validityMs: null },
      { connectionId: 'b', topics: ['o*', 'secret.*'], validityMs: null },
    ];
    const look = async (username: string, password: string) => {
      const options = kafkaBrokerOptions(`127.0.0.1:${at.port}`, login(username, password));
      const found = await checkUplinks(options, readers);
      return Object.fromEntries(
        found.map(({ topic, state, problems, connections }) => [topic, [state, problems.join(' '), connections]]),
      );
    };
    const mayNotSee = (topic: string) => `the right DescribeConfigs on topic "${topic}" is missing`;
    expect(await look('bridge', 'bridge-secret')).toEqual({
      open: ['unknown', expect.stringContaining(mayNotSee('open')), ['a', 'b']],
      closed: [
        'wrong',
        expect.stringMatching(/^Nothing is read: .*the right Read on topic "closed" is missing.*DescribeConfigs/),
        ['a'],
      ],
      nowhere: ['unknown', expect.stringContaining('the right Describe on topic "nowhere" is missing'), ['a']],
      'secret.*': ['missing', expect.stringContaining('the right Describe on those that do is missing'), ['b']],
    });
    expect(await look('admin', 'admin-secret')).toMatchObject({
      open: ['ok', '', ['a', 'b']],
      closed: ['ok', '', ['a']],
      nowhere: ['missing', 'It is not there: nothing is read until somebody makes it.', ['a']],
    });
    const refused = await look('bridge', 'not-the-password');
    expect(refused.open).toEqual(['unknown', expect.stringContaining('Kafka refused the log-in'), ['a']]);
    expect(JSON.stringify(refused)).not.toContain('not-the-password');
  });
});
