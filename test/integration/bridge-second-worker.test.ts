// Only one bridge serves a data directory, and one config prefix of a broker: a second one ends with 75 and names the first.
import { cpSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  BridgeChild,
  type BridgeSetup,
  definition,
  LocalBridge,
  type Settings,
  type TestBroker,
  temporaryFolder,
  until,
  useBroker,
} from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { describeWith } from '../support/requirements.ts';

/** Nobody listens there: these bridges have no connections. */
const services = { here: { url: 'http://127.0.0.1:9' } };
const quick = { worker: { heartbeatMs: 1000 } };
/** Whoever watched an old heartbeat of these would need 40 s. */
const slow = { worker: { heartbeatMs: 20_000 } };
/** A start on a busy machine. */
const SOON_MS = 15_000;

function setupOf(broker: TestBroker, settings: Settings = {}, dataDir = temporaryFolder()): BridgeSetup {
  return { dataDir, broker, services, settings };
}

async function started(setup: BridgeSetup): Promise<{ readonly bridge: BridgeChild; readonly ms: number }> {
  const bridge = new BridgeChild(setup);
  const before = performance.now();
  await bridge.start();
  return { bridge, ms: performance.now() - before };
}

/** What a second bridge says to people. */
async function refused(setup: BridgeSetup): Promise<string> {
  const { code, err } = await new BridgeChild(setup).run();
  expect(code, err).toBe(75);
  expect(err.trim().split('\n'), 'one plain line').toHaveLength(1);
  return err;
}

test('a second bridge on the same data directory ends with 75 and names the first; after kill -9 a start is not blocked', async () => {
  const setup = setupOf(await useBroker('embedded'));
  const { bridge } = await started(setup);
  expect(await refused(setup)).toContain(`process ${bridge.pid} on`);
  // The refused one has left the first alone.
  expect(await bridge.connection('none')).toBeNull();
  await bridge.kill();
  expect((await started(setup)).ms).toBeLessThan(SOON_MS);
});

test('a second bridge on the port of the embedded broker ends with 75 and names the port', async () => {
  const broker = await useBroker('embedded');
  await started(setupOf(broker));
  expect(await refused(setupOf(broker))).toContain(new URL(broker.url).port);
});

describeWith('mosquitto', 'bridges on one Mosquitto', () => {
  test('a second one on the same prefix ends with 75 and names the first; another prefix is free', async () => {
    const broker = await useBroker('mosquitto');
    const { bridge } = await started(setupOf(broker, quick));
    const line = await refused(setupOf(broker, quick));
    expect(line).toContain(`process ${bridge.pid} on`);
    expect(line).toContain('"here-bridge"');
    await started(setupOf(broker, { ...quick, topics: { prefix: 'other' } }));
  });

  test('of two that start at the very same moment one gives way, and the other one goes on', async () => {
    const broker = await useBroker('mosquitto');
    const bridges = await Promise.all([0, 1].map(() => LocalBridge.start(setupOf(broker, quick))));
    const ousted = await Promise.race(bridges.map(async (each) => ({ each, error: await each.bridge.ousted })));
    expect(ousted.error).toMatchObject({ code: 'prefixInUse', exitCode: 75 });
    await ousted.each.stop();
    const [other] = bridges.filter((each) => each !== ousted.each) as [LocalBridge];
    expect(ousted.error.message).toContain(other.bridge.control.worker().worker);
    await until('it has the config topic for itself', () => other.bridge.control.worker().ready);
    await other.apply('a', definition({ email: 'a@example.com', password: 'b' }));
    expect(await other.connection('a')).not.toBeNull();
  });

  test('a copied data directory does not make a second one the first', async () => {
    const broker = await useBroker('mosquitto');
    const setup = setupOf(broker, quick);
    const { bridge } = await started(setup);
    const copy = temporaryFolder();
    cpSync(path.join(setup.dataDir, 'worker-id'), path.join(copy, 'worker-id'));
    expect(await refused(setupOf(broker, quick, copy))).toContain(`process ${bridge.pid} on`);
  });

  test('after kill -9 the first may start again at once, and so may another', async () => {
    const broker = await useBroker('mosquitto');
    const setup = setupOf(broker, slow);
    const { bridge } = await started(setup);
    await bridge.kill();
    const again = await started(setup);
    expect(again.ms).toBeLessThan(SOON_MS);
    await again.bridge.kill();
    expect((await started(setupOf(broker, slow))).ms).toBeLessThan(SOON_MS);
  });

  test('a heartbeat that is left of a worker which died with its broker blocks nobody for longer than two intervals', async () => {
    const broker = await useBroker('mosquitto');
    const { bridge } = await started(setupOf(broker, quick));
    const client = await BrokerClient.connect(broker.url);
    await client.follow('here-bridge/workers/+');
    await until('its heartbeat', () => client.topics.length === 1);
    const [topic] = client.topics as [string];
    const left = client.latest(topic) as string;
    await bridge.kill();
    await until('its last will', () => client.latest(topic)?.includes('"alive":false'));
    // As a broker hands it out that was killed before it had published the will.
    await client.publish(topic, left, { retain: true });
    expect((await started(setupOf(broker, quick))).ms).toBeLessThan(SOON_MS);
  });
});
