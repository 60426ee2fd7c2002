// Accounts and projects: a wrong password is tried once, a corrected one opens the connection, and another project gets what waits.
import mqtt from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import {
  definition,
  figures,
  LocalBridge,
  type Settings,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

/** As any other producer of the config topic writes it. */
async function publishDefinition(broker: TestBroker, id: string, record: unknown): Promise<void> {
  const client = await mqtt.connectAsync(broker.url);
  onTestFinished(() => client.endAsync(true));
  await client.publishAsync(`here-bridge/connections/${id}`, JSON.stringify(record), { qos: 1, retain: true });
}

test('a wrong password: one log-in until the definition changes, also across a restart; corrected, it opens within a second', async () => {
  const sandbox = await useSandbox();
  const { email, password, appIds } = sandbox;
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const wrong = definition({ email, password: 'not it', appId: appIds[0] });
  let bridge = await LocalBridge.start(setup);
  await publishDefinition(broker, 'a', wrong);
  const shown = await untilState(bridge, 'a', 'AUTHENTICATION_FAILED');
  expect(shown.reason).toMatch(/refused/);
  expect(shown.reason).not.toContain('not it');
  expect((await bridge.events('a')).filter(({ kind }) => kind === 'logInRefused')).toMatchObject([
    { severity: 'error', count: 1 },
  ]);
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 5 });
  uplinks.publish(50);
  await uplinks.allAcked();

  // The same definition again, another that has the same account, and a restart: nothing of it tries again.
  await publishDefinition(broker, 'a', { ...wrong, name: 'Renamed' });
  await publishDefinition(broker, 'b', wrong);
  await untilState(bridge, 'b', 'AUTHENTICATION_FAILED');
  await bridge.stop();
  bridge = await LocalBridge.start(setup);
  await untilState(bridge, 'a', 'AUTHENTICATION_FAILED');
  await untilState(bridge, 'b', 'AUTHENTICATION_FAILED');
  expect(sandbox.account(email)).toMatchObject({ logIns: 0, failedLogIns: 1 });
  // No news for a person either: the event is that of before the restart, counted once.
  const refusals = (await bridge.events('a')).filter(({ kind }) => kind === 'logInRefused');
  expect(refusals.map(({ count }) => count)).toEqual([1]);

  const correctedAt = Date.now();
  await publishDefinition(broker, 'a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const openedMs = Date.now() - correctedAt;
  expect(openedMs).toBeLessThan(1_000);
  expect(sandbox.account(email)).toMatchObject({ logIns: 1 });
  const { ledger } = await settledLedger(bridge, 'a', 50);
  expect(ledger.delivered).toBe(50);
  expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
  // The other one's password is still wrong: it is not tried, and the right one's success does not open it.
  expect((await bridge.connection('b'))?.state).toBe('AUTHENTICATION_FAILED');
  figures('corrected password', { openedMs });
});

test('another project, then another account, while uplinks wait: they go there, and what was accepted is not repeated', async () => {
  const first = await useSandbox();
  const second = await useSandbox();
  const [one, two] = first.appIds as [string, string];
  const broker = await useBroker('embedded');
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker,
    services: { first: { url: first.url }, second: { url: second.url } },
    settings: { delivery: { retryMinMs: 50, retryMaxMs: 200 } },
  });
  const account = ({ email, password }: { email: string; password: string }): Settings => ({ email, password });
  await bridge.apply('a', definition({ ...account(first), appId: one }));
  await untilState(bridge, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 20 });
  // What is learnt of this project: its devices, and that it takes five records at a time.
  first.addFault({ name: '413', maxRecords: 5, appId: one, path: '/v3/batch' });
  uplinks.publish(100);
  await until('they are there', () => first.stats().acceptedRecords === 100);
  await settledLedger(bridge, 'a', 100);

  first.addFault({ name: '503', appId: one, path: '/v3/batch' });
  uplinks.publish(200);
  await uplinks.allAcked();
  await until('they wait', async () => (await bridge.connection('a'))?.activity?.waiting === 200);
  await bridge.apply('a', definition({ ...account(first), appId: two }));
  await until('they are in the other project', () => first.stats().acceptedRecords === 300);
  await settledLedger(bridge, 'a', 300);
  const inOne = uplinks.arrivals(first, one);
  const inTwo = uplinks.arrivals(first, two);
  expect([...inOne.copies]).toEqual([...Array(100).fill(1), ...Array(200).fill(0)]);
  expect([...inTwo.copies]).toEqual([...Array(100).fill(0), ...Array(200).fill(1)]);
  expect(inTwo.outOfOrder.slice(0, 20)).toEqual([]);
  // Its devices were made anew, and its batches are as large as they can be.
  expect([...first.devices(two)]).toHaveLength(20);
  const sizes = [...inTwo.requestAt.keys()].map(
    (request) => inTwo.firstRequest.filter((each) => each === request).length,
  );
  expect(Math.max(...sizes)).toBeGreaterThan(20);

  // In flight to the old account, refused there, and then the account is another one, at another host.
  first.addFault({ name: '503', appId: two, path: '/v3/batch' });
  uplinks.publish(200);
  await uplinks.allAcked();
  const [there] = second.appIds;
  await bridge.apply('a', definition({ ...account(second), service: 'second', appId: there }));
  await until('they are at the other account', () => second.stats().acceptedRecords === 200);
  const { ledger } = await settledLedger(bridge, 'a', 500);
  expect(ledger.delivered).toBe(500);
  const elsewhere = uplinks.arrivals(second);
  expect([...elsewhere.copies]).toEqual([...Array(300).fill(0), ...Array(200).fill(1)]);
  expect(elsewhere.outOfOrder.slice(0, 20)).toEqual([]);
  expect(first.stats().acceptedRecords).toBe(300);
  expect(first.account(first.email).logIns).toBe(1);
  figures('project changed', { batches: sizes });
});

test('devices that one project could not take are served at once in another', async () => {
  const sandbox = await useSandbox();
  const { email, password } = sandbox;
  const [one, two] = sandbox.appIds as [string, string];
  const broker = await useBroker('embedded');
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { delivery: { retryMinMs: 50, retryMaxMs: 200 } },
  });
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 10 });
  // Half of them belong to somebody else there, and the registry fails for the others.
  sandbox.changeDevices(
    one,
    'claimElsewhere',
    [0, 1, 2, 3, 4].map((device) => uplinks.devEui(device)),
  );
  await bridge.apply('a', definition({ email, password, appId: one }));
  await untilState(bridge, 'a', 'OPENED');
  uplinks.publish(5);
  const told = async (kind: string) => (await bridge.events('a')).some((event) => event.kind === kind);
  await until('they are held', () => told('deviceUnclaimed'));
  sandbox.addFault({ name: '503', path: '/registry/v2', appId: one });
  uplinks.publish(15);
  await until('the others are held', () => told('deviceCreationFailed'));
  expect(sandbox.stats().acceptedRecords).toBe(0);
  await bridge.apply('a', definition({ email, password, appId: two }));
  await until('all are in the other project', () => sandbox.stats().acceptedRecords === 20, 3_000);
  const arrivals = uplinks.arrivals(sandbox, two);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect([...arrivals.copies]).toEqual(Array(20).fill(1));
  await settledLedger(bridge, 'a', 20);
});
