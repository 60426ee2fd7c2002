// The life of a definition in the whole bridge on a real Mosquitto: changed live, moved, switched off and on, deleted, missing.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import {
  type BridgeSetup,
  definition,
  LocalBridge,
  type Settings,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
} from '../support/bridge.ts';
import { BrokerClient, hasSession, retainedUnder } from '../support/broker-client.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const scope = createHash('sha256').update('here-bridge').digest('hex').slice(0, 8);
const session = (id: string, generation = 0): string =>
  `here-bridge-${scope}-${id}${generation === 0 ? '' : `~${generation}`}`;
const topicOf = (id: string): string => `here-bridge/connections/${id}`;

interface Stage {
  readonly mosquitto: Mosquitto;
  readonly sandbox: Sandbox;
  readonly setup: BridgeSetup;
  record(more?: Settings, rest?: Settings): Settings;
}

async function stage(): Promise<Stage> {
  const mosquitto = await Mosquitto.start({ settings: ['log_type notice'] });
  onTestFinished(() => mosquitto.remove());
  const sandbox = await useSandbox();
  const { url } = mosquitto;
  const broker: TestBroker = { kind: 'mosquitto', url, setting: { kind: 'mqtt', url } };
  const services = { sandbox: { url: sandbox.url } };
  const { email, password } = sandbox;
  return {
    mosquitto,
    sandbox,
    setup: { dataDir: temporaryFolder(), broker, services },
    record: (more = {}, rest = {}) => definition({ email, password, appId: sandbox.appIds[0], ...more }, rest),
  };
}

/** Names of everything that the data directory keeps of a connection. */
function kept(dataDir: string, id: string): string[] {
  return readdirSync(dataDir, { recursive: true })
    .map(String)
    .filter((name) => name.split(/[\\/]/).includes(id));
}

async function publish(url: string, count: number, options: { topic?: string; euiPrefix?: string } = {}) {
  const uplinks = new Uplinks({ brokerUrl: url, devices: 5, ...options });
  await uplinks.connected();
  uplinks.publish(count);
  await uplinks.allAcked();
  return uplinks;
}

/** By Mosquitto's log: a clean connection (`c1`) under the name of the session, which ends it, has come and gone. */
function wasEnded({ dir }: Mosquitto, clientId: string): boolean {
  const lines = readFileSync(path.join(dir, 'mosquitto.log'), 'utf8').split('\n');
  const clean = lines.findIndex((line) => line.includes(` as ${clientId} (p2, c1,`));
  return clean >= 0 && lines.slice(clean).some((line) => line.includes(`Client ${clientId} disconnected`));
}

const kinds = async (bridge: LocalBridge, id: string): Promise<string[]> =>
  (await bridge.events(id)).map(({ kind }) => kind);

