// `connections …` against the real admin interface of a made-up worker.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AdminServer, startAdmin } from '../../src/api/admin.ts';
import { emptyLedger } from '../../src/domain/ledger.ts';
import type { ConnectionView, Control, FollowedUplink } from '../../src/domain/ports/control.ts';
import { portsOf } from '../support/api.ts';
import { type CliResult, cli } from '../support/cli.ts';

let dataDir: string;
let admin: AdminServer | null = null;

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'here-bridge-admin-'));
});

afterEach(async () => {
  await admin?.stop();
  admin = null;
  rmSync(dataDir, { recursive: true, force: true });
});

function view(id: string, state: ConnectionView['state'], reason: string | null): ConnectionView {
  const since = '2026-11-01T10:00:00.000Z';
  const source = { broker: 'main', up: true, reason: null };
  return {
    id,
    connectorId: 'actility-here-iot',
    name: `Name of ${id}`,
    active: true,
    state,
    reason,
    startupTime: since,
    revision: 'r1',
    alarms: [],
    configuration: { email: 'a@example.com', password: '*****' },
    status: {
      id,
      name: `Name of ${id}`,
      state,
      reason,
      since,
      startupTime: since,
      worker: 'w1',
      appId: 'app1',
      source,
    },
    ledger: { ...emptyLedger(), received: 12, delivered: 9, pending: 1, skipped: { join: 2 } },
    activity: null,
    figures: null,
  };
}

const FOLLOWED: FollowedUplink = {
  time: '2026-11-01T10:00:01.000Z',
  seq: 8,
  device: '0018B20000000B20',
  fCnt: null,
  outcome: { kind: 'deadLettered', reason: 'refused', detail: { message: 'HERE: lat is out of range' } },
  requestId: 'r-1',
  latencyMs: 31,
};

interface Calls {
  applied: [string, unknown][];
  amended: [string, unknown][];
  removed: string[];
  unfollowed: number;
}

async function start(answers: Partial<Control> = {}): Promise<Calls> {
  const calls: Calls = { applied: [], amended: [], removed: [], unfollowed: 0 };
  const views = new Map([
    ['tenant-a', view('tenant-a', 'OPENED', null)],
    ['tenant-b', view('tenant-b', 'AUTHENTICATION_FAILED', 'HERE refused the password')],
  ]);
  const control: Control = {
    letters: {
      keepAfterDeleteMs: 3_600_000,
      box: (id: string) => ({ totals: () => ({ count: id === 'tenant-b' ? 3 : 0 }) }),
    } as unknown as Control['letters'],
    commands: {} as Control['commands'],
    worker: () => {
      throw new Error('not asked for');
    },
    connections: () => [...views.values()],
    page: () => ({ connections: [...views.values()], total: views.size }),
    feed: { subscribe: () => () => {} },
    connection: (id) => views.get(id) ?? null,
    apply: async (id, record) => {
      calls.applied.push([id, record]);
      const created = !views.has(id);
      views.set(id, view(id, 'OPENED', null));
      return { kind: 'ok', created };
    },
    amend: async (id, change) => {
      calls.amended.push([id, change]);
      return views.has(id) ? { kind: 'ok', created: false } : { kind: 'notFound' };
    },
    remove: async (id) => {
      calls.removed.push(id);
      return views.has(id) ? { kind: 'ok', created: false } : { kind: 'notFound' };
    },
    followMessages: () => null,
    follow: (id, listener) => {
      if (!views.has(id)) return null;
      listener({ ...FOLLOWED, seq: 7, outcome: { kind: 'delivered' } });
      listener(FOLLOWED);
      return () => {
        calls.unfollowed += 1;
      };
    },
    events: () => [],
    messages: { messages: () => null },
    ...answers,
  };
  admin = await startAdmin({ ports: portsOf(control), dataDir, port: 0 });
  return calls;
}

