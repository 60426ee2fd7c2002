// `trace` and `quota`: what people read, and how the verbs end.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type AdminServer, startAdmin } from '../../src/api/admin.ts';
import type { ApiPorts } from '../../src/api/routes.ts';
import { forecastText } from '../../src/cli/quota.ts';
import type { HereUsage } from '../../src/domain/ports/facts.ts';
import type { MessagePage, MessageQuery, TracedMessage } from '../../src/domain/ports/messages.ts';
import { portsOf } from '../support/api.ts';
import { type CliResult, cli } from '../support/cli.ts';

let dataDir = '';
let admin: AdminServer | null = null;

afterEach(async () => {
  await admin?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function bridge(page: MessagePage | null, others: Partial<ApiPorts> = {}): Promise<MessageQuery[]> {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'bridge-trace-'));
  const asked: MessageQuery[] = [];
  const messages = (_id: string, query: MessageQuery) => {
    asked.push(query);
    return page;
  };
  admin = await startAdmin({ ports: portsOf({ messages: { messages } }, others), dataDir, port: 0 });
  return asked;
}

function run(...args: string[]): Promise<CliResult> {
  return cli([...args, '--data-dir', dataDir], { cwd: dataDir });
}

const AT = Date.UTC(2026, 10, 1, 10, 0, 0);
const MESSAGE: TracedMessage = {
  seq: 12,
  device: '0018B20000000B20',
  fCnt: 4711,
  state: 'settled',
  receivedAt: AT,
  sentAt: AT + 40,
  attempts: 1,
  requestId: 'r-1',
  lastAnswer: null,
  outcome: { kind: 'delivered' },
  settledAt: AT + 90,
};

test('trace tells each stage of what is settled and of what waits', async () => {
  const waits = { state: 'waiting', outcome: null, settledAt: null } as const;
  const asked = await bridge({
    messages: [
      { ...MESSAGE, ...waits, seq: 14, fCnt: null, attempts: 3, requestId: 'r-2', lastAnswer: 'HERE is busy' },
      { ...MESSAGE, ...waits, seq: 13, sentAt: null, attempts: 0, requestId: null },
      MESSAGE,
      {
        ...MESSAGE,
        seq: 11,
        outcome: { kind: 'deadLettered', reason: 'refused', detail: { message: 'lat is out of range' } },
      },
    ],
    inJournal: 2,
    next: null,
  });
  const { code, out, err } = await run('trace', 'tenant-a', '0018b20000000b20');
  expect([code, err]).toEqual([0, '']);
  expect(asked).toEqual([{ device: '0018B20000000B20', limit: 20 }]);
  expect(out).toBe(`2 more of this device wait in the journal on disk, and are read back in their order.

#14
  received   2026-11-01T10:00:00.000Z, and in the journal on disk
  sent       2026-11-01T10:00:00.040Z, 3 times in all, request r-2
  answer     HERE is busy
  now        waits for its turn: for a permit, or for an uplink of the same device that is under way

#13  FCnt 4711
  received   2026-11-01T10:00:00.000Z, and in the journal on disk
  now        waits for its turn: for a permit, or for an uplink of the same device that is under way

#12  FCnt 4711
  received   2026-11-01T10:00:00.000Z, and in the journal on disk
  sent       2026-11-01T10:00:00.040Z, request r-1
  accepted   2026-11-01T10:00:00.090Z

#11  FCnt 4711
  received   2026-11-01T10:00:00.000Z, and in the journal on disk
  sent       2026-11-01T10:00:00.040Z, request r-1
  dead letter  2026-11-01T10:00:00.090Z (refused): lat is out of range
`);
});

test('trace of one frame, for programs', async () => {
  const asked = await bridge({ messages: [MESSAGE], inJournal: 0, next: null });
  const { code, out } = await run('trace', 'tenant-a', '0018B20000000B20:4711', '--json', '--limit', '5');
  expect(code).toBe(0);
  expect(asked).toEqual([{ device: '0018B20000000B20', fCnt: 4711, limit: 5 }]);
  expect(JSON.parse(out)).toMatchObject({ seq: 12, fCnt: 4711, settledAt: '2026-11-01T10:00:00.090Z' });
});

test('trace exits 1 when nothing is known, 66 for no such connection, 64 for no device', async () => {
  await bridge({ messages: [], inJournal: 0, next: null });
  const nothing = await run('trace', 'tenant-a', '0018B20000000B20');
  expect(nothing.code).toBe(1);
  expect(nothing.out).toMatch(/^Nothing is known of 0018B20000000B20/);
  expect(await run('trace', 'tenant-a', 'tracker-7')).toMatchObject({ code: 64, out: '' });
  await admin?.stop();
  await bridge(null);
  expect(await run('trace', 'tenant-b', '0018B20000000B20')).toMatchObject({ code: 66, out: '' });
});

const use = (requests: number, records: number, refused = 0) => ({ requests, records, refused });
const USAGE: HereUsage = {
  host: 'here.example',
  appId: 'app1',
  since: AT,
  lastMinute: use(60, 12_400),
  lastHour: use(3600, 744_000, 2),
  lastDay: use(3600, 744_000, 2),
  limit: { requests: 20, periodMs: 1000, remaining: 7, toldAt: AT },
  permits: { running: 2, waiting: 1, allowed: 3, floor: 1, ceiling: 4 },
  requestsPerSecond: 19,
  pausedMs: 1500,
  results: {
    accepted: 0,
    refused: 0,
    unauthorized: 0,
    forbidden: 0,
    tooLarge: 0,
    rateLimited: 0,
    unavailable: 0,
    noAnswer: 0,
  },
  records: 744_000,
  recordsInDoubt: 2,
  durations: { boundsMs: [], counts: [], count: 0, sumMs: 0 },
};

test('quota shows what is used beside what HERE allows', async () => {
  await bridge(null, { usage: () => [USAGE] });
  const { code, out } = await run('quota');
  expect(code).toBe(0);
  expect(out).toMatch(/^app1 on here\.example, counted since 2026-11-01T10:00:00\.000Z$/m);
  expect(out).toMatch(/^last minute +60 +12,400 +0$/m);
  expect(out).toMatch(/^last hour +3,600 +744,000 +2$/m);
  expect(out).toMatch(/^permits: 2 in use of 3 \(at most 4\), 1 waiting$/m);
  expect(out).toMatch(/^limit: 20 in 1 s, as HERE said at 2026-11-01T10:00:00\.000Z, 7 left then$/m);
  expect(out).toMatch(/^HERE wants nothing more for 2 s$/m);
  expect(JSON.parse((await run('quota', '--json')).out)).toMatchObject({
    appId: 'app1',
    lastMinute: { records: 12_400 },
  });
});

test('a forecast in words', () => {
  const forecast = { waiting: 12_400, settledPerSecond: 44, receivedPerSecond: 10, emptyInMs: 364_000 };
  expect(forecastText(forecast)).toBe('12,400 uplinks wait, empty in about 6 min');
  expect(forecastText({ ...forecast, emptyInMs: null })).toBe(
    '12,400 uplinks wait, and do not get fewer: 10/s come, 44/s go',
  );
  expect(forecastText({ ...forecast, waiting: 0, emptyInMs: 0 })).toBe('nothing waits');
});
