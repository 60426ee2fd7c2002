import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { BridgeError, EXIT } from '../../src/domain/errors.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { storedVersion, UPGRADE_STEPS, upgrade } from '../../src/store/versions.ts';
import { append, DELIVERED, entries, entry, readAll, TestStore, temporaryFolder } from './support.ts';

async function failure(run: () => Promise<unknown>): Promise<BridgeError> {
  try {
    await run();
  } catch (error) {
    return error as BridgeError;
  }
  throw new Error('did not fail');
}

test('the data directory belongs to this user alone', async () => {
  await using s = await TestStore.open();
  expect(fs.statSync(s.dataDir).mode & 0o777).toBe(0o700);
  expect(fs.statSync(path.join(s.dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
});

test('a data directory that was open to all is closed to their writing, so that nobody puts a key of theirs into it', async () => {
  const modes: number[] = [];
  for (const before of [0o777, 0o755, 0o1777]) {
    const dataDir = temporaryFolder();
    fs.chmodSync(dataDir, before);
    await using _ = await TestStore.openAt(dataDir);
    modes.push(fs.statSync(dataDir).mode & 0o7777);
  }
  // The last is like /tmp: not the bridge's alone.
  expect(modes).toEqual([0o775, 0o755, 0o1777]);
});

test('a second bridge on the same directory fails at once and names the first; the way is free when that has ended', async () => {
  await using s = await TestStore.open();
  const store = path.resolve(import.meta.dirname, '../../src/store');
  const script = `
    import { openStore } from '${store}/store.ts';
    import { openSecretBox } from '${store}/secrets.ts';
    const dataDir = ${JSON.stringify(s.dataDir)};
    const clock = { now: Date.now, monotonic: () => performance.now(), after: () => () => {} };
    const box = openSecretBox({ dataDir, key: null });
    try {
      await openStore({ dataDir, clock, box, report() {} });
      console.log('opened');
      process.kill(process.pid, 'SIGKILL');
    } catch (error) {
      console.log(error.code + ' ' + error.exitCode + ' ' + error.message);
    }`;
  const run = () =>
    spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }).stdout.trim();
  const refused = run();
  expect(refused).toMatch(/^dataDirInUse 75 /);
  expect(refused).toContain(`process ${process.pid} on `);
  expect(refused).toContain(`since ${new Date(s.clock.now()).toISOString()}`);
  const same = await failure(() => TestStore.open({ dataDir: s.dataDir }));
  expect(same).toMatchObject({ code: 'dataDirInUse', exitCode: EXIT.inUse });
  await s.store.close();
  expect(run()).toBe('opened');
  // It was killed: the kernel has freed its lock.
  expect((await s.reopen()).lastSeq).toBe(0);
});

test('one connection is open once at a time, and only by a proper id', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  expect((await failure(() => s.connection())).code).toBe('connectionOpen');
  for (const id of ['', '..', '../x', 'a/b', '.hidden', 'x'.repeat(64)]) {
    expect((await failure(() => s.connection(id))).code).toBe('badConnectionId');
  }
  await a.close();
  await s.connection();
});

test('connections do not see each other, and one is deleted with all it has', async () => {
  await using s = await TestStore.open();
  const a = await s.connection('a');
  const b = await s.connection('b');
  await append(a, entries(1, 5));
  await append(b, entries(11, 3));
  a.setState('x', '1');
  a.settle([{ seq: 1, outcome: { kind: 'deadLettered', reason: 'notJson', detail: { message: 'm' } } }]);
  expect(b.lastSeq).toBe(3);
  expect(b.getState('x')).toBeNull();
  expect((await failure(() => s.store.deleteConnection('a'))).code).toBe('connectionOpen');
  await a.close();
  await s.store.deleteConnection('a');
  expect(s.store.connectionIds()).toEqual(['b']);
  expect(fs.readdirSync(path.join(s.dataDir, 'journals'))).toEqual(['b']);
  const anew = await s.connection('a');
  expect(anew.ledger()).toMatchObject({ received: 0, pending: 0, deadLettered: {} });
  expect([anew.getState('x'), anew.deadLetters(10), await readAll(anew)]).toEqual([null, [], []]);
  expect((await readAll(b)).length).toBe(3);
});

