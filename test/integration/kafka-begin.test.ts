// Where a connection on Kafka begins: `from` says it once, when the connection is created, whatever becomes of the bridge then.
import { expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { freshName, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { type Arrivals, Uplinks } from '../support/uplinks.ts';

const BEFORE = 30;
const AWAY = 40;

/** Of the numbers `from` to before `to`: how many records of each. */
function copiesOf({ copies }: Arrivals, from: number, to: number): number[] {
  return [...copies.slice(from, to)];
}

describeWith('kafka', 'A connection on Kafka', () => {
  test('keeps where it begins though the bridge is killed before its first record: nothing is skipped', async () => {
    const sandbox = await useSandbox();
    const broker = await useBroker('kafka');
    const topic = await makeTopic(freshName('uplinks'), { partitions: 3 });
    const { email, password, appIds } = sandbox;
    const from = (app: number, where: 'now' | 'earliest') =>
      definition({ email, password, appId: appIds[app], source: { topics: [topic], from: where } });
    const bridge = new BridgeChild({
      dataDir: temporaryFolder(),
      broker,
      services: { sandbox: { url: sandbox.url } },
      settings: { topics: { prefix: freshName('bridge') }, secrets: { key: 'ab'.repeat(32) } },
    });
    const isUp = async (id: string): Promise<void> => {
      await untilState(bridge, id, 'OPENED', 60_000);
      await until(`the source of ${id} is up`, async () => (await bridge.connection(id))?.status.source?.up, 60_000);
    };
    const sender = new Uplinks({ brokerUrl: broker.url, devices: 10, topic: `${topic}/{DevEUI}` });
    await sender.connected();
    sender.publish(BEFORE);
    await sender.allAcked();

    await bridge.start();
    await bridge.apply('earliest', from(0, 'earliest'));
    await isUp('earliest');
    expect((await settledLedger(bridge, 'earliest', BEFORE, 60_000)).ledger.received).toBe(BEFORE);
    await bridge.apply('now', from(1, 'now'));
    await isUp('now');
    await bridge.kill();
    sender.publish(AWAY);
    await sender.allAcked();
    await bridge.start();
    for (const id of ['earliest', 'now']) await isUp(id);

    const { ledger: early } = await settledLedger(bridge, 'earliest', BEFORE + AWAY, 60_000);
    const { ledger: late } = await settledLedger(bridge, 'now', AWAY, 60_000);
    expect(early).toMatchObject({ received: BEFORE + AWAY, delivered: BEFORE + AWAY });
    expect(late).toMatchObject({ received: AWAY, delivered: AWAY });
    const ones = (count: number) => Array.from({ length: count }, () => 1);
    const all = BEFORE + AWAY;
    expect(copiesOf(sender.arrivals(sandbox, appIds[0]), 0, all)).toEqual(ones(all));
    const ofNow = sender.arrivals(sandbox, appIds[1]);
    expect(copiesOf(ofNow, 0, BEFORE)).toEqual(ones(BEFORE).map(() => 0));
    expect(copiesOf(ofNow, BEFORE, all)).toEqual(ones(AWAY));
  }, 240_000);
});
