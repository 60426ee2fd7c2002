// Connections that read one topic of Kafka together, each with devices of its own: what concerns others costs a count, and every
// ledger stays exact, over kills, moves and full journals.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { addLedgers, type Ledger } from '../../src/domain/ledger.ts';
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
  type Worker,
} from '../support/bridge.ts';
import { freshName, kafkaBrokers, makeTopic } from '../support/kafka.ts';
import { describeWith, findProgram } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const DEVICES = 20;

async function setUp(more: Settings = {}) {
  const sandbox = await useSandbox();
  const broker = await useBroker('kafka');
  const topic = await makeTopic(freshName('uplinks'), { partitions: 3 });
  const sender = new Uplinks({ brokerUrl: broker.url, devices: DEVICES, topic: `${topic}/{DevEUI}`, bytes: 1_000 });
  const { email, password, appIds } = sandbox;
  /** `devices` null: all. */
  const of = (appId: number, devices: readonly number[] | null): Settings => {
    const matchers = devices?.map((device) => ({ type: 'key', key: `lora:${sender.devEui(device).toLowerCase()}` }));
    return definition({ email, password, appId: appIds[appId], source: { topics: [topic], matchers: matchers ?? [] } });
  };
  const setup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { topics: { prefix: freshName('bridge') }, secrets: { key: 'ab'.repeat(32) }, ...more },
  };
  return { sandbox, setup, sender, of, appIds };
}

async function isReading(worker: Worker, id: string): Promise<void> {
  await untilState(worker, id, 'OPENED', 30_000);
  await until(`the source of ${id} is up`, async () => (await worker.connection(id))?.status.source?.up);
}

/** What a connection with so many of the devices must have counted. */
function exact(published: number, devices: number) {
  const own = (published / DEVICES) * devices;
  return { received: published, delivered: own, filtered: own === published ? {} : { noMatch: published - own } };
}

/** The sum over the workers that have served it, as they last said. */
async function ledgerOnTopic(prefix: string, id: string): Promise<Ledger> {
  const args = ['-b', await kafkaBrokers(), '-C', '-t', `${prefix}.ledger`, '-e', '-q', '-K', '\t'];
  const latest = new Map<string, Ledger>();
  for (const line of String(spawnSync(findProgram('kcat'), args).stdout).split('\n')) {
    const [key = '', value = ''] = line.split('\t');
    if (key.startsWith(`${id}@`)) latest.set(key, JSON.parse(value));
  }
  return addLedgers(latest.values());
}

describeWith('kafka', 'Connections on one topic of Kafka', () => {
  test('each delivers its own and counts the rest, exactly, also when the worker is killed', async () => {
    const { sandbox, setup, sender, of, appIds } = await setUp();
    const bridge = new BridgeChild(setup);
    await bridge.start();
    await bridge.apply('few', of(0, [0, 1, 2, 3, 4]));
    await bridge.apply('none', of(0, [DEVICES + 5]));
    await bridge.apply('all', of(1, null));
    for (const id of ['few', 'none', 'all']) await isReading(bridge, id);
    await sender.connected();
    sender.start(400);
    await until('some have arrived', () => sandbox.stats().acceptedRecords > 200);
    await bridge.kill();
    await bridge.start();
    for (const id of ['few', 'none', 'all']) await isReading(bridge, id);
    sender.pause();
    while (sender.published % DEVICES !== 0) sender.publish(1);
    await sender.allAcked();
    const { published } = sender;
    for (const [id, devices] of [
      ['few', 5],
      ['none', 0],
      ['all', DEVICES],
    ] as const) {
      const { ledger } = await settledLedger(bridge, id, published, 40_000);
      expect(ledger).toMatchObject(exact(published, devices));
    }
    expect(sender.missing(sender.arrivals(sandbox, appIds[1]))).toEqual([]);
    expect(sender.arrivals(sandbox, appIds[0]).outOfOrder).toEqual([]);
  }, 180_000);

  describeWith('kcat', 'seen by kcat', () => {
    test('a move to another worker counts what is passed over once', async () => {
      const { setup, sender, of } = await setUp();
      const first = await LocalBridge.start(setup);
      await until('the config topic is read', () => first.bridge.control.worker().ready);
      await first.apply('few', of(0, [3, 4]));
      await first.apply('others', of(0, [5, 6, 7]));
      for (const id of ['few', 'others']) await isReading(first, id);
      await sender.connected();
      sender.publish(400);
      await sender.allAcked();
      for (const id of ['few', 'others']) await settledLedger(first, id, 400);
      sender.publish(400);
      await sender.allAcked();
      // Wherever it stands just now.
      await first.stop();
      const second = await LocalBridge.start({ ...setup, dataDir: temporaryFolder() });
      for (const [id, devices] of [
        ['few', 2],
        ['others', 3],
      ] as const) {
        await isReading(second, id);
        const ledger = await until(`the ledgers of ${id} say that nothing waits`, async () => {
          const sum = await ledgerOnTopic(setup.settings.topics.prefix, id);
          return sum.received >= 800 && sum.pending === 0 ? sum : null;
        });
        expect(ledger).toMatchObject(exact(800, devices));
      }
    }, 180_000);
  });

  test('one whose journal is full holds up no other, and has all of its own when there is room again', async () => {
    const { sandbox, setup, sender, of, appIds } = await setUp({ budgets: { journalMaxBytes: 1_048_576 } });
    const bridge = await LocalBridge.start(setup);
    await until('the config topic is read', () => bridge.bridge.control.worker().ready);
    await bridge.apply('stuck', of(0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    await bridge.apply('well', of(1, [10, 11, 12, 13, 14]));
    for (const id of ['stuck', 'well']) await isReading(bridge, id);
    const fault = sandbox.addFault({ name: '503', appId: appIds[0] as string });
    await sender.connected();
    // More than fit into the journal of the one.
    for (let round = 0; round < 8; round++) {
      sender.publish(1_000);
      await sender.allAcked();
    }
    const well = await settledLedger(bridge, 'well', 8_000, 40_000);
    expect(well.ledger).toMatchObject(exact(8_000, 5));
    await until(
      'the other has a full journal',
      async () => (await bridge.connection('stuck'))?.status.source?.up === false,
    );
    expect((await bridge.connection('stuck'))?.ledger?.received).toBeLessThan(8_000);
    sandbox.removeFault(fault);
    const { ledger } = await settledLedger(bridge, 'stuck', 8_000, 60_000);
    expect(ledger).toMatchObject(exact(8_000, 10));
    expect(sender.arrivals(sandbox, appIds[0]).outOfOrder).toEqual([]);
  }, 180_000);
});
