// The ledger's arithmetic, against a list of what happened to each message. The store's tests have the rest: when it is booked.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addLedgers, book, emptyLedger, imbalance, type Ledger, sumReasons } from '../../src/domain/ledger.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { booked } from '../../src/store/connection-tables.ts';

const COLUMNS = ['expired', 'filtered', 'skipped', 'deadLettered'] as const;
const OUTCOMES: readonly UplinkOutcome[] = [
  { kind: 'delivered' },
  { kind: 'expired', reason: 'tooOld' },
  { kind: 'expired', reason: 'journalFull' },
  { kind: 'filtered', reason: 'noMatch' },
  { kind: 'filtered', reason: 'legacyFormat' },
  { kind: 'skipped', reason: 'join' },
  { kind: 'skipped', reason: 'unknownDevice' },
  { kind: 'deadLettered', reason: 'refused', detail: { message: 'no' } },
  { kind: 'deadLettered', reason: 'storeDamaged', detail: { message: 'no' } },
];

/** The two of an event come to nothing. */
interface Entry {
  readonly into: 'received' | 'pending' | UplinkOutcome;
  readonly count: number;
}

function post(ledger: Ledger, { into, count }: Entry): void {
  if (typeof into === 'string') ledger[into] += count;
  else book(ledger, into, count);
}

const outcome = fc.constantFrom(...OUTCOMES);
type Event =
  | { readonly kind: 'receive'; readonly count: number }
  /** One of those that wait. */
  | { readonly kind: 'settle'; readonly which: number; readonly outcome: UplinkOutcome }
  /** Received and settled at once: left out, or of no concern. */
  | { readonly kind: 'pass'; readonly count: number; readonly outcome: UplinkOutcome };
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('receive' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat(), outcome }),
  fc.record({ kind: fc.constant('pass' as const), count: fc.integer({ min: 1, max: 9 }), outcome }),
);
const events = fc.array(event, { minLength: 1, maxLength: 150, size: 'max' });

interface Played {
  /** What became of each message; null: it waits. */
  readonly messages: readonly (UplinkOutcome | null)[];
  /** Of each event that happened. */
  readonly pairs: readonly (readonly [Entry, Entry])[];
}

function play(all: readonly Event[]): Played {
  const messages: (UplinkOutcome | null)[] = [];
  const pairs: [Entry, Entry][] = [];
  const waiting: number[] = [];
  for (const each of all) {
    if (each.kind === 'settle') {
      const [at] = waiting.splice(each.which % waiting.length, 1);
      if (at === undefined) continue;
      messages[at] = each.outcome;
      pairs.push([
        { into: 'pending', count: -1 },
        { into: each.outcome, count: 1 },
      ]);
    } else {
      const { kind, count } = each;
      for (let i = 0; i < count; i++) {
        if (kind === 'receive') waiting.push(messages.length);
        messages.push(kind === 'receive' ? null : each.outcome);
      }
      pairs.push([
        { into: 'received', count },
        { into: kind === 'receive' ? 'pending' : each.outcome, count },
      ]);
    }
  }
  return { messages, pairs };
}

const count = fc.oneof(fc.nat(9), fc.nat(1_000_000_000_000));
function columnOf<R extends string>(...reasons: R[]): fc.Arbitrary<Partial<Record<R, number>>> {
  return fc.dictionary(fc.constantFrom(...reasons), count) as fc.Arbitrary<Partial<Record<R, number>>>;
}
/** Any figures: also of ledgers that do not balance. */
const ledger: fc.Arbitrary<Ledger> = fc.record({
  received: count,
  delivered: count,
  pending: count,
  expired: columnOf('tooOld', 'journalFull'),
  filtered: columnOf('noMatch', 'legacyFormat'),
  skipped: columnOf('join', 'report', 'unknownDevice'),
  deadLettered: columnOf('refused', 'notJson', 'storeDamaged'),
});
const ledgers = fc.array(ledger, { maxLength: 6, size: 'max' });