function connections(args: string, options: Parameters<typeof cli>[1] = {}): Promise<CliResult> {
  return cli(['connections', ...args.split(' '), '--data-dir', dataDir], { cwd: dataDir, ...options });
}

describe('connections', () => {
  test('ls lists states, ledgers and reasons', async () => {
    await start();
    const { code, out } = await connections('ls');
    expect(code).toBe(0);
    expect(out).toMatch(/^ID +STATE +RECEIVED +DELIVERED +PENDING +EXPIRED +FILTERED +SKIPPED +DEAD +NAME$/m);
    expect(out).toMatch(/^tenant-a +OPENED +12 +9 +1 +0 +0 +2 +0 +Name of tenant-a$/m);
    expect(out).toMatch(/^tenant-b: HERE refused the password$/m);
    expect(JSON.parse((await connections('ls --json')).out).map((each: ConnectionView) => each.id)).toEqual([
      'tenant-a',
      'tenant-b',
    ]);
  });

  test('ls has colours on a terminal only, and none with NO_COLOR', async () => {
    await start();
    const colour = '\u001b[';
    expect((await connections('ls')).out).not.toContain(colour);
    expect((await connections('ls', { isTTY: true })).out).toContain(colour);
    expect((await connections('ls', { isTTY: true, env: { NO_COLOR: '1' } })).out).not.toContain(colour);
  });

  test('stop, start and restart change the definition, and exit 66 for one that is not there', async () => {
    const calls = await start();
    expect(await connections('stop tenant-a')).toMatchObject({ code: 0, out: 'tenant-a stopping\n' });
    expect(await connections('start tenant-a')).toMatchObject({ code: 0, out: 'tenant-a starting\n' });
    expect(await connections('restart tenant-a')).toMatchObject({ code: 0, out: 'tenant-a restarting\n' });
    expect(calls.amended).toEqual([
      ['tenant-a', { active: false }],
      ['tenant-a', { active: true }],
      ['tenant-a', { active: true, restart: expect.stringMatching(/^[\w-]{36}$/) }],
    ]);
    expect(await connections('restart nobody')).toMatchObject({ code: 66, out: '' });
  });

  test('show tells one connection, and exits 66 for one that is not there', async () => {
    await start();
    const { out } = await connections('show tenant-b');
    expect(out).toMatch(/^state +AUTHENTICATION_FAILED since 2026/m);
    expect(out).toMatch(/^skipped +2 \(join 2\)$/m);
    expect(await connections('show nobody')).toMatchObject({
      code: 66,
      err: 'here-bridge: There is no connection nobody\n',
    });
  });

  test('apply sends the definition and says what became of it', async () => {
    const calls = await start();
    writeFileSync(path.join(dataDir, 'definition.json'), '{"id": "tenant-a", "name": "A"}');
    expect((await connections('apply definition.json')).out).toBe('tenant-a changed\n');
    expect((await connections('apply - --id new', { stdin: '{"name": "N"}' })).out).toBe('new created\n');
    expect(calls.applied).toEqual([
      ['tenant-a', { id: 'tenant-a', name: 'A' }],
      ['new', { name: 'N' }],
    ]);
  });

  test('apply needs an id, and tells what the bridge refused', async () => {
    await start({
      apply: async () => ({ kind: 'invalid', errors: [{ pointer: '/configuration/email', message: 'must be …' }] }),
    });
    expect(await connections('apply -', { stdin: '{}' })).toMatchObject({
      code: 65,
      err: expect.stringContaining('give one with --id'),
    });
    expect(await connections('apply - --id a', { stdin: '{}' })).toMatchObject({
      code: 65,
      err: 'here-bridge: The definition does not validate\nhere-bridge: /configuration/email: must be …\n',
    });
  });

  test('apply exits 69 when the config topic cannot be reached', async () => {
    await start({ apply: async () => ({ kind: 'unavailable', message: 'The broker main cannot be reached' }) });
    expect(await connections('apply - --id a', { stdin: '{}' })).toMatchObject({
      code: 69,
      err: 'here-bridge: The broker main cannot be reached\n',
    });
  });

  test('rm deletes, and exits 66 for what is not there', async () => {
    const calls = await start();
    expect(await connections('rm tenant-a')).toMatchObject({ code: 0, out: 'tenant-a deleted\n' });
    expect((await connections('rm nobody')).code).toBe(66);
    const kept = /^tenant-b deleted; its 3 dead letters are kept until \d{4}-\d\d-\d\dT[\d:.]+Z\n$/;
    expect((await connections('rm tenant-b')).out).toMatch(kept);
    expect(calls.removed).toEqual(['tenant-a', 'nobody', 'tenant-b']);
  });

  test('tail follows line by line until it is stopped', async () => {
    await start();
    const stop = new AbortController();
    let lines = 0;
    const onOut = (text: string): void => {
      lines += text.split('\n').length - 1;
      if (lines >= 2) stop.abort();
    };
    const { code, out } = await connections('tail tenant-a', { signal: stop.signal, onOut });
    expect(code).toBe(0);
    expect(out).toContain('#7  0018B20000000B20  delivered in 31 ms');
    expect(out).toContain('#8  0018B20000000B20  deadLettered (refused): HERE: lat is out of range  r-1');
  });

  test('tail exits 66 for what does not run, and prints JSON lines on demand', async () => {
    await start();
    expect((await connections('tail nobody', { signal: new AbortController().signal })).code).toBe(66);
    const stop = new AbortController();
    const onOut = (text: string): void => {
      if (text.includes('"seq":8')) stop.abort();
    };
    const { out } = await connections('tail tenant-a --json', { signal: stop.signal, onOut });
    expect(JSON.parse(out.trimEnd().split('\n').at(-1)!)).toEqual(FOLLOWED);
  });
});

