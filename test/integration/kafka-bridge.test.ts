// A bridge with all of it on Kafka: definitions, uplinks, status, ledger, heartbeats and events.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  LocalBridge,
  type Settings,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith, findProgram } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

/** What kcat, which knows nothing of the bridge, reads of a topic: key → values in their order. */
async function kcat(topic: string): Promise<Map<string, string[]>> {
  const args = ['-b', await kafkaBrokers(), '-C', '-t', topic, '-e', '-q', '-K', '\t'];
  const found = new Map<string, string[]>();
  for (const line of String(spawnSync(findProgram('kcat'), args).stdout).split('\n')) {
    const tab = line.indexOf('\t');
    if (tab > 0) found.set(line.slice(0, tab), [...(found.get(line.slice(0, tab)) ?? []), line.slice(tab + 1)]);
  }
  return found;
}

async function setUp(more: Settings = {}) {
  const sandbox = await useSandbox();
  const broker = await useBroker('kafka');
  const prefix = freshName('bridge');
  const topic = await makeTopic(freshName('uplinks'), { partitions: 3 });
  const { email, password, appIds } = sandbox;
  const account = { email, password, appId: appIds[0], source: { topics: [topic] } };
  const setup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { topics: { prefix }, worker: { heartbeatMs: 1000 }, secrets: { key: 'ab'.repeat(32) }, ...more },
  };
  const uplinks = (prefixOfDevices = '70B3D50000') =>
    new Uplinks({ brokerUrl: broker.url, devices: 20, topic: `${topic}/{DevEUI}`, euiPrefix: prefixOfDevices });
  return { sandbox, broker, prefix, topic, account, setup, uplinks };
}

