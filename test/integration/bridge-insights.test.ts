// What a running bridge tells of itself: metrics, where a message is, quota and forecast.
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

async function setUp() {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const { email, password, appIds } = sandbox;
  const whole = definition({ email, password, appId: appIds[0] });
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  await uplinks.connected();
  const run = (...args: string[]) =>
    cli([...args, '--data-dir', setup.dataDir], { signal: new AbortController().signal });
  const metric = async (name: string): Promise<number | null> => {
    const text = await (await fetch(`${bridge.bridge.health.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`here_bridge_${name} `));
    return line === undefined ? null : Number(line.split(' ').at(-1));
  };
  return { sandbox, bridge, uplinks, whole, run, metric, appId: appIds[0] as string };
}

test('an uplink is traced from waiting to accepted, a refused one to its dead letter; metrics and quota agree', async () => {
  const { sandbox, bridge, uplinks, run, metric, appId } = await setUp();
  const refusing = sandbox.addFault({ name: '400', device: uplinks.devEui(3) });
  uplinks.publish(30);
  await uplinks.allAcked();
  await settledLedger(bridge, 'a', 30);

  const good = await run('trace', 'a', `${uplinks.devEui(5)}:15`, '--json');
  expect(good).toMatchObject({ code: 0, err: '' });
  const [traced] = good.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(traced).toMatchObject({ fCnt: 15, state: 'settled', outcome: { kind: 'delivered' } });
  // HERE's own records know the request by the same id.
  const arrived = uplinks.arrivals(sandbox);
  expect(arrived.copies[15]).toBe(1);
  expect(traced.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(Date.parse(traced.settledAt)).toBeGreaterThanOrEqual(Date.parse(traced.receivedAt));

  const bad = JSON.parse((await run('trace', 'a', `${uplinks.devEui(3)}:3`, '--json')).out);
  expect(bad).toMatchObject({ outcome: { kind: 'deadLettered', reason: 'refused', detail: { status: 400 } } });
  expect(bad.outcome.detail.record).toBeUndefined();

  const records = 30 - 3;
  expect(await metric('uplinks_received_total{connection="a"}')).toBe(30);
  expect(await metric('uplinks_delivered_total{connection="a"}')).toBe(records);
  expect(await metric('uplinks_dead_lettered{connection="a",reason="refused"}')).toBe(3);
  expect(await metric('delivery_latency_seconds_count{connection="a"}')).toBe(records);
  const host = new URL(sandbox.url).host;
  expect(await metric(`here_records_total{host="${host}",app_id="${appId}"}`)).toBe(records);
  expect(await metric(`here_requests_total{host="${host}",app_id="${appId}",result="refused"}`)).toBeGreaterThan(0);
  expect(await metric('broker_connected{broker="main",kind="embedded"}')).toBe(1);

  const [quota] = (await run('quota', '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(quota).toMatchObject({ appId, host, lastHour: { records }, lastDay: { records } });

  // The device is mended, its letter replayed: the trail has the new word, and the gauge goes down.
  sandbox.removeFault(refusing);
  expect((await run('dead-letters', 'replay', 'a', '--reason', 'refused')).code).toBe(0);
  expect(await metric('uplinks_dead_lettered{connection="a",reason="refused"}')).toBe(0);
});

test('with HERE away the backlog is told with its end, and a changed definition does not wipe the trail', async () => {
  const { sandbox, bridge, uplinks, whole, run } = await setUp();
  uplinks.publish(20);
  await uplinks.allAcked();
  await settledLedger(bridge, 'a', 20);
  const away = sandbox.addFault({ name: '503' });
  uplinks.publish(500);
  await uplinks.allAcked();
  await until('something waits', async () => ((await bridge.connection('a'))?.activity?.waiting ?? 0) > 0);
  const waits = await run('trace', 'a', uplinks.devEui(1), '--json');
  const states = waits.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).state);
  expect(states).toContain('waiting');
  expect((await run('connections', 'show', 'a')).out).toMatch(/^forecast +\d+ uplinks wait/m);
  sandbox.removeFault(away);
  await settledLedger(bridge, 'a', 520);

  await bridge.apply('a', { ...whole, configuration: { ...(whole.configuration as object), sendMetadata: true } });
  await untilState(bridge, 'a', 'OPENED');
  const after = await run('trace', 'a', uplinks.devEui(1), '--json');
  expect(after.out.trim().split('\n')).toHaveLength(8);
});
