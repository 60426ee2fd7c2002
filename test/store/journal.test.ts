import { expect, test } from 'vitest';
import { append, DELIVERED, entries, entry, FaultyDisk, REFUSED, readAll, TestStore, until } from './support.ts';

test('messages come back as they were, in order, with numbers from 1', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  const odd = { topic: 'tenant/ä/☂', payload: Buffer.alloc(0), arrivedAt: 1.5, retain: true, device: null };
  expect(await append(a, [entry(1), entry(2, 3000), odd])).toBe(1);
  expect(await append(a, [entry(4)])).toBe(4);
  const records = await readAll(a);
  expect(records).toEqual([entry(1), entry(2, 3000), odd, entry(4)].map((e, i) => ({ ...e, seq: i + 1 })));
  expect(a.ledger()).toMatchObject({ received: 4, pending: 4, delivered: 0 });
  expect(a.verify()).toBe(0);
});

test('what is appended while a write is under way shares the next one, and is done in the order of the calls', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  disk.held = [];
  const done: number[] = [];
  for (let n = 1; n <= 20; n++) expect(a.append([entry(n)], () => done.push(n))).toBe(n);
  expect(a.lastSeq).toBe(0);
  await until(() => disk.held!.length === 1);
  const held = disk.held;
  disk.held = null;
  held[0]!();
  await until(() => done.length === 20);
  expect(done).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(disk.writes).toBe(2);
  expect((await readAll(a)).map((r) => r.topic)).toEqual(entries(1, 20).map((e) => e.topic));
});

test('settled messages are not read again, also after a restart, and the ledger counts them under their reasons', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  await append(a, entries(1, 10));
  a.settle([
    { seq: 2, outcome: DELIVERED },
    { seq: 4, outcome: { kind: 'skipped', reason: 'join' } },
    { seq: 5, outcome: { kind: 'filtered', reason: 'noMatch' } },
    { seq: 7, outcome: REFUSED },
    { seq: 10, outcome: { kind: 'expired', reason: 'tooOld' } },
  ]);
  for (let round = 0; round < 3; round++) {
    expect((await readAll(a)).map((r) => r.seq)).toEqual([1, 3, 6, 8, 9]);
    expect(a.ledger()).toEqual({
      received: 10,
      pending: 5,
      delivered: 1,
      skipped: { join: 1 },
      filtered: { noMatch: 1 },
      expired: { tooOld: 1 },
      deadLettered: { refused: 1 },
    });
    expect(a.verify()).toBe(0);
    const waiting: unknown[] = [];
    a.forEachUnsettled((seq, device, arrivedAt) => waiting.push([seq, device, arrivedAt]));
    expect(waiting).toEqual([1, 3, 6, 8, 9].map((n) => [n, entry(n).device, entry(n).arrivedAt]));
    a = round === 0 ? await s.kill() : await s.reopen();
  }
});

test('a dead letter keeps the original message and the answer', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  await append(a, entries(1, 3));
  a.settle([{ seq: 2, outcome: REFUSED }]);
  a = await s.kill();
  expect(a.deadLetters(10)).toEqual([
    {
      id: 1,
      seq: 2,
      time: s.clock.now(),
      arrivedAt: entry(2).arrivedAt,
      topic: entry(2).topic,
      payload: entry(2).payload,
      device: entry(2).device,
      reason: 'refused',
      detail: { message: 'no such field', status: 400, requestId: 'r-1' },
      key: expect.stringMatching(/^[0-9a-f]{16}$/),
      editedAt: null,
      original: null,
    },
  ]);
});

test('dead letters are bounded by bytes: the oldest go, are counted and told, and stay in the ledger', async () => {
  await using s = await TestStore.open({ deadLettersMaxBytes: 20_000 });
  const a = await s.connection();
  await append(a, entries(1, 50, 1000));
  for (let seq = 1; seq <= 50; seq++) a.settle([{ seq, outcome: REFUSED }]);
  const kept = a.deadLetters(100);
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.length + s.store.deadLetters('a')!.totals().dropped.room).toBe(50);
  expect(kept[0]!.seq).toBe(50);
  expect(a.ledger().deadLettered).toEqual({ refused: 50 });
  // Told at once and then once a minute, not with every settlement.
  expect(s.told('deadLettersDropped').length).toBe(1);
  expect(s.told('deadLettersDropped')[0]?.message).toContain('they take more than 20000 bytes');
  await s.clock.advance(61_000);
  const told = s.told('deadLettersDropped').map((incident) => ('dropped' in incident ? incident.dropped : 0));
  expect([told.length, told[0]! + told[1]!]).toEqual([2, s.store.deadLetters('a')!.totals().dropped.room]);
  const again = await s.reopen();
  await append(again, entries(51, 1, 1000));
  again.settle([{ seq: 51, outcome: REFUSED }]);
  expect(again.deadLetters(100).length).toBe(kept.length);
});

test('settling twice counts once; settling what is not committed is a defect and changes nothing', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 3));
  const twice = { seq: 1, outcome: DELIVERED };
  a.settle([twice, twice]);
  a.settle([{ seq: 1, outcome: REFUSED }]);
  expect(() =>
    a.settle([
      { seq: 2, outcome: DELIVERED },
      { seq: 4, outcome: DELIVERED },
    ]),
  ).toThrow(/4 .*not committed/);
  expect(a.ledger()).toMatchObject({ received: 3, delivered: 1, pending: 2, deadLettered: {} });
  expect(a.verify()).toBe(0);
  expect((await readAll(a)).map((r) => r.seq)).toEqual([2, 3]);
});

