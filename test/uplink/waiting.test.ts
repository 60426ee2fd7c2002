import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ITEM_BYTES, type Item, type TakeLimits, WaitingRoom } from '../../src/uplink/waiting.ts';

function item(seq: number, device: string, extra: Partial<Item> = {}): Item {
  return { seq, device, records: ['{}'], bytes: 2, emittedAt: seq, arrivedAt: seq, late: false, attempts: 0, ...extra };
}

function limits(maxRecords: number, extra: Partial<TakeLimits> = {}): TakeLimits {
  return { maxRecords, maxBytes: 1e9, admit: () => 'send', isTooOld: () => false, ...extra };
}

const seqs = (items: readonly Item[]) => items.map((each) => each.seq);

describe('the waiting room', () => {
  it('makes one batch of a thousand devices with one uplink each', () => {
    const room = new WaitingRoom();
    for (let i = 1; i <= 1000; i++) room.push(item(i, `device-${i}`));
    expect(room.take(limits(5000)).items).toHaveLength(1000);
    expect(room.hasReady).toBe(false);
  });

  it('keeps a device out of further batches until its batch is final', () => {
    const room = new WaitingRoom();
    room.push(item(1, 'a'));
    const [first] = room.take(limits(10)).items;
    room.push(item(2, 'a'));
    expect(room.take(limits(10)).items).toEqual([]);
    room.finish(first as Item);
    expect(seqs(room.take(limits(10)).items)).toEqual([2]);
  });

  it('puts an unanswered batch back in front of its devices', () => {
    const room = new WaitingRoom();
    for (const seq of [1, 2, 3]) room.push(item(seq, 'a'));
    room.putBack(room.take(limits(2)).items);
    expect(seqs(room.take(limits(10)).items)).toEqual([1, 2, 3]);
  });

  it('gives half of a batch to devices without a backlog, the other half to the longest waiting', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 100; seq++) room.push(item(seq, `late-${seq % 5}`, { late: true }));
    for (let seq = 101; seq <= 200; seq++) room.push(item(seq, `fresh-${seq}`));
    const { items } = room.take(limits(20));
    expect(items).toHaveLength(20);
    expect(items.filter((each) => !each.late)).toHaveLength(10);
    expect(items.filter((each) => each.late)[0]?.seq).toBe(1);
  });

  it('takes what waits at the end of an outage as a backlog, which does not hold up a device without one', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 100; seq++) room.push(item(seq, `d${seq % 30}`));
    room.push(item(101, 'quiet', { arrivedAt: 600_000 }));
    room.markBacklog(620_000);
    room.push(item(102, 'other', { arrivedAt: 620_000 }));
    expect(seqs(room.take(limits(4)).items)).toEqual([101, 102, 1, 31]);
  });

  it('takes several uplinks of a device as a backlog after the shortest of outages, one alone not', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 100; seq++) room.push(item(seq, `d${seq % 20}`, { arrivedAt: 600_000 }));
    room.push(item(101, 'quiet', { arrivedAt: 600_000 }));
    const [trial] = room.take(limits(1)).items as [Item];
    room.markBacklog(610_000);
    room.finish(trial);
    room.push(item(102, 'other', { arrivedAt: 610_000 }));
    const { items } = room.take(limits(10));
    expect(seqs(items)).toEqual([101, 102, 2, 22, 42, 62, 82, 3, 23, 43]);
    for (const each of items) room.finish(each);
    // What comes after it is none.
    room.push(item(103, 'd2', { arrivedAt: 620_000 }));
    expect(seqs(room.take(limits(2)).items)[0]).toBe(103);
  });

  it('gives devices their turns, so that a burst of some does not hold up another', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 100; seq++) room.push(item(seq, `d${seq % 2}`));
    room.push(item(101, 'quiet'));
    const batches = [1, 2, 3].map(() => room.take(limits(10)).items);
    for (const batch of batches) for (const each of batch) room.finish(each);
    expect(batches.flatMap(seqs)).toContain(101);
  });

  it('lets neither side starve where a batch has one record', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 10; seq++) room.push(item(seq, `late-${seq}`, { late: true }));
    for (let seq = 11; seq <= 20; seq++) room.push(item(seq, `fresh-${seq}`));
    const first = Array.from({ length: 10 }, () => room.take(limits(1)).items[0]);
    expect(first.filter((each) => each?.late)).toHaveLength(5);
  });

  it('fills a batch from one side when the other has nothing', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 100; seq++) room.push(item(seq, `late-${seq}`, { late: true }));
    expect(room.take(limits(50)).items).toHaveLength(50);
  });

  it('drops uplinks that became too old before their first send, and only those', () => {
    const room = new WaitingRoom();
    for (const seq of [1, 2, 3]) room.push(item(seq, 'a'));
    room.putBack(room.take(limits(1)).items);
    const { items, expired } = room.take(limits(10, { isTooOld: (each) => each.seq < 3 }));
    expect(seqs(items)).toEqual([1]);
    expect(expired).toEqual([]);
    room.finish(items[0] as Item);
    const next = room.take(limits(10, { isTooOld: (each) => each.seq < 3 }));
    expect(seqs(next.expired)).toEqual([2]);
    expect(seqs(next.items)).toEqual([3]);
  });

  it('parks a device until it is released, and gives its uplinks back when evicted', () => {
    const room = new WaitingRoom();
    room.push(item(1, 'a'));
    room.push(item(2, 'b'));
    expect(seqs(room.take(limits(10, { admit: (device) => (device === 'a' ? 'park' : 'send') })).items)).toEqual([2]);
    expect(room.hasReady).toBe(false);
    room.release('a');
    expect(room.take(limits(10, { admit: () => 'park' })).items).toEqual([]);
    expect(seqs(room.evict('a'))).toEqual([1]);
    expect(room.has('a')).toBe(false);
  });

  it('lets an uplink that is larger than the limits go alone', () => {
    const room = new WaitingRoom();
    room.push(item(1, 'a', { bytes: 5000 }));
    room.push(item(2, 'b'));
    expect(seqs(room.take(limits(10, { maxBytes: 100 })).items)).toEqual([1]);
    expect(seqs(room.take(limits(10, { maxBytes: 100 })).items)).toEqual([2]);
  });

  it('counts for the window what an uplink takes beside its records, which is nothing to a batch', () => {
    const room = new WaitingRoom();
    for (let seq = 1; seq <= 3; seq++) room.push(item(seq, `d${seq}`, { bytes: 90 }));
    expect(room.bytes).toBe(3 * (90 + ITEM_BYTES));
    const { items } = room.take(limits(10, { maxBytes: 2 * 91 }));
    expect(seqs(items)).toEqual([1, 2]);
    room.finish(items[0] as Item);
    expect(room.bytes).toBe(2 * (90 + ITEM_BYTES));
    room.putBack(items.slice(1), 'park');
    room.evict('d2');
    expect(room.bytes).toBe(90 + ITEM_BYTES);
  });

  it('counts what could go without what is parked', () => {
    const room = new WaitingRoom();
    for (const seq of [1, 2, 3]) room.push(item(seq, seq === 3 ? 'b' : 'a'));
    expect(room.readyCount).toBe(3);
    room.take(limits(1, { admit: (device) => (device === 'a' ? 'park' : 'send') }));
    expect(room.readyCount).toBe(0);
    room.markBacklog(1e9);
    room.release('a');
    expect(room.readyCount).toBe(2);
  });

  it('keeps the order per device, loses nothing and overfills no batch, whatever is pushed, taken, finished and put back', () => {
    const room = { maxRecords: fc.integer({ min: 1, max: 12 }), maxBytes: fc.integer({ min: 1, max: 1000 }) };
    const push = fc.record({
      kind: fc.constant('push' as const),
      device: fc.integer({ min: 0, max: 5 }),
      late: fc.boolean(),
      /** Of its records. */
      bytes: fc.array(fc.integer({ min: 2, max: 120 }), { minLength: 1, maxLength: 4, size: 'max' }),
    });
    const step = fc.oneof(
      { weight: 3, arbitrary: push },
      // Too old is what came more than `maxAge` uplinks before the last one.
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), ...room, maxAge: fc.nat(60) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('finish', 'putBack'), batch: fc.nat(3) }) },
    );
    const met = { alone: 0, full: 0 };
    /** Its body has a comma behind each uplink. What is larger than the limits by itself goes, but alone. */
    const isWithin = (items: readonly Item[], { maxRecords, maxBytes }: TakeLimits): boolean => {
      const records = items.reduce((sum, each) => sum + each.records.length, 0);
      const bytes = items.reduce((sum, each) => sum + each.bytes + 1, 0);
      const within = records <= maxRecords && bytes <= maxBytes;
      if (within && items.length > 1) met.full += 1;
      if (!within && items.length === 1) met.alone += 1;
      return within || items.length === 1;
    };
    // Without a size of its own fast-check draws ten steps at most, whatever `maxLength` allows.
    const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.record(room), (steps, atLast) => {
      const room = new WaitingRoom();
      const flying: (readonly Item[])[] = [];
      const done: Item[] = [];
      let seq = 0;
      const finish = (batch: readonly Item[]): void => {
        for (const final of batch) {
          room.finish(final);
          done.push(final);
        }
      };
      const take = (most: { maxRecords: number; maxBytes: number }, tooOld = 0): readonly Item[] => {
        const given = limits(most.maxRecords, { maxBytes: most.maxBytes, isTooOld: (each) => each.seq <= tooOld });
        const couldTake = room.hasReady;
        const { items, expired } = room.take(given);
        expect(isWithin(items, given)).toBe(true);
        // Whatever the limits are, something goes: else the line would stand still.
        expect(items.length + expired.length > 0).toBe(couldTake);
        for (const each of expired) expect([each.seq <= tooOld, each.attempts]).toEqual([true, 0]);
        done.push(...expired);
        return items;
      };
      for (const each of steps) {
        if (each.kind === 'push') {
          seq += 1;
          const records = each.bytes.map((bytes) => 'x'.repeat(bytes));
          const bytes = each.bytes.reduce((sum, one) => sum + one, 0);
          room.push(item(seq, `d${each.device}`, { late: each.late, records, bytes }));
        } else if (each.kind === 'take') {
          const items = take(each, seq - each.maxAge);
          if (items.length > 0) flying.push(items);
        } else {
          const [batch] = flying.splice(each.batch % Math.max(1, flying.length), 1);
          if (batch === undefined) continue;
          if (each.kind === 'putBack') room.putBack(batch);
          else finish(batch);
        }
        // A device with something in a batch has nothing that could go.
        const busy = new Set(flying.flat().map(({ device }) => device));
        const couldGo = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5'].filter((device) => !busy.has(device));
        const waiting = couldGo.map((device) => room.whereabouts(device).length);
        expect(room.readyCount).toBe(waiting.reduce((sum, count) => sum + count, 0));
      }
      for (const batch of flying) room.putBack(batch);
      while (room.hasReady) finish(take(atLast));
      expect(done.map((each) => each.seq).sort((a, b) => a - b)).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
      expect([room.count, room.bytes, room.readyCount]).toEqual([0, 0, 0]);
      const last = new Map<string, number>();
      for (const each of done) {
        expect(each.seq).toBeGreaterThan(last.get(each.device) ?? 0);
        last.set(each.device, each.seq);
      }
    });
    fc.assert(property, { numRuns: 200 });
    // Both happened: batches of several within the limits, and what is larger than they are.
    expect(Math.min(met.alone, met.full)).toBeGreaterThan(0);
  });
});