describeWith('kafka', 'A bridge on Kafka', () => {
  describeWith('kcat', 'seen by kcat', () => {
    test('uplinks arrive in their order, and status, ledger, heartbeat, events and dead letters are on topics of their own', async () => {
      const { sandbox, prefix, topic, account, setup, uplinks } = await setUp({
        budgets: { publishDeadLetters: true },
      });
      const bridge = await LocalBridge.start(setup);
      await until('the config topic is read', () => bridge.bridge.control.worker().ready);
      await bridge.apply('a', definition(account));
      await untilState(bridge, 'a', 'OPENED');
      await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
      const sender = uplinks();
      await sender.connected();
      sender.publish(600);
      await sender.allAcked();
      const { ledger } = await settledLedger(bridge, 'a', 600);
      expect(ledger).toMatchObject({ received: 600, delivered: 600 });
      const arrivals = sender.arrivals(sandbox);
      expect(sender.missing(arrivals)).toEqual([]);
      expect(arrivals.outOfOrder).toEqual([]);
      expect(arrivals.doubled).toEqual([]);
      const last = (values: string[] | undefined) => JSON.parse(values?.at(-1) ?? 'null');
      // Of this worker's directory; the connection's ledger is the sum over directories.
      const key = `a@${bridge.bridge.control.worker().worker}`;
      const ledgers = await until('the ledger is on its topic', async () => {
        const found = await kcat(`${prefix}.ledger`);
        return last(found.get(key))?.delivered === 600 ? found : null;
      });
      expect([...ledgers.keys()]).toEqual([key]);
      expect(last(ledgers.get(key))).toMatchObject({ id: 'a', ...ledger });
      // Told at most once a second, and its topic is made for the first of them: the ledger may be there before it.
      await until('its state is on its topic', async () => {
        const { id, state } = last((await kcat(`${prefix}.status`)).get('a'));
        return id === 'a' && state === 'OPENED';
      });
      expect([...(await kcat(`${prefix}.workers`)).values()].map((values) => last(values).alive)).toEqual([true]);
      expect([...(await kcat(`${prefix}.connections`)).keys()]).toEqual(['a']);
      expect((await kcat(`${prefix}.connections`)).get('a')?.[0]).not.toContain(account.password);
      const producer = (await kafkaClient()).producer();
      await producer.connect();
      await producer.send({ topic, messages: [{ key: sender.devEui(0), value: 'no JSON' }] });
      await producer.disconnect();
      const letters = await until('the dead letter is on its topic', async () => {
        const found = await kcat(`${prefix}.dead-letters`);
        return found.size > 0 && found;
      });
      expect([...letters.keys()]).toEqual(['a']);
      expect(letters.get('a')?.map((letter) => JSON.parse(letter))).toMatchObject([
        { connection: 'a', reason: 'notJson', payload: 'no JSON' },
      ]);
      const kindsOf = (values: string[] | undefined): string[] => (values ?? []).map((value) => JSON.parse(value).kind);
      const events = await until('the event of it is on its topic', async () => {
        const found = await kcat(`${prefix}.events`);
        return kindsOf(found.get('a')).includes('uplinksDeadLettered') && found;
      });
      expect(kindsOf(events.get('a'))).toContain('connectionOpened');
      for (const [key, values] of events) {
        for (const value of values) expect(JSON.parse(value).connectionId ?? 'worker').toBe(key);
      }
      await bridge.stop();
      expect([...(await kcat(`${prefix}.workers`)).values()].map((values) => last(values).alive)).toEqual([false]);
    }, 120_000);
  });

  test('its own topics are made with the settings that they need', async () => {
    const { prefix, account, setup } = await setUp();
    const bridge = await LocalBridge.start(setup);
    await until('the config topic is read', () => bridge.bridge.control.worker().ready);
    await bridge.apply('a', definition(account));
    await untilState(bridge, 'a', 'OPENED');
    await until('its ledger is told', async () => (await bridge.connection('a'))?.ledger);
    const admin = (await kafkaClient()).admin();
    await admin.connect();
    const policies: Record<string, string> = {};
    for (const name of ['connections', 'status', 'ledger', 'workers']) {
      policies[name] = await until(`the topic of ${name} is there`, async () => {
        const resources = [{ type: 2, name: `${prefix}.${name}`, configNames: ['cleanup.policy'] }];
        const found = await admin.describeConfigs({ includeSynonyms: false, resources }).catch(() => null);
        return found?.resources[0]?.configEntries[0]?.configValue;
      });
    }
    await admin.disconnect();
    expect(policies).toEqual({
      connections: 'compact',
      status: 'compact',
      ledger: 'compact',
      workers: 'compact',
    });
  });

  test('killed and started again, it goes on: nothing is missing, and the ledger is exact', async () => {
    const { sandbox, account, setup, uplinks } = await setUp();
    const bridge = new BridgeChild(setup);
    await bridge.start();
    await bridge.apply('a', definition(account));
    await untilState(bridge, 'a', 'OPENED');
    await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
    const sender = uplinks();
    await sender.connected();
    sender.start(400);
    for (let round = 0; round < 2; round++) {
      const before = sandbox.stats().acceptedRecords;
      await until('some have arrived', () => sandbox.stats().acceptedRecords > before + 200);
      await bridge.kill();
      await bridge.start();
      await untilState(bridge, 'a', 'OPENED', 30_000);
    }
    sender.pause();
    await sender.allAcked();
    const arrivals = await sender.arrived(sandbox);
    expect(sender.missing(arrivals)).toEqual([]);
    expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
    const { ledger } = await settledLedger(bridge, 'a', sender.published);
    expect(ledger.received).toBe(sender.published);
    expect(ledger.delivered).toBe(sender.published);
  }, 120_000);

  test('a worker whose disk is lost is followed by one that has nothing missing and repeats little', async () => {
    const { sandbox, account, setup, uplinks } = await setUp();
    const first = await LocalBridge.start(setup);
    await until('the config topic is read', () => first.bridge.control.worker().ready);
    await first.apply('a', definition(account));
    await untilState(first, 'a', 'OPENED');
    await until('its source is up', async () => (await first.connection('a'))?.status.source?.up);
    const sender = uplinks();
    await sender.connected();
    sender.publish(500);
    await sender.allAcked();
    await settledLedger(first, 'a', 500);
    await sandbox.unplug();
    sender.publish(300);
    await sender.allAcked();
    await until('they are in its journal', async () => (await first.connection('a'))?.ledger?.received === 800);
    await first.stop();
    await sandbox.plug();
    const second = await LocalBridge.start({ ...setup, dataDir: temporaryFolder() });
    const arrivals = await sender.arrived(sandbox, 40_000);
    expect(sender.missing(arrivals)).toEqual([]);
    expect(arrivals.outOfOrder).toEqual([]);
    // What HERE took while its answer was cut off.
    expect(arrivals.doubled.length).toBeLessThan(50);
    const { ledger } = await settledLedger(second, 'a', 300);
    expect(ledger.received).toBeLessThan(350);
  }, 120_000);

  test('records that were deleted before they were read are counted and told', async () => {
    const { sandbox, topic, account, setup, uplinks } = await setUp();
    const first = await LocalBridge.start(setup);
    await until('the config topic is read', () => first.bridge.control.worker().ready);
    await first.apply('a', definition(account));
    await untilState(first, 'a', 'OPENED');
    await until('its source is up', async () => (await first.connection('a'))?.status.source?.up);
    await first.stop();
    const sender = uplinks();
    await sender.connected();
    sender.publish(100);
    await sender.allAcked();
    const admin = (await kafkaClient()).admin();
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: String(Math.floor(Number(high) / 2)) }));
    await admin.deleteTopicRecords({ topic, partitions: partitions.filter(({ offset }) => offset !== '0') });
    await admin.disconnect();
    const missed = partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
    const second = await LocalBridge.start(setup);
    await settledLedger(second, 'a', 100 - missed, 40_000);
    const told = (await second.events('a')).filter(({ kind }) => kind === 'uplinksMissed');
    expect(told.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(missed);
    expect(sandbox.stats().acceptedRecords).toBe(100 - missed);
  }, 120_000);
});