test('messages left out for want of room take numbers and are expired, in order with what is stored', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  a.countLeftOut(2);
  expect(a.lastSeq).toBe(2);
  const first = append(a, [entry(3)]);
  a.countLeftOut(3);
  const second = append(a, [entry(7)]);
  expect(await first).toBe(3);
  expect(await second).toBe(7);
  a.countLeftOut(1);
  a.countLeftOut(1);
  for (let round = 0; round < 3; round++) {
    expect(a.lastSeq).toBe(9);
    expect(a.ledger()).toMatchObject({ received: 9, pending: 2, expired: { journalFull: 7 } });
    expect(a.verify()).toBe(0);
    expect((await readAll(a)).map((r) => [r.seq, r.topic])).toEqual([
      [3, entry(3).topic],
      [7, entry(7).topic],
    ]);
    a = round === 0 ? await s.kill() : await s.reopen();
  }
  expect(await append(a, [entry(10)])).toBe(10);
});

test('reading is bounded by records and bytes, and always gives at least one', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 100, 1000));
  a.settle(Array.from({ length: 30 }, (_, i) => ({ seq: 11 + i, outcome: DELIVERED })));
  expect((await a.read(1, 5, 1e6)).map((r) => r.seq)).toEqual([1, 2, 3, 4, 5]);
  expect((await a.read(9, 5, 1e6)).map((r) => r.seq)).toEqual([9, 10, 41, 42, 43]);
  expect((await a.read(50, 100, 3500)).map((r) => r.seq)).toEqual([50, 51, 52]);
  expect((await a.read(50, 100, 1)).map((r) => r.seq)).toEqual([50]);
  expect(await a.read(101, 5, 1e6)).toEqual([]);
});

test('segments that are settled leave the disk, also between ones that are not', async () => {
  await using s = await TestStore.open();
  let a = await s.connection('a', 8 * 1024 * 1024);
  for (let n = 1; n <= 5000; n += 100) await append(a, entries(n, 100, 1000));
  expect(s.segments().length).toBeGreaterThan(4);
  const full = a.bytes;
  // One message of the first segment stays.
  a.settle(Array.from({ length: 4998 }, (_, i) => ({ seq: i + 2, outcome: DELIVERED })));
  await until(() => s.segments().length === 2);
  expect(a.bytes).toBeLessThan(full / 2);
  expect(a.verify()).toBe(0);
  a = await s.kill();
  expect((await readAll(a)).map((r) => r.seq)).toEqual([1, 5000]);
  a.settle([{ seq: 1, outcome: DELIVERED }]);
  await until(() => s.segments().length === 1);
  expect(a.verify()).toBe(0);
  a = await s.reopen();
  expect(a.ledger()).toMatchObject({ received: 5000, delivered: 4999, pending: 1 });
  a.settle([{ seq: 5000, outcome: DELIVERED }]);
  await until(() => a.bytes === 0);
  expect(s.segments()).toEqual([]);
  expect(await append(a, [entry(1)])).toBe(5001);
});

test('an idle journal that is settled shrinks to nothing once it is larger than a mebibyte', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 1100, 1000));
  a.settle(Array.from({ length: 1100 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  expect(s.segments().length).toBe(1);
  await s.clock.advance(1000);
  await until(() => a.bytes === 0);
  expect(s.segments()).toEqual([]);
  expect(await append(a, [entry(1)])).toBe(1101);
  expect(a.verify()).toBe(0);
});

test('small states are kept', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  expect(a.getState('appId')).toBeNull();
  a.setState('appId', 'x');
  a.setState('source', 'y');
  a.setState('appId', 'z');
  a.setState('source', null);
  a = await s.kill();
  expect([a.getState('appId'), a.getState('source')]).toEqual(['z', null]);
});

test('after close nothing is taken, and what was in flight has its answer', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  const inFlight = append(a, [entry(1)]);
  const closing = a.close();
  await expect(append(a, [entry(2)])).rejects.toThrow(/closed/);
  await expect(inFlight).resolves.toBe(1);
  await closing;
  expect(() => a.settle([{ seq: 1, outcome: DELIVERED }])).toThrow(/closed/);
  expect((await readAll(await s.connection())).length).toBe(1);
});

test('a message that no journal can hold is refused alone', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await expect(append(a, [entry(1), { ...entry(2), topic: 'x'.repeat(70_000) }])).rejects.toThrow(/too long/);
  a.countLeftOut(1);
  expect(await append(a, [entry(3)])).toBe(2);
  expect((await readAll(a)).map((r) => r.device)).toEqual([entry(3).device]);
  expect(a.ledger()).toMatchObject({ received: 2, pending: 1 });
  expect(a.verify()).toBe(0);
});

test('a message may be settled and more appended from within the answer to its append', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  const answers: number[] = [];
  await new Promise<void>((resolve) => {
    const again = (n: number): void => {
      const first = a.append(entries(n, 2), () => {
        a.settle([{ seq: first, outcome: DELIVERED }]);
        answers.push(first);
        if (n < 20) again(n + 2);
        else resolve();
      });
    };
    again(1);
  });
  expect(answers).toEqual(Array.from({ length: 11 }, (_, i) => 1 + 2 * i));
  expect(a.ledger()).toMatchObject({ received: 22, pending: 11, delivered: 11 });
  expect(a.verify()).toBe(0);
});
