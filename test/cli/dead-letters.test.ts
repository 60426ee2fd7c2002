// `dead-letters …`, `ledger` and `expired` against the real admin interface, over a real store of connections that do not send.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AdminServer, startAdmin } from '../../src/api/admin.ts';
import { createLetterControl } from '../../src/bridge/dead-letters.ts';
import type { LiveLine, Views } from '../../src/bridge/views.ts';
import { emptyLedger, type Ledger } from '../../src/domain/ledger.ts';
import type { ConnectionStore } from '../../src/domain/ports/store.ts';
import { append, entries, entry, TestStore } from '../store/support.ts';
import { portsOf } from '../support/api.ts';
import { type CliResult, cli } from '../support/cli.ts';

let s: TestStore;
let admin: AdminServer | null = null;
let ledgers: Map<string, Ledger>;
let lines: Map<string, LiveLine>;

beforeEach(async () => {
  s = await TestStore.open({ deadLettersMaxBytes: 10_000 });
  lines = new Map();
  ledgers = new Map([['b', { ...emptyLedger(), received: 3, delivered: 2 }]]);
  const a = await s.connection();
  await append(a, entries(1, 3));
  const detail = { message: 'lat is out of range', status: 400, requestId: 'r-1', record: '{"x":1}', attempts: 2 };
  a.settle([
    { seq: 1, outcome: { kind: 'deadLettered', reason: 'refused', detail } },
    { seq: 2, outcome: { kind: 'expired', reason: 'tooOld', emittedAt: s.clock.now() - 7_200_000 } },
    { seq: 3, outcome: { kind: 'deadLettered', reason: 'notJson', detail: { message: 'is not JSON' } } },
  ]);
  ledgers.set('a', a.ledger());
  const known = ['a', 'b'];
  const views = {
    lines,
    status: (id: string) => (known.includes(id) ? { state: 'DEACTIVATED' } : null),
    ledger: (id: string) => ledgers.get(id) ?? null,
    ids: () => known,
  } as unknown as Views;
  const definitions = { ids: () => known, record: (id: string) => (id === 'b' ? ({} as never) : null) };
  const letters = createLetterControl({ store: s.store, views, definitions, clock: s.clock });
  admin = await startAdmin({ ports: portsOf({ letters }), dataDir: s.dataDir, port: 0 });
});

afterEach(async () => {
  await admin?.stop();
  admin = null;
  await s[Symbol.asyncDispose]();
});

function run(args: readonly string[], stdin = ''): Promise<CliResult> {
  return cli([...args, '--data-dir', s.dataDir], { stdin, signal: new AbortController().signal, cwd: s.dataDir });
}

function live(id: string, store: ConnectionStore): void {
  lines.set(id, { flow: { stopped: false }, store } as unknown as LiveLine);
}

async function exported(): Promise<Record<string, unknown>> {
  const { out } = await run(['dead-letters', 'export', 'a', '--reason', 'refused']);
  return JSON.parse(out);
}

describe('wrong use of the command line', () => {
  test.each([
    ['dead-letters'],
    ['dead-letters', 'list', 'a'],
    ['dead-letters', 'ls'],
    ['dead-letters', 'ls', 'a', '--reason', 'bad'],
    ['dead-letters', 'ls', 'a', '--device', '12'],
    ['dead-letters', 'ls', 'a', '--since', 'yesterday'],
    ['dead-letters', 'ls', 'a', '--until', '2026-13-01'],
    ['dead-letters', 'ls', 'a', '--limit', '0'],
    ['dead-letters', 'show', 'a'],
    ['dead-letters', 'show', 'a', 'x'],
    ['dead-letters', 'show', 'a', '0'],
    ['dead-letters', 'edit', 'a', '1'],
    ['dead-letters', 'edit', 'a', '1', '--revert', '--topic', 't'],
    ['dead-letters', 'replay', 'a'],
    ['dead-letters', 'replay', 'a', '1x'],
    ['dead-letters', 'replay', 'a', '1', '--all'],
    ['dead-letters', 'replay', 'a', '--all', '--rate', '0'],
    ['dead-letters', 'replay', 'a', '--all', '--rate', 'fast'],
    ['dead-letters', 'drop', 'a'],
    ['dead-letters', 'drop', 'a', '--all', '--reason', 'refused'],
    ['dead-letters', 'import', 'a'],
    ['ledger', 'a', 'b'],
    ['ledger', '--reason'],
    ['expired', 'ls'],
    ['expired', 'ls', 'a', '--limit', 'all'],
  ])('%s', async (...args) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(/\S/);
    expect(s.store.deadLetters('a')?.totals().count).toBe(2);
  });
});