test('whatever is received and settled once, in any order, balances, and each column has its messages', () => {
  const property = fc.property(events, (all) => {
    const { messages, pairs } = play(all);
    const kept = emptyLedger();
    for (const pair of pairs) {
      for (const entry of pair) post(kept, entry);
      expect(imbalance(kept)).toBe(0);
    }
    const settled = messages.filter((message) => message !== null);
    expect(kept.received).toBe(messages.length);
    expect(kept.pending).toBe(messages.length - settled.length);
    expect(kept.delivered).toBe(settled.filter(({ kind }) => kind === 'delivered').length);
    for (const column of COLUMNS) {
      const reasons = settled.flatMap((each) => (each.kind === column ? [each.reason] : []));
      expect(sumReasons(kept[column])).toBe(reasons.length);
      const byReason: Record<string, number> = {};
      for (const reason of reasons) byReason[reason] = (byReason[reason] ?? 0) + 1;
      expect(kept[column]).toEqual(byReason);
    }
  });
  fc.assert(property);
});

test('an entry that is missing, or made twice, is the imbalance; both entries of an event are not seen by it', () => {
  const property = fc.property(events, fc.nat(), fc.integer({ min: 0, max: 1 }), (all, which, side) => {
    const { pairs } = play(all);
    fc.pre(pairs.length > 0);
    const at = which % pairs.length;
    const pair = pairs[at] as readonly [Entry, Entry];
    const entry = pair[side] as Entry;
    const off = entry.into === 'received' ? entry.count : -entry.count;
    const balance = (instead: readonly Entry[]): number => {
      const kept = emptyLedger();
      for (const each of [...pairs.slice(0, at), instead, ...pairs.slice(at + 1)].flat()) post(kept, each);
      return imbalance(kept);
    };
    expect(balance(pair.filter((each) => each !== entry))).toBe(0 - off);
    expect(balance([...pair, entry])).toBe(off);
    // Why a ledger is also verified against the journal.
    expect(balance([])).toBe(0);
    expect(balance([...pair, ...pair])).toBe(0);
  });
  fc.assert(property);
});

test('outcomes that are booked come out of what waits, one by one or together, and the ledger before stays as it was', () => {
  const property = fc.property(ledger, fc.array(outcome, { maxLength: 60, size: 'max' }), (before, outcomes) => {
    const copy = structuredClone(before);
    const after = booked(before, outcomes);
    expect(before).toEqual(copy);
    expect(imbalance(after)).toBe(imbalance(before));
    expect(after.pending).toBe(before.pending - outcomes.length);
    for (const each of new Set(outcomes)) book(copy, each, outcomes.filter((one) => one === each).length);
    copy.pending -= outcomes.length;
    expect(after).toEqual(copy);
    expect(after).toEqual(outcomes.reduce((sum, one) => booked(sum, [one]), before));
  });
  fc.assert(property);
});

test('a sum of ledgers has each figure of each, in whatever order and groups, and changes none of them', () => {
  expect(addLedgers([])).toEqual(emptyLedger());
  const property = fc.property(ledgers, ledgers, ledger, (some, others, one) => {
    const given = structuredClone([some, others, one]);
    const all = [...some, ...others];
    const sum = addLedgers(all);
    for (const figure of ['received', 'delivered', 'pending'] as const) {
      expect(sum[figure]).toBe(all.reduce((total, each) => total + each[figure], 0));
    }
    for (const column of COLUMNS) {
      expect(sumReasons(sum[column])).toBe(all.reduce((total, each) => total + sumReasons(each[column]), 0));
    }
    expect(imbalance(sum)).toBe(all.reduce((total, each) => total + imbalance(each), 0));
    expect(addLedgers([...others, ...some])).toEqual(sum);
    expect(addLedgers([addLedgers(some), addLedgers(others)])).toEqual(sum);
    expect(addLedgers([one])).toEqual(one);
    expect(addLedgers([emptyLedger(), one])).toEqual(one);
    expect(addLedgers([one, emptyLedger()])).toEqual(one);
    // The sum is the caller's own.
    for (const each of OUTCOMES) book(addLedgers([one]), each);
    expect([some, others, one]).toEqual(given);
  });
  fc.assert(property);
});

test('a reason without a count is none', () => {
  expect(sumReasons({ tooOld: undefined, journalFull: 2 })).toBe(2);
  expect(sumReasons({})).toBe(0);
});