describeWith('mosquitto', 'a definition', () => {
  test('that was deleted while the bridge was down is deleted at its start; the others go on with what waited', async () => {
    const { mosquitto, sandbox, setup, record } = await stage();
    const first = await LocalBridge.start(setup);
    await first.apply('gone', record());
    await first.apply('stays', record({ appId: sandbox.appIds[1] }));
    await untilState(first, 'gone', 'OPENED');
    await untilState(first, 'stays', 'OPENED');
    await first.stop();
    const outside = await BrokerClient.connect(mosquitto.url);
    await outside.publish(topicOf('gone'), '', { retain: true });
    const uplinks = await publish(mosquitto.url, 20);

    const second = await LocalBridge.start(setup);
    await until('the deletion', async () => (await kinds(second, 'gone')).includes('connectionDeleted'));
    await until('no status', async () => (await second.connection('gone')) === null);
    expect(kept(setup.dataDir, 'gone')).toEqual([]);
    await until('no retained record', async () => {
      const retained = await retainedUnder(mosquitto.url, 'here-bridge/#');
      return [...retained.keys()].every((topic) => !topic.endsWith('/gone'));
    });
    expect(await hasSession(mosquitto.url, session('gone'))).toBe(false);
    await settledLedger(second, 'stays', 20);
    expect(uplinks.missing(uplinks.arrivals(sandbox, sandbox.appIds[1]))).toEqual([]);
    // Its uplinks went with it: deleting says so.
    expect(sandbox.received({ appId: sandbox.appIds[0] as string })).toEqual([]);
  });

  test('that the broker has lost stops its connection with an event, keeps all, and goes on when it is published again', async () => {
    const { mosquitto, sandbox, setup, record } = await stage();
    const bridge = await LocalBridge.start(setup);
    await bridge.apply('a', record());
    await untilState(bridge, 'a', 'OPENED');
    const [definitionText] = [...(await retainedUnder(mosquitto.url, topicOf('a'))).values()];
    await sandbox.unplug();
    const uplinks = await publish(mosquitto.url, 50);
    await until('they are taken', async () => (await bridge.connection('a'))?.ledger?.pending === 50);

    await mosquitto.stop();
    rmSync(path.join(mosquitto.dir, 'mosquitto.db'));
    await mosquitto.resume();
    await until('the event', async () => (await kinds(bridge, 'a')).includes('definitionMissing'), 20_000);
    expect(await bridge.connection('a')).toMatchObject({ state: 'CLOSED', reason: expect.stringContaining('missing') });
    // Besides, the session has gone with the store: what it may have held is missing.
    expect(await kinds(bridge, 'a')).toContain('sessionLost');
    await sandbox.plug();
    expect(sandbox.stats().acceptedRecords).toBe(0);

    const outside = await BrokerClient.connect(mosquitto.url);
    await outside.publish(topicOf('a'), definitionText as string, { retain: true });
    await untilState(bridge, 'a', 'OPENED');
    await settledLedger(bridge, 'a', 50);
    expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
    expect(sandbox.account(sandbox.email).logIns).toBe(1);
  });

  test('that the broker lost while the bridge was down is told as missing, and everything is kept', async () => {
    const { mosquitto, sandbox, setup, record } = await stage();
    const first = await LocalBridge.start(setup);
    await first.apply('a', record());
    await untilState(first, 'a', 'OPENED');
    await sandbox.unplug();
    const uplinks = await publish(mosquitto.url, 30);
    await until('they are taken', async () => (await first.connection('a'))?.ledger?.pending === 30);
    const [definitionText] = [...(await retainedUnder(mosquitto.url, topicOf('a'))).values()];
    await first.stop();
    await mosquitto.stop();
    rmSync(path.join(mosquitto.dir, 'mosquitto.db'));
    await mosquitto.resume();
    await sandbox.plug();

    const second = await LocalBridge.start(setup);
    await until('the event', async () => (await kinds(second, 'a')).includes('definitionMissing'), 20_000);
    expect(await second.connection('a')).toMatchObject({ state: 'CLOSED' });
    const outside = await BrokerClient.connect(mosquitto.url);
    await outside.publish(topicOf('a'), definitionText as string, { retain: true });
    await settledLedger(second, 'a', 30);
    expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
  });

  test('lives: renamed live, moved, switched off and on, deleted', async () => {
    const { mosquitto, sandbox, setup, record } = await stage();
    const { url } = mosquitto;
    const bridge = await LocalBridge.start(setup);
    await bridge.apply('a', record());
    const opened = await untilState(bridge, 'a', 'OPENED');

    // A name is nobody's business but people's: nothing is restarted.
    await bridge.apply('a', record({ password: '*****' }, { name: 'Renamed' }));
    await until('the name', async () => (await bridge.connection('a'))?.status.name === 'Renamed');
    expect((await bridge.connection('a'))?.status).toMatchObject({
      state: 'OPENED',
      since: opened.status.since,
      startupTime: opened.status.startupTime,
    });

    // Moved: what came before on the old topics and what comes on the new ones is there, and the old session ends.
    const before = await publish(url, 10);
    await bridge.apply('a', record({ source: { topics: ['moved/+/up'] } }, { name: 'Renamed' }));
    await until('the old session ends', () => wasEnded(mosquitto, session('a')));
    expect(await hasSession(url, session('a'))).toBe(false);
    const after = await publish(url, 10, { topic: 'moved/{DevEUI}/up', euiPrefix: '70B3D50001' });
    await publish(url, 7, { euiPrefix: '70B3D50002' });
    await settledLedger(bridge, 'a', 20);
    expect(before.missing(before.arrivals(sandbox))).toEqual([]);
    expect(after.missing(after.arrivals(sandbox))).toEqual([]);

    // Off: the broker's session queues. On: all of it comes.
    const moved = { source: { topics: ['moved/+/up'] } };
    await bridge.apply('a', record(moved, { active: false }));
    await untilState(bridge, 'a', 'DEACTIVATED');
    const meanwhile = await publish(url, 10, { topic: 'moved/{DevEUI}/up', euiPrefix: '70B3D50003' });
    expect((await bridge.connection('a'))?.ledger?.received).toBe(20);
    await bridge.apply('a', record(moved));
    await untilState(bridge, 'a', 'OPENED');
    const { ledger } = await settledLedger(bridge, 'a', 30);
    expect(ledger).toMatchObject({ received: 30, delivered: 30 });
    expect(meanwhile.missing(meanwhile.arrivals(sandbox))).toEqual([]);

    // Deleted: nothing of it is left, here or at the broker.
    expect(kept(setup.dataDir, 'a')).not.toEqual([]);
    expect(await bridge.bridge.control.remove('a')).toMatchObject({ kind: 'ok' });
    await until('it is gone', async () => (await bridge.connection('a')) === null);
    expect(kept(setup.dataDir, 'a')).toEqual([]);
    expect(await hasSession(url, session('a', 1))).toBe(false);
    await until('no retained record of it', async () => {
      const retained = await retainedUnder(url, 'here-bridge/#');
      return [...retained.keys()].every((topic) => !topic.split('/').includes('a'));
    });
    expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 1, failedLogIns: 0 });
  });

  test('of each of several connections on one account uses the one token', async () => {
    const { sandbox, setup, record, mosquitto } = await stage();
    const bridge = await LocalBridge.start(setup);
    const ids = Array.from({ length: 8 }, (_, n) => `c${n}`);
    await Promise.all(ids.map((id, n) => bridge.apply(id, record({ appId: sandbox.appIds[n % 2] }))));
    for (const id of ids) await untilState(bridge, id, 'OPENED');
    await publish(mosquitto.url, 10);
    for (const id of ids) await settledLedger(bridge, id, 10);
    expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 1, refreshes: 0, liveTokens: 1 });
  });
});
