// A Kafka with log-ins and rights: what is refused is told with the topic and the right, and a wrong password is not hammered.
import fs from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { RecordingListener, RecordingTable, until } from '../brokers/outside.ts';
import {
  definition,
  until as eventually,
  LocalBridge,
  temporaryFolder,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { kafkaBrokerOptions, kafkaOptions } from '../support/kafka-options.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { useSecuredKafka } from '../support/secured-kafka.ts';

describeWith('kafkaJars', 'A Kafka with log-ins and rights', () => {
  const { admin, login, at } = useSecuredKafka();

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`a publisher logs in with ${mechanism}`, async () => {
      const options = kafkaBrokerOptions(`127.0.0.1:${at.port}`, login('bridge', 'bridge-secret', mechanism));
      const publisher = createKafkaBroker(options).openPublisher({});
      onTestFinished(() => publisher.stop());
      publisher.start();
      await until('it is connected', () => publisher.connected, 20_000);
      await expect(publisher.publish('closed/a', 'x')).rejects.toThrow('the right Write on topic "closed" is missing');
    });
  }

  test('a source without the right to its topic, or to its group, is told which right that is', async () => {
    const options = kafkaBrokerOptions(`127.0.0.1:${at.port}`, {
      ...login('bridge', 'bridge-secret'),
      reconnect: { minMs: 20, maxMs: 200, refusedMs: 60_000 },
    });
    const broker = createKafkaBroker(options);
    const isTold = async (clientId: string, topic: string, words: RegExp): Promise<void> => {
      const listener = new RecordingListener();
      const source = broker.openSource({ clientId, topics: [topic], expectSession: false }, listener);
      onTestFinished(() => source.stop());
      source.start();
      // A cluster that has just started says first that its coordinator is not there yet.
      await until(`${words}`, () => words.test(JSON.stringify(listener.statuses.at(-1) ?? '')), 30_000);
    };
    await isTold('allowed', 'closed', /the right Read on topic \\"closed\\" is missing/);
    await isTold('forbidden', 'open', /the right (Read|Describe) on group \\"forbidden\\" is missing/);
    // Whether it is there Kafka does not say to those who may not ask.
    await isTold('allowed', 'nowhere', /the right Describe on topic \\"nowhere\\" is missing/);
  });

  /** Before the server, and counts who comes. */
  const counting = async (): Promise<{ readonly address: string; readonly connections: number }> => {
    let connections = 0;
    const counter = createServer((socket) => {
      connections += 1;
      const onward = dial(at.port, '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on('error', () => {});
    });
    await new Promise<void>((resolve) => counter.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void counter.close());
    const address = `127.0.0.1:${(counter.address() as { port: number }).port}`;
    return {
      address,
      get connections() {
        return connections;
      },
    };
  };

  test('a bridge tells each connection what is wrong with its Kafka, goes on with the others, and hammers nobody', {
    timeout: 90_000,
  }, async () => {
    const counter = await counting();
    const sandbox = await useSandbox();
    const main = await useBroker('embedded');
    const kafka = (address: string, password: string) => ({
      ...{ kind: 'kafka', bootstrap: [address], username: 'bridge', password, sasl: { mechanism: 'plain' } },
      ...{ createTopics: false },
    });
    const brokers = {
      main: main.setting,
      wrong: kafka(counter.address, 'not-the-password'),
      nowhere: kafka('kafka.invalid:9092', 'bridge-secret'),
      good: kafka(`127.0.0.1:${at.port}`, 'bridge-secret'),
    };
    const services = { test: { url: sandbox.url } };
    const local = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker: main,
      services,
      settings: { brokers },
    });
    const { email, password, appIds } = sandbox;
    const sources = {
      a: { broker: 'wrong', topics: ['open'] },
      b: { broker: 'nowhere', topics: ['open'] },
      c: { broker: 'good', topics: ['closed'] },
      d: { broker: 'good', topics: ['missing'] },
      e: { topics: ['e/+/uplink'] },
    };
    for (const [id, source] of Object.entries(sources)) {
      await local.apply(id, definition({ email, password, appId: appIds[0], source }));
    }
    const words = {
      a: /Kafka refused the log-in/,
      b: /kafka\.invalid/,
      // Its group is not allowed either: whichever is asked first.
      c: /the right (Read|Describe) on (topic|group)/,
      d: /the right Describe on topic "missing" is missing|the right (Read|Describe) on group/,
    };
    for (const [id, expected] of Object.entries(words)) {
      const told = async () =>
        (await local.events(id)).find(({ kind, message }) => kind === 'sourceDown' && expected.test(message));
      await eventually(`${id} is told`, told, 40_000);
      expect((await local.connection(id))?.status.source?.up).toBe(false);
    }
    await untilState(local, 'e', 'OPENED');
    await eventually('the other is up', async () => (await local.connection('e'))?.status.source?.up);
    const before = counter.connections;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(counter.connections - before).toBeLessThanOrEqual(1);
    expect(before).toBeLessThanOrEqual(6);
    // Told once, however often it is tried.
    for (const id of Object.keys(words)) {
      const told = (await local.events(id)).filter(({ kind }) => kind === 'sourceDown');
      expect(told.length).toBeLessThanOrEqual(4);
    }
    expect(local.log.join('')).not.toContain('not-the-password');
    expect(JSON.stringify(await local.events())).not.toContain('not-the-password');
  });

  test('a wrong password is told, and tried once for all parts of a broker', async () => {
    const counter = await counting();
    const options = kafkaBrokerOptions(counter.address, {
      ...login('bridge', 'wrong'),
      reconnect: { minMs: 20, maxMs: 200, refusedMs: 60_000 },
    });
    const broker = createKafkaBroker(options);
    const first = new RecordingTable();
    const table = broker.openTable({ prefix: 'open', settleMs: 0 }, first);
    onTestFinished(() => table.stop());
    table.start();
    await until('the table is told', () => first.statuses.length > 0, 20_000);
    expect(first.statuses[0]).toMatchObject({ up: false, fatal: true });
    expect(first.statuses[0]?.reason).toContain('Kafka refused the log-in');
    expect(JSON.stringify(first.statuses)).not.toContain('wrong');
    const before = counter.connections;
    const listener = new RecordingListener();
    const source = broker.openSource({ clientId: 'allowed', topics: ['open'], expectSession: false }, listener);
    onTestFinished(() => source.stop());
    source.start();
    await until('the source is told', () => listener.last === 'down', 20_000);
    expect(counter.connections).toBe(before);
    expect(before).toBeLessThanOrEqual(2);
  });

  test('what is refused of its own topics and of the workers’ group is told with its name and the right', {
    timeout: 240_000,
  }, async () => {
    const client = admin().admin();
    await client.connect();
    const bridges = 'User:bridge';
    const acl = (resourceType: number, resourceName: string, operation: number, more = {}) => ({
      ...{ resourceType, resourceName, resourcePatternType: 3, principal: bridges, host: '*', operation },
      ...{ permissionType: 3, ...more },
    });
    const denied = { permissionType: 2 };
    // All (2) of its own; then Read (3) not of two topics and the group.
    await client.createAcls({
      acl: [
        ...[acl(2, 'refused.', 2, { resourcePatternType: 4 }), acl(3, 'refused.', 2, { resourcePatternType: 4 })],
        ...[acl(2, 'refused.connections', 3, denied), acl(2, 'refused.accounts', 3, denied)],
        acl(3, 'refused.ownership', 3, denied),
      ],
    });
    await client.disconnect();
    const address = `127.0.0.1:${at.port}`;
    const setting = {
      ...{ kind: 'kafka', bootstrap: [address], username: 'bridge', password: 'bridge-secret' },
      ...{ sasl: { mechanism: 'plain' }, metadataRefreshMs: 300 },
    };
    const local = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker: { kind: 'kafka', url: `kafka://${address}`, setting },
      services: { test: { url: 'http://127.0.0.1:9' } },
      settings: { secrets: { key: 'ab'.repeat(32) }, topics: { prefix: 'refused' } },
    });
    const isLogged = (words: string) => () => local.log.some((line) => line.includes(words));
    const connections = 'the right Read on topic \\"refused.connections\\" is missing';
    await eventually('that of the config topic is told', isLogged(connections), 60_000);
    for (const words of [
      /the right Read on group "refused\.ownership"/,
      /the right Read on topic "refused\.accounts"/,
    ]) {
      const told = async () =>
        (await local.events()).find(({ kind, message }) => kind === 'groupUnreachable' && words.test(message));
      await eventually(`${words}`, told, 60_000);
    }
    expect(local.bridge.control.worker().ready).toBe(false);
  });

  /** That a right was given is not known at once to those who ask for it; all of one request come together. */
  const isGranted = async (address: string): Promise<void> => {
    const own = createKafkaClient(kafkaOptions(address, login('granted', 'granted-secret'))).admin();
    await own.connect();
    const seen = () =>
      own.fetchTopicMetadata({ topics: ['uplinks'] }).then(
        ({ topics }) => topics.length === 1,
        () => null,
      );
    await eventually('its rights are known', seen, 20_000);
    await own.disconnect();
  };

  test('with the rights that the documentation names, and no others, a bridge has all that it needs', {
    timeout: 120_000,
  }, async () => {
    const client = admin().admin();
    await client.connect();
    await client.createAcls({ acl: documentedRights('User:granted') });
    for (const topic of ['uplinks', 'things.downlink']) {
      await client.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
    }
    await client.disconnect();
    const sandbox = await useSandbox();
    const address = `127.0.0.1:${at.port}`;
    await isGranted(address);
    const setting = {
      ...{ kind: 'kafka', bootstrap: [address], username: 'granted', password: 'granted-secret' },
      ...{ sasl: { mechanism: 'plain' }, metadataRefreshMs: 300 },
    };
    const dataDir = temporaryFolder();
    const services = { test: { url: sandbox.url } };
    const broker = { kind: 'kafka' as const, url: `kafka://${address}`, setting };
    const local = await LocalBridge.start({
      dataDir,
      broker,
      services,
      settings: { secrets: { key: 'ab'.repeat(32) } },
    });
    await eventually('the config topic is read', () => local.bridge.control.worker().ready, 40_000);
    const { email, password, appIds } = sandbox;
    await local.apply('a', definition({ email, password, appId: appIds[0], source: { topics: ['uplinks'] } }));
    await untilState(local, 'a', 'OPENED', 40_000);
    await eventually('its source is up', async () => (await local.connection('a'))?.status.source?.up, 40_000);
    const producer = createKafkaClient(kafkaOptions(address, login('admin', 'admin-secret'))).producer();
    await producer.connect();
    await producer.send({ topic: 'uplinks', messages: [{ key: '70B3D50000000001', value: 'no JSON' }] });
    await producer.disconnect();
    await eventually('its ledger is told', async () => {
      return (await local.connection('a'))?.ledger?.deadLettered?.notJson !== undefined || null;
    });
    await local.bridge.control.remove('a');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const bad = (await local.events()).filter(
      ({ severity, kind }) => severity !== 'info' && kind !== 'uplinksDeadLettered',
    );
    expect(bad).toEqual([]);
    expect(local.log.filter((line) => line.includes('is missing'))).toEqual([]);
  });
});

/** As the commands of docs/kafka.md give them. */
function documentedRights(principal: string) {
  const text = fs
    .readFileSync(path.resolve(import.meta.dirname, '../../docs/kafka.md'), 'utf8')
    .replaceAll('\\\n', ' ');
  const commands = text.split('\n').filter((line) => line.startsWith('kafka-acls.sh'));
  const operations: Record<string, number> = {
    Read: 3,
    Write: 4,
    Create: 5,
    Delete: 6,
    Describe: 8,
    DescribeConfigs: 10,
  };
  return commands.flatMap((command) => {
    const [, kind = '', name = ''] = /--(topic|group) (\S+)/.exec(command) ?? [];
    const resource = { resourceType: kind === 'topic' ? 2 : 3, resourceName: name };
    const resourcePatternType = command.includes('--resource-pattern-type prefixed') ? 4 : 3;
    return [...command.matchAll(/--operation (\w+)/g)].map(([, operation = '']) => {
      const rest = { principal, host: '*', operation: operations[operation] ?? 0, permissionType: 3 };
      return { ...resource, resourcePatternType, ...rest };
    });
  });
}
