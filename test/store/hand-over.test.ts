// Messages that another worker has journalled leave this journal and its ledger.
import { expect, test } from 'vitest';
import { append, DELIVERED, entries, readAll, TestStore } from './support.ts';

test('what was handed over is not read again, also after a kill, and the ledger balances without it', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  await append(a, entries(1, 6));
  a.settle([{ seq: 2, outcome: DELIVERED }]);
  a.handOver([1, 2, 4]);
  for (let round = 0; round < 3; round++) {
    expect((await readAll(a)).map(({ seq }) => seq)).toEqual([3, 5, 6]);
    expect(a.ledger()).toMatchObject({ received: 4, pending: 3, delivered: 1 });
    expect(a.verify()).toBe(0);
    a = round === 0 ? await s.kill() : await s.reopen();
  }
  expect(await append(a, entries(7, 1))).toBe(7);
  a.handOver([3, 5, 6, 7]);
  expect(a.ledger()).toMatchObject({ received: 1, pending: 0, delivered: 1 });
  expect(a.verify()).toBe(0);
});

test('what was never committed cannot be handed over', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 2));
  expect(() => a.handOver([3])).toThrow(RangeError);
  expect(a.ledger()).toMatchObject({ received: 2, pending: 2 });
});
