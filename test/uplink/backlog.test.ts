// What waits in the journal alone: read back in the journal's order, per device before anything newer of it.
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConnectionStore, JournalRecord } from '../../src/domain/ports/store.ts';
import { Backlog } from '../../src/uplink/backlog.ts';
import { HeldDevices } from '../../src/uplink/held-devices.ts';
import type { UplinkTrace } from '../../src/uplink/trail.ts';
import { UnreadCounts } from '../../src/uplink/unread-counts.ts';
import { ITEM_BYTES } from '../../src/uplink/waiting.ts';
import { append, entries, passTime, TestStore } from '../store/support.ts';
import { modelLine } from '../support/model-line.ts';
import { modelProject } from '../support/model-project.ts';

/** A journal of unsettled messages; reading answers when `answer` is called, with what there was when it was asked. */
class ModelJournal {
  readonly #records: JournalRecord[] = [];
  readonly #settled = new Set<number>();
  readonly #asked: (() => void)[] = [];

  get lastSeq(): number {
    return this.#records.length;
  }

  append(device: string, payloadBytes = 2): number {
    const seq = this.#records.length + 1;
    const payload = Buffer.alloc(payloadBytes);
    this.#records.push({ seq, device, topic: 't', payload, arrivedAt: 0, retain: false });
    return seq;
  }

  settle(seq: number): void {
    this.#settled.add(seq);
  }

  forEachUnsettled(visit: (seq: number, device: string | null, arrivedAt: number) => void): void {
    for (const { seq, device } of this.#records) if (!this.#settled.has(seq)) visit(seq, device, 0);
  }

  read(fromSeq: number, maxRecords: number, maxBytes: number): Promise<readonly JournalRecord[]> {
    const found: JournalRecord[] = [];
    let bytes = 0;
    for (const record of this.#records.slice(fromSeq - 1)) {
      if (found.length === maxRecords) break;
      if (this.#settled.has(record.seq)) continue;
      bytes += record.payload.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push(record);
    }
    return new Promise((resolve) => this.#asked.push(() => resolve(found)));
  }

  answer(): void {
    this.#asked.shift()?.();
  }
}

test('a hold that ends while newer messages of the device are being read does not let them overtake', async () => {
  const journal = new ModelJournal();
  const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes: 1e6, maxItems: 1000 });
  backlog.hold('A');
  // More of it than one turn of reading: the second turn is under way when the hold ends.
  for (let n = 0; n < 501; n++) backlog.leave(journal.append('A'), 'A');
  const read = async (): Promise<readonly number[]> => {
    const reading = backlog.read(0, 0);
    journal.answer();
    return (await reading).records.map(({ seq }) => seq);
  };
  expect(await read()).toEqual([]);
  const under = backlog.read(0, 0);
  backlog.unhold(['A'], false);
  journal.answer();
  const loaded = [...(await under).records.map(({ seq }) => seq), ...(await read()), ...(await read())];
  expect(loaded).toEqual(Array.from({ length: 501 }, (_, index) => index + 1));
  expect(backlog.unread).toBe(0);
});

test('what is settled while it is being read is not sent again', async () => {
  const journal = new ModelJournal();
  const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes: 1e6, maxItems: 1000 });
  const inMemory = journal.append('A');
  expect(backlog.admit(inMemory, 'A', 0, 0, false)).toBe(true);
  const left = journal.append('B');
  backlog.leave(left, 'B');
  backlog.scan();
  // The hold of an older message made reading go back before what is in memory.
  backlog.leave(inMemory, null);
  const reading = backlog.read(0, 0);
  backlog.settled(inMemory);
  journal.answer();
  expect((await reading).records.map(({ seq }) => seq)).toEqual([left]);
});

test.each([2, 300, 3_000])(
  'reading back %i bytes each leaves the share of devices without a backlog free',
  async (length) => {
    const journal = new ModelJournal();
    for (let n = 0; n < 400; n++) journal.append('A', length);
    // In memory, where what is made of a message is as large as it.
    const size = ITEM_BYTES + length;
    const read = async (maxBytes: number, maxItems: number, waiting: number, isLarge = true): Promise<number> => {
      const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes, maxItems });
      backlog.scan();
      const reading = backlog.read(waiting * size, waiting);
      journal.answer();
      const count = (await reading).records.length;
      expect(backlog.admit(401, 'B', (waiting + count) * size, waiting + count, false)).toBe(isLarge);
      return count;
    };
    expect(await read(100 * size, 1000, 30)).toBe(45);
    expect(await read(1e7, 100, 30)).toBe(45);
    // A window that is smaller than a message still takes one at a time.
    expect(await read(1, 1000, 0, false)).toBe(1);
  },
);

test('what there was no room for when it was read comes next', async () => {
  const journal = new ModelJournal();
  for (let n = 0; n < 100; n++) journal.append('A', 100 + (n % 7) * 300);
  const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes: 20_000, maxItems: 1000 });
  backlog.scan();
  const seqs: number[] = [];
  for (let turn = 0; turn < 100 && backlog.unread > 0; turn++) {
    const reading = backlog.read(0, 0);
    journal.answer();
    const { records } = await reading;
    expect(records.reduce((sum, { payload }) => sum + ITEM_BYTES + payload.length, 0)).toBeLessThanOrEqual(15_000);
    seqs.push(...records.map(({ seq }) => seq));
  }
  expect(seqs).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
});

