// The metrics page: every fact under its name, with bounded labels.
import { expect, test } from 'vitest';
import { emptyLedger } from '../../src/domain/ledger.ts';
import type { BridgeFacts, ConnectionFacts, HereUsage } from '../../src/domain/ports/facts.ts';
import { Metrics } from '../../src/ops/metrics.ts';

const HISTOGRAM = { boundsMs: [100, 1000], counts: [3, 5], count: 6, sumMs: 2500 };

function connection(id: string, extra: Partial<ConnectionFacts> = {}): ConnectionFacts {
  const ledger = { ...emptyLedger(), received: 20, delivered: 9, pending: 1, skipped: { join: 4 } };
  const line = {
    oldestWaitingMs: 1500,
    requestsInFlight: 2,
    journalBytes: 4096,
    journalMaxBytes: 1 << 30,
    devicesWaiting: 3,
    latency: HISTOGRAM,
  };
  const source = { broker: 'main', up: true, lag: null };
  const expired = { tooOld: 5 };
  return {
    id,
    state: 'OPENED',
    ledger: { ...ledger, expired, deadLettered: { refused: 1 } },
    ledgerOff: 2,
    line,
    source,
    alarms: 0,
    ...extra,
  };
}

const use = { requests: 0, records: 0, refused: 0 };
const USAGE: HereUsage = {
  host: 'here.example',
  appId: 'app1',
  since: 0,
  lastMinute: use,
  lastHour: use,
  lastDay: use,
  limit: { requests: 20, periodMs: 1000, remaining: 7, toldAt: 0 },
  permits: { running: 1, waiting: 5, allowed: 3, floor: 1, ceiling: 4 },
  requestsPerSecond: 19,
  pausedMs: 250,
  results: {
    accepted: 8,
    refused: 1,
    unauthorized: 0,
    forbidden: 0,
    tooLarge: 0,
    rateLimited: 2,
    unavailable: 0,
    noAnswer: 0,
  },
  records: 900,
  recordsInDoubt: 2,
  durations: HISTOGRAM,
};

function facts(extra: Partial<BridgeFacts> = {}): BridgeFacts {
  return {
    worker: 'w1',
    version: '0.1.0',
    ready: true,
    brokers: [{ broker: 'main', kind: 'mqtt', connected: true }],
    connections: [connection('a')],
    connectionsLeftOut: 0,
    states: { OPENED: 1 },
    usage: [USAGE],
    accounts: [{ account: '12ab34cd', tokenExpiresInMs: 60_000, refused: false }],
    ...extra,
  };
}

async function page(given: BridgeFacts): Promise<string[]> {
  const { text, contentType } = await new Metrics(() => given).read();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  return text.split('\n');
}

test('shows what the worker knows, in the units of the names', async () => {
  const lines = await page(facts());
  for (const line of [
    'here_bridge_info{version="0.1.0",worker="w1"} 1',
    'here_bridge_ready 1',
    'here_bridge_connections{state="OPENED"} 1',
    'here_bridge_uplinks_received_total{connection="a"} 20',
    'here_bridge_uplinks_delivered_total{connection="a"} 9',
    'here_bridge_uplinks_pending{connection="a"} 1',
    'here_bridge_uplinks_expired_total{connection="a",reason="tooOld"} 5',
    'here_bridge_uplinks_skipped_total{connection="a",reason="join"} 4',
    'here_bridge_uplinks_dead_lettered{connection="a",reason="refused"} 1',
    'here_bridge_ledger_imbalance{connection="a"} 2',
    'here_bridge_oldest_waiting_seconds{connection="a"} 1.5',
    'here_bridge_journal_bytes{connection="a"} 4096',
    'here_bridge_connection_state{connection="a",state="OPENED"} 1',
    'here_bridge_source_up{connection="a",broker="main"} 1',
    'here_bridge_delivery_latency_seconds_bucket{le="0.1",connection="a"} 3',
    'here_bridge_delivery_latency_seconds_bucket{le="+Inf",connection="a"} 6',
    'here_bridge_delivery_latency_seconds_sum{connection="a"} 2.5',
    'here_bridge_delivery_latency_seconds_count{connection="a"} 6',
    'here_bridge_here_requests_total{host="here.example",app_id="app1",result="rateLimited"} 2',
    'here_bridge_here_permits{host="here.example",app_id="app1",kind="allowed"} 3',
    'here_bridge_here_rate_limit_remaining{host="here.example",app_id="app1"} 7',
    'here_bridge_here_pause_seconds{host="here.example",app_id="app1"} 0.25',
    'here_bridge_here_token_expires_seconds{account="12ab34cd"} 60',
    'here_bridge_here_log_in_refused{account="12ab34cd"} 0',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.some((line) => line.startsWith('nodejs_eventloop_lag_p99_seconds '))).toBe(true);
  expect(lines.some((line) => line.startsWith('process_cpu_seconds_total '))).toBe(true);
});

test('is the page of the moment: what is gone is gone, also from counters', async () => {
  let given = facts();
  const metrics = new Metrics(() => given);
  expect((await metrics.read()).text).toContain('connection="a"');
  given = facts({
    connections: [connection('b', { line: null, ledger: null, ledgerOff: null, source: null })],
    usage: [],
    accounts: [],
  });
  const { text } = await metrics.read();
  expect(text).not.toContain('connection="a"');
  expect(text).not.toContain('app1');
  expect(text).toContain('here_bridge_connection_state{connection="b",state="OPENED"} 1');
});

test('has a help text for each metric and no label that a device could stand behind', async () => {
  const lines = await page(facts());
  const labels = new Set(lines.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map((match) => match[1])));
  const own = [
    'version',
    'worker',
    'state',
    'connection',
    'reason',
    'broker',
    'kind',
    'le',
    'host',
    'app_id',
    'result',
  ];
  const process = ['major', 'minor', 'patch', 'type', 'space', 'quantile'];
  expect([...labels].filter((label) => ![...own, 'account', ...process].includes(label as string))).toEqual([]);
  const helped = new Set(lines.filter((line) => line.startsWith('# HELP ')).map((line) => line.split(' ')[2]));
  expect(new Metrics(() => facts()).names().filter((name) => !helped.has(name))).toEqual([]);
});

test('has at most 50 series a connection', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => connection(`tenant-${i}`));
  const lines = await page(facts({ connections: many }));
  expect(lines.filter((line) => line.includes('connection="tenant-7"')).length).toBeLessThanOrEqual(50);
  expect(lines.filter((line) => line.includes('connection="')).length).toBeLessThanOrEqual(50_000);
});
