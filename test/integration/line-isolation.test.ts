// Connections are isolated: one whose HERE hangs, and one with a wrong password whose journal fills up, delay neither another
// connection nor the publishers, and lose nothing that can be kept.
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
import { quantile, Uplinks } from '../support/uplinks.ts';

const PER_SECOND = 300;
const MIB = 2 ** 20;

async function run(kind: TestBroker['kind']): Promise<void> {
  const fine = await useSandbox();
  const poor = await useSandbox();
  const hanging = poor.appIds[0] as string;
  const other = poor.logins.at(-1) as (typeof poor.logins)[number];
  const broker = await useBroker(kind);
  const child = new BridgeChild({
    dataDir: temporaryFolder(),
    broker,
    services: { fine: { url: fine.url }, poor: { url: poor.url, timeoutMs: 3_000 } },
    settings: { budgets: { journalMaxBytes: MIB }, delivery: { retryMinMs: 50, retryMaxMs: 500 } },
  });
  await child.start();
  await child.apply('good', definition({ email: fine.email, password: fine.password, appId: fine.appIds[0] }));
  await child.apply(
    'hanging',
    definition({ email: poor.email, password: poor.password, appId: hanging, service: 'poor' }),
  );
  await untilState(child, 'good', 'OPENED');
  await untilState(child, 'hanging', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 50, bytes: 1_000 });
  await uplinks.connected();
  // A publisher of its own with a topic of its own.
  const aside = new Uplinks({ brokerUrl: broker.url, devices: 5, euiPrefix: '70B3D5000A' });
  await aside.connected();
  uplinks.start(PER_SECOND);
  aside.start(20);
  await until('the warm-up is over', () => uplinks.published > PER_SECOND);
  const calmFrom = uplinks.published;
  await until('there is a calm to compare with', () => uplinks.published > calmFrom + 2 * PER_SECOND);
  const calmTo = uplinks.published;

  poor.addFault({ name: 'hang', appId: hanging, path: '/v3/batch' });
  const record = { email: other.email, password: 'wrong', appId: other.projects[0]?.appId, service: 'poor' };
  await child.apply('wrong', definition(record));
  await untilState(child, 'wrong', 'AUTHENTICATION_FAILED');
  const wrongFrom = uplinks.published + aside.published;
  const isFull = async (id: string) => (await child.events(id)).some(({ kind: event }) => event === 'journalFull');
  await until('the journals are full', async () => (await isFull('hanging')) && (await isFull('wrong')), 30_000);
  const fullFrom = uplinks.published;
  await until('there is a while of it', () => uplinks.published > fullFrom + 3 * PER_SECOND);
  const troubleTo = uplinks.published;
  uplinks.pause();
  aside.pause();
  await Promise.all([uplinks.allAcked(), aside.allAcked()]);
  const total = uplinks.published + aside.published;

  const arrivals = await uplinks.arrived(fine);
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(aside.missing(await aside.arrived(fine))).toEqual([]);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect((await settledLedger(child, 'good', total)).ledger).toMatchObject({ received: total, delivered: total });
  const waits = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => {
      return (arrivals.firstAt[from + at] as number) - (uplinks.publishedAt[from + at] as number);
    });
  const acks = uplinks.ackTimes();
  const measured = {
    calmP99Ms: quantile(waits(calmFrom, calmTo), 0.99),
    troubleP50Ms: quantile(waits(calmTo, troubleTo), 0.5),
    troubleP99Ms: quantile(waits(calmTo, troubleTo), 0.99),
    calmAckP99Ms: quantile(acks.slice(calmFrom, calmTo), 0.99),
    troubleAckP99Ms: quantile(acks.slice(calmTo), 0.99),
    asideAckMaxMs: Math.max(...aside.ackTimes()),
  };
  expect(measured.troubleP99Ms).toBeLessThan(Math.max(1_000, 4 * measured.calmP99Ms));
  expect(measured.troubleAckP99Ms).toBeLessThan(Math.max(1_000, 4 * measured.calmAckP99Ms));
  expect(measured.asideAckMaxMs).toBeLessThan(2_000);

  // The full ones: everything is pending, counted as left out, or waits at the broker.
  const leftOut: Record<string, number> = {};
  for (const id of ['hanging', 'wrong']) {
    const shown = await child.connection(id);
    expect(shown?.activity?.journalBytes).toBeLessThan(2 * MIB);
    leftOut[id] = shown?.ledger?.expired.journalFull ?? 0;
    if (kind === 'embedded') expect(leftOut[id]).toBeGreaterThan(500);
    else expect(leftOut[id]).toBe(0);
  }
  poor.removeFault();
  await child.apply('wrong', definition({ ...record, password: other.password }));
  await untilState(child, 'wrong', 'OPENED');
  const atPoor = await settledLedger(child, 'hanging', total, 30_000);
  const wrong = await settledLedger(child, 'wrong', kind === 'mosquitto' ? total - wrongFrom : 0, 30_000);
  expect(atPoor.ledger.received).toBe(total);
  expect(atPoor.ledger.delivered).toBe(total - (leftOut.hanging as number));
  expect(wrong.ledger.delivered).toBe(wrong.ledger.received - (leftOut.wrong as number));
  expect(wrong.ledger.received).toBeGreaterThanOrEqual(total - wrongFrom);
  const there = uplinks.arrivals(poor, hanging);
  expect(there.outOfOrder.slice(0, 20)).toEqual([]);
  if (kind === 'mosquitto') expect(uplinks.missing(there)).toEqual([]);
  expect(poor.account(other.email)).toMatchObject({ logIns: 1 });
  figures(`${kind}, isolation`, { total, leftOut, ...measured });
}

describe('one connection hangs and another is refused until their journals are full', () => {
  test('beside the own broker', () => run('embedded'), 90_000);
});

describeWith(
  'mosquitto',
  'one connection hangs and another is refused until their journals are full, at a Mosquitto',
  () => {
    test('at a Mosquitto', () => run('mosquitto'), 90_000);
  },
);
