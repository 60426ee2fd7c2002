import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { imbalance } from '../../src/domain/ledger.ts';
import type { ImportedLetter } from '../../src/domain/ports/dead-letters.ts';
import type { DeadLetter, ReplayLetter } from '../../src/domain/ports/store.ts';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import { append, DELIVERED, entries, entry, FaultyDisk, REFUSED, readAll, TestStore } from './support.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;

/** So many dead letters from messages 1… */
async function withLetters(s: TestStore, count: number, id = 'a'): Promise<JournalledConnection> {
  const connection = await s.connection(id);
  await append(connection, entries(1, count));
  connection.settle(Array.from({ length: count }, (_, i) => ({ seq: i + 1, outcome: REFUSED })));
  return connection;
}

function replay(connection: JournalledConnection, letters: readonly ReplayLetter[]): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.replay(letters, (error, first) => (error ? reject(error) : resolve(first)));
  });
}

function box(s: TestStore, id = 'a') {
  const found = s.store.deadLetters(id);
  if (found === null) throw new Error(`nothing is stored of ${id}`);
  return found;
}

function carried(letters: readonly DeadLetter[]): ImportedLetter[] {
  return letters.map(({ id: _id, editedAt: _editedAt, original: _original, ...letter }) => letter);
}

test('a replay moves a dead letter into the journal again: deadLettered becomes pending, received stays', async () => {
  await using s = await TestStore.open();
  let a = await withLetters(s, 3);
  const [letter] = box(s).page({ filter: {}, order: 'oldest', limit: 1, maxBytes: 1e6 }).letters;
  expect(letter).toMatchObject({ seq: 1, payload: entry(1).payload });
  const seq = await replay(a, [letter!]);
  expect([seq, a.lastSeq, a.verify(), imbalance(a.ledger())]).toEqual([4, 4, 0, 0]);
  expect(a.ledger()).toMatchObject({ received: 3, pending: 1, deadLettered: { refused: 2 } });
  expect(a.deadLetters(10).map((d) => d.seq)).toEqual([3, 2]);
  for (const how of ['kill', 'reopen'] as const) {
    a = await s[how]();
    expect([a.lastSeq, a.verify()]).toEqual([4, 0]);
    expect(a.ledger()).toMatchObject({ received: 3, pending: 1, deadLettered: { refused: 2 } });
    expect(await readAll(a)).toEqual([{ ...entry(1), seq: 4, replayOf: letter!.key }]);
  }
  a.settle([{ seq: 4, outcome: DELIVERED }]);
  expect(a.ledger()).toMatchObject({ received: 3, pending: 0, delivered: 1, deadLettered: { refused: 2 } });
  a = await s.kill();
  expect([a.verify(), a.ledger().received]).toEqual([0, 3]);
});

test('a letter that is refused again is a dead letter again, under a new id and with what was sent', async () => {
  await using s = await TestStore.open();
  const a = await withLetters(s, 1);
  const [letter] = a.deadLetters(1);
  await replay(a, [{ ...letter!, payload: Buffer.from('mended') }]);
  a.settle([{ seq: 2, outcome: REFUSED }]);
  expect(a.ledger()).toMatchObject({ received: 1, pending: 0, deadLettered: { refused: 1 } });
  expect(a.deadLetters(10)).toMatchObject([{ id: 2, seq: 2, payload: Buffer.from('mended') }]);
  expect(a.verify()).toBe(0);
});

test('a kill after the message was journalled and before the letter was deleted: the next start deletes it, nothing is counted twice', async () => {
  await using s = await TestStore.open();
  let a = await withLetters(s, 5);
  const [letter] = a.deadLetters(1);
  // The journal as after the append, the database as before.
  await journalAlone(a, letter!);
  a = await s.kill();
  expect([a.lastSeq, a.verify()]).toEqual([6, 0]);
  expect(a.ledger()).toMatchObject({ received: 5, pending: 1, deadLettered: { refused: 4 } });
  expect(box(s).get(letter!.id)).toBeNull();
  expect((await readAll(a)).map((r) => [r.seq, r.replayOf])).toEqual([[6, letter!.key]]);
  expect(box(s).totals()).toMatchObject({ count: 4, dropped: { room: 0, age: 0, person: 0 } });
  a = await s.kill();
  expect([a.verify(), a.ledger().received, a.ledger().deadLettered.refused]).toEqual([0, 5, 4]);
});

