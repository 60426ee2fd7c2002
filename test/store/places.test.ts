// What was taken of a source that keeps its messages by itself, and what of it is settled: exact over kills.
import { expect, test } from 'vitest';
import type { PassedOver } from '../../src/domain/ports/broker.ts';
import type { ConnectionStore, JournalEntry } from '../../src/domain/ports/store.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { type Disk, realDisk } from '../../src/store/disk.ts';
import { DELIVERED, entries, TestStore } from './support.ts';

function entry(offset: number, partition = 1): JournalEntry {
  const message = { topic: 'up/key', payload: Buffer.from(`${offset}`), arrivedAt: 1, retain: false, device: null };
  return { ...message, partition, offset };
}

function append(store: ConnectionStore, entries: readonly JournalEntry[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const first = store.append(entries, (error) => (error === null ? resolve(first) : reject(error)));
  });
}

test('what is settled and what is not is known by offset, and survives a kill', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  const first = await append(before, [entry(10), entry(11), entry(13), entry(5, 2)]);
  expect(before.places.progress('up', 1)).toEqual({ position: 14, unsettled: [10, 11, 13] });
  before.settle([{ seq: first + 1, outcome: DELIVERED }]);
  expect(before.places.progress('up', 1)).toEqual({ position: 14, unsettled: [10, 13] });
  expect(before.places.progress('up', 2)).toEqual({ position: 6, unsettled: [5] });
  const after = await stores.kill();
  await after.places.ready();
  expect(after.places.progress('up', 1)).toEqual({ position: 14, unsettled: [10, 13] });
  expect(after.places.progress('up', 2)).toEqual({ position: 6, unsettled: [5] });
  expect(after.ledger()).toMatchObject({ received: 4, delivered: 1, pending: 3 });
  expect((await after.read(1, 10, 1e6)).map(({ topic, offset }) => [topic, offset])).toEqual([
    ['up/key', 10],
    ['up/key', 13],
    ['up/key', 5],
  ]);
});

test('records journalled after the last transaction are known as taken, though the position is behind them', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  const first = await append(before, [entry(0)]);
  before.settle([{ seq: first, outcome: DELIVERED }]);
  await append(before, [entry(1), entry(3)]);
  const after = await stores.kill();
  await after.places.ready();
  const taken = after.places.taken('up', 1);
  // As far as there is no gap the position is set forward.
  expect(taken?.position).toBe(2);
  expect([...(taken?.above ?? [])]).toEqual([3]);
  after.places.pass('up', 1, 4);
  expect(after.places.taken('up', 1)).toMatchObject({ position: 4, above: new Set() });
  expect(after.places.progress('up', 1)).toEqual({ position: 4, unsettled: [1, 3] });
});

test('what an earlier run journalled and this one has settled is known as taken by the next one, before any source has spoken', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  const first = await append(before, [entry(0)]);
  before.settle([{ seq: first, outcome: DELIVERED }]);
  const second = await append(before, [entry(1), entry(2)]);
  const between = await stores.kill();
  await between.places.ready();
  between.settle([second, second + 1].map((seq) => ({ seq, outcome: DELIVERED })));
  const after = await stores.kill();
  await after.places.ready();
  expect(after.places.taken('up', 1)?.position).toBe(3);
});

test.each([
  ['a number of 8 bytes', '\u0000\u0000\u0000\u0000\u0000\u0000\u0001\u0002'],
  ['what looks like a place', '\u00000:12345'],
  ['what looks like headers', '\u0000\u0000{"headers":[]}'],
  ['a NUL character at its end', 'key\u0000'],
])('records of earlier versions with a binary key keep their places over a kill: %s', async (_, key) => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  const headers = '{"headers":[{"name":"a","value":"b"}]}';
  const topic = `up/${key}`;
  const first = await append(before, [entry(0), { ...entry(7), topic }, { ...entry(8), topic, headers }]);
  before.settle([{ seq: first, outcome: DELIVERED }]);
  const after = await stores.kill();
  await after.places.ready();
  expect(after.places.progress('up', 1)).toEqual({ position: 9, unsettled: [7, 8] });
  expect(after.places.taken('up', 0)).toBe(null);
  const records = await after.read(1, 10, 1e6);
  expect(records.map(({ topic, offset, headers }) => [topic, offset, headers])).toEqual([
    [topic.replaceAll('\u0000', '\ufffd'), 7, undefined],
    [topic.replaceAll('\u0000', '\ufffd'), 8, headers],
  ]);
});

test('a topic that was made anew counts from its beginning', async () => {
  await using stores = await TestStore.open();
  const store = await stores.connection();
  await append(store, [entry(100)]);
  store.places.leap('up', 1, 0);
  await append(store, [entry(0), entry(1)]);
  expect(store.places.progress('up', 1)).toEqual({ position: 2, unsettled: [0, 1] });
});

