// A data directory of the first store version, taken over by this bridge.
import path from 'node:path';
import { expect, test } from 'vitest';
import { firstVersion } from './first-version.ts';
import { TestStore, temporaryFolder } from './support.ts';

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
