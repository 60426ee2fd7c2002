// What is kept of HERE's shadows, on a disk that takes nothing.
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ShadowChange } from '../../src/domain/ports/downlink.ts';
import { Database } from '../../src/store/database.ts';
import type { Reserve } from '../../src/store/reserve.ts';
import { ShadowTable } from '../../src/store/shadows.ts';
import { temporaryFolder } from './support.ts';

const PROJECT = 'here|app1';
const change: ShadowChange = { device: '70B3D50000000001', version: 4, desiredAt: 10, document: '{}', reported: null };

function open() {
  const reserve = { release: () => false } as unknown as Reserve;
  const database = Database.open(path.join(temporaryFolder(), 'bridge.db'), reserve, 'x', () => {});
  onTestFinished(() => database.close());
  return { database, shadows: new ShadowTable(database) };
}

test('a project that was never seen is read without a write', () => {
  const { database, shadows } = open();
  database.sql.exec('PRAGMA query_only = ON');
  expect(shadows.handled(PROJECT, change.device)).toBeNull();
  shadows.forEachServed(PROJECT, () => expect.unreachable());
  expect(shadows.unclaimed(PROJECT)).toEqual([]);
  database.sql.exec('PRAGMA query_only = OFF');
  shadows.dropUnclaimed(PROJECT, [change.device]);
  expect(database.sql.prepare('SELECT count(*) AS count FROM projects').get()?.count).toBe(0);
  shadows.saveUnclaimed(PROJECT, [change]);
  expect(shadows.unclaimed(PROJECT)).toEqual([change]);
});
