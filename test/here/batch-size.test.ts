// The learnt batch size: lowered by 413, grown again by full batches.
import { expect, test } from 'vitest';
import { BatchSize } from '../../src/here/batch-size.ts';

const LIMITS = { maxRecords: 500, maxBytes: 1_000_000 };

test('413 halves the batch, fifty full ones let it grow, never above the setting', () => {
  const size = new BatchSize(LIMITS);
  size.tooLarge(400, 600_000);
  expect([size.maxRecords, size.maxBytes]).toEqual([200, 300_000]);
  size.tooLarge(1, 900_000);
  expect([size.maxRecords, size.maxBytes]).toEqual([200, 300_000]);
  for (let index = 0; index < 50; index++) size.accepted(200, 200_000);
  expect([size.maxRecords, size.maxBytes]).toEqual([220, 330_000]);
  for (let index = 0; index < 5000; index++) size.accepted(size.maxRecords, size.maxBytes);
  expect([size.maxRecords, size.maxBytes]).toEqual([500, 1_000_000]);
});

test('small batches say nothing about large ones', () => {
  const size = new BatchSize(LIMITS);
  size.tooLarge(400, 600_000);
  for (let index = 0; index < 1000; index++) size.accepted(10, 10_000);
  expect(size.maxRecords).toBe(200);
});