test.each(['marked only', 'files gone'])(
  'a deletion that a kill interrupted (%s) is finished at the next start',
  async (how) => {
    await using s = await TestStore.open();
    const a = await s.connection('a');
    await append(a, entries(1, 5));
    await a.close();
    await s.store.close();
    await s.moveOn((dir) => {
      const sql = new DatabaseSync(path.join(dir, 'bridge.db'));
      sql.exec("UPDATE connections SET deleting = 1 WHERE id = 'a'");
      sql.close();
      if (how === 'files gone') fs.rmSync(path.join(dir, 'journals', 'a'), { recursive: true });
    });
    expect(s.store.connectionIds()).toEqual([]);
    expect(fs.readdirSync(path.join(s.dataDir, 'journals'))).toEqual([]);
    expect((await s.connection('a')).lastSeq).toBe(0);
    expect(s.incidents).toEqual([]);
  },
);

test('a store of a newer bridge is refused, naming both versions', async () => {
  await using s = await TestStore.open();
  await s.store.close();
  const error = await failure(() =>
    s.moveOn((dir) => {
      const sql = new DatabaseSync(path.join(dir, 'bridge.db'));
      sql.exec('PRAGMA user_version = 99');
      sql.close();
    }),
  );
  expect(error).toBeInstanceOf(BridgeError);
  expect(error).toMatchObject({ code: 'storeTooNew', exitCode: EXIT.config });
  expect(error.message).toMatch(/version 99.*knows \d+\b/);
});

test('an upgrade that is interrupted between or inside its steps is taken up where it was', () => {
  const file = path.join(temporaryFolder(), 'x.db');
  const steps = [
    { to: 1, run: (sql: DatabaseSync) => sql.exec('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2)') },
    {
      to: 2,
      run(sql: DatabaseSync) {
        sql.exec('UPDATE t SET n = n * 10');
        if (killed) throw new Error('killed');
        sql.exec('ALTER TABLE t ADD COLUMN m INTEGER NOT NULL DEFAULT 7');
      },
    },
  ];
  let killed = true;
  const first = new DatabaseSync(file);
  expect(() => upgrade(first, steps)).toThrow('killed');
  expect(storedVersion(first)).toBe(1);
  first.close();
  killed = false;
  const second = new DatabaseSync(file);
  upgrade(second, steps);
  upgrade(second, steps);
  expect(storedVersion(second)).toBe(2);
  expect(second.prepare('SELECT n, m FROM t').all()).toEqual([
    { n: 10, m: 7 },
    { n: 20, m: 7 },
  ]);
  second.close();
  expect(UPGRADE_STEPS.map((step) => step.to)).toEqual(UPGRADE_STEPS.map((_, i) => i + 1));
});

test('a process killed between two upgrade steps leaves a store that the next start completes', () => {
  const file = path.join(temporaryFolder(), 'x.db');
  const versions = path.resolve(import.meta.dirname, '../../src/store/versions.ts');
  const script = (kill: boolean) => `
    import { DatabaseSync } from 'node:sqlite';
    import { upgrade } from '${versions}';
    const sql = new DatabaseSync(${JSON.stringify(file)});
    sql.exec('PRAGMA journal_mode = WAL');
    upgrade(sql, [
      { to: 1, run: (sql) => sql.exec('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)') },
      { to: 2, run: (sql) => { sql.exec('UPDATE t SET n = n + 1'); ${kill ? "process.kill(process.pid, 'SIGKILL');" : ''} } },
    ]);
    console.log(JSON.stringify(sql.prepare('SELECT n FROM t').all()));`;
  const run = (kill: boolean) =>
    spawnSync(process.execPath, ['--input-type=module', '--eval', script(kill)], { encoding: 'utf8' });
  expect(run(true).signal).toBe('SIGKILL');
  expect(run(true).signal).toBe('SIGKILL');
  expect(run(false).stdout.trim()).toBe('[{"n":2}]');
});

