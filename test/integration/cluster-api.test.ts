// What the workers of a group say of each other: by `here-bridge workers`, by any one's API, and over the address between them.
import { expect, test } from 'vitest';
import type { ClusterWorker } from '../../src/domain/ports/cluster.ts';
import { BridgeChild, definition, LocalBridge, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { freshName, KAFKA_START_MS } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { request, useSandbox } from '../support/sandbox.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const PARTITIONS = 12;
const KEY = 'ab'.repeat(32);
/** On a busy machine. */
const SOON = { timeout: 60_000 };

async function setUp() {
  const sandbox = await useSandbox({
    accounts: IDS.map((id) => ({
      ...{ email: `${id}@tenant.example`, password: `of-${id}`, projects: [{ appId: `cluster-app-${id}` }] },
    })),
  });
  const broker = await useBroker('kafka');
  const prefix = freshName('bridge');
  const setupOf = (settings: Readonly<Record<string, unknown>> = {}, dataDir = temporaryFolder()) => ({
    dataDir,
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: {
      topics: { prefix },
      worker: { heartbeatMs: 1000 },
      secrets: { key: KEY },
      // Long enough to look at what is said while nobody has taken over.
      ownership: { partitions: PARTITIONS, sessionTimeoutMs: 30_000 },
      ...settings,
    },
  });
  const definitionOf = (id: string) =>
    definition({
      ...{ email: `${id}@tenant.example`, password: `of-${id}`, appId: `cluster-app-${id}` },
      source: { topics: ['none-such'] },
    });
  return { setupOf, definitionOf };
}

const workersOf = async (url: string): Promise<readonly ClusterWorker[]> =>
  (await request(url, 'GET', '/workers')).body;

/** Resolves when so many share all partitions. */
const shared = (url: string, count: number): Promise<readonly ClusterWorker[]> =>
  until(
    `${count} workers share the partitions`,
    async () => {
      const serving = (await workersOf(url)).filter(({ alive, partitions }) => alive && partitions.length > 0);
      const sum = serving.reduce((all, { partitions }) => all + partitions.length, 0);
      return serving.length === count && sum === PARTITIONS ? serving : null;
    },
    90_000,
  );

const isOpen = (url: string, id: string) =>
  until(
    `${id} is open for ${url}`,
    async () => {
      const { status, body } = await request(url, 'GET', `/connections/${id}`);
      return status === 200 && body.state === 'OPENED' ? body : null;
    },
    90_000,
  );

describeWith('kafka', 'Of the workers of a group', () => {
  test('one with the role api owns nothing and answers for all, one with the role worker serves and answers for its health alone', {
    timeout: KAFKA_START_MS + 240_000,
  }, async () => {
    const { setupOf, definitionOf } = await setUp();
    const api = (await LocalBridge.start(setupOf({ roles: ['api'] }))).bridge.health.url;
    const dataDir = temporaryFolder();
    const worker = (await LocalBridge.start(setupOf({ roles: ['worker'] }, dataDir))).bridge.health.url;
    await shared(api, 1);
    const put = () => request(api, 'PUT', '/connections/a', definitionOf('a'));
    await until('the definition is taken', async () => (await put()).status < 300, 60_000);
    // What only its worker knows: the one that is asked has to ask.
    expect((await isOpen(api, 'a')).status).toMatchObject({ state: 'OPENED', worker: expect.any(String) });
    const workers = await workersOf(api);
    expect(workers.map(({ partitions, connections }) => [partitions.length, connections]).sort()).toEqual([
      [0, []],
      [PARTITIONS, ['a']],
    ]);

    for (const route of ['/connections', '/connections/a', '/workers', '/events']) {
      const { status, body } = await request(worker, 'GET', route);
      expect([route, status]).toEqual([route, 503]);
      expect(JSON.stringify(body)).toContain('has not the role api: ask another worker');
    }
    expect((await request(worker, 'PUT', '/connections/b', definitionOf('b'))).status).toBe(503);
    expect((await request(worker, 'GET', '/health/live')).status).toBe(200);
    await expect.poll(async () => (await request(worker, 'GET', '/health/ready')).status, SOON).toBe(200);
    expect((await request(api, 'GET', '/health/ready')).status).toBe(200);
    // People on its own machine can ask it all the same; that one of them serves nothing is no fault.
    const listed = await cli(['workers', '--data-dir', dataDir]);
    expect(listed).toMatchObject({ code: 0, err: '' });
    expect(listed.out).toMatch(/\bserves\b/);
    expect(listed.out).toMatch(/\bapi only\b/);
    expect(listed.out).not.toContain('does not hear from Kafka');
  });

  test('each is listed with what it owns; the one that is gone is named, in the list and by a 503 for what only it knows', {
    timeout: KAFKA_START_MS + 300_000,
  }, async () => {
    const { setupOf, definitionOf } = await setUp();
    const dataDir = temporaryFolder();
    const url = (await LocalBridge.start(setupOf({}, dataDir))).bridge.health.url;
    const port = await freePort();
    const other = new BridgeChild(setupOf({ http: { port } }));
    await other.start();
    const put = async (id: string) => (await request(url, 'PUT', `/connections/${id}`, definitionOf(id))).status < 300;
    for (const id of IDS) await until(`${id} is taken`, () => put(id), 60_000);
    await shared(url, 2);
    for (const id of IDS) await isOpen(url, id);

    const json = await cli(['workers', '--json', '--data-dir', dataDir]);
    expect(json).toMatchObject({ code: 0, err: '' });
    const told = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ClusterWorker);
    expect(told).toHaveLength(2);
    expect(told.flatMap(({ connections }) => connections).sort()).toEqual(IDS);
    const all = told.flatMap(({ partitions }) => partitions).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: PARTITIONS }, (_, index) => index));
    const lost = told.find(({ pid }) => pid === other.pid) as ClusterWorker;
    for (const { worker, connections } of told) {
      for (const id of connections) {
        expect((await request(url, 'GET', `/connections/${id}`)).body.status).toMatchObject({ worker });
      }
    }
    const text = await cli(['workers', '--connections', '--data-dir', dataDir]);
    for (const { worker, connections, partitions, pid } of told) {
      expect(text.out).toMatch(
        new RegExp(`${worker} +serves +${partitions.length} +${connections.length} +\\S+ ${pid} `),
      );
      expect(text.out).toContain(`${worker}: ${connections.join(', ') || 'none'}\n`.trimEnd());
    }

    const id = lost.connections[0] ?? expect.fail('the accounts are all on one worker');
    await other.kill();
    // At once, when the address does not answer; and when its heartbeat has been missed.
    for (const until of ['refuses', 'is gone']) {
      const { status, body, headers } = await request(url, 'GET', `/connections/${id}`);
      expect([until, status]).toEqual([until, 503]);
      expect(body.detail).toBe(`Connection ${id} cannot be asked about now: its worker ${lost.worker} does not answer`);
      expect(headers.get('retry-after')).toBe('5');
      if (until === 'refuses') {
        const isGone = async () => (await workersOf(url)).some(({ worker, alive }) => worker === lost.worker && !alive);
        await expect.poll(isGone, { timeout: 20_000 }).toBe(true);
      }
    }
    const gone = await cli(['workers', '--data-dir', dataDir]);
    expect(gone.code).toBe(1);
    expect(gone.out).toMatch(new RegExp(`${lost.worker} +gone`));
    // Then the other one has it.
    await isOpen(url, id);
  });

  test('none is let in at the address between them without the token that they share', {
    timeout: KAFKA_START_MS + 240_000,
  }, async () => {
    const { setupOf, definitionOf } = await setUp();
    const url = (await LocalBridge.start(setupOf())).bridge.health.url;
    await shared(url, 1);
    await until(
      'a is taken',
      async () => (await request(url, 'PUT', '/connections/a', definitionOf('a'))).status < 300,
    );
    await isOpen(url, 'a');
    const [{ address }] = (await workersOf(url)) as [ClusterWorker];
    const uplinks = { uplinks: [{ topic: 't', payload: 'e30=', arrivedAt: Date.now(), retain: false }] };
    for (const given of [undefined, 'Bearer ', `Bearer ${'0'.repeat(64)}`, `Bearer ${KEY}`, 'Basic YTpi']) {
      const headers = given === undefined ? {} : { authorization: given };
      for (const [method, route, body] of [
        ['GET', '/connections/a', undefined],
        ['GET', '/workers', undefined],
        ['DELETE', '/connections/a', undefined],
        ['POST', '/internal/connections/a/uplinks', uplinks],
      ] as const) {
        const { status } = await request(address as string, method, route, body, headers);
        expect([given, method, route, status]).toEqual([given, method, route, 401]);
      }
    }
    // Nor does the public port take uplinks, whoever asks.
    expect((await request(url, 'POST', '/internal/connections/a/uplinks', uplinks)).status).toBe(403);
    const { body } = await request(url, 'GET', '/connections/a');
    expect(body).toMatchObject({ state: 'OPENED', ledger: { received: 0 } });
  });
});
