// docs/outcomes.md beside the batch table: what it says of log-ins, projects and devices is what the code makes of such answers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../src/domain/events.ts';
import type { DeviceVerdict } from '../src/domain/ports/here.ts';
import type { HereHttp, HttpAnswer } from '../src/here/http.ts';
import { chooseProject, type Licence, listLicences } from '../src/here/projects.ts';
import { UserCalls } from '../src/here/user-calls.ts';
import { DeviceAdmission } from '../src/uplink/admit-devices.ts';
import type { Backlog } from '../src/uplink/backlog.ts';
import { WaitingRoom } from '../src/uplink/waiting.ts';
import { ManualClock, settle } from './support/manual-clock.ts';
import { modelProject } from './support/model-project.ts';

const page = readFileSync(path.join(import.meta.dirname, '../docs/outcomes.md'), 'utf8');

/** The rows of the table under a heading: what happens, what the bridge does. */
function rowsUnder(heading: string): [string, string][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const [, what = '', deed = ''] = line.split('|').map((cell) => cell.trim());
    return [what, deed];
  });
}

const answered = (status: number, body: unknown = {}): HttpAnswer => {
  return { kind: 'answer', status, headers: {}, body: JSON.stringify(body), requestId: 'r' };
};
const never = new AbortController().signal;
const TOKENS = { accessToken: 'a', refreshToken: 'r', expiresIn: 60 };

async function said(call: 'logIn' | 'refresh', answer: HttpAnswer): Promise<'granted' | 'denied' | 'failed'> {
  const users = new UserCalls({ call: async () => answer } as unknown as HereHttp, () => 0);
  if (call === 'refresh') return (await users.refresh({ accessToken: 'a', refreshToken: 'r' }, never)).kind;
  return (await users.logIn({ service: 's', realm: null, email: 'e' }, 'p', never)).kind;
}

describe('Log-in and renewal', () => {
  const rows = rowsUnder('Log-in and renewal');
  const deedOf = (row: RegExp): string => rows.find(([what]) => row.test(what))?.[1] ?? '';

  /** The row that a status belongs to: where it is named, else its class. */
  function rowOf(status: number, call: 'logIn' | 'refresh'): string {
    const to = call === 'logIn' ? 'to a log-in' : 'to a renewal';
    const here = rows.filter(([what]) => !what.includes(' to a') || what.endsWith(to));
    const named = here.find(([what]) => new RegExp(`\\b${status}\\b`).test(what));
    const ofClass = here.find(([what]) => new RegExp(`\\b${Math.trunc(status / 100)}xx\\b`).test(what));
    return (named ?? ofClass)?.[1] ?? '';
  }

  it('has these rows', () => {
    expect(rows.map(([what]) => what)).toEqual([
      'tokens',
      '400, 401, 403, other 4xx to a log-in',
      '403 to an email and password that worked before',
      '400, 401, 403, other 4xx to a renewal',
      '408, 425, 429, 5xx, no answer',
      '3xx, 404, 405, 407, 501, 2xx without tokens',
    ]);
  });

  it.each(['logIn', 'refresh'] as const)('says of each status what a %s makes of it', async (call) => {
    const denied = call === 'logIn' ? /^AUTHENTICATION_FAILED with an event;.* not tried again until/ : /^logs in$/;
    const wrong: unknown[] = [];
    for (let status = 200; status < 600; status += 1) {
      const kind = await said(call, answered(status));
      const deed = rowOf(status, call);
      if (!(kind === 'denied' ? denied : /^tries again later/).test(deed)) wrong.push({ status, kind, deed });
    }
    expect(wrong).toEqual([]);
  });

  it("and of HERE's own 404, which refuses a renewal and says nothing of a log-in", async () => {
    const own = answered(404, { error: 'Not Found', code: 404, message: 'The specified resource was not found.' });
    expect([await said('logIn', own), await said('refresh', own)]).toEqual(['failed', 'denied']);
    expect(page).toContain("HERE's own 404 to a renewal (in its form for errors) is a refusal, too.");
  });

  it('and of tokens and of no answer', async () => {
    expect(await said('logIn', answered(200, TOKENS))).toBe('granted');
    expect(deedOf(/^tokens$/)).toMatch(/^keeps them/);
    const silence = { kind: 'noAnswer', cause: 'timeout', maybeSent: true, message: '', requestId: 'r' } as const;
    expect(await said('logIn', silence)).toBe('failed');
    expect(deedOf(/no answer/)).toBe('tries again later');
  });
});