test('who is held beyond the number that is named is let go with all of those', async () => {
  const journal = new ModelJournal();
  const held = new HeldDevices(1, 2 ** 16);
  const limits = { maxBytes: 1e6, maxItems: 1000 };
  const backlog = new Backlog(journal as unknown as ConnectionStore, limits, new UnreadCounts(), held);
  expect(['A', 'B'].map((device) => backlog.hold(device))).toEqual([true, false]);
  for (const device of ['A', 'B', 'C']) backlog.leave(journal.append(device), device);
  const read = async (): Promise<readonly (string | null)[]> => {
    const reading = backlog.read(0, 0);
    journal.answer();
    return (await reading).records.map(({ device }) => device);
  };
  expect(await read()).toEqual(['C']);
  backlog.unhold(['A', 'B'], false);
  expect([await read(), backlog.heldDevices]).toEqual([['A'], 1]);
  backlog.unhold([], true);
  expect([await read(), backlog.heldDevices, backlog.unread]).toEqual([['B'], 0, 0]);
});

test('a device that is taken for one that waits is not forgotten: each uplink is loaded once, per device in order', async () => {
  const device = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F');
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('arrive' as const), device, fits: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), arriving: fc.array(device) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), device }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unhold' as const), device, andOthers: fc.boolean() }) },
  );
  const steps = fc.array(step, { maxLength: 120, size: 'max' });
  const bound = fc.integer({ min: 0, max: 3 });
  const property = fc.asyncProperty(
    steps,
    bound,
    bound,
    fc.constantFrom(1, 2, 64),
    async (todo, exact, named, size) => {
      const journal = new ModelJournal();
      const backlog = new Backlog(
        journal as unknown as ConnectionStore,
        { maxBytes: 4 * ITEM_BYTES, maxItems: 1000 },
        new UnreadCounts(exact, size),
        new HeldDevices(named, 8 * size),
      );
      const loaded: { seq: number; device: string | null }[] = [];
      const load = (seq: number, each: string | null): void => {
        loaded.push({ seq, device: each });
        journal.settle(seq);
        backlog.settled(seq);
      };
      const arrive = (each: string, fits: boolean): void => {
        const seq = journal.append(each);
        if (backlog.admit(seq, each, fits ? 0 : 4 * ITEM_BYTES, 0, false)) load(seq, each);
      };
      const read = async (arriving: readonly string[]): Promise<void> => {
        if (!backlog.wantsReading(0, 0, 0, 1)) return;
        const reading = backlog.read(0, 0);
        for (const each of arriving) arrive(each, true);
        journal.answer();
        for (const { seq, device: each } of (await reading).records) load(seq, each);
      };
      for (const each of todo) {
        if (each.kind === 'arrive') arrive(each.device, each.fits);
        else if (each.kind === 'read') await read(each.arriving);
        else if (each.kind === 'hold') backlog.hold(each.device);
        else backlog.unhold([each.device], each.andOthers);
      }
      backlog.unholdAll();
      for (let n = 0; n <= journal.lastSeq; n++) await read([]);
      expect([backlog.unread, backlog.heldDevices]).toEqual([0, 0]);
      expect(loaded.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(
        Array.from({ length: journal.lastSeq }, (_, n) => n + 1),
      );
      for (const name of ['A', 'B', 'C', 'D', 'E', 'F']) {
        const own = loaded.filter((each) => each.device === name).map(({ seq }) => seq);
        expect(own).toEqual([...own].sort((a, b) => a - b));
        expect(backlog.unreadOf(name)).toBe(0);
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

test('damaged records leave the backlog, are heard of by who follows, and are settled again after a refusal', async () => {
  await using s = await TestStore.open();
  const before = await s.connection();
  const list = entries(1, 20).map((each, i) => ({ ...each, payload: Buffer.from(`${each.device} r${i + 1}`) }));
  for (let n = 0; n < 20; n += 5) await append(before, list.slice(n, n + 5));
  const store = await s.kill((dataDir) => {
    const file = path.join(dataDir, 'journals', 'a', s.segments()[0] as string);
    const bytes = fs.readFileSync(file);
    for (const { payload } of [list[4], list[5], list[14]] as typeof list) {
      const at = bytes.indexOf(payload);
      bytes[at] = (bytes[at] as number) ^ 0xff;
    }
    fs.writeFileSync(file, bytes);
  });
  // The disk refuses once what has to be settled.
  const settle = store.settle.bind(store);
  let refusals = 0;
  store.settle = (settlements) => {
    if (refusals === 0 && settlements.some(({ outcome }) => outcome.kind === 'deadLettered')) {
      refusals += 1;
      throw new Error('disk full');
    }
    settle(settlements);
  };
  const { flow } = modelLine(s.clock, { store });
  const traces: UplinkTrace[] = [];
  flow.follow((trace) => traces.push(trace));
  expect(flow.waiting.count).toBe(20);
  const project = modelProject({});
  flow.open(project);
  await passTime(s.clock, () => store.ledger().pending === 0);
  expect(refusals).toBe(1);
  expect(flow.waiting.count).toBe(0);
  expect(project.accepted).toHaveLength(17);
  expect(store.ledger()).toMatchObject({ received: 20, delivered: 17, deadLettered: { storeDamaged: 3 } });
  const dead = traces.filter(({ outcome }) => outcome.kind === 'deadLettered');
  expect(dead.map(({ seq, device }) => [seq, device])).toEqual([5, 6, 15].map((seq) => [seq, list[seq - 1]?.device]));
  expect(s.told('journalDamaged').map((each) => 'lost' in each && each.lost)).toEqual([3]);
  expect(store.verify()).toBe(0);
  await flow.stop(AbortSignal.timeout(1_000));
});
