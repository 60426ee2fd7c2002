// Bad input for every verb: a clear error that names what is wrong, and exit code 64.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cli, helpOfEachVerb } from '../support/cli.ts';

/** A call of each verb with all that it must have, so that what comes behind is what is wrong. */
const calls = new Map<string, readonly string[]>();

beforeAll(async () => {
  for (const [verb, help] of await helpOfEachVerb()) {
    const usage = /^Usage: here-bridge ?(.*)$/m.exec(help)?.[1] ?? '';
    // `<id>` and `[id]`; of `[ids...]` none.
    const given = [...usage.matchAll(/<[\w-]+>|\[(?!options|command)[\w-]+\]/g)].map(() => 'x');
    const role = help.includes('--role <role>') ? ['--role', 'viewer'] : [];
    calls.set(verb, [...verb.split(' ').filter((word) => word !== ''), ...given, ...role]);
  }
  expect(calls.size).toBeGreaterThan(50);
});

describe('Every verb', () => {
  it.each(['--no-such-option', 'no-such-argument'])('refuses %s by name, with exit code 64', async (nonsense) => {
    const wrong: unknown[] = [];
    for (const [verb, call] of calls) {
      const { code, out, err } = await cli([...call, nonsense]);
      const [said = ''] = err.split('\n');
      if (code !== 64 || out !== '' || !said.includes(nonsense)) wrong.push({ verb, code, out, said });
    }
    expect(wrong).toEqual([]);
  });

  it('refuses an option without its value by name, with exit code 64', async () => {
    const wrong: unknown[] = [];
    let tried = 0;
    for (const [verb, help] of await helpOfEachVerb()) {
      const option = /^ {2}(?:-\w, )?(--[\w-]+) </m.exec(help)?.[1];
      if (option === undefined) continue;
      tried += 1;
      const { code, err } = await cli([...(calls.get(verb) ?? []), option]);
      if (code !== 64 || !err.includes(option)) wrong.push({ verb, option, code, err });
    }
    expect(tried).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
  });

  it('that asks a running bridge refuses a data directory that is a file, with exit code 64', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-bad-input-'));
    onTestFinished(() => fs.rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'data');
    fs.writeFileSync(file, '');
    const wrong: unknown[] = [];
    for (const verb of [
      'connections ls',
      'ledger',
      'dead-letters ls',
      'workers',
      'users ls',
      'keys rotate',
      'backup',
    ]) {
      const { code, err } = await cli([...(calls.get(verb) ?? []), '--data-dir', file], { cwd: folder });
      if (code !== 64 || !err.includes(`${file} is a file`)) wrong.push({ verb, code, err });
    }
    expect(wrong).toEqual([]);
  });

  it('that listens refuses an address that is empty, as of a variable that is not set', async () => {
    expect(await cli(['sandbox', '--host', ''])).toMatchObject({
      code: 64,
      out: '',
      err: expect.stringContaining('--host'),
    });
  });
});