/** What a replay leaves when the process dies right after the group commit. */
async function journalAlone(a: JournalledConnection, letter: DeadLetter): Promise<void> {
  const { topic, payload, arrivedAt, device, key } = letter;
  await append(a, [{ topic, payload, arrivedAt, device, retain: false, replayOf: key }]);
}

test('a database that refuses the booking for a while gets it later; the letter is not replayed again meanwhile', async () => {
  await using s = await TestStore.open();
  const a = await withLetters(s, 2);
  const letters = a.deadLetters(2);
  using sql = new DatabaseSync(path.join(s.dataDir, 'bridge.db'));
  sql.exec(`CREATE TRIGGER refuse BEFORE DELETE ON dead_letters BEGIN SELECT RAISE(ABORT, 'disk is full'); END`);
  await replay(a, letters);
  expect(a.ledger()).toMatchObject({ received: 4, pending: 2, deadLettered: { refused: 2 } });
  expect([imbalance(a.ledger()), a.verify(), box(s).isReplaying(letters[0]!.id)]).toEqual([0, 0, true]);
  expect(box(s).edit(letters[0]!.id, { topic: 'x' })).toBe('busy');
  expect(box(s).drop([letters[0]!.id])).toBe(0);
  sql.exec('DROP TRIGGER refuse');
  await s.clock.advance(1000);
  expect(a.ledger()).toMatchObject({ received: 2, pending: 2, deadLettered: { refused: 0 } });
  expect([imbalance(a.ledger()), a.verify(), box(s).isReplaying(letters[0]!.id)]).toEqual([0, 0, false]);
});

test('a disk that refuses the journal leaves the letters where they are', async () => {
  const disk = new FaultyDisk();
  await using s = await TestStore.open({ disk });
  const a = await withLetters(s, 2);
  disk.failures.push(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  await expect(replay(a, a.deadLetters(2))).rejects.toThrow(/no space/);
  expect([box(s).isReplaying(1), a.deadLetters(10).length, a.verify()]).toEqual([false, 2, 0]);
  expect(a.ledger()).toMatchObject({ received: 2, pending: 0, deadLettered: { refused: 2 } });
});

test('letters are found by reason, device and time, in pages of letters and bytes, from either end', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 30));
  const begin = s.clock.now();
  for (let seq = 1; seq <= 30; seq++) {
    const reason = seq % 3 === 0 ? ('badTime' as const) : ('refused' as const);
    a.settle([{ seq, outcome: { kind: 'deadLettered', reason, detail: { message: 'no' } } }]);
    await s.clock.advance(1000);
  }
  const seqs = (filter: object, order: 'newest' | 'oldest' = 'oldest') =>
    box(s)
      .page({ filter, order, limit: 100, maxBytes: 1e6 })
      .letters.map((letter) => letter.seq);
  expect(seqs({ reasons: ['badTime'] })).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  expect(seqs({ device: entry(7).device })).toEqual([7]);
  expect(seqs({ since: begin + 5000, until: begin + 8000 })).toEqual([6, 7, 8]);
  expect(seqs({ ids: [4, 2], reasons: ['refused'] }, 'newest')).toEqual([4, 2]);
  const pages: number[][] = [];
  for (let after: number | undefined; ; ) {
    const query = { filter: {}, order: 'newest' as const, limit: 7, maxBytes: 1e6 };
    const page = box(s).page(after === undefined ? query : { ...query, after });
    pages.push(page.letters.map((letter) => letter.seq));
    if (page.next === null) break;
    after = page.next;
  }
  expect(pages.map((page) => page.length)).toEqual([7, 7, 7, 7, 2]);
  expect(pages.flat()).toEqual(Array.from({ length: 30 }, (_, i) => 30 - i));
  expect(box(s).page({ filter: {}, order: 'oldest', limit: 100, maxBytes: 1 }).letters.length).toBe(1);
  expect(s.store.deadLetters('b')).toBeNull();
});

