import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { imbalance } from '../../src/domain/ledger.ts';
import { append, DELIVERED, entries, entry, readAll, TestStore } from './support.ts';

/** 200 messages in 20 group commits, of which 1–50 are settled. The database knows that 190 were committed. */
async function filled(s: TestStore) {
  const a = await s.connection();
  for (let n = 1; n <= 190; n += 10) await append(a, entries(n, 10, 500));
  a.settle(Array.from({ length: 50 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  await append(a, entries(191, 10, 500));
  return a;
}

/** Changes bytes of the journal's only segment. */
function flip(dataDir: string, at: (bytes: Buffer) => number | [number, number]): void {
  const folder = path.join(dataDir, 'journals', 'a');
  const file = path.join(folder, fs.readdirSync(folder).find((name) => name.endsWith('.seg'))!);
  const bytes = fs.readFileSync(file);
  const where = at(bytes);
  const [from, to] = typeof where === 'number' ? [where, where + 1] : where;
  for (let i = from; i < to; i++) bytes[i]! ^= 0x5a;
  fs.writeFileSync(file, bytes);
}

function cut(dataDir: string, length: (bytes: number) => number): void {
  const folder = path.join(dataDir, 'journals', 'a');
  const file = path.join(folder, fs.readdirSync(folder).find((name) => name.endsWith('.seg'))!);
  fs.truncateSync(file, length(fs.statSync(file).size));
}

const recordAt = (n: number) => (bytes: Buffer) => bytes.indexOf(entry(n).topic) - 48;
const waiting = (from: number, to: number, without: readonly number[] = []) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((n) => !without.includes(n));

test('a torn tail that was never committed is cut off and told; numbers go on from the last whole message', async () => {
  await using s = await TestStore.open();
  await filled(s);
  let a = await s.kill((dir) => cut(dir, (bytes) => bytes - 700));
  expect(s.told('tornTail').length).toBe(1);
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 198));
  expect(a.ledger()).toMatchObject({ received: 198, pending: 148, delivered: 50, deadLettered: {} });
  expect(a.verify()).toBe(0);
  expect(await append(a, [entry(7)])).toBe(199);
  a = await s.kill();
  expect(s.told('tornTail').length).toBe(1);
  expect((await readAll(a)).map((r) => r.device).at(-1)).toBe(entry(7).device);
  expect(a.verify()).toBe(0);
});

test('the last group commit without its bodies, as a power loss leaves it, is cut off', async () => {
  await using s = await TestStore.open();
  await filled(s);
  const a = await s.kill((dir) =>
    flip(dir, (bytes) => {
      const body = recordAt(195)(bytes) + 100;
      return [body, body + 300];
    }),
  );
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 194));
  expect(a.verify()).toBe(0);
  expect(s.told('tornTail').length).toBe(1);
});

test('the last group commit with a body missing before a missing header is cut off at the body', async () => {
  await using s = await TestStore.open();
  await filled(s);
  const a = await s.kill((dir) => {
    flip(dir, (bytes) => recordAt(194)(bytes) + 100);
    flip(dir, (bytes) => recordAt(196)(bytes) + 13);
  });
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 193));
  expect(a.ledger()).toMatchObject({ received: 193, pending: 143, deadLettered: {} });
  expect(a.verify()).toBe(0);
  expect([s.told('tornTail').length, s.told('journalDamaged').length]).toEqual([1, 0]);
});

test('a damaged record header in the middle loses that record only, and it becomes a dead letter', async () => {
  await using s = await TestStore.open();
  await filled(s);
  let a = await s.kill((dir) => flip(dir, (bytes) => recordAt(100)(bytes) + 13));
  for (let round = 0; round < 2; round++) {
    expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 200, [100]));
    expect(a.ledger()).toMatchObject({ received: 200, pending: 149, deadLettered: { storeDamaged: 1 } });
    expect(imbalance(a.ledger())).toBe(0);
    expect(a.verify()).toBe(0);
    expect(a.deadLetters(10).map((d) => [d.seq, d.reason, d.payload.length])).toEqual([[100, 'storeDamaged', 0]]);
    expect(s.told('journalDamaged').length).toBe(1);
    expect(fs.readdirSync(s.journal()).filter((name) => name.endsWith('.corrupt')).length).toBe(1);
    a = await s.kill();
  }
});

