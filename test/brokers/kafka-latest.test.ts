// What a table on Kafka holds until it is read to its end.
import { expect, test } from 'vitest';
import { LatestRecords } from '../../src/brokers/kafka-latest.ts';

const FETCH = Buffer.alloc(4_096, 'x');

test('the latest of each key, in the order in which they came', () => {
  const latest = new LatestRecords();
  for (const [key, text] of ['a1', 'b1', 'c1', 'a2', 'b']) latest.set(key as string, text ? Buffer.from(text) : null);
  expect([...latest].map(([key, value]) => `${key}=${value}`)).toEqual(['c=1', 'a=2', 'b=null']);
});

test('deletions and empty values count by their keys, once', () => {
  const latest = new LatestRecords(10_000);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 8; n++) latest.set(`${'k'.repeat(1_000)}${n}`, n % 2 === 0 ? null : Buffer.alloc(0));
    expect(latest.isTooLarge).toBe(false);
  }
  latest.set('k'.repeat(1_000), null);
  expect(latest.isTooLarge).toBe(true);
});

test('a value counts until another one takes its place', () => {
  const latest = new LatestRecords(4_000);
  latest.set('a', FETCH);
  expect(latest.isTooLarge).toBe(true);
  latest.set('a', null);
  expect(latest.isTooLarge).toBe(false);
});

test('a value does not hold the fetch that it came with', () => {
  const latest = new LatestRecords();
  latest.set('a', FETCH.subarray(10, 15));
  expect([...latest].map(([, value]) => value?.buffer.byteLength)).toEqual([5]);
});
