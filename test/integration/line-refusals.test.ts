// Records that HERE refuses: one bad one costs its batch nothing, and a fleet of bad ones is no fleet of dead letters.
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
import { cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const BATCH = 500;
const DEVICES = 50;

/** All devices are known already. `busyMs`: HERE is busy with one request so long, while what is published makes one batch. */
async function setUp(busyMs: number) {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const service = { concurrency: 1, maxRecords: BATCH, maxBytes: 1_000_000 };
  const dataDir = temporaryFolder();
  const bridge = await LocalBridge.start({
    dataDir,
    broker,
    services: { sandbox: { url: sandbox.url, ...service } },
  });
  const { email, password, appIds } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: DEVICES });
  const blocker = new Uplinks({ brokerUrl: broker.url, devices: 1, euiPrefix: '70B3D5000A' });
  const odd = new Uplinks({ brokerUrl: broker.url, devices: 1, euiPrefix: '70B3D5000B' });
  await Promise.all([uplinks.connected(), blocker.connected(), odd.connected()]);
  uplinks.publish(DEVICES);
  blocker.publish(1);
  odd.publish(1);
  await until('HERE knows the devices', () => sandbox.stats().acceptedRecords === DEVICES + 2);
  const requests = (): number =>
    Object.values(sandbox.stats().requests['POST /v3/batch'] ?? {}).reduce((sum, count) => sum + count, 0);
  const made = { sandbox, bridge, uplinks, odd, requests, dataDir };
  if (busyMs === 0) return made;
  const slow = sandbox.addFault({ name: 'slow', delayMs: busyMs, count: 1, path: '/v3/batch' });
  blocker.publish(1);
  await until('the permit is taken', () => sandbox.faults().some(({ id, struck }) => id === slow && struck === 1));
  return made;
}

test('one bad record in a batch of 500: 499 are delivered, one is a dead letter with the words of HERE, in order per device', async () => {
  const { sandbox, bridge, uplinks, odd, requests, dataDir } = await setUp(10_000);
  const before = requests();
  sandbox.addFault({ name: '400', device: odd.devEui(0) });
  uplinks.publish(250);
  odd.publish(1);
  uplinks.publish(BATCH - 251);
  await Promise.all([uplinks.allAcked(), odd.allAcked()]);
  expect(requests()).toBe(before);
  const { ledger } = await settledLedger(bridge, 'a', DEVICES + 3 + BATCH);
  expect(ledger).toMatchObject({ delivered: DEVICES + 3 + BATCH - 1, deadLettered: { refused: 1 } });
  const arrivals = uplinks.arrivals(sandbox);
  expect(arrivals.outOfOrder).toEqual([]);
  expect(arrivals.doubled).toEqual([]);
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(odd.missing(odd.arrivals(sandbox))).toEqual([1]);
  // The refused one, and what narrowing it down took.
  expect(requests() - before).toBeLessThanOrEqual(1 + 2 * Math.log2(BATCH) + 2);
  const { out } = await cli(['dead-letters', 'ls', 'a', '--json', '--data-dir', dataDir], {
    cwd: dataDir,
    signal: new AbortController().signal,
  });
  const letters = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(letters).toMatchObject([{ device: odd.devEui(0), reason: 'refused' }]);
  expect(out).toContain('is refused by a fault of the sandbox');
});

test('more than a fifth of the records refused: the connection is held with an event, and the uplinks wait', async () => {
  const { sandbox, bridge, uplinks } = await setUp(0);
  const fault = sandbox.addFault({ name: '400', rate: 1, path: '/v3/batch' });
  uplinks.publish(BATCH);
  await uplinks.allAcked();
  const shown = await untilState(bridge, 'a', 'CLOSED');
  expect(shown.reason).toMatch(/HERE refused more than .* of the last 200 records/);
  const held = (await bridge.events('a')).filter(({ kind }) => kind === 'held');
  expect(held).toHaveLength(1);
  const { ledger } = shown;
  const dead = ledger?.deadLettered.refused ?? 0;
  // A fifth of the window, no more.
  expect(dead).toBeLessThanOrEqual(40);
  expect(ledger?.pending).toBe(BATCH - dead);
  sandbox.removeFault(fault);
  await bridge.apply('a', {
    ...definition({ email: sandbox.email, password: sandbox.password, appId: sandbox.appIds[0] }),
    restart: 'mended',
  });
  const settled = await settledLedger(bridge, 'a', DEVICES + 2 + BATCH);
  expect(settled.ledger.deadLettered).toEqual(dead === 0 ? {} : { refused: dead });
  expect(uplinks.arrivals(sandbox).outOfOrder).toEqual([]);
});
