// `backup` of a bridge under load and `restore` into another directory: nothing that was acknowledged before is missing.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { lockDirectory } from '../../src/store/lock.ts';
import {
  BridgeChild,
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
import { cli } from '../support/cli.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const PER_SECOND = 400;

async function backUpAndRestore(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const broker = await useBroker(kind);
  const setup = {
    broker,
    services: { sandbox: { url: sandbox.url, timeoutMs: 2_000 } },
    settings: { delivery: { retryMinMs: 50, retryMaxMs: 500 } },
  };
  const before = temporaryFolder();
  const first = new BridgeChild({ ...setup, dataDir: before });
  await first.start();
  const { email, password, appIds } = sandbox;
  await first.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(first, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 40 });
  await uplinks.connected();
  uplinks.start(PER_SECOND);
  // Backups while records are journalled and settled, and one while they pile up.
  const folder = temporaryFolder();
  for (const name of ['1', '2', '3']) {
    const accepted = sandbox.stats().acceptedRecords;
    await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > accepted + 100);
    expect(await cli(['backup', path.join(folder, name), '--data-dir', before])).toMatchObject({ code: 0, err: '' });
  }
  await sandbox.unplug();
  await until('uplinks wait', async () => ((await first.connection('a'))?.activity?.waiting ?? 0) > 300);
  const acked = uplinks.ackedNumbers();
  const file = path.join(folder, 'last.tar.gz');
  const startedAt = performance.now();
  const backup = await cli(['backup', file, '--data-dir', before]);
  figures('backup under load', {
    ms: performance.now() - startedAt,
    bytes: fs.statSync(file).size,
    acked: acked.length,
  });
  expect(backup).toMatchObject({ code: 0, err: '' });
  expect(fs.existsSync(path.join(before, 'backup-copy'))).toBe(false);
  await first.kill();
  uplinks.pause();
  await uplinks.close();

  const after = path.join(temporaryFolder(), 'new');
  const restored = await cli(['restore', file, '--data-dir', after]);
  expect(restored).toMatchObject({ code: 0, err: '' });
  const [, id] = /need the key ([0-9a-f]{8}):/.exec(restored.out) ?? [];
  expect(backup.out).toContain(`need the key ${id}`);
  fs.copyFileSync(path.join(before, 'secret.key'), path.join(after, 'secret.key'));
  fs.rmSync(before, { recursive: true });
  const second = new BridgeChild({ ...setup, dataDir: after });
  await second.start();
  await until('what waited waits', async () => ((await second.connection('a'))?.activity?.waiting ?? 0) > 300);
  await sandbox.plug();
  const { ledger, sums } = await settledLedger(second, 'a', acked.length);
  expect(sums).toEqual({ expired: 0, filtered: 0, skipped: 0, deadLettered: 0 });
  expect(ledger.delivered).toBe(ledger.received);
  const arrivals = uplinks.arrivals(sandbox);
  expect(acked.filter((n) => arrivals.copies[n] === 0)).toEqual([]);
  // The token came along: nobody logged in a second time.
  expect(sandbox.account(email)).toMatchObject({ logIns: 1 });
  expect((await cli(['ledger', '--data-dir', after])).code).toBe(0);
}

test('of a bridge with a broker of its own, under load, with HERE away', () => backUpAndRestore('embedded'));

describeWith('mosquitto', 'A backup under load', () => {
  test('of a bridge on Mosquitto, with HERE away', () => backUpAndRestore('mosquitto'));
});