describe('Without a running bridge', () => {
  test.each(['ls', 'show a', 'rm a', 'tail a'])('%s exits 69 and says how to start one', async (args) => {
    const { code, err } = await connections(args);
    expect(code).toBe(69);
    expect(err).toBe(
      `here-bridge: No bridge answers for the data directory ${dataDir} (there is no admin.json). Start one with \`here-bridge start\`, or name its directory with --data-dir.\n`,
    );
  });

  test('a file left behind by a killed one is told apart', async () => {
    await start();
    const file = path.join(dataDir, 'admin.json');
    const left = readFileSync(file);
    await admin!.stop();
    admin = null;
    writeFileSync(file, left);
    expect(await connections('ls')).toMatchObject({
      code: 69,
      err: expect.stringContaining('the one that wrote admin.json is gone'),
    });
  });

  test('of several workers on one disk the one on this machine is asked, also where a container’s has the same pid', async () => {
    await start();
    const own = readFileSync(path.join(dataDir, 'admin.json'), 'utf8');
    rmSync(path.join(dataDir, 'admin.json'));
    const elsewhere = { ...JSON.parse(own), url: 'http://127.0.0.1:1', host: 'another-container' };
    for (const [folder, text] of [
      ['w-0', JSON.stringify(elsewhere)],
      ['w-1', own],
    ] as const) {
      mkdirSync(path.join(dataDir, folder));
      writeFileSync(path.join(dataDir, folder, 'admin.json'), text);
    }
    expect(await connections('ls')).toMatchObject({ code: 0 });
  });

  test('the token goes to this machine only', async () => {
    for (const url of [
      'http://broker.example:80',
      'http://127.0.0.1.evil.example:80',
      'https://127.0.0.1@evil.example',
    ]) {
      writeFileSync(path.join(dataDir, 'admin.json'), JSON.stringify({ url, token: 'x'.repeat(43) }));
      const { code, err } = await connections('ls');
      expect([code, err]).toEqual([69, expect.stringContaining('is not what a bridge writes')]);
      expect(err).not.toContain('x'.repeat(43));
    }
  });
});
