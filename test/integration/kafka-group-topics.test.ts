// A worker that may no longer read what the others say of themselves: it says so, and does not show what it heard last as what is.
import { expect, test } from 'vitest';
import { LocalBridge, temporaryFolder, until } from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSecuredKafka } from '../support/secured-kafka.ts';

const TOPICS = ['workers', 'ledger', 'status', 'accounts'];

describeWith('kafkaJars', 'The topics by which workers know of each other', () => {
  const { admin, at } = useSecuredKafka();

  test('of which one may not be read any more are told, each with the right that is missing, once', {
    timeout: 120_000,
  }, async () => {
    const client = admin().admin();
    await client.connect();
    const acl = (resourceType: number, resourceName: string, operation: number, more = {}) => ({
      ...{ resourceType, resourceName, resourcePatternType: 3, principal: 'User:bridge', host: '*', operation },
      ...{ permissionType: 3, ...more },
    });
    // All (2) of its own.
    const prefixed = { resourcePatternType: 4 };
    await client.createAcls({ acl: [acl(2, 'stale.', 2, prefixed), acl(3, 'stale.', 2, prefixed)] });
    const address = `127.0.0.1:${at.port}`;
    const setting = {
      ...{ kind: 'kafka', bootstrap: [address], username: 'bridge', password: 'bridge-secret' },
      ...{ sasl: { mechanism: 'plain' }, metadataRefreshMs: 300 },
    };
    const local = await until('the rights are known', () =>
      LocalBridge.start({
        dataDir: temporaryFolder(),
        broker: { kind: 'kafka', url: `kafka://${address}`, setting },
        services: { test: { url: 'http://127.0.0.1:9' } },
        settings: { secrets: { key: 'ab'.repeat(32) }, topics: { prefix: 'stale' } },
      }).catch(() => null),
    );
    await until('the config topic is read', () => local.bridge.control.worker().ready, 40_000);
    const told = async () => (await local.events()).filter(({ kind }) => kind === 'groupUnreachable');
    // A cluster that has just started says that the coordinator is not there yet.
    const before = new Set((await told()).map(({ message }) => message));

    await client.createAcls({ acl: TOPICS.map((name) => acl(2, `stale.${name}`, 3, { permissionType: 2 })) });
    await client.disconnect();
    for (const name of TOPICS) {
      const words = `the right Read on topic "stale.${name}" is missing`;
      await until(words, async () => (await told()).find(({ message }) => message.includes(words)), 30_000);
    }
    const news = (await told()).filter(({ message }) => !before.has(message) && message.includes('is missing'));
    expect(news.map(({ count, severity }) => [count, severity])).toEqual(TOPICS.map(() => [1, 'error']));
  });
});
