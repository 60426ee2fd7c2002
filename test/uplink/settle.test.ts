// Final words that the store refuses: kept in order, tried in smaller and smaller slices, and never in anybody's way.
import { describe, expect, test } from 'vitest';
import type { Settlement } from '../../src/domain/ports/store.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { Settler } from '../../src/uplink/settle.ts';
import { ManualClock, settle as turns } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { modelProject } from '../support/model-project.ts';

const KIB = 1024;
const DELIVERED: UplinkOutcome = { kind: 'delivered' };
const FILTERED: UplinkOutcome = { kind: 'filtered', reason: 'noMatch' };
const UNREADABLE: UplinkOutcome = { kind: 'deadLettered', reason: 'notJson', detail: { message: 'no JSON' } };

/** Refuses what is larger than its room, as a disk does. */
class Store {
  /** Bytes that one transaction may have; negative: the database refuses whatever it is. */
  room = Number.POSITIVE_INFINITY;
  letterBytes = KIB;
  readonly transactions: (readonly Settlement[])[] = [];
  tries = 0;
  onTry = (): void => {};

  bytesOf(): number {
    return this.letterBytes;
  }

  settle(settlements: readonly Settlement[]): void {
    this.tries += 1;
    this.onTry();
    if (this.room < 0 || this.sizeOf(settlements) > this.room) throw new Error('database or disk is full');
    this.transactions.push(settlements);
  }

  sizeOf(settlements: readonly Settlement[]): number {
    return settlements.filter(({ outcome }) => outcome.kind === 'deadLettered').length * this.letterBytes;
  }

  get seqs(): number[] {
    return this.transactions.flat().map(({ seq }) => seq);
  }
}