test('a topic with another id counts from its beginning, whatever waits of the former one, also after kills', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  expect(before.places.identify('up', 'first')).toBe(null);
  const first = await append(before, [entry(0), entry(1), entry(5, 2)]);
  before.settle([{ seq: first, outcome: DELIVERED }]);
  // Journalled after the last transaction, as a kill may find it.
  await append(before, [entry(2)]);
  const between = await stores.kill();
  await between.places.ready();
  expect(between.places.identify('up', 'first')).toBe(null);
  expect(between.places.identify('other', 'any')).toBe(null);
  expect([...(between.places.identify('up', 'second') ?? [])]).toEqual([
    [1, 3],
    [2, 6],
  ]);
  expect(between.places.identify('up', 'second')).toBe(null);
  expect([between.places.taken('up', 1), between.places.taken('up', 2)]).toEqual([null, null]);
  await append(between, [entry(0)]);
  expect(between.places.progress('up', 1)).toEqual({ position: 1, unsettled: [0] });
  const after = await stores.kill();
  await after.places.ready();
  expect(after.places.identify('up', 'second')).toBe(null);
  // Those of the former topic wait still, and say nothing of this one.
  expect(after.ledger()).toMatchObject({ received: 5, pending: 4 });
  expect(after.places.progress('up', 1)).toEqual({ position: 1, unsettled: [0] });
  expect(after.places.taken('up', 1)).toMatchObject({ position: 1, above: new Set() });
  expect(after.places.taken('up', 2)).toBe(null);
});

test('an id that is told for the first time changes nothing', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  await append(before, [entry(7)]);
  expect(before.places.identify('up', 'first')).toBe(null);
  expect(before.places.progress('up', 1)).toEqual({ position: 8, unsettled: [7] });
});

const NO_MATCH: UplinkOutcome = Object.freeze({ kind: 'filtered', reason: 'noMatch' });
const REPORT: UplinkOutcome = Object.freeze({ kind: 'skipped', reason: 'report' });

function passed(noMatch: number, report: number, to: number): PassedOver {
  const counts = new Map([
    [NO_MATCH, noMatch],
    [REPORT, report],
  ]);
  return { counts, until: [{ topic: 'up', partition: 1, to }] };
}

function take(store: ConnectionStore, entries: readonly JournalEntry[], over: PassedOver): Promise<number> {
  return new Promise((resolve, reject) => {
    const first = store.append(entries, (error) => (error === null ? resolve(first) : reject(error)), over);
  });
}

test('what was passed over is counted as far as the place was saved, no more and no less, whenever a kill comes', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  await take(before, [entry(0)], passed(7, 2, 10));
  expect(before.ledger()).toMatchObject({ received: 10, pending: 1, filtered: { noMatch: 7 }, skipped: { report: 2 } });
  expect(before.verify()).toBe(0);
  // Nothing has saved it yet: its source reads it again.
  const second = await stores.kill();
  await second.places.ready();
  expect(second.places.taken('up', 1)?.position ?? 0).toBeLessThan(2);
  expect(second.ledger()).toMatchObject({ received: 1, pending: 1, filtered: {} });
  await take(second, [], passed(7, 2, 10));
  // Shown at once, also where nothing was journalled with it.
  expect(second.ledger()).toMatchObject({ received: 10, pending: 1, filtered: { noMatch: 7 }, skipped: { report: 2 } });
  // To be told where it stands is to have it saved: a group that was told would not give it again.
  expect(second.places.progress('up', 1)).toEqual({ position: 10, unsettled: [0] });
  const third = await stores.kill();
  await third.places.ready();
  expect(third.ledger()).toMatchObject({ received: 10, pending: 1, filtered: { noMatch: 7 }, skipped: { report: 2 } });
  expect(third.places.taken('up', 1)?.position).toBe(10);
  expect(third.verify()).toBe(0);
  // A settlement saves it along, also the very first.
  await new Promise<void>((resolve) => {
    const first = third.append(
      [entry(12)],
      () => {
        third.settle([{ seq: first, outcome: DELIVERED }]);
        resolve();
      },
      passed(3, 0, 14),
    );
  });
  const fourth = await stores.kill();
  await fourth.places.ready();
  expect(fourth.ledger()).toMatchObject({ received: 14, delivered: 1, pending: 1, filtered: { noMatch: 10 } });
  expect(fourth.verify()).toBe(0);
});

test('what was journalled last is known as taken also when it is settled as soon as the connection is open again', async () => {
  await using stores = await TestStore.open();
  const before = await stores.connection();
  // More than is read at once, so that the last ones are not found by the first reading.
  const first = await append(
    before,
    Array.from({ length: 1200 }, (_, at) => entry(at)),
  );
  before.settle([{ seq: first, outcome: DELIVERED }]);
  const last = await append(before, [entry(1200), entry(1205)]);
  const after = await stores.kill();
  after.settle([{ seq: last + 1, outcome: DELIVERED }]);
  await after.places.ready();
  const taken = after.places.taken('up', 1);
  expect([taken?.position, ...(taken?.above ?? [])]).toEqual([1201, 1205]);
  expect(after.places.progress('up', 1).unsettled).toEqual(Array.from({ length: 1200 }, (_, at) => at + 1));
});

test('a connection that is opened and closed again while its places are looked for leaves no file open', async () => {
  let open = 0;
  const disk: Disk = {
    ...realDisk,
    open: async (file) => {
      const opened = await realDisk.open(file);
      open += 1;
      return new Proxy(opened, {
        get(target, name) {
          if (name === 'close') open -= 1;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  await using s = await TestStore.open({ disk });
  const a = await s.connection();
  await append(a, entries(1, 2_000));
  await a.close();
  for (let times = 0; times < 10; times++) await (await s.connection()).close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(open).toBe(0);
});
