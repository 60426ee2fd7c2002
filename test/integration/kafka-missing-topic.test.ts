// A definition whose topic nobody has made yet, on a Kafka that refuses nothing: told by its name, waited for, and read once it is
// there, while other connections go on.
import { expect, test } from 'vitest';
import {
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { freshName, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const COUNT = 60;

describeWith('kafka', 'A connection to a topic that is not there', () => {
  test('says so with the topic’s name, delays no other, and reads it from its beginning once somebody makes it', async () => {
    const sandbox = await useSandbox();
    const broker = await useBroker('kafka');
    const [there, missing] = [await makeTopic(freshName('there')), freshName('missing')];
    const { email, password, appIds } = sandbox;
    const local = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker,
      services: { sandbox: { url: sandbox.url } },
      settings: { topics: { prefix: freshName('bridge') }, secrets: { key: 'ab'.repeat(32) } },
    });
    await until('the config topic is read', () => local.bridge.control.worker().ready);
    const topics = { waits: [missing], half: [there, missing], whole: [there] };
    for (const [at, [id, names]] of Object.entries(topics).entries()) {
      await local.apply(id, definition({ email, password, appId: appIds[at], source: { topics: names } }));
    }
    for (const id of Object.keys(topics)) await untilState(local, id, 'OPENED');
    const source = async (id: string) => (await local.connection(id))?.status.source;
    await until('the one whose topic is there is read', async () => (await source('whole'))?.up);

    const downs = async (id: string) => (await local.events(id)).filter(({ kind }) => kind === 'sourceDown');
    for (const id of ['waits', 'half']) {
      await until(`${id} is told`, async () => (await downs(id)).length > 0);
      expect(await source(id)).toMatchObject({ up: false, reason: expect.stringContaining(`topic "${missing}"`) });
    }
    const send = async (topic: string, euiPrefix: string): Promise<void> => {
      const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10, topic: `${topic}/{DevEUI}`, euiPrefix });
      await uplinks.connected();
      uplinks.publish(COUNT);
      await uplinks.allAcked();
    };
    await send(there, '70B3D50001');
    for (const id of ['whole', 'half']) expect((await settledLedger(local, id, COUNT)).ledger.delivered).toBe(COUNT);

    // Looked for all the time, said once.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    for (const id of ['waits', 'half']) {
      const told = await downs(id);
      expect(told.map(({ count }) => count)).toEqual([1]);
      expect(told[0]?.message).toContain(`there is no topic "${missing}"`);
      expect(told[0]?.message).toContain(`--create --topic ${missing}`);
      expect(told[0]?.message).not.toContain('credentials');
    }
    expect(local.log.filter((line) => line.includes(missing)).length).toBeLessThanOrEqual(2);
    expect(await downs('whole')).toEqual([]);

    await makeTopic(missing, { partitions: 2 });
    await send(missing, '70B3D50002');
    expect((await settledLedger(local, 'waits', COUNT)).ledger.delivered).toBe(COUNT);
    expect((await settledLedger(local, 'half', 2 * COUNT)).ledger.delivered).toBe(2 * COUNT);
    for (const id of ['waits', 'half']) {
      await until(`${id} says so`, async () => (await local.events(id)).find(({ kind }) => kind === 'sourceUp'));
      expect(await source(id)).toMatchObject({ up: true, reason: null });
    }
    expect((await settledLedger(local, 'whole', COUNT)).ledger.received).toBe(COUNT);
  });
});