function setUp() {
  const store = new Store();
  const clock = new ManualClock();
  const told: number[] = [];
  const settler = new Settler(store, clock, (settled) => told.push(...settled.map(({ seq }) => seq)));
  const add = (from: number, count: number, outcome: UplinkOutcome): void => {
    for (let seq = from; seq < from + count; seq++) settler.add(seq, outcome);
  };
  return { store, clock, told, settler, add };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('Settler', () => {
  test('writes what one refusal after another has gathered in slices, in order, and at once when the store takes it', async () => {
    const { store, clock, told, settler, add } = setUp();
    store.room = -1;
    for (let second = 0; second < 9; second++) {
      add(1 + second * 1000, 1000, FILTERED);
      await clock.advance(1000);
    }
    expect(settler.isBlocked).toBe(true);
    const { tries } = store;
    await clock.advance(60_000);
    // Once a second: one alone.
    expect(store.tries - tries).toBe(60);
    store.room = 0;
    await clock.advance(1000);
    expect(store.seqs).toEqual(upTo(9000));
    expect(told).toEqual(upTo(9000));
    expect(Math.max(...store.transactions.map(({ length }) => length))).toBe(2000);
    expect(settler.isBlocked).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test('reads half a mebibyte of dead letters for one transaction, and leaves the others a turn after a few', async () => {
    const { store, clock, add } = setUp();
    store.letterBytes = 200 * KIB;
    store.room = -1;
    add(1, 100, UNREADABLE);
    await clock.advance(1000);
    store.room = Number.POSITIVE_INFINITY;
    let inOneTurn = 0;
    let most = 0;
    store.onTry = () => {
      if (inOneTurn === 0) setImmediate(() => (inOneTurn = 0));
      inOneTurn += 1;
      most = Math.max(most, inOneTurn);
    };
    await clock.advance(1000);
    expect(store.seqs.sort((a, b) => a - b)).toEqual(upTo(100));
    expect(Math.max(...store.transactions.map((settled) => store.sizeOf(settled)))).toBe(400 * KIB);
    expect(most).toBe(4);

    // Where nothing was refused either.
    add(101, 100, UNREADABLE);
    await clock.advance(10);
    expect(store.seqs.slice(100)).toEqual(upTo(200).slice(100));
    expect(Math.max(...store.transactions.map((settled) => store.sizeOf(settled)))).toBe(400 * KIB);
    expect(most).toBe(4);
  });

  test('a dead letter that is larger than that goes alone', async () => {
    const { store, clock, add } = setUp();
    store.letterBytes = 900 * KIB;
    add(1, 3, UNREADABLE);
    await clock.advance(10);
    expect(store.transactions.map(({ length }) => length)).toEqual([1, 1, 1]);
  });

  test('what needs hardly any room is not held up behind dead letters that find none', async () => {
    const { store, clock, settler, add } = setUp();
    store.room = 10;
    add(1, 500, UNREADABLE);
    add(501, 700, DELIVERED);
    await clock.advance(10);
    expect(store.seqs).toEqual(upTo(1200).slice(500));
    expect(settler.isBlocked).toBe(false);

    // Later ones neither, and the dead letters are not tried with each of them.
    const { tries } = store;
    for (let seq = 1201; seq <= 1250; seq++) {
      settler.add(seq, seq % 2 === 0 ? UNREADABLE : DELIVERED);
      settler.flush();
    }
    expect(store.seqs.length).toBe(725);
    expect(store.tries - tries).toBe(25);

    // A small room takes them one by one, a large one at once.
    store.room = KIB;
    await clock.advance(3000);
    expect(store.seqs.length).toBeGreaterThan(725);
    store.room = Number.POSITIVE_INFINITY;
    await clock.advance(1000);
    expect(store.seqs.sort((a, b) => a - b)).toEqual(upTo(1250));
    expect(settler.heldShare).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('one dead letter that can never be written holds up no other', async () => {
    const { store, clock, settler, add } = setUp();
    const settleAll = store.settle.bind(store);
    store.settle = (settlements) => {
      if (settlements.some(({ seq }) => seq === 2)) throw new Error('EIO: i/o error, read');
      settleAll(settlements);
    };
    add(1, 40, UNREADABLE);
    await clock.advance(5000);
    expect(store.seqs.sort((a, b) => a - b)).toEqual([1, ...upTo(40).slice(2)]);
    expect(settler.heldShare).toBeGreaterThan(0);
    expect(settler.isBlocked).toBe(false);
  });

  test('a refusal that has made room (the reserve) is followed by another try at once', async () => {
    const { store, clock, told, add } = setUp();
    store.onTry = () => {
      store.room = store.tries === 1 ? -1 : 0;
    };
    add(1, 10, DELIVERED);
    await clock.advance(10);
    expect(told).toEqual(upTo(10));
  });

  test('a line that stops tries again, for a while', async () => {
    const { store, settler, add, clock } = setUp();
    store.room = 10;
    add(1, 300, UNREADABLE);
    add(301, 9000, DELIVERED);
    store.onTry = () => {
      store.room = store.tries % 3 === 0 ? -1 : 10;
    };
    settler.stop();
    expect(store.seqs.sort((a, b) => a - b)).toEqual(upTo(9300).slice(300));
    expect(clock.pendingTimers).toBe(0);

    const refusing = setUp();
    refusing.store.room = -1;
    refusing.add(1, 5000, DELIVERED);
    refusing.settler.stop();
    expect(refusing.store.tries).toBeLessThan(30);
    expect(refusing.clock.pendingTimers).toBe(0);
  });
});

describe('A line whose store refuses', () => {
  test('takes no more once ten thousand final words wait, and takes again when they are written', async () => {
    const clock = new ManualClock();
    const { flow, store, publish } = modelLine(clock);
    const settleAll = store.settle.bind(store);
    store.settle = () => {
      throw new Error('database is locked');
    };
    const joins = Array.from({ length: 1000 }, (_, i) => `d${i} join`);
    for (let n = 0; n < 9; n++) publish(...joins);
    await clock.advance(2000);
    expect(flow.hasRoom).toBe(true);
    publish(...joins);
    await clock.advance(2000);
    expect(flow.hasRoom).toBe(false);
    const refused: (Error | null)[] = [];
    flow.onMessages([], (error) => refused.push(error));
    expect(refused).toEqual([expect.any(Error)]);
    store.settle = settleAll;
    await clock.advance(1010);
    expect(store.settled.length).toBe(10_000);
    expect(flow.hasRoom).toBe(true);
    await flow.stop(AbortSignal.abort());
  });

  test('sends on while it is only dead letters that find no room', async () => {
    const clock = new ManualClock();
    const project = modelProject({
      judge: (records) =>
        records.includes('r1')
          ? {
              kind: 'refused',
              unknownDevice: false,
              hint: null,
              answer: { status: 400, hereErrorCode: null, message: 'no', requestId: '' },
            }
          : null,
    });
    const { flow, store, publish } = modelLine(clock);
    const settleAll = store.settle.bind(store);
    store.settle = (settlements = []) => {
      if (settlements.some(({ outcome }) => outcome.kind === 'deadLettered')) throw new Error('disk is full');
      settleAll(settlements);
    };
    flow.open(project);
    publish('d1 r1');
    await clock.advance(100);
    publish('d2 r2', 'd3 r3');
    await clock.advance(100);
    await turns();
    expect(project.accepted.sort()).toEqual(['r2', 'r3']);
    expect(store.settled.map(({ seq }) => seq).sort()).toEqual([2, 3]);
    store.settle = settleAll;
    await clock.advance(1000);
    expect(store.settled.map(({ seq }) => seq).sort()).toEqual([1, 2, 3]);
    await flow.stop(AbortSignal.abort());
  });
});