describe('things that do not exist', () => {
  test.each([
    [['dead-letters', 'ls', 'nobody'], /no connection nobody/],
    [['dead-letters', 'show', 'nobody', '1'], /no connection nobody/],
    [['dead-letters', 'show', 'a', '99'], /no dead letter 99/],
    [['dead-letters', 'edit', 'nobody', '1', '--revert'], /no connection nobody/],
    [['dead-letters', 'edit', 'a', '99', '--revert'], /no dead letter 99/],
    [['dead-letters', 'edit', 'a', '1', '--payload', 'missing.json'], /missing.json: no such file/],
    [['dead-letters', 'replay', 'nobody', '--all'], /no connection nobody/],
    [['dead-letters', 'drop', 'nobody', '--all'], /no connection nobody/],
    [['dead-letters', 'export', 'nobody'], /no connection nobody/],
    [['dead-letters', 'import', 'a', 'missing.ndjson'], /missing.ndjson: no such file/],
    [['ledger', 'nobody'], /no connection nobody/],
    [['expired', 'ls', 'nobody'], /no connection nobody/],
  ])('%s', async (args, message) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([66, '']);
    expect(err).toMatch(message);
  });

  test('an import into an unknown connection', async () => {
    const { code, err } = await run(['dead-letters', 'import', 'nobody', '-'], JSON.stringify(await exported()));
    expect([code, err]).toEqual([66, 'here-bridge: There is no connection nobody\n']);
  });

  test('no bridge at all', async () => {
    await admin?.stop();
    const { code, err } = await run(['dead-letters', 'ls', 'a']);
    expect(code).toBe(69);
    expect(err).toMatch(/No bridge answers/);
  });
});

describe('a file that is no export', () => {
  const good = async (): Promise<string> => JSON.stringify(await exported());

  beforeEach(async () => {
    live('c', await s.connection('c'));
  });

  /** Letters of their own keys. */
  async function letters(count: number): Promise<string[]> {
    const letter = await exported();
    return Array.from({ length: count }, (_, i) => JSON.stringify({ ...letter, key: `0123456789abcde${i}` }));
  }

  function taken(): number | undefined {
    return s.store.deadLetters('c')?.totals().count;
  }

  test.each([
    ['no JSON', 'oops', /line 3: is not JSON/],
    ['no object', '[1]', /line 3: is no dead letter: is no object/],
    ['no key', '{"key":"x"}', /line 3: is no dead letter: "key"/],
    [
      'an unknown reason',
      (letter: object) => ({ ...letter, reason: 'because' }),
      /line 3: .*"reason" must be one of refused|"reason"/,
    ],
    ['no time', (letter: object) => ({ ...letter, arrivedAt: 'then' }), /line 3: .*"arrivedAt"/],
    ['no message', (letter: object) => ({ ...letter, payload: undefined }), /line 3: .*"payload"/],
    [
      'bad base64',
      (letter: object) => ({ ...letter, payload: undefined, payloadBase64: '%' }),
      /line 3: .*"payloadBase64"/,
    ],
    ['a bad device', (letter: object) => ({ ...letter, device: '12' }), /line 3: .*"device"/],
  ])('%s', async (_what, third, message) => {
    const letter = await exported();
    const text = typeof third === 'string' ? third : JSON.stringify(third(letter));
    const { code, err } = await run(['dead-letters', 'import', 'c', '-'], `${await good()}\n\n${text}\n`);
    expect(code).toBe(65);
    expect(err).toMatch(message);
    expect(err).toMatch(
      /; the letter before it is taken: mend it and import the whole file again, nothing comes twice\n$/,
    );
    expect(taken()).toBe(1);
  });

  test.each([
    ['no JSON', 'oops', 'is not JSON'],
    ['no dead letter', '[1]', 'is no dead letter: is no object'],
  ])('what stands before a line that is %s is taken, once, and what stands behind it is not', async (_, bad, why) => {
    const [first, second, third] = await letters(3);
    const words = 'taken: mend it and import the whole file again, nothing comes twice';
    const failed = await run(['dead-letters', 'import', 'c', '-'], [first, second, bad, third].join('\n'));
    const message = `here-bridge: standard input, line 3: ${why}; the 2 letters before it are ${words}\n`;
    expect(failed).toMatchObject({ code: 65, out: '', err: message });
    expect(taken()).toBe(2);
    const mended = await run(['dead-letters', 'import', 'c', '-'], [first, second, third].join('\n'));
    expect(mended).toMatchObject({ code: 0, out: '1 imported; 2 were there already\n' });
    expect(taken()).toBe(3);
  });

  test('the first bad line is told, of either kind; of a file that begins with it nothing is taken', async () => {
    const [first, second] = await letters(2);
    const two = await run(['dead-letters', 'import', 'c', '-'], [first, '[1]', second, 'oops'].join('\n'));
    expect(two.err).toMatch(/line 2: is no dead letter: is no object; the letter before it is taken/);
    expect(taken()).toBe(1);
    for (const [bad, why] of [
      ['oops', 'is not JSON'],
      ['[1]', 'is no dead letter: is no object'],
    ]) {
      const { code, err } = await run(['dead-letters', 'import', 'c', '-'], [bad, second].join('\n'));
      expect([code, err]).toEqual([65, `here-bridge: standard input, line 1: ${why}\n`]);
    }
    expect(taken()).toBe(1);
  });

  test('where the letters before it are refused the bridge says why', async () => {
    const text = [...(await letters(1)), 'oops'].join('\n');
    const { code, err } = await run(['dead-letters', 'import', 'b', '-'], text);
    expect([code, err]).toEqual([69, expect.stringMatching(/b is DEACTIVATED and takes nothing/)]);
  });

  test('of a key that stands for a prototype nothing is taken', async () => {
    const line = `{"__proto__":{"key":"0123456789abcdef"},"topic":"t"}`;
    const { code } = await run(['dead-letters', 'import', 'a', '-'], line);
    expect(code).toBe(65);
    expect(({} as { key?: string }).key).toBeUndefined();
  });
});

