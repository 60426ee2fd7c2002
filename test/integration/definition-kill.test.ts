// kill -9 while a connection is deleted, and while its topics and matchers change, under load: afterwards nothing is left of what was
// deleted, and nothing is missing of what was changed or stood beside it.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  figures,
  type Settings,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { BrokerClient, hasSession, retainedUnder } from '../support/broker-client.ts';
import { SeededChance } from '../support/manual-clock.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const KILLS = Number(process.env.DEFINITION_KILLS ?? 5);
const WITHIN_MS = 200;
const PER_SECOND = 100;
const LETTERS = 2;
/** A busy machine takes its time to start a bridge again. */
const WAIT_MS = 60_000;
const TEST_MS = 600_000;

const scope = createHash('sha256').update('here-bridge').digest('hex').slice(0, 8);
const session = (id: string, generation = 0): string =>
  `here-bridge-${scope}-${id}${generation === 0 ? '' : `~${generation}`}`;

async function stage(kind: TestBroker['kind']) {
  const broker = await useBroker(kind);
  const sandbox = await useSandbox();
  const { email, password, appIds } = sandbox;
  const dataDir = temporaryFolder();
  const child = new BridgeChild({ dataDir, broker, services: { sandbox: { url: sandbox.url } } });
  await child.start();
  const record = (project: number, more: Settings = {}): Settings =>
    definition({ email, password, appId: appIds[project], ...more });
  const uplinks = (topic: string, euiPrefix: string): Uplinks =>
    new Uplinks({ brokerUrl: broker.url, devices: 10, topic, euiPrefix, tags: ['t'] });
  const chance = new SeededChance(4);
  return {
    ...{ broker, sandbox, dataDir, child, record, uplinks },
    /** Kills it within `WITHIN_MS` of the request and starts it again. The answer's status; null: the kill came before it. */
    async killDuring(method: 'PUT' | 'DELETE', id: string, body?: unknown): Promise<number | null> {
      const answer = child.request(method, `/connections/${id}`, body).then(
        ({ status }) => status,
        () => null,
      );
      await new Promise((resolve) => setTimeout(resolve, chance.random() * WITHIN_MS));
      await child.kill();
      const status = await answer;
      await child.start();
      return status;
    },
  };
}

/** Names of everything that the data directory keeps of a connection. */
function filesOf(dataDir: string, id: string): string[] {
  const names = readdirSync(dataDir, { recursive: true }).map(String);
  return names.filter((name) => name.split(path.sep).includes(id));
}

async function deletions(kind: TestBroker['kind']): Promise<void> {
  const { broker, sandbox, dataDir, child, record, uplinks, killDuring } = await stage(kind);
  await child.apply('stays', record(1));
  await untilState(child, 'stays', 'OPENED', WAIT_MS);
  const load = uplinks('mqtt/things/{DevEUI}/uplink', '70B3D50000');
  await load.connected();
  load.start(PER_SECOND);
  const client = await BrokerClient.connect(broker.url);
  let unanswered = 0;
  let letters = 0;
  for (let n = 0; n < KILLS; n++) {
    const id = `gone-${n}`;
    const kept = n % 2 === 0 ? LETTERS : 0;
    await child.apply(id, record(0));
    await untilState(child, id, 'OPENED', WAIT_MS);
    const ledgerOf = async () => (await child.connection(id))?.ledger;
    await until('it has delivered some', async () => ((await ledgerOf())?.delivered ?? 0) > 0, WAIT_MS);
    for (let i = 0; i < kept; i++) await client.publish(`mqtt/things/0018B2000000000${i}/uplink`, 'no JSON');
    letters += kept;
    await until('its dead letters', async () => ((await ledgerOf())?.deadLettered.notJson ?? 0) === kept, WAIT_MS);
    const status = await killDuring('DELETE', id);
    expect([204, null]).toContain(status);
    if (status === null) unanswered += 1;
    // Whoever had no answer asks again; whoever had one need not.
    if (status === null && (await child.connection(id)) !== null) {
      expect([204, 404]).toContain((await child.request('DELETE', `/connections/${id}`)).status);
    }
    const isGone = async () => (await child.connection(id)) === null && filesOf(dataDir, id).length === 0;
    await until(`${id} is gone`, isGone, WAIT_MS);
    await until(
      `nothing retained of ${id}`,
      async () => {
        const topics = [...(await retainedUnder(broker.url, 'here-bridge/#')).keys()];
        return topics.every((topic) => !topic.split('/').includes(id));
      },
      WAIT_MS,
    );
    expect(await hasSession(broker.url, session(id)), id).toBe(false);
    const listed = (await child.request('GET', '/deleted-connections')).body as { id: string; count: number }[];
    expect(listed.find((one) => one.id === id)?.count ?? 0, id).toBe(kept);
    expect((await child.events(id)).map((event) => event.kind)).not.toContain('definitionMissing');
  }
  await untilState(child, 'stays', 'OPENED', WAIT_MS);
  load.pause();
  await load.allAcked(WAIT_MS);
  const { ledger, sums } = await settledLedger(child, 'stays', load.acked + letters, WAIT_MS);
  expect(load.missing(load.arrivals(sandbox, sandbox.appIds[1]))).toEqual([]);
  // A message that came twice, because its acknowledgement did not come through, may be a letter twice.
  expect(sums).toMatchObject({ expired: 0, filtered: 0, skipped: 0 });
  expect(sums.deadLettered).toBeGreaterThanOrEqual(letters);
  expect(child.output).not.toMatch(/ledgerImbalance|storeSetAside|defect/);
  figures(`${kind}, ${KILLS} deletions killed`, { unanswered, published: load.published, delivered: ledger.delivered });
}

