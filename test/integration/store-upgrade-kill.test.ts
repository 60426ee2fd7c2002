// An old store is brought up to date by a process that is killed after each single statement of it: the next start completes it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { storedVersion, UPGRADE_STEPS } from '../../src/store/versions.ts';
import { firstVersion } from '../store/first-version.ts';
import { append, entries, readAll, TestStore, temporaryFolder } from '../store/support.ts';

const CHILD = path.resolve(import.meta.dirname, '../store/upgrade-child.ts');
const LETTERS = 600;
const WAITING = 5;

/**
 * The store of the first version with more in it: dead letters that do not fit into SQLite's cache, so that a step has
 * written to the disk before it is committed, and uplinks that still wait.
 */
async function oldStore(): Promise<string> {
  const dataDir = path.join(temporaryFolder(), 'data');
  firstVersion(dataDir);
  {
    using sql = new DatabaseSync(path.join(dataDir, 'bridge.db'));
    sql.exec(`
      UPDATE connections SET received = ${LETTERS}, floor = ${LETTERS} WHERE id = 'b';
      INSERT INTO ledger (connection, kind, reason, count) VALUES (2, 'deadLettered', 'refused', ${LETTERS});
      WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${LETTERS})
        INSERT INTO dead_letters (connection, seq, time, arrived_at, device, reason, topic, payload, detail, bytes)
        SELECT 2, n, n, n, '70B3D50000000002', 'refused', 't/' || n, randomblob(4000), '{"message":"no"}', 4100 FROM n;
      INSERT INTO connections (key, id) VALUES (3, 'c');
    `);
  }
  // Journals look today as they did then.
  await using s = await TestStore.open();
  await append(await s.connection('c'), entries(1, WAITING));
  fs.cpSync(s.journal('c'), path.join(dataDir, 'journals', 'c'), { recursive: true });
  return dataDir;
}

/** Runs the child on the directory; the last statement, or null where it came to its end. */
function open(dataDir: string, killAfter: number): string | null {
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, [CHILD, dataDir, String(killAfter)], {
    encoding: 'utf8',
  });
  if (signal === 'SIGKILL') return stdout;
  if (status !== 0) throw new Error(`the child ended with ${status}: ${stderr}`);
  return null;
}

function versionOf(dataDir: string): number {
  using sql = new DatabaseSync(path.join(dataDir, 'bridge.db'), { readOnly: true });
  return storedVersion(sql);
}

async function expectAllOfIt(dataDir: string, where: string): Promise<void> {
  await using s = await TestStore.openAt(dataDir);
  expect(versionOf(dataDir), where).toBe(UPGRADE_STEPS.length);
  const [a, b, c] = [await s.connection('a'), await s.connection('b'), await s.connection('c')];
  expect([a.verify(), b.verify(), c.verify()], where).toEqual([0, 0, 0]);
  expect(a.ledger(), where).toMatchObject({ received: 7, delivered: 2, deadLettered: { refused: 3, storeDamaged: 2 } });
  expect(b.ledger(), where).toMatchObject({ received: LETTERS, pending: 0, deadLettered: { refused: LETTERS } });
  expect(c.ledger(), where).toMatchObject({ received: WAITING, pending: WAITING });
  expect(
    a.deadLetters(10).map(({ topic }) => topic),
    where,
  ).toEqual(['t/2', 't/1']);
  const letters = b.deadLetters(LETTERS + 1);
  expect(
    letters.map(({ seq }) => seq),
    where,
  ).toEqual(Array.from({ length: LETTERS }, (_, i) => LETTERS - i));
  expect(new Set(letters.map(({ key }) => key)).size, where).toBe(LETTERS);
  expect(
    (await readAll(c)).map(({ topic }) => topic),
    where,
  ).toEqual(entries(1, WAITING).map(({ topic }) => topic));
  expect(s.incidents, where).toEqual([]);
}

test('a kill after any statement of an upgrade loses nothing, and the next start completes it', async () => {
  const old = await oldStore();
  const killedAt: string[] = [];
  const versions = new Set<number>();
  for (let n = 1; ; n++) {
    const dataDir = path.join(temporaryFolder(), 'data');
    fs.cpSync(old, dataDir, { recursive: true });
    const statement = open(dataDir, n);
    if (statement === null) break;
    killedAt.push(statement);
    versions.add(versionOf(dataDir));
    await expectAllOfIt(dataDir, `killed after statement ${n}: ${statement}`);
    fs.rmSync(dataDir, { recursive: true });
  }
  // Before, between, inside and after the steps.
  expect([...versions]).toEqual(UPGRADE_STEPS.map(({ to }) => to));
  for (const words of [
    'DROP TABLE dead_letters',
    'BEGIN IMMEDIATE',
    `PRAGMA user_version = ${UPGRADE_STEPS.length}`,
    'COMMIT',
  ]) {
    expect(killedAt).toContain(words);
  }
}, 300_000);
