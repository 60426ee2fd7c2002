// A data directory of the first store version, taken over by this bridge.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { UPGRADE_STEPS, upgrade } from '../../src/store/versions.ts';
import { TestStore, temporaryFolder } from './support.ts';

/** Two dead letters are there, one was dropped, and of two that were lost there never was one. */
function firstVersion(dataDir: string): void {
  fs.mkdirSync(path.join(dataDir, 'journals'), { recursive: true });
  using sql = new DatabaseSync(path.join(dataDir, 'bridge.db'));
  upgrade(sql, UPGRADE_STEPS.slice(0, 1));
  sql.exec(`
    INSERT INTO connections (key, id, received, floor, dead_letters_dropped) VALUES (1, 'a', 7, 7, 1), (2, 'b', 0, 0, 0);
    INSERT INTO ledger (connection, kind, reason, count)
      VALUES (1, 'deadLettered', 'refused', 3), (1, 'deadLettered', 'storeDamaged', 2), (1, 'delivered', '', 2);
    INSERT INTO dead_letters (connection, seq, time, arrived_at, device, reason, topic, payload, detail, bytes) VALUES
      (1, 1, 1000, 900, '70B3D50000000001', 'refused', 't/1', x'7B7D', '{"message":"no","status":400}', 140),
      (1, 2, 2000, 1900, NULL, 'refused', 't/2', x'00FF', '{"message":"no"}', 130),
      (1, 3, 3000, 2900, NULL, 'refused', 't/3', x'00', '{"message":"no"}', 130);
    DELETE FROM dead_letters WHERE seq = 3;
  `);
}

test('a store of version 1 is brought up to date: its dead letters have keys, and the ledger balances against them', async () => {
  const dataDir = path.join(temporaryFolder(), 'data');
  firstVersion(dataDir);
  await using s = await TestStore.openAt(dataDir);
  const a = await s.connection();
  expect(a.ledger()).toMatchObject({ received: 7, delivered: 2, deadLettered: { refused: 3, storeDamaged: 2 } });
  expect(a.verify()).toBe(0);
  const letters = a.deadLetters(10);
  expect(letters).toMatchObject([
    { id: 2, seq: 2, time: 2000, arrivedAt: 1900, device: null, topic: 't/2', payload: Buffer.from([0, 255]) },
    {
      id: 1,
      seq: 1,
      device: '70B3D50000000001',
      detail: { message: 'no', status: 400 },
      editedAt: null,
      original: null,
    },
  ]);
  expect(new Set(letters.map(({ key }) => /^[0-9a-f]{16}$/.test(key) && key)).size).toBe(2);
  const totals = s.store.deadLetters('a')?.totals();
  expect(totals).toMatchObject({ count: 2, bytes: 270, dropped: { room: 3, age: 0, person: 0 } });
  // Ids are never given again, also not those of letters that are gone.
  a.importDeadLetters([{ ...letters[0]!, key: '0123456789abcdef' }]);
  expect(a.deadLetters(1)[0]?.id).toBe(4);
  expect(a.verify()).toBe(0);
});
