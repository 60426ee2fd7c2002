// Permits make batches: what waits while none is free goes together, and a device's records stay in their order.
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

const service = { concurrency: 1, maxRecords: 1_000, maxBytes: 1_000_000 };

test('1,000 devices with one waiting record each and one free permit make one request', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url, ...service } },
  });
  const { email, password, appIds } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 1_000 });
  uplinks.publish(1_000);
  await until('HERE knows the devices', () => sandbox.stats().acceptedRecords === 1_000);

  // The one permit is taken for a while.
  const first = new Uplinks({ brokerUrl: broker.url, devices: 1, euiPrefix: '70B3D5000A' });
  first.publish(1);
  await until('HERE knows that device too', () => sandbox.stats().acceptedRecords === 1_001);
  const slow = sandbox.addFault({ name: 'slow', delayMs: 1_000, count: 1, path: '/v3/batch' });
  first.publish(1);
  await until('the permit is taken', () => sandbox.faults().some(({ id, struck }) => id === slow && struck === 1));
  uplinks.publish(1_000);
  await uplinks.allAcked();
  expect(sandbox.stats().acceptedRecords).toBe(1_002);
  await until('all are there', () => sandbox.stats().acceptedRecords === 2_002);
  const arrivals = uplinks.arrivals(sandbox);
  const requests = new Set(Array.from({ length: 1_000 }, (_, at) => arrivals.firstRequest[1_000 + at]));
  figures('1,000 devices', { requests: requests.size });
  expect(requests.size).toBe(1);
  await settledLedger(bridge, 'a', 2_002);
});

test('the records of one device arrive in order, also when HERE fails, refuses and limits in between', async () => {
  const sandbox = await useSandbox({ rateLimit: { limit: 40 } });
  const broker = await useBroker('embedded');
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url, maxRecords: 20, rampMs: 500, timeoutMs: 500 } },
    settings: { delivery: { retryMinMs: 20, retryMaxMs: 100 } },
  });
  const { email, password, appIds } = sandbox;
  for (const name of ['503', 'reset', 'half', 'duplicate204', '429'] as const) {
    sandbox.addFault({ name, rate: 0.05, count: 5, path: '/v3/batch', retryAfterS: 0 });
  }
  sandbox.addFault({ name: 'hang', rate: 0.1, count: 3, path: '/v3/batch' });
  sandbox.addFault({ name: '413', maxRecords: 10, count: 5, path: '/v3/batch' });
  await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 8 });
  await uplinks.connected();
  uplinks.start(300);
  await until('1,500 are published', () => uplinks.published >= 1_500);
  uplinks.pause();
  await uplinks.allAcked();
  const { ledger } = await settledLedger(bridge, 'a', uplinks.published, 30_000);
  const arrivals = uplinks.arrivals(sandbox);
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect(ledger.delivered).toBe(uplinks.published);
  const struck = sandbox.faults().map(({ rule, struck }) => `${rule.name}: ${struck}`);
  figures('one device in order', { published: uplinks.published, doubled: arrivals.doubled.length, struck });
});