test('account records are durable and not to be read in the file', async () => {
  await using s = await TestStore.open();
  const key = 'here|realm|a@b.example';
  s.store.accounts.put(key, '{"accessToken":"planted-token"}');
  s.store.accounts.put('other', 'x');
  s.store.accounts.put('other', null);
  await s.moveOn();
  expect(s.store.accounts.get(key)).toBe('{"accessToken":"planted-token"}');
  expect(s.store.accounts.get('other')).toBeNull();
  await s.store.close();
  expect(fs.readFileSync(path.join(s.dataDir, 'bridge.db')).includes('planted-token')).toBe(false);
});

test('account records under a lost key count as absent and are told', async () => {
  await using s = await TestStore.open();
  s.store.accounts.put('k', 'v');
  await s.moveOn((dir) => fs.rmSync(path.join(dir, 'secret.key')));
  expect(s.store.accounts.get('k')).toBeNull();
  expect(s.told('secretUnreadable').length).toBe(1);
});

test('devices are kept by project, with what was created', async () => {
  await using s = await TestStore.open();
  const devei = ['70B3D50000000001', '70B3D50000000002'];
  s.store.devices.add('here|p1', [...devei, 'tracker-a', devei[0]!]);
  s.store.devices.add('here|p2', ['70B3D50000000001']);
  s.store.devices.remove('here|p1', [devei[1]!, 'unknown']);
  s.store.devices.addAsked('here|p1', [devei[0]!, devei[1]!, 'tracker-b']);
  s.store.devices.answered('here|p1', [devei[0]!], 3);
  s.store.devices.answered('here|p1', ['tracker-b', 'unknown'], 2);
  await s.moveOn();
  expect([...s.store.devices.load('here|p1')].sort()).toEqual(['70B3D50000000001', 'tracker-a']);
  expect(s.store.devices.load('here|p2')).toEqual(['70B3D50000000001']);
  expect(s.store.devices.load('here|p3')).toEqual([]);
  expect(['p1', 'p2', 'p3'].map((each) => s.store.devices.asked(`here|${each}`))).toEqual([[devei[1]], [], []]);
  expect([s.store.devices.createdCount('here|p1'), s.store.devices.createdCount('here|p2')]).toEqual([5, 0]);
});

test('events are listed latest first, by connection and page; the oldest go', async () => {
  await using s = await TestStore.open({ maxEvents: 150 });
  const event = (n: number, count = 1): BridgeEvent => ({
    id: `e${n}`,
    time: '2026-01-01T00:00:00Z',
    kind: 'rateLimited',
    severity: 'info',
    connectionId: n % 2 ? 'odd' : null,
    message: `m${n}`,
    count,
  });
  for (let n = 1; n <= 400; n++) s.store.events.append(event(n));
  s.store.events.append(event(399, 12));
  await s.moveOn();
  const { events } = s.store;
  expect(events.list({ limit: 3 }).map((e) => [e.id, e.count])).toEqual([
    ['e400', 1],
    ['e399', 12],
    ['e398', 1],
  ]);
  expect(events.list({ limit: 2, connectionId: 'odd', beforeId: 'e397' }).map((e) => e.id)).toEqual(['e395', 'e393']);
  const all = events.list({ limit: 1000 });
  expect(all.length).toBeGreaterThanOrEqual(150);
  expect(all.length).toBeLessThanOrEqual(250);
  expect(events.list({ limit: 5, beforeId: 'e1' })).toEqual([]);
});

test("the database's log is copied back when nothing more is written, off the way of settlements", async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, [entry(1)]);
  a.settle([{ seq: 1, outcome: DELIVERED }]);
  const wal = path.join(s.dataDir, 'bridge.db-wal');
  expect(fs.statSync(wal).size).toBeGreaterThan(0);
  for (let second = 0; second < 60 && fs.statSync(wal).size > 0; second++) {
    await s.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(fs.statSync(wal).size).toBe(0);
});

test('the box given to the store may have a key from the environment', async () => {
  const box = openSecretBox({ dataDir: temporaryFolder(), key: 'ab'.repeat(32) });
  await using s = await TestStore.open({ box });
  s.store.accounts.put('k', 'v');
  expect(s.store.accounts.get('k')).toBe('v');
});