test('an edited letter keeps its original, which comes back when the edit is taken back', async () => {
  await using s = await TestStore.open();
  let a = await withLetters(s, 1);
  const before = box(s).totals().bytes;
  expect(box(s).edit(1, { payload: Buffer.from('{"mended":true}') })).toBe('ok');
  expect(box(s).edit(1, { topic: 'mqtt/things/x/uplink' })).toBe('ok');
  a = await s.kill();
  const original = { topic: entry(1).topic, payload: entry(1).payload };
  expect(box(s).get(1)).toMatchObject({
    topic: 'mqtt/things/x/uplink',
    payload: Buffer.from('{"mended":true}'),
    editedAt: s.clock.now(),
    original,
  });
  expect(box(s).totals().bytes).toBeGreaterThan(before);
  expect(box(s).revert(1)).toBe('ok');
  expect(box(s).get(1)).toMatchObject({ ...original, editedAt: null, original: null });
  expect(box(s).totals().bytes).toBe(before);
  expect([box(s).edit(2, { topic: 'x' }), a.verify()]).toEqual(['notFound', 0]);
});

test('letters that a person drops are counted as such; the ledger goes on counting them', async () => {
  await using s = await TestStore.open();
  let a = await withLetters(s, 4);
  expect(box(s).drop([1, 3, 77])).toBe(2);
  expect(box(s).totals()).toMatchObject({ count: 2, lastId: 4, dropped: { room: 0, age: 0, person: 2 } });
  expect([a.ledger().deadLettered.refused, a.verify()]).toEqual([4, 0]);
  a = await s.kill();
  expect(box(s).totals()).toMatchObject({ count: 2, dropped: { person: 2 } });
  expect(a.verify()).toBe(0);
});

test('imported letters count as received and dead-lettered; a key comes once, and not again once it was replayed', async () => {
  await using s = await TestStore.open();
  const a = await withLetters(s, 3);
  let b = await s.connection('b');
  const letters = carried(a.deadLetters(3));
  expect(b.importDeadLetters(letters)).toEqual({ kind: 'ok', imported: 3, present: 0, replayed: 0 });
  expect(b.importDeadLetters(letters)).toEqual({ kind: 'ok', imported: 0, present: 3, replayed: 0 });
  expect(b.ledger()).toMatchObject({ received: 3, pending: 0, deadLettered: { refused: 3 } });
  expect([b.lastSeq, b.verify()]).toEqual([0, 0]);
  const [first] = b.deadLetters(1);
  await replay(b, [first!]);
  expect(b.ledger()).toMatchObject({ received: 3, pending: 1, deadLettered: { refused: 2 } });
  expect(b.importDeadLetters(letters)).toEqual({ kind: 'ok', imported: 0, present: 2, replayed: 1 });
  await s.moveOn();
  b = await s.connection('b');
  expect([b.ledger().received, b.verify(), imbalance(b.ledger())]).toEqual([3, 0, 0]);
  expect(b.importDeadLetters(letters)).toEqual({ kind: 'ok', imported: 0, present: 2, replayed: 1 });
  expect(() => b.importDeadLetters([{ ...letters[0]!, key: 'not a key' }])).toThrow(/no key/);
});

test('an import that would push others out takes nothing', async () => {
  await using s = await TestStore.open({ deadLettersMaxBytes: 1000 });
  const a = await withLetters(s, 3);
  const more = carried(a.deadLetters(1)).map((letter) => ({
    ...letter,
    key: '00000000000000aa',
    payload: Buffer.alloc(600),
  }));
  expect(a.importDeadLetters(more)).toMatchObject({ kind: 'full', maxBytes: 1000 });
  expect([a.deadLetters(10).length, a.ledger().received, a.verify()]).toEqual([3, 3, 0]);
});

