// The demo's last line.
import { expect, test } from 'vitest';
import { inWords, ledgerSince, summarize } from '../../../src/cli/demo/summary.ts';
import { emptyCommandLedger } from '../../../src/domain/command.ts';
import { emptyLedger, imbalance, type Ledger } from '../../../src/domain/ledger.ts';

const harbour: Ledger = {
  ...emptyLedger(),
  received: 300,
  delivered: 280,
  pending: 1,
  skipped: { join: 4, mac: 5 },
  deadLettered: { refused: 10 },
};
const yard: Ledger = { ...emptyLedger(), received: 101, delivered: 95, expired: { tooOld: 6 } };
const latency = { quantile: (q: number) => (q === 0.5 ? 8.26 : 140.04) };

test('it sums the ledgers and keeps their reasons', () => {
  const fleet = { published: 102, acknowledged: 101 };
  expect(summarize({ ledgers: { harbour, yard }, latency, elapsedMs: 20_000, fleet })).toEqual({
    received: 401,
    delivered: 375,
    pending: 1,
    expired: 6,
    filtered: 0,
    skipped: 9,
    deadLettered: 10,
    balanced: true,
    uplinksPerSecond: 18.8,
    latencyMs: { p50: 8.3, p99: 140 },
    seconds: 20,
    reasons: { expired: { tooOld: 6 }, skipped: { join: 4, mac: 5 }, deadLettered: { refused: 10 } },
    connections: {
      harbour: { received: 300, delivered: 280, balanced: true },
      yard: { received: 101, delivered: 95, balanced: true },
    },
    fleet: { published: 102, acknowledged: 101 },
  });
});

test('it sums the commands, and says whether theirs balance', () => {
  const one = { ...emptyCommandLedger(), seen: 5, published: 3, waiting: 1, superseded: 1 };
  one.fates = { sent: 2, rejected: 1, unreported: 0, confirmed: 2 };
  const summary = (commands: (typeof one)[]) => summarize({ ledgers: {}, latency, elapsedMs: 1, commands }).commands;
  const counts = { seen: 10, published: 6, sent: 4, rejected: 2, confirmed: 4, superseded: 2, pending: 2 };
  expect(summary([one, one])).toEqual({ ...counts, balanced: true });
  expect(summary([one, { ...one, seen: 6 }])?.balanced).toBe(false);
});

test('in words it says where everything is', () => {
  const summary = summarize({ ledgers: { harbour, yard }, latency, elapsedMs: 20_000 });
  expect(inWords(summary)).toBe(
    'The ledgers balance: 401 received = 375 delivered + 1 pending + 6 expired (tooOld 6) + 9 skipped (join 4, mac 5) + 10 dead letters (refused 10).',
  );
  expect(inWords({ ...summary, balanced: false })).toMatch(/^The ledgers do NOT balance: /);
});

test('two imbalances that cancel each other out are no balance', () => {
  const ledgers = { harbour: { ...harbour, received: 301 }, yard: { ...yard, received: 100 } };
  expect(summarize({ ledgers, latency, elapsedMs: 1000 }).balanced).toBe(false);
});

test('an acknowledged uplink that one of the ledgers does not know is no balance', () => {
  const fleet = { published: 102, acknowledged: 102 };
  expect(summarize({ ledgers: { harbour, yard }, latency, elapsedMs: 1000, fleet }).balanced).toBe(false);
});

test('a run on a kept ledger counts what it added, with what was pending before', () => {
  const now: Ledger = {
    ...harbour,
    received: 400,
    delivered: 371,
    pending: 0,
    skipped: { join: 4, mac: 6 },
    deadLettered: { refused: 10, notJson: 9 },
  };
  const run = ledgerSince(now, harbour);
  expect(run).toEqual({
    ...emptyLedger(),
    received: 101,
    delivered: 91,
    skipped: { mac: 1 },
    deadLettered: { notJson: 9 },
  });
  expect(imbalance(run)).toBe(0);
});

test('nothing at all is balanced and makes no division by zero', () => {
  expect(summarize({ ledgers: {}, latency: { quantile: () => 0 }, elapsedMs: 0 })).toMatchObject({
    received: 0,
    balanced: true,
    uplinksPerSecond: 0,
  });
});