test('a long damaged stretch loses what was in it; settled messages in it are no loss', async () => {
  await using s = await TestStore.open();
  await filled(s);
  const a = await s.kill((dir) => flip(dir, (bytes) => [recordAt(41)(bytes), recordAt(71)(bytes)]));
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(71, 200));
  expect(a.ledger()).toMatchObject({ received: 200, pending: 130, delivered: 50, deadLettered: { storeDamaged: 20 } });
  expect(a.verify()).toBe(0);
});

test('a damaged payload is found when it is read: kept as a dead letter as it is, never handed out', async () => {
  await using s = await TestStore.open();
  await filled(s);
  const a = await s.kill((dir) => flip(dir, (bytes) => recordAt(60)(bytes) + 300));
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 200, [60]));
  expect(a.ledger()).toMatchObject({ received: 200, pending: 149, deadLettered: { storeDamaged: 1 } });
  expect(a.deadLetters(1)[0]).toMatchObject({ seq: 60, topic: entry(60).topic, reason: 'storeDamaged' });
  expect(s.told('journalDamaged').length).toBe(1);
  expect(a.verify()).toBe(0);
});

test('committed messages that a cut file lost are counted, and their numbers are not given again', async () => {
  await using s = await TestStore.open();
  const before = await filled(s);
  // This settlement proves that all 200 were committed.
  before.settle([{ seq: 200, outcome: DELIVERED }]);
  const a = await s.kill((dir) => cut(dir, (bytes) => bytes >> 1));
  const left = await readAll(a);
  const lost = a.ledger().deadLettered.storeDamaged!;
  expect(left.length).toBeGreaterThan(40);
  expect(a.ledger()).toMatchObject({ received: 200, pending: left.length, delivered: 51 });
  expect(left.length + 51 + lost).toBe(200);
  expect(a.deadLetters(1000).length).toBe(lost);
  expect(a.verify()).toBe(0);
  expect(await append(a, [entry(201)])).toBe(201);
});

test('a damaged segment header costs nothing: name and records tell all', async () => {
  await using s = await TestStore.open();
  await filled(s);
  const a = await s.kill((dir) => flip(dir, () => [0, 64]));
  expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(51, 200));
  expect(s.incidents).toEqual([]);
});

test('a segment file that vanished is counted message by message', async () => {
  await using s = await TestStore.open();
  await filled(s);
  await s.clock.advance(1000);
  const a = await s.kill((dir) => fs.rmSync(path.join(dir, 'journals', 'a'), { recursive: true }));
  expect(await readAll(a)).toEqual([]);
  expect(a.ledger()).toMatchObject({ received: 200, pending: 0, delivered: 50, deadLettered: { storeDamaged: 150 } });
  expect(a.verify()).toBe(0);
  expect(await append(a, [entry(1)])).toBe(201);
});

test('a payload that holds the bytes of journal records cannot pass for records', async () => {
  await using s = await TestStore.open();
  const first = await filled(s);
  const [stolen] = await first.read(100, 1, 1);
  const file = path.join(s.journal(), s.segments()[0]!);
  const bytes = fs.readFileSync(file);
  const from = recordAt(100)(bytes);
  // A copy of true records as a payload: their numbers are not those that are missing.
  const planted = bytes.subarray(from, from + 40 * 600);
  await first.close();
  const again = await s.connection();
  await append(again, [{ ...entry(201), payload: Buffer.from(planted) }, entry(202), entry(203)]);
  await append(again, [entry(204)]);
  expect(stolen!.seq).toBe(100);
  const a = await s.kill((dir) => {
    const folder = path.join(dir, 'journals', 'a');
    const second = path.join(folder, fs.readdirSync(folder).sort()[1]!);
    const damaged = fs.readFileSync(second);
    damaged[64 + 5]! ^= 1;
    fs.writeFileSync(second, damaged);
  });
  expect((await readAll(a)).map((r) => r.seq)).toEqual([...waiting(51, 200), 202, 203, 204]);
  expect(a.ledger().deadLettered).toEqual({ storeDamaged: 1 });
});

