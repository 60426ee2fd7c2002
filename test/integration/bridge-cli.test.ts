// The command line against a running bridge: each verb's output and exit code.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

test('apply, ls, show, tail, rm: what they say and how they end', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const folder = temporaryFolder();
  const { email, password } = sandbox;
  const file = (name: string, value: unknown): string => {
    const full = path.join(folder, name);
    writeFileSync(full, typeof value === 'string' ? value : JSON.stringify(value));
    return full;
  };
  const run = (...args: string[]) => {
    const { signal } = new AbortController();
    return cli(['connections', ...args, '--data-dir', setup.dataDir], { cwd: folder, signal });
  };

  expect(await run('ls')).toMatchObject({ code: 0, out: 'There are no connections.\n', err: '' });
  const good = file('a.json', { id: 'a', ...definition({ email, password, appId: sandbox.appIds[0] }) });
  expect(await run('apply', good)).toMatchObject({ code: 0, out: 'a created\n', err: '' });
  expect(await run('apply', good)).toMatchObject({ code: 0, out: 'a changed\n', err: '' });
  await untilState(bridge, 'a', 'OPENED');

  // What is wrong is named field by field, nothing is changed, and the password is not repeated.
  const wrong = file('b.json', { id: 'b', name: 'B', configuration: { email, password, port: 1 } });
  const refused = await run('apply', wrong);
  expect(refused).toMatchObject({ code: 65, out: '' });
  expect(refused.err).toMatch(/\/connectorId/);
  expect(refused.err).toMatch(/port/);
  expect(refused.err).not.toContain(password);
  expect(await run('apply', file('c.json', '{"password": "geheim'))).toMatchObject({ code: 65, out: '' });
  expect(await run('apply', path.join(folder, 'none.json'))).toMatchObject({ code: 66, out: '' });
  expect((await run('apply', file('d.json', definition({ email, password })))).code).toBe(65);
  expect((await run('apply', file('e.json', definition({ email, password })), '--id', '../e')).code).not.toBe(0);

  // Followed, one line an uplink, until Ctrl-C.
  const stop = new AbortController();
  let seen = '';
  const tail = cli(['connections', 'tail', 'a', '--json', '--data-dir', setup.dataDir], {
    signal: stop.signal,
    onOut: (text) => {
      seen += text;
    },
  });
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 3 });
  await uplinks.connected();
  const lines = await until('lines of tail', () => {
    uplinks.publish(1);
    const whole = seen.trim().split('\n');
    return seen !== '' && whole.length >= 3 ? whole : null;
  });
  stop.abort();
  expect(await tail).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(lines[0] as string)).toMatchObject({
    seq: expect.any(Number),
    device: expect.stringMatching(/^70B3D5/),
    outcome: { kind: 'delivered' },
    latencyMs: expect.any(Number),
  });

  await uplinks.allAcked();
  await settledLedger(bridge, 'a', uplinks.published);
  const listed = JSON.parse((await run('ls', '--json')).out);
  expect(listed).toMatchObject([{ id: 'a', state: 'OPENED', ledger: { delivered: uplinks.published } }]);
  const shown = await run('show', 'a');
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect(shown.out).toMatch(/state +OPENED since/);
  expect(shown.out).toContain('"password":"*****"');
  expect(shown.out).not.toContain(password);
  const stopped = await cli(['connections', 'tail', 'a', '--data-dir', setup.dataDir], { signal: AbortSignal.abort() });
  expect(stopped).toMatchObject({ code: 0, out: '', err: '' });
  for (const verb of ['show', 'tail', 'rm']) {
    const missing = await run(verb, 'nobody');
    expect(missing, verb).toMatchObject({ code: 66, out: '' });
    expect(missing.err).toContain('nobody');
  }
  // Off, on, and anew, with the definition's secrets as they were.
  expect(await run('stop', 'a')).toMatchObject({ code: 0, out: 'a stopping\n', err: '' });
  await untilState(bridge, 'a', 'DEACTIVATED');
  expect(await run('start', 'a')).toMatchObject({ code: 0, out: 'a starting\n', err: '' });
  const again = await untilState(bridge, 'a', 'OPENED');
  expect(await run('restart', 'a')).toMatchObject({ code: 0, out: 'a restarting\n', err: '' });
  await until('a later start', async () => {
    const shown = await bridge.connection('a');
    return shown?.state === 'OPENED' && shown.status.startupTime !== again.status.startupTime;
  });
  expect(await run('restart', 'nobody')).toMatchObject({ code: 66 });

  expect(await run('rm', 'a')).toMatchObject({ code: 0, out: 'a deleted\n' });
  await until('it is gone', async () => (await bridge.connection('a')) === null);
  expect(await run('ls')).toMatchObject({ out: 'There are no connections.\n' });
  expect((await run('rm', 'a')).code).toBe(66);

  await bridge.stop();
  const nobody = await run('ls');
  expect(nobody).toMatchObject({ code: 69, out: '' });
  expect(nobody.err).toContain('here-bridge start');
});