describe('what the verbs print', () => {
  test('a listing and one letter', async () => {
    const ls = await run(['dead-letters', 'ls', 'a']);
    expect(ls.out).toMatch(
      /^ID {2}TIME +DEVICE +REASON +ANSWER\n2 .* notJson +is not JSON\n1 .* refused +400 lat is out of range\n\nIn all 2 /,
    );
    const show = await run(['dead-letters', 'show', 'a', '1']);
    expect(show.out).toMatch(/answer +400 lat is out of range\nrequest id +r-1\nattempts +2\n/);
    expect(show.out).toContain(`message       ${entry(1).payload.toString().trim()}`);
    expect((await run(['dead-letters', 'ls', 'a', '--device', entry(3).device!.toLowerCase(), '--json'])).out).toMatch(
      /^\{[^\n]*"id":2,[^\n]*\}\n$/,
    );
  });

  test('foreign words that would steer the terminal are written out', async () => {
    await run(['dead-letters', 'edit', 'a', '1', '--payload', '-'], '\u001b[2J{}\n');
    const { out } = await run(['dead-letters', 'show', 'a', '1']);
    expect(out).toContain('\\u001b[2J{}\\u000a');
    expect(out).not.toContain('\u001b');
  });

  test('an edit, and its taking back', async () => {
    writeFileSync(path.join(s.dataDir, 'm.json'), '{"new":1}');
    const edited = await run(['dead-letters', 'edit', 'a', '1', '--payload', 'm.json', '--topic', 't/2']);
    expect(edited.out).toMatch(/topic +t\/2\nmessage +\{"new":1\}\nas it came +mqtt\/things/);
    const back = await run(['dead-letters', 'edit', 'a', '1', '--revert', '--json']);
    expect(JSON.parse(back.out)).toMatchObject({ topic: entry(1).topic, payload: entry(1).payload.toString() });
  });

  test('what expired, and where everything is', async () => {
    const expired = await run(['expired', 'ls', 'a']);
    expect(expired.out).toMatch(
      new RegExp(`${entry(2).device} +tooOld +2 h +2\n\n1 uplinks expired \\(tooOld 1\\)\\.`),
    );
    const ledger = await run(['ledger', 'a']);
    expect(ledger.code).toBe(0);
    expect(ledger.out).toMatch(
      /received +3\n.*delivered +0\n.*pending +0\n.*expired +1 {2}tooOld 1\n(.*\n){2}.*deadLettered +2 {2}\w+ 1, \w+ 1\n/,
    );
  });

  test('an imbalance, with exit code 1', async () => {
    const all = await run(['ledger']);
    expect(all.code).toBe(1);
    expect(all.out).toMatch(/b {2}DOES NOT BALANCE: columns off by 1/);
    expect((await run(['ledger', 'b', '--json'])).code).toBe(1);
  });

  test('a replay and an import where nothing runs: both say so and keep what there is', async () => {
    const replay = await run(['dead-letters', 'replay', 'a', '--all']);
    expect([replay.code, replay.err]).toEqual([
      66,
      expect.stringMatching(/no definition \(any more\): its dead letters \(2\) are kept/),
    ]);
    const other = await run(['dead-letters', 'import', 'b', '-'], JSON.stringify(await exported()));
    expect([other.code, other.err]).toEqual([69, expect.stringMatching(/b is DEACTIVATED/)]);
    expect(s.store.deadLetters('a')?.totals().count).toBe(2);
  });
});