async function changes(kind: TestBroker['kind']): Promise<void> {
  const { broker, sandbox, dataDir, child, record, uplinks, killDuring } = await stage(kind);
  /** Always takes the load; beside it one topic or the other, with a matcher or without. */
  const numbered = (n: number): Settings => {
    const matchers = n % 4 < 2 ? {} : { matchers: [{ type: 'thing', tags: ['t'] }] };
    return record(0, { source: { topics: ['mqtt/things/+/uplink', `x/${n}/+/up`], ...matchers } });
  };
  const isRead = async (n: number): Promise<void> => {
    const probe = uplinks(`x/${n}/{DevEUI}/up`, `70B3D5${n.toString(16).padStart(2, '0')}FF`);
    await until(
      `the topics of definition ${n} are read`,
      () => {
        if (probe.acked === probe.published) probe.publish(1);
        return probe.arrivals(sandbox).records > 0;
      },
      WAIT_MS,
    );
    await probe.close();
  };
  await child.apply('a', numbered(0));
  await untilState(child, 'a', 'OPENED', WAIT_MS);
  const load = uplinks('mqtt/things/{DevEUI}/uplink', '70B3D50000');
  await load.connected();
  load.start(PER_SECOND);
  await isRead(0);
  let unanswered = 0;
  const onMoved: Uplinks[] = [];
  for (let n = 1; n <= KILLS; n++) {
    const before = uplinks(`x/${n - 1}/{DevEUI}/up`, `70B3D5${n.toString(16).padStart(2, '0')}EE`);
    onMoved.push(before);
    await before.connected();
    before.publish(20);
    await before.allAcked(WAIT_MS);
    const status = await killDuring('PUT', 'a', numbered(n));
    expect([200, null]).toContain(status);
    if (status === null) {
      unanswered += 1;
      await child.apply('a', numbered(n));
    }
    await isRead(n);
  }
  load.pause();
  await load.allAcked(WAIT_MS);
  for (const one of [load, ...onMoved]) {
    expect(one.missing(await one.arrived(sandbox, WAIT_MS)), one.options.topic).toEqual([]);
  }
  const { sums } = await settledLedger(child, 'a', load.acked, WAIT_MS);
  expect(sums).toEqual({ expired: 0, filtered: 0, skipped: 0, deadLettered: 0 });
  // Of the sessions of all those definitions one is left.
  const left = await until(
    'one session',
    () => (sessionsOf(dataDir).length === 1 ? sessionsOf(dataDir) : null),
    WAIT_MS,
  );
  for (let generation = 0; generation <= 2 * KILLS; generation++) {
    const clientId = session('a', generation);
    if (!left.includes(clientId)) expect(await hasSession(broker.url, clientId), clientId).toBe(false);
  }
  expect(child.output).not.toMatch(/ledgerImbalance|storeSetAside|defect/);
  figures(`${kind}, ${KILLS} changes killed`, { unanswered, published: load.published, left });
}

/** Client ids of the sessions that the bridge knows of. */
function sessionsOf(dataDir: string): string[] {
  using sql = new DatabaseSync(path.join(dataDir, 'bridge.db'), { readOnly: true });
  const row = sql.prepare("SELECT value FROM state WHERE name = 'sessions'").get();
  return (JSON.parse(String(row?.value ?? '[]')) as { clientId: string }[]).map(({ clientId }) => clientId);
}

describe('the bridge is killed', () => {
  test('while connections are deleted: nothing is left of them', () => deletions('embedded'), TEST_MS);
  test('while a definition changes: nothing is missing', () => changes('embedded'), TEST_MS);
});

describeWith('mosquitto', 'the bridge is killed, beside a Mosquitto,', () => {
  test('while connections are deleted: nothing is left of them', () => deletions('mosquitto'), TEST_MS);
  test('while a definition changes: nothing is missing', () => changes('mosquitto'), TEST_MS);
});
