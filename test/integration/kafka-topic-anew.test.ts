// A topic of uplinks that somebody deletes and makes anew under the same name: it begins at 0 again, so where the bridge stood says
// nothing about it, however many records it has by then. Nothing of the new one is passed over, and the change is told.
import { describe, expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { deleteTopic, freshName, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const FORMER = 30;
const NEW = 100;
const ID = 'reader';

async function setUp() {
  const sandbox = await useSandbox();
  const broker = await useBroker('kafka');
  const topic = await makeTopic(freshName('uplinks'));
  const { email, password, appIds } = sandbox;
  const setup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { topics: { prefix: freshName('bridge') }, secrets: { key: 'ab'.repeat(32) } },
  };
  const bridge = new BridgeChild(setup);
  await bridge.start();
  await bridge.apply(ID, definition({ email, password, appId: appIds[0], source: { topics: [topic] } }));
  await isReading(bridge);
  // A sender a topic: a producer keeps numbers for the log that it writes to.
  const send = async (count: number, euiPrefix: string): Promise<Uplinks> => {
    const sender = new Uplinks({ brokerUrl: broker.url, devices: 10, topic: `${topic}/{DevEUI}`, euiPrefix });
    await sender.connected();
    sender.publish(count);
    await sender.allAcked();
    return sender;
  };
  await send(FORMER, '70B3D50001');
  expect((await settledLedger(bridge, ID, FORMER, 60_000)).ledger.delivered).toBe(FORMER);
  return { sandbox, setup, bridge, topic, send, appId: appIds[0] };
}

async function isReading(bridge: BridgeChild): Promise<void> {
  await untilState(bridge, ID, 'OPENED', 60_000);
  await until('the source is up', async () => (await bridge.connection(ID))?.status.source?.up, 60_000);
}

async function told(bridge: BridgeChild): Promise<readonly string[]> {
  const events = await bridge.events(ID);
  return events.filter(({ kind }) => kind === 'uplinksMissed').map(({ message }) => message);
}

describeWith('kafka', 'A topic of uplinks that was deleted and made anew', () => {
  describe.each([
    ['with fewer records than were read of the former one', FORMER - 10],
    ['with more records than were read of the former one', NEW],
  ])('%s', (_, count) => {
    test('while the bridge was away is read from its beginning', async () => {
      const { sandbox, bridge, topic, send, appId } = await setUp();
      await bridge.kill();
      await deleteTopic(topic);
      await makeTopic(topic);
      const sender = await send(count, '70B3D50002');
      await bridge.start();
      await isReading(bridge);
      const { ledger } = await settledLedger(bridge, ID, FORMER + count, 60_000);
      expect(ledger).toMatchObject({ received: FORMER + count, delivered: FORMER + count });
      const arrivals = sender.arrivals(sandbox, appId);
      expect({ missing: sender.missing(arrivals), doubled: arrivals.doubled }).toEqual({ missing: [], doubled: [] });
      expect(await told(bridge)).toEqual([expect.stringContaining(`"${topic}"`)]);

      // The new one's places are kept as the former's were.
      await bridge.kill();
      await send(10, '70B3D50003');
      await bridge.start();
      await isReading(bridge);
      const again = await settledLedger(bridge, ID, FORMER + count + 10, 60_000);
      expect(again.ledger.delivered).toBe(FORMER + count + 10);
      expect((await told(bridge)).length).toBe(1);
    }, 240_000);
  });

  test('while the bridge reads it is read from its beginning', async () => {
    const { sandbox, bridge, topic, send, appId } = await setUp();
    await deleteTopic(topic);
    await makeTopic(topic);
    const sender = await send(NEW, '70B3D50002');
    // What came between the topic and the bridge's look at it may come twice.
    await until('all of it has arrived', () => sender.missing(sender.arrivals(sandbox, appId)).length === 0, 60_000);
    await until('it is told', async () => (await told(bridge)).length > 0, 60_000);
    expect(await told(bridge)).toEqual([expect.stringContaining(`"${topic}"`)]);
  }, 240_000);

  test('while a worker without the former’s disk takes over is read from its beginning', async () => {
    const { sandbox, setup, bridge, topic, send, appId } = await setUp();
    await bridge.stop();
    await deleteTopic(topic);
    await makeTopic(topic);
    const sender = await send(NEW, '70B3D50002');
    const successor = new BridgeChild({ ...setup, dataDir: temporaryFolder() });
    await successor.start();
    await isReading(successor);
    await until('all of it has arrived', () => sender.missing(sender.arrivals(sandbox, appId)).length === 0, 60_000);
    await settledLedger(successor, ID, NEW, 60_000);

    // The former comes back: its own places are of the former topic, and what its successor has read and told is left as it is.
    await successor.stop();
    await bridge.start();
    await isReading(bridge);
    const later = await send(10, '70B3D50003');
    await until('more has arrived', () => later.missing(later.arrivals(sandbox, appId)).length === 0, 60_000);
    expect(sender.arrivals(sandbox, appId).doubled).toEqual([]);
    expect(await told(bridge)).toEqual([]);
  }, 240_000);
});