for (const [how, harm] of [
  ['overwritten', (file: string) => fs.writeFileSync(file, 'This is no database, but it is long enough to look at.')],
  [
    'damaged inside',
    (file: string) => {
      const bytes = fs.readFileSync(file);
      for (let page = 1; page < bytes.length / 4096; page++) bytes.fill(0x77, page * 4096, page * 4096 + 64);
      fs.writeFileSync(file, bytes);
    },
  ],
] as const) {
  test(`a database that was ${how} is set aside loudly; journals are read again as unsettled`, async () => {
    await using s = await TestStore.open();
    const first = await filled(s);
    await s.store.events.append({
      id: 'e1',
      time: 't',
      count: 1,
      kind: 'held',
      severity: 'info',
      connectionId: 'a',
      message: 'm',
    });
    first.countLeftOut(5);
    await first.close();
    await s.store.close();
    await s.moveOn((dir) => harm(path.join(dir, 'bridge.db')));
    expect(s.store.connectionIds()).toEqual(['a']);
    let a = await s.connection();
    expect(s.told('databaseSetAside').length).toBe(1);
    expect(fs.readdirSync(s.dataDir).some((name) => name.startsWith('bridge.db.corrupt-'))).toBe(true);
    expect((await readAll(a)).map((r) => r.seq)).toEqual(waiting(1, 200));
    expect(a.ledger()).toMatchObject({ received: 200, pending: 200, delivered: 0 });
    expect(a.verify()).toBe(0);
    a = await s.kill();
    expect(a.verify()).toBe(0);
    expect(s.told('databaseSetAside').length).toBe(1);
  });
}

test('without its database a ledger starts anew behind what had left the journal, and balances', async () => {
  await using s = await TestStore.open();
  const first = await s.connection('a', 8 * 1024 * 1024);
  for (let n = 1; n <= 4000; n += 100) await append(first, entries(n, 100, 1000));
  first.settle(Array.from({ length: 2500 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  await first.close();
  const left = s.segments();
  const base = Number(left[0]!.slice(0, 16));
  expect(base).toBeGreaterThan(1000);
  await s.store.close();
  await s.moveOn((dir) => fs.writeFileSync(path.join(dir, 'bridge.db'), 'nonsense '.repeat(1000)));
  let a = await s.connection();
  for (let round = 0; round < 2; round++) {
    expect(a.lastSeq).toBe(4000);
    expect(a.ledger()).toMatchObject({ received: 4000 - base + 1, pending: 4000 - base + 1, delivered: 0 });
    expect(a.verify()).toBe(0);
    expect(s.told('ledgerRestarted').length).toBe(1);
    a = await s.kill();
  }
});

test('settlements that a power loss took from the database come back as waiting: duplicates, no loss', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 100));
  a.settle([{ seq: 1, outcome: DELIVERED }]);
  const early = path.join(s.dataDir, '..', 'early');
  fs.cpSync(s.dataDir, early, { recursive: true });
  await append(a, entries(101, 100));
  a.settle(Array.from({ length: 150 }, (_, i) => ({ seq: i + 1, outcome: DELIVERED })));
  const after = await s.kill((dir) => {
    for (const name of ['bridge.db', 'bridge.db-wal', 'bridge.db-shm']) {
      fs.copyFileSync(path.join(early, name), path.join(dir, name));
    }
  });
  expect((await readAll(after)).map((r) => r.seq)).toEqual(waiting(2, 200));
  expect(after.ledger()).toMatchObject({ received: 200, pending: 199, delivered: 1, deadLettered: {} });
  expect(after.verify()).toBe(0);
  expect(s.incidents).toEqual([]);
});
