// How the cluster's chaos run judges a take-over.
import { expect, test } from 'vitest';
import type { Acknowledged } from '../../src/chaos/books.ts';
import { Takeovers } from './cluster/takeovers.ts';

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
