// Two connections on one app ID share its permits: the flood of the one does not take the other's share.
import { expect, test } from 'vitest';
import {
  definition,
  figures,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const FLOOD = 6_000;
const FLOOD_DEVICES = 200;
/** Of 100 records each: the flood alone takes 30 s. */
const service = { requestsPerSecond: 2, concurrency: 2, maxRecords: 100 };

test('while one connection floods an app ID, the few uplinks of another on it arrive within seconds', {
  timeout: 180_000,
}, async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const services = { sandbox: { url: sandbox.url, ...service } };
  const bridge = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services });
  const { email, password, appIds } = sandbox;
  for (const id of ['flood', 'few']) {
    const source = { broker: 'main', topics: [`${id}/+`] };
    await bridge.apply(id, definition({ email, password, appId: appIds[0], source }));
    await untilState(bridge, id, 'OPENED');
  }
  const flood = new Uplinks({ brokerUrl: broker.url, devices: FLOOD_DEVICES, topic: 'flood/{DevEUI}' });
  const few = new Uplinks({ brokerUrl: broker.url, devices: 3, topic: 'few/{DevEUI}', euiPrefix: '70B3D5000A' });
  await Promise.all([flood.connected(), few.connected()]);
  flood.publish(FLOOD_DEVICES);
  few.publish(3);
  await settledLedger(bridge, 'flood', FLOOD_DEVICES, 60_000);
  await settledLedger(bridge, 'few', 3, 60_000);

  await flood.flood(FLOOD);
  await flood.allAcked(60_000);
  const waiting = async (): Promise<number> => (await bridge.connection('flood'))?.ledger?.pending ?? 0;
  const tookMs: number[] = [];
  for (let round = 1; round <= 3; round += 1) {
    expect(await waiting()).toBeGreaterThan(1_000);
    const from = Date.now();
    few.publish(3);
    await until(
      'they are at HERE',
      async () => (await bridge.connection('few'))?.ledger?.delivered === 3 + 3 * round,
      60_000,
    );
    tookMs.push(Date.now() - from);
    figures('few beside a flood', { tookMs, waiting: await waiting() });
  }
  // Two requests a second: a turn of its own comes within a few.
  expect(Math.max(...tookMs)).toBeLessThan(8_000);
  expect(await waiting()).toBeGreaterThan(0);
});