test('at four fifths of the bytes people are told, once, before anything is dropped', async () => {
  await using s = await TestStore.open({ deadLettersMaxBytes: 20_000 });
  const a = await s.connection();
  await append(a, entries(1, 40, 500));
  for (let seq = 1; seq <= 40 && s.told('deadLettersNearlyFull').length === 0; seq++)
    a.settle([{ seq, outcome: REFUSED }]);
  const { bytes, dropped } = box(s).totals();
  expect(bytes).toBeGreaterThanOrEqual(16_000);
  expect([bytes < 17_000, dropped.room, s.told('deadLettersDropped').length]).toEqual([true, 0, 0]);
  expect(s.told('deadLettersNearlyFull')[0]?.message).toMatch(/take \d+ of 20000 bytes.*Replay, export or drop/);
  for (let seq = 1; seq <= 40; seq++) a.settle([{ seq, outcome: REFUSED }]);
  expect([s.told('deadLettersNearlyFull').length, s.told('deadLettersDropped').length]).toEqual([1, 1]);
});

test('letters go at their age, told before and counted', async () => {
  await using s = await TestStore.open({ deadLettersMaxAgeMs: 100 * MINUTE_MS });
  const a = await withLetters(s, 3);
  await s.clock.advance(79 * MINUTE_MS);
  expect(s.told('deadLettersAgeing')).toEqual([]);
  await s.clock.advance(3 * MINUTE_MS);
  expect(s.told('deadLettersAgeing')[0]?.message).toMatch(/3 dead letters of a are dropped within 20 minutes/);
  await s.clock.advance(17 * MINUTE_MS);
  expect(box(s).totals().count).toBe(3);
  await s.clock.advance(3 * MINUTE_MS);
  expect(box(s).totals()).toMatchObject({ count: 0, dropped: { room: 0, age: 3, person: 0 } });
  expect(s.told('deadLettersAgeing').length).toBe(1);
  expect(s.told('deadLettersDropped')).toMatchObject([{ dropped: 3 }]);
  expect([a.ledger().deadLettered.refused, a.verify()]).toEqual([3, 0]);
});

test('a clock that somebody sets two months ahead costs no dead letters', async () => {
  await using s = await TestStore.open();
  await withLetters(s, 3);
  s.clock.stepWall(60 * DAY_MS);
  await s.clock.advance(60 * MINUTE_MS);
  expect([box(s).totals().count, s.told('deadLettersAgeing').length]).toEqual([3, 0]);
});

test('what expired is listed with device and age, the last thousand of it', async () => {
  await using s = await TestStore.open();
  const a = await s.connection();
  await append(a, entries(1, 1200));
  const now = s.clock.now();
  const expired = (seq: number) => ({
    seq,
    outcome: { kind: 'expired' as const, reason: 'tooOld' as const, emittedAt: now - seq },
  });
  a.settle(Array.from({ length: 600 }, (_, i) => expired(i + 1)));
  await s.clock.advance(1000);
  a.settle(Array.from({ length: 600 }, (_, i) => expired(i + 601)));
  expect(s.store.expired('a', 2)).toEqual([
    { time: now + 1000, seq: 1200, device: entry(1200).device, reason: 'tooOld', ageMs: 2200 },
    { time: now + 1000, seq: 1199, device: entry(1199).device, reason: 'tooOld', ageMs: 2199 },
  ]);
  a.countLeftOut(1, [entry(9).device]);
  await s.reopen();
  const all = s.store.expired('a', 5000);
  expect([all.length, all[0], all.at(-1)?.seq]).toEqual([
    1000,
    { time: now + 1000, seq: null, device: entry(9).device, reason: 'journalFull', ageMs: 0 },
    202,
  ]);
  expect(s.store.expired('nobody', 10)).toEqual([]);
});

test('with its connection go the letters, the keys of replayed ones and the list of what expired', async () => {
  await using s = await TestStore.open();
  let a = await withLetters(s, 2);
  const letters = carried(a.deadLetters(2));
  await replay(a, a.deadLetters(1));
  a.countLeftOut(1, [null]);
  await a.close();
  await s.store.deleteConnection('a');
  a = await s.connection();
  expect([a.deadLetters(5), s.store.expired('a', 5), box(s).totals().count]).toEqual([[], [], 0]);
  expect(a.importDeadLetters(letters)).toMatchObject({ imported: 2 });
  expect(a.verify()).toBe(0);
});
