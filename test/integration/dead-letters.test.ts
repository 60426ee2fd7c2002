// Dead letters from the fault to the repair: the command line against a running bridge and a sandbox that refuses.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { sumReasons } from '../../src/domain/ledger.ts';
import {
  BridgeChild,
  type BridgeSetup,
  definition,
  figures,
  LocalBridge,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { type CliResult, cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const live = new AbortController().signal;

async function setUp() {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const dataDir = temporaryFolder();
  const setup: BridgeSetup = { dataDir, broker, services: { sandbox: { url: sandbox.url } } };
  const { email, password, appIds } = sandbox;
  const whole = definition({ email, password, appId: appIds[0] });
  const run = (args: readonly string[], stdin = ''): Promise<CliResult> =>
    cli([...args, '--data-dir', dataDir], { signal: live, stdin });
  return { sandbox, broker, dataDir, setup, whole, run };
}

async function publish(
  broker: TestBroker,
  messages: readonly { topic: string; payload: string | Buffer }[],
): Promise<void> {
  const client = connect(broker.url);
  onTestFinished(() => client.endAsync(true).then(() => {}));
  await until('the publisher is connected', () => client.connected);
  for (const { topic, payload } of messages) await client.publishAsync(topic, payload, { qos: 1 });
}

function lines(out: string): readonly Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('what HERE refuses and what cannot be read is listed, shown, mended, replayed and dropped; the ledger follows', async () => {
  const { sandbox, broker, setup, whole, run } = await setUp();
  const bridge = await LocalBridge.start(setup);
  await bridge.apply('a', whole);
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  await uplinks.connected();
  const fault = sandbox.addFault({ name: '400', device: uplinks.devEui(3) });
  uplinks.publish(50);
  await uplinks.allAcked();
  const mended = uplinks.message(7);
  await publish(broker, [{ topic: mended.topic, payload: mended.payload.slice(0, -1) }]);
  const { ledger } = await settledLedger(bridge, 'a', 51);
  expect(ledger).toMatchObject({ received: 51, delivered: 45, deadLettered: { refused: 5, notJson: 1 } });

  const ls = await run(['dead-letters', 'ls', 'a']);
  expect([ls.code, ls.err]).toEqual([0, '']);
  expect(ls.out).toMatch(new RegExp(`${uplinks.devEui(3)}\\s+refused\\s+400 `));
  expect(ls.out).toMatch(/In all 6 dead letters, \d+ of \d+ bytes\./);
  const refused = lines((await run(['dead-letters', 'ls', 'a', '--json', '--reason', 'refused', '--since', '1h'])).out);
  expect(refused.map(({ device }) => device)).toEqual(Array(5).fill(uplinks.devEui(3)));
  expect(lines((await run(['dead-letters', 'ls', 'a', '--json', '--until', '1h'])).out)).toEqual([]);
  const show = await run(['dead-letters', 'show', 'a', String(refused[0]?.id)]);
  expect(show.out).toMatch(/request id\s+[0-9a-f-]{36}/);
  expect(show.out).toMatch(/attempts\s+\d/);
  expect(show.out).toContain('DevEUI_uplink');
  expect(show.out).toMatch(/sent\s+\{/);

  // Unreadable as it is: a replay leaves it alone. Mended, it goes.
  const [broken] = lines((await run(['dead-letters', 'ls', 'a', '--json', '--reason', 'notJson'])).out);
  const id = String(broken?.id);
  const kept = await run(['dead-letters', 'replay', 'a', id]);
  expect([kept.code, kept.out]).toEqual([0, '0 replayed\n1 left as they are: 1 still notJson\n']);
  const edited = await run(['dead-letters', 'edit', 'a', id, '--payload', '-', '--json'], mended.payload);
  expect(lines(edited.out)[0]).toMatchObject({
    payload: mended.payload,
    original: { payload: mended.payload.slice(0, -1) },
  });
  const replayed = await run(['dead-letters', 'replay', 'a', id, '--json']);
  expect(lines(replayed.out)).toEqual([{ replayed: 1, kept: {}, outcomes: { delivered: 1 }, waiting: 0, end: 'done' }]);

  // Still refused: a dead letter again, and no hold for want of good ones beside it.
  const again = await run(['dead-letters', 'replay', 'a', '--reason', 'refused']);
  expect([again.code, again.out]).toEqual([0, '5 replayed: 5 dead letters again\n']);
  sandbox.removeFault(fault);
  const done = await run(['dead-letters', 'replay', 'a', '--all', '--rate', '100', '--json']);
  expect(lines(done.out)).toMatchObject([{ replayed: 5, outcomes: { delivered: 5 }, waiting: 0, end: 'done' }]);
  const { ledger: after } = await settledLedger(bridge, 'a', 51);
  expect(after).toMatchObject({ received: 51, delivered: 51, deadLettered: { refused: 0, notJson: 0 } });
  const arrivals = uplinks.arrivals(sandbox);
  expect(uplinks.missing(arrivals)).toEqual([]);
  // The seventh was sent whole, and once more from the mended letter.
  expect(arrivals.doubled).toEqual([7]);

  const shown = await run(['ledger', 'a']);
  expect([shown.code, shown.err]).toEqual([0, '']);
  expect(shown.out).toMatch(/^a {2}balances \(verified against the journal\)\n {2}received\s+51\n {2}delivered\s+51\n/);
  expect(lines((await run(['ledger', '--json'])).out)).toMatchObject([{ id: 'a', imbalance: 0, off: 0 }]);

  await publish(broker, [{ topic: mended.topic, payload: 'no JSON' }]);
  await settledLedger(bridge, 'a', 52);
  expect((await run(['dead-letters', 'drop', 'a', '--reason', 'notJson'])).out).toBe('1 dropped\n');
  expect((await run(['dead-letters', 'ls', 'a'])).out).toMatch(
    /^In all 0 dead letters, 0 of \d+ bytes; dropped: 1 by hand\.\n$/,
  );
  expect((await run(['ledger', 'a', '--json'])).out).toMatch(/"deadLettered":\{[^}]*"notJson":1/);
});

test('an export is taken in by another connection, once; that of a connection that is gone or off says so and keeps its letters', async () => {
  const { broker, dataDir, setup, whole, run } = await setUp();
  const first = await LocalBridge.start(setup);
  await first.apply('a', whole);
  await untilState(first, 'a', 'OPENED');
  const noDevice = '{"note":"ä"}';
  const binary = { topic: 'mqtt/things/x/uplink', payload: Buffer.from([0, 255, 1]) };
  await publish(broker, [{ topic: 'mqtt/things/y/uplink', payload: noDevice }, binary]);
  await settledLedger(first, 'a', 2);
  await first.apply('a', { ...whole, active: false });
  await untilState(first, 'a', 'DEACTIVATED');
  const off = await run(['dead-letters', 'replay', 'a', '--all']);
  expect([off.code, off.err]).toEqual([
    69,
    'here-bridge: Connection a is DEACTIVATED and takes nothing: its dead letters (2) are kept. Activate it first.\n',
  ]);
  expect((await run(['dead-letters', 'ls', 'a'])).out).toContain('In all 2 dead letters');
  await first.stop();

  // The broker has lost what it retained, and with it the definition.
  rmSync(path.join(dataDir, 'broker-main.db'));
  const second = await LocalBridge.start(setup);
  const gone = await run(['dead-letters', 'replay', 'a', '--all']);
  expect(gone.code).toBe(66);
  expect(gone.err).toMatch(
    /Connection a has no definition \(any more\): its dead letters \(2\) are kept\. .*export.*import/,
  );
  const out = await run(['dead-letters', 'export', 'a']);
  expect(lines(out.out)).toMatchObject([
    { connection: 'a', reason: 'noDevice', payload: noDevice },
    { reason: 'notJson', payloadBase64: 'AP8B' },
  ]);

  await second.apply('b', whole);
  await untilState(second, 'b', 'OPENED');
  const file = path.join(dataDir, 'letters.ndjson');
  writeFileSync(file, out.out);
  expect((await run(['dead-letters', 'import', 'b', file])).out).toBe('2 imported\n');
  expect((await run(['dead-letters', 'import', 'b', '-'], out.out)).out).toBe('0 imported; 2 were there already\n');
  expect((await second.connection('b'))?.ledger).toMatchObject({
    received: 2,
    pending: 0,
    deadLettered: { noDevice: 1 },
  });
  const [, letter] = lines((await run(['dead-letters', 'ls', 'b', '--json'])).out);
  expect(letter).toMatchObject({ reason: 'noDevice', detail: { origin: expect.stringMatching(/^a 20/) } });
  expect((await run(['ledger', 'b'])).code).toBe(0);
});

test('kill -9 in the middle of a replay: repeated, it brings each message once or a little more, and the ledger counts each once', async () => {
  const { sandbox, broker, setup, whole, run } = await setUp();
  const count = 400;
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 40 });
  const child = new BridgeChild(setup);
  await child.start();
  await child.apply('a', whole);
  await untilState(child, 'a', 'OPENED');
  const letters = Array.from({ length: count }, (_, n) => ({
    ...{ key: n.toString(16).padStart(16, '0'), connection: 'old', time: new Date().toISOString() },
    ...{ arrivedAt: new Date().toISOString(), device: null, reason: 'refused', detail: { message: 'no' } },
    ...uplinks.message(n),
  }));
  const text = letters.map((letter) => JSON.stringify(letter)).join('\n');
  expect((await run(['dead-letters', 'import', 'a', '-'], text)).out).toBe(`${count} imported\n`);
  const accepted = (): number => sandbox.stats().acceptedRecords;

  const interrupted: number[] = [];
  for (let kill = 0; kill < 4; kill++) {
    const before = accepted();
    const replay = run(['dead-letters', 'replay', 'a', '--all', '--rate', '300']);
    await until('some are replayed', () => accepted() > before + 30);
    await child.kill();
    expect((await replay).code).toBe(69);
    await child.start();
    const ledger = (await untilState(child, 'a', 'OPENED')).ledger;
    expect(ledger?.received).toBe(count);
    interrupted.push(sumReasons(ledger?.deadLettered ?? {}));
  }
  const last = await run(['dead-letters', 'replay', 'a', '--all', '--rate', '1000', '--json']);
  expect([last.code, last.err]).toEqual([0, '']);
  const { ledger } = await settledLedger(child, 'a', count);
  expect(ledger).toMatchObject({ received: count, delivered: count, deadLettered: { refused: 0 } });
  const verified = await run(['ledger', 'a', '--json']);
  expect([verified.code, lines(verified.out)[0]]).toEqual([0, expect.objectContaining({ imbalance: 0, off: 0 })]);
  const copies = new Map<string, number>();
  for (const { device, timestamp } of sandbox.received({ limit: 1e9 })) {
    const name = `${device} ${timestamp}`;
    copies.set(name, (copies.get(name) ?? 0) + 1);
  }
  figures('kills during a replay', { interrupted, more: accepted() - count });
  expect(copies.size).toBe(count);
  expect(child.output).not.toMatch(/ledgerImbalance|storeSetAside|defect/);
}, 120_000);

test('what was too old is listed with device and age; new dead letters are also on their topic, where that is wanted', async () => {
  const { broker, setup, whole, run } = await setUp();
  const bridge = await LocalBridge.start({ ...setup, settings: { budgets: { publishDeadLetters: true } } });
  const configuration = { ...(whole.configuration as object), uplinkTimeValidity: '30m' };
  await bridge.apply('a', { ...whole, configuration });
  await untilState(bridge, 'a', 'OPENED');
  const heard: { topic: string; letter: Record<string, unknown> }[] = [];
  const client = connect(broker.url);
  onTestFinished(() => client.endAsync(true).then(() => {}));
  client.on('message', (topic, payload) => heard.push({ topic, letter: JSON.parse(payload.toString()) }));
  await client.subscribeAsync('here-bridge/dead-letters/+', { qos: 1 });
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 2, baseMs: Date.now() - 7_200_000 });
  uplinks.publish(4);
  await uplinks.allAcked();
  await publish(broker, [{ topic: 'mqtt/things/x/uplink', payload: 'no JSON' }]);
  const { ledger } = await settledLedger(bridge, 'a', 5);
  expect(ledger).toMatchObject({ expired: { tooOld: 4 }, deadLettered: { notJson: 1 } });
  const expired = await run(['expired', 'ls', 'a', '--limit', '2']);
  expect(expired.out).toMatch(
    new RegExp(`^TIME.*\\n20\\S+ +${uplinks.devEui(1)} +tooOld +2 h +4\\n20.*\\n\\n4 uplinks expired \\(tooOld 4\\)`),
  );
  await until('the letter is on the topic', () => heard.length > 0);
  expect(heard).toMatchObject([
    { topic: 'here-bridge/dead-letters/a', letter: { connection: 'a', reason: 'notJson', payload: 'no JSON' } },
  ]);
  // As a line of an export: it can be taken in.
  const again = await run(['dead-letters', 'import', 'a', '-'], JSON.stringify(heard[0]?.letter));
  expect(again.out).toBe('0 imported; 1 were there already\n');
});
