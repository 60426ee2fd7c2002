// kill -9 of the bridge under load: what the broker acknowledged arrives, with the token that was there before.
import { describe, expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  figures,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { type Arrivals, Uplinks } from '../support/uplinks.ts';

const KILLS = Number(process.env.LINE_KILLS ?? 5);
const PER_SECOND = 400;
const CONCURRENCY = 4;
/** HERE takes so long, so that a kill finds requests under way. */
const ANSWER_MS = 40;
const SLACK_MS = 250;
const SETTLE_MS = 60_000;
const TEST_MS = 240_000;
/** What a bridge reads at once from a broker's session: 64 messages of its own broker's, 64 KiB of a socket. */
const ON_THE_WAY_IN = 256;

/** Requests that a kill may have caught: taken by HERE, their answer not settled. */
function caughtRequests(arrivals: Arrivals, killedAt: number): Set<number> {
  const earliest = killedAt - ANSWER_MS - SLACK_MS;
  const before = [...arrivals.requestAt].filter(([, at]) => at >= earliest && at <= killedAt).sort(([a], [b]) => b - a);
  return new Set(before.slice(0, CONCURRENCY).map(([request]) => request));
}

async function run(kind: TestBroker['kind']): Promise<void> {
  const broker = await useBroker(kind);
  const sandbox = await useSandbox({ faults: [{ name: 'slow', delayMs: ANSWER_MS, path: '/v3/batch' }] });
  const [appId] = sandbox.appIds;
  const child = new BridgeChild({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url, concurrency: CONCURRENCY } },
  });
  await child.start();
  await child.apply('a', definition({ email: sandbox.email, password: sandbox.password, appId }));
  await untilState(child, 'a', 'OPENED');

  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 50 });
  await uplinks.connected();
  uplinks.start(PER_SECOND);
  const kills: { at: number; unacked: Set<number> }[] = [];
  let downMs = 0;
  let waited = 0;
  let seed = 7;
  for (let kill = 0; kill < KILLS; kill++) {
    const accepted = sandbox.stats().acceptedRecords;
    await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > accepted + 50);
    seed = (seed * 48_271) % 2_147_483_647;
    await new Promise((resolve) => setTimeout(resolve, seed % 600));
    await child.kill();
    const unacked = new Set<number>();
    for (let n = 0; n < uplinks.published; n++) if (uplinks.ackedAt[n] === 0) unacked.add(n);
    const at = Date.now();
    kills.push({ at, unacked });
    // What came while the one before was down was read at its return, all at once, and may not be acknowledged yet.
    waited += Math.ceil((PER_SECOND * downMs) / 1000);
    await child.start();
    downMs = Date.now() - at;
  }
  await untilState(child, 'a', 'OPENED');
  uplinks.pause();
  await uplinks.allAcked();
  // How long that takes is the machine's affair; once it is settled, all of it must be there.
  const { ledger, sums } = await settledLedger(child, 'a', uplinks.acked, SETTLE_MS);
  const arrivals = uplinks.arrivals(sandbox);

  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect(sums).toEqual({ expired: 0, filtered: 0, skipped: 0, deadLettered: 0 });
  expect(ledger.delivered).toBe(ledger.received);
  expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 1, refreshes: 0 });

  // A copy more: HERE had it in a request that the kill caught, or its publisher had no acknowledgement yet.
  const caught = kills.map(({ at }) => caughtRequests(arrivals, at));
  const others = arrivals.doubled.filter((n) => {
    const request = arrivals.firstRequest[n] as number;
    return !caught.some((requests) => requests.has(request)) && !kills.some(({ unacked }) => unacked.has(n));
  });
  figures(`${kind}, ${KILLS} kills`, {
    published: uplinks.published,
    received: ledger.received,
    records: arrivals.records,
    doubled: arrivals.doubled.length,
    doubledOnTheWayIn: others.length,
    waited,
  });
  // Or it was on its way from the broker's session into the journal: written there, not yet acknowledged.
  expect(others.length).toBeLessThanOrEqual(KILLS * ON_THE_WAY_IN + waited);
  expect(child.output).not.toMatch(/ledgerImbalance|storeSetAside|defect/);
}

describe('the bridge is killed at random moments under load', () => {
  test('its own broker acknowledges only what arrives', () => run('embedded'), TEST_MS);
});

describeWith('mosquitto', 'the bridge is killed at random moments under load, beside a Mosquitto', () => {
  test('what Mosquitto has acknowledged arrives', () => run('mosquitto'), TEST_MS);
});
