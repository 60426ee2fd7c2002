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
  const published: unknown[] = [];
  const sink = { setLedger: (_id: string, ledger: unknown) => published.push(ledger), setStatus() {}, remove() {} };
  const ledgerWatch = new LedgerWatch('a', { emit: (event) => told.push(event) }, sink);
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) ledgerWatch.look(store);
  };
  return { told, state, look };
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
