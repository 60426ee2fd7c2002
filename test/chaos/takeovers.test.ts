// How the cluster's chaos run draws its faults and judges take-overs and log-ins.
import { expect, test } from 'vitest';
import type { Acknowledged } from '../../src/chaos/books.ts';
import { seededDice } from '../../src/sandbox/fleet/seeded-chance.ts';
import { FAULTS, faultsOf } from './cluster/faults.ts';
import { judgeLogIns } from './cluster/log-ins.ts';
import { Takeovers } from './cluster/takeovers.ts';

const FAULT_NAMES = Object.keys(FAULTS).sort();

test('a take-over has failed while what was published since has not arrived, and not where nothing was published', () => {
  const acknowledged: Acknowledged[] = [{ key: 'before', isTelemetry: true, at: 0 }];
  const accepted = new Map([['before', 0]]);
  const takeovers = new Takeovers(() => ({ acknowledged, accepted }));
  takeovers.began(['a']);
  takeovers.look();
  expect(takeovers.isOpen).toBe(true);
  expect(takeovers.hasFailed).toBe(false);
  expect(takeovers.summary().max).toBeNull();
  acknowledged.push({ key: 'a join', isTelemetry: false, at: 1 });
  expect(takeovers.hasFailed).toBe(false);
  acknowledged.push({ key: 'after', isTelemetry: true, at: 2 });
  takeovers.look();
  expect(takeovers.hasFailed).toBe(true);
  accepted.set('after', 1);
  takeovers.look();
  expect(takeovers.hasFailed).toBe(false);
  expect(takeovers.summary().max).not.toBeNull();
});

test('each kind of fault strikes once in a run, in another order for another seed', () => {
  const order = (seed: number): string => faultsOf(seededDice(seed), FAULT_NAMES.length).join();
  for (let seed = 0; seed < 20; seed++) expect(order(seed).split(',').sort()).toEqual(FAULT_NAMES);
  expect(order(1)).toBe(order(1));
  expect(new Set(Array.from({ length: 20 }, (_, seed) => order(seed))).size).toBeGreaterThan(10);
});

test('a wrong password is to be tried once an account: neither again nor not at all', () => {
  const wrong = new Map([['a', new Set(['x', 'y'])]]);
  const account = (email: string, failedLogIns: number) => ({ email, logIns: 1, failedLogIns });
  expect(judgeLogIns([account('a', 2), account('b', 0)], wrong)).toEqual({
    ...{ wrongPasswords: 2, refusedLogins: 2, loginsPerAccountMax: 1, failedLoginsPerAccountMax: 2, faults: [] },
  });
  expect(judgeLogIns([account('a', 3), account('b', 0)], wrong).faults).toHaveLength(1);
  expect(judgeLogIns([account('a', 2), account('b', 1)], wrong).faults).toHaveLength(1);
  expect(judgeLogIns([account('a', 1), account('b', 0)], wrong).faults).toHaveLength(1);
});
