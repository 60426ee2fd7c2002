import { expect, test } from 'vitest';
import { LedgerWatch } from '../../src/connections/ledger-watch.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { emptyLedger } from '../../src/domain/ledger.ts';

function watch() {
  const told: NewEvent[] = [];
  const state = { off: 0, fails: false, verified: 0, ledger: emptyLedger() };
  const store = {
    ledger: () => state.ledger,
    verify: () => {
      state.verified += 1;
      if (state.fails) throw new Error('database disk image is malformed');
      return state.off;
    },
  };
  const published: number[] = [];
  const setLedger = (_id: string, _ledger: unknown, off: number): void => void published.push(off);
  const sink = { setLedger, setStatus() {}, clear() {} };
  const ledgerWatch = new LedgerWatch('a', { emit: (event) => told.push(event) }, sink);
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) ledgerWatch.look(store);
  };
  /** As the store does: another object when something was booked. */
  const book = (): void => {
    state.ledger = { ...state.ledger, received: state.ledger.received + 1, delivered: state.ledger.delivered + 1 };
  };
  return { told, state, look, book, shownOff: () => published.at(-1) };
}

test('the ledger is verified at the first look and once a minute, against what is on the disk', () => {
  const { told, state, look } = watch();
  look(1);
  expect(state.verified).toBe(1);
  look(59);
  expect(state.verified).toBe(1);
  look(1);
  expect(state.verified).toBe(2);
  expect(told).toEqual([]);
});

test('it is verified at each look before which something was booked', () => {
  const { told, state, look, book } = watch();
  look(1);
  for (let looks = 0; looks < 10; looks += 1) {
    book();
    look(1);
  }
  expect(state.verified).toBe(11);
  look(9);
  expect(state.verified).toBe(11);
  book();
  state.off = 1;
  look(1);
  expect(told).toMatchObject([{ kind: 'ledgerImbalance', severity: 'error' }]);
});

test('what is off is shown until it is over, be it in the columns or against the disk', () => {
  const { state, look, book, shownOff } = watch();
  look(1);
  expect(shownOff()).toBe(0);
  state.off = 3;
  look(60);
  expect(shownOff()).toBe(3);
  look(1);
  expect(shownOff()).toBe(3);
  state.off = 0;
  book();
  look(1);
  expect(shownOff()).toBe(0);
  state.ledger = { ...state.ledger, received: 0 };
  look(1);
  expect(shownOff()).toBe(0);
  look(1);
  expect(shownOff()).toBe(1);
});

test('what is off is an alarm, once, and so is that it is over', () => {
  const { told, state, look } = watch();
  state.off = 3;
  look(200);
  expect(told).toMatchObject([{ kind: 'ledgerImbalance', severity: 'error', connectionId: 'a' }]);
  expect(told[0]?.message).toMatch(/differ by 3/);
  state.off = 4;
  look(60);
  expect(told[1]?.message).toMatch(/differ by 4/);
  state.off = 0;
  look(120);
  expect(told.slice(2)).toMatchObject([{ kind: 'ledgerImbalance', severity: 'info' }]);
});

test('columns that do not add up twice in a row are an alarm; a database that cannot be read is none of its own', () => {
  const { told, state, look } = watch();
  state.fails = true;
  state.ledger = { ...emptyLedger(), received: 2, delivered: 1 };
  look(1);
  expect(told).toEqual([]);
  look(100);
  expect(told).toMatchObject([{ kind: 'ledgerImbalance', message: expect.stringMatching(/off by 1/) }]);
});
