// The dead letters of a deleted connection over the API and the command line of a real bridge.
import { describe, expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';

async function stage(keepAfterDelete: string) {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const dataDir = temporaryFolder();
  const services = { sandbox: { url: sandbox.url } };
  const bridge = await LocalBridge.start({ dataDir, broker, services, settings: { deadLetters: { keepAfterDelete } } });
  const call = apiClient(bridge.bridge.health.url);
  const { email, password, appIds } = sandbox;
  const record = definition({ email, password, appId: appIds[0] });
  const open = async (): Promise<void> => {
    await bridge.apply('a', record);
    await untilState(bridge, 'a', 'OPENED');
  };
  await open();
  const client = await BrokerClient.connect(broker.url);
  for (const n of [1, 2]) await client.publish(`mqtt/things/0018B2000000000${n}/uplink`, `no JSON ${n}`);
  await until(
    'both are dead letters',
    async () => (await call('GET', '/connections/a/dead-letters')).body.totals.count === 2,
  );
  const run = (...args: string[]) =>
    cli([...args, '--data-dir', dataDir], { cwd: dataDir, signal: new AbortController().signal });
  return { bridge, call, run, open };
}

const gone = (call: ReturnType<typeof apiClient>) =>
  until('it is gone', async () => (await call('GET', '/connections/a')).status === 404);

describe('After a DELETE', () => {
  test('the answer says how many dead letters are kept and until when, and they can be reached all the while', async () => {
    const { call, run, open } = await stage('12h');
    const before = Date.now();
    const deleted = await call('DELETE', '/connections/a');
    expect([deleted.status, deleted.body, deleted.headers.get('x-dead-letters-kept')]).toEqual([204, null, '2']);
    const until = Date.parse(deleted.headers.get('x-dead-letters-kept-until') ?? '');
    expect(until - before).toBeGreaterThanOrEqual(12 * 3_600_000);
    expect(until - before).toBeLessThan(12 * 3_600_000 + 60_000);
    await gone(call);

    const listed = await call('GET', '/deleted-connections');
    expect(listed.body).toMatchObject([{ id: 'a', count: 2 }]);
    expect((await call('GET', '/connections/a/dead-letters')).body).toMatchObject({ totals: { count: 2 } });
    expect((await run('dead-letters', 'ls', 'a')).out).toContain('notJson');
    expect((await run('dead-letters', 'kept')).out).toMatch(/^a +2 /m);
    const exported = (await run('dead-letters', 'export', 'a')).out.trim().split('\n');
    expect(exported.map((line) => JSON.parse(line).payload)).toEqual(['no JSON 1', 'no JSON 2']);
    const [event] = (await call('GET', '/events?connectionId=a&kind=connectionDeleted')).body;
    expect(event.message).toContain('its 2 dead letters are kept until');

    // There is nobody to send them.
    const replayed = await call('POST', '/connections/a/dead-letters/replay', { filter: {} });
    expect([replayed.status, replayed.body.message]).toEqual([
      404,
      expect.stringMatching(/^Connection a has no definition \(any more\): its dead letters \(2\) are kept until 20/),
    ]);
    const byCli = await run('dead-letters', 'replay', 'a', '--all');
    expect([byCli.code, byCli.err]).toEqual([66, expect.stringContaining('are kept until')]);
    expect((await call('GET', '/connections/a/dead-letters')).body.totals.count).toBe(2);

    await open();
    expect((await call('GET', '/deleted-connections')).body).toEqual([]);
    const { ledger } = (await call('GET', '/connections/a')).body;
    expect(ledger).toMatchObject({ received: 2, pending: 0, deadLettered: { notJson: 2 } });
  });

  test('with Prefer: return=representation a body says so, and `connections rm` does', async () => {
    const { call, run, open } = await stage('7d');
    const deleted = await call('DELETE', '/connections?id=a', undefined, {
      prefer: 'respond-async, return=representation',
    });
    expect([deleted.status, deleted.headers.get('preference-applied')]).toEqual([200, 'return=representation']);
    const { until } = deleted.body.deadLetters;
    expect(deleted.body).toEqual({ id: 'a', deadLetters: { count: 2, until } });
    expect(deleted.headers.get('x-dead-letters-kept-until')).toBe(until);
    await gone(call);
    await open();
    const { out, err } = await run('connections', 'rm', 'a');
    expect(err + out).toMatch(/^a deleted; its 2 dead letters are kept until 20[^ ]+Z\n$/);
  });

  test('with 0s they go with it, and no header says otherwise', async () => {
    const { call } = await stage('0s');
    const { status, headers } = await call('DELETE', '/connections/a');
    expect([status, headers.get('x-dead-letters-kept'), headers.get('x-dead-letters-kept-until')]).toEqual([
      204,
      '0',
      null,
    ]);
    await gone(call);
    expect((await call('GET', '/connections/a/dead-letters')).status).toBe(404);
    expect((await call('GET', '/deleted-connections')).body).toEqual([]);
  });
});