describe('A backup', () => {
  test('has no secret in it unless it is asked for; definitions can be put on another config topic', async () => {
    const sandbox = await useSandbox();
    const { email, password, appIds } = sandbox;
    const services = { sandbox: { url: sandbox.url } };
    const dataDir = temporaryFolder();
    const bridge = await LocalBridge.start({ dataDir, broker: await useBroker('embedded'), services });
    await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
    await untilState(bridge, 'a', 'OPENED');
    const folder = temporaryFolder();
    const [plain, withKey] = [path.join(folder, 'plain.tar.gz'), path.join(folder, 'key.tar.gz')];
    expect((await cli(['backup', plain, '--data-dir', dataDir])).code).toBe(0);
    const loud = await cli(['backup', withKey, '--data-dir', dataDir, '--with-key']);
    expect(loud).toMatchObject({ code: 0, err: expect.stringContaining('it opens every password') });
    const key = fs.readFileSync(path.join(dataDir, 'secret.key'), 'utf8').trim();
    expect(gunzipSync(fs.readFileSync(plain)).includes(key)).toBe(false);
    expect(gunzipSync(fs.readFileSync(plain)).includes(password)).toBe(false);
    expect(gunzipSync(fs.readFileSync(withKey)).includes(key)).toBe(true);
    expect(fs.statSync(plain).mode & 0o777).toBe(0o600);
    // Never over another file.
    expect((await cli(['backup', plain, '--data-dir', dataDir])).code).toBe(66);

    const other = temporaryFolder();
    expect((await cli(['restore', withKey, '--data-dir', other])).code).toBe(0);
    fs.rmSync(path.join(other, 'broker-main.db'));
    await bridge.stop();
    const second = await LocalBridge.start({ dataDir: other, broker: await useBroker('embedded'), services });
    expect(await second.connection('a')).toBeNull();
    const record = path.join(other, 'restored-definitions', 'a.json');
    expect(fs.readFileSync(record, 'utf8')).toContain('"enc:v1:');
    expect((await cli(['connections', 'apply', record, '--data-dir', other])).code).toBe(0);
    await untilState(second, 'a', 'OPENED');
  });

  test('is refused where anything is, where a bridge runs, when it is cut off, foreign or newer', async () => {
    const dataDir = temporaryFolder();
    await LocalBridge.start({
      dataDir,
      broker: await useBroker('embedded'),
      services: { sandbox: { url: 'http://127.0.0.1:9' } },
    });
    const folder = temporaryFolder();
    const file = path.join(folder, 'b.tar.gz');
    expect((await cli(['backup', file, '--data-dir', dataDir])).code).toBe(0);
    const restore = (from: string, to = path.join(folder, 'new')) => cli(['restore', from, '--data-dir', to]);

    expect(await restore(file, dataDir)).toMatchObject({ code: 75, err: expect.stringContaining('in use') });
    const used = temporaryFolder();
    fs.writeFileSync(path.join(used, 'note.txt'), 'mine');
    expect(await restore(file, used)).toMatchObject({ code: 1, err: expect.stringContaining('note.txt') });
    expect(fs.readdirSync(used)).toEqual(['note.txt']);
    const locked = temporaryFolder();
    const lock = lockDirectory(locked, 'now');
    expect((await restore(file, locked)).code).toBe(75);
    lock.release();

    const whole = fs.readFileSync(file);
    const archive = gunzipSync(whole);
    const changed = Buffer.from(archive);
    changed.write('../../bridge.db ', archive.indexOf('bridge.db'));
    const wrong: readonly (readonly [Buffer, number])[] = [
      [whole.subarray(0, whole.length - 40), 65],
      [gzipSync(archive.subarray(0, archive.length - 4096)), 65],
      [gzipSync(changed), 65],
      [Buffer.from('nothing of the kind'), 65],
      [gzipSync(Buffer.from(archive.toString('latin1').replace('"format":1', '"format":2'), 'latin1')), 78],
    ];
    for (const [bytes, code] of wrong) {
      const bad = path.join(folder, 'bad');
      fs.writeFileSync(bad, bytes);
      const result = await restore(bad);
      expect(result).toMatchObject({ code, out: '' });
      // Nothing half-done stays.
      const left = fs.existsSync(path.join(folder, 'new')) ? fs.readdirSync(path.join(folder, 'new')) : [];
      expect(left.filter((name) => name !== 'lock.db')).toEqual([]);
    }
    expect((await restore(path.join(folder, 'none'))).code).toBe(66);
    expect((await restore(file)).code).toBe(0);
    // A store of a newer bridge.
    const sql = new DatabaseSync(path.join(folder, 'new', 'bridge.db'));
    expect(Number(sql.prepare('PRAGMA user_version').get()?.user_version)).toBeGreaterThan(0);
    sql.close();
  });
});
