// Somebody sets the machine's clock, an hour back or forward, while the bridge works: nothing stalls and nothing is lost.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/ops/clock.ts';
import {
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';
import { quantile, Uplinks } from '../support/uplinks.ts';

const HOUR_MS = 3_600_000;

test('an hour back, an hour forward, a day forward: uplinks, renewals, retries, ledgers and heartbeats go on', async () => {
  let offsetMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + offsetMs };
  // Tokens live for 3 s: they are renewed all the while.
  const sandbox = await useSandbox({ tokenLifetimeS: 3 });
  const broker = await useBroker('embedded');
  const bridge = await LocalBridge.start(
    {
      dataDir: temporaryFolder(),
      broker,
      services: { sandbox: { url: sandbox.url } },
      settings: { worker: { heartbeatMs: 1000 }, delivery: { retryMinMs: 50, retryMaxMs: 500 } },
    },
    { clock },
  );
  const { email, password, appIds } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 20 });
  await uplinks.connected();
  uplinks.start(200);
  await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > 100);

  for (const stepMs of [-HOUR_MS, 2 * HOUR_MS, 24 * HOUR_MS]) {
    offsetMs += stepMs;
    // A refused request, so that a retry is waiting across the step as well.
    sandbox.addFault({ name: '503', count: 1, path: '/v3/batch' });
    const before = { accepted: sandbox.stats().acceptedRecords, refreshes: sandbox.account(email).refreshes };
    const stepped = performance.now();
    await until('uplinks go on', () => sandbox.stats().acceptedRecords > before.accepted + 200, 5000);
    await until('the token is renewed', () => sandbox.account(email).refreshes > before.refreshes, 5000);
    const ledger = (await bridge.connection('a'))?.ledger?.received ?? 0;
    await until(
      'the ledger goes on',
      async () => ((await bridge.connection('a'))?.ledger?.received ?? 0) > ledger,
      3000,
    );
    console.log(`step of ${stepMs / HOUR_MS} h: all went on within ${Math.round(performance.now() - stepped)} ms`);
  }

  uplinks.pause();
  await uplinks.allAcked();
  const { ledger, sums } = await settledLedger(bridge, 'a', uplinks.published);
  expect(sums).toEqual({ expired: 0, filtered: 0, skipped: 0, deadLettered: 0 });
  expect(ledger.delivered).toBe(uplinks.published);
  const arrivals = uplinks.arrivals(sandbox);
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(arrivals.outOfOrder).toEqual([]);
  const waits = uplinks.ackedNumbers().map((n) => (arrivals.firstAt[n] as number) - (uplinks.publishedAt[n] as number));
  expect(quantile(waits, 1)).toBeLessThan(3000);
  expect(sandbox.account(email).logIns).toBe(1);
  // Nothing that a person should know has happened, but the steps and HERE's refusals.
  const kinds = new Set((await bridge.events()).map(({ kind }) => kind));
  expect(kinds.delete('clockStepped')).toBe(true);
  for (const fine of ['connectionOpened', 'hereUnavailable', 'hereBack'] as const) kinds.delete(fine);
  expect([...kinds]).toEqual([]);
});