describe('Projects and licences', () => {
  const licence: Licence = {
    ...{ appId: 'a', isExpired: true, projectId: 'p', projectName: 'P', projectHrn: null },
    ...{ type: null, endsAt: null, devicesLeft: null },
  };

  it('says what becomes of a project that is missing, not listed, or whose licence has ended or will', async () => {
    const rows = rowsUnder('Projects and licences');
    expect(rows.map(([what]) => what)).toEqual([
      'the account has no such project, or no rights to list it',
      'the licence ends in 30, 7, 1 days',
      'the licence has ended',
    ]);
    expect(chooseProject([], 'a', null).kind).toBe('missing');
    const refusing = { call: async () => answered(403) } as unknown as Parameters<typeof listLicences>[0];
    expect((await listLicences(refusing, () => 0, never)).kind).toBe('refused');
    expect(chooseProject([licence], 'a', null).kind).toBe('expired');
    // What the state machine does with each of the three: see its tests of `unusable`.
    expect(rows[0]?.[1]).toMatch(/^holds the connection with an event; asks again every 10 minutes$/);
    expect(rows[2]?.[1]).toMatch(/^holds the connection with an event/);
    expect(rows[1]?.[1]).toMatch(/^an event each, once/);
  });
});

describe('Devices', () => {
  const rows = rowsUnder('Devices');

  /** What becomes of an uplink of a device that HERE does not know, by the registry's verdict. */
  async function became(verdict: DeviceVerdict, createDevices = true) {
    const events: NewEvent[] = [];
    const held = new Set<string>();
    const backlog = {
      hold: (device: string) => held.add(device),
      unhold: () => {},
      unload: () => {},
    } as unknown as Backlog;
    const room = new WaitingRoom();
    const options = { connectionId: 'a', createDevices, maxDevices: null };
    const intake = { unload: () => {} };
    const sink = { emit: (e: NewEvent) => events.push(e) };
    const admission = new DeviceAdmission(options, room, backlog, intake, sink, new ManualClock());
    const project = modelProject({ isKnown: () => false, ensure: () => new Map([['d', verdict]]) });
    admission.unknown('d');
    admission.ask(project, never, () => {});
    await settle();
    const skipped = admission.admit(project, 'd') === 'skip';
    return { events: events.map(({ kind }) => kind), waits: held.has('d'), skipped };
  }

  const CASES: Readonly<Record<string, { verdict: DeviceVerdict; create?: false; does: object; deed: RegExp }>> = {
    'HERE does not know the device, `createDevices` is true': {
      verdict: { kind: 'created' },
      does: { events: [], waits: false, skipped: false },
      deed: /^creates it by a job/,
    },
    'the same, `createDevices` is false': {
      verdict: { kind: 'created' },
      create: false,
      does: { events: ['deviceUnknown'], waits: false, skipped: true },
      deed: /^`skipped \(unknownDevice\)`, with an event$/,
    },
    'the device exists but is not claimed': {
      verdict: { kind: 'unclaimable', message: 'no' },
      does: { events: ['deviceUnclaimed'], waits: true, skipped: false },
      deed: /an event: its uplinks wait in the journal, and HERE is asked again later$/,
    },
    '`maxDevices` is reached': {
      verdict: { kind: 'limit', message: 'no' },
      does: { events: ['deviceLimitReached'], waits: false, skipped: true },
      deed: /^an event; HERE is not asked about further devices .* uplinks are `skipped \(unknownDevice\)`, also where HERE has them$/,
    },
    "HERE's answer to the creation of devices is lost: a crash, an outage, a stop": {
      verdict: { kind: 'retry', message: 'busy' },
      does: { events: ['deviceCreationFailed'], waits: true, skipped: false },
      deed: /^an event; HERE is asked again soon\./,
    },
    "HERE's own quota is used up, or HERE creates no devices for another reason": {
      verdict: { kind: 'quota', message: 'no' },
      does: { events: ['deviceQuotaUsedUp'], waits: true, skipped: false },
      deed: /^an event .*; uplinks of new devices wait in the journal/,
    },
  };

  it('has a row for each verdict of the registry, and no other', () => {
    expect(rows.map(([what]) => what)).toEqual(Object.keys(CASES));
  });

  it.each(Object.entries(CASES))('%s', async (what, { verdict, create, does, deed }) => {
    expect(await became(verdict, create ?? true)).toEqual(does);
    expect(rows.find(([row]) => row === what)?.[1]).toMatch(deed);
  });
});
