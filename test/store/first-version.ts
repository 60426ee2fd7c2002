// A data directory as the first store version left it.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UPGRADE_STEPS, upgrade } from '../../src/store/versions.ts';

/** Two dead letters are there, one was dropped, and of two that were lost there never was one. */
export function firstVersion(dataDir: string): void {
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
