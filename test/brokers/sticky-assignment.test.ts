// Sticky assignment of the ownership topic's partitions: equal shares, and nothing moves that need not.
import { describe, expect, test } from 'vitest';
import { assignPartitions } from '../../src/brokers/sticky-assignment.ts';
import { OwnershipModel } from './ownership-model.ts';

describe('An assignment', () => {
  test('gives everything to the only member', () => {
    expect(assignPartitions([{ id: 'a', held: [], generation: -1 }], 4)).toEqual(new Map([['a', [0, 1, 2, 3]]]));
  });

  test('withholds what a living member has to give, until it has let go', () => {
    const first = assignPartitions(
      [
        { id: 'a', held: [0, 1, 2, 3], generation: 1 },
        { id: 'b', held: [], generation: -1 },
      ],
      4,
    );
    expect(first).toEqual(
      new Map([
        ['a', [0, 1]],
        ['b', []],
      ]),
    );
    const second = assignPartitions(
      [
        { id: 'a', held: [0, 1], generation: 2 },
        { id: 'b', held: [], generation: 2 },
      ],
      4,
    );
    expect(second.get('b')).toEqual([2, 3]);
  });

  test('gives out at once what a dead member held, and leaves the others’ alone', () => {
    const given = assignPartitions(
      [
        { id: 'a', held: [0, 1], generation: 3 },
        { id: 'c', held: [4, 5], generation: 3 },
      ],
      6,
    );
    expect(given.get('a')).toEqual([0, 1, 2]);
    expect(given.get('c')).toEqual([3, 4, 5]);
  });

  test('follows the later claim where a member comes back that was thought dead', () => {
    const given = assignPartitions(
      [
        { id: 'a', held: [0, 1], generation: 5 },
        { id: 'b', held: [0, 1, 2, 3], generation: 6 },
      ],
      4,
    );
    expect(given.get('b')).toEqual([0, 1]);
    // Of `b`, which lets go of them first.
    expect(given.get('a')).toEqual([]);
  });

  test('leaves out claims on partitions that do not exist', () => {
    expect(assignPartitions([{ id: 'a', held: [7, -1], generation: 1 }], 2).get('a')).toEqual([0, 1]);
  });

  test('works with more members than partitions', () => {
    const members = ['a', 'b', 'c'].map((id) => ({ id, held: [], generation: -1 }));
    expect([...assignPartitions(members, 2).values()].map(({ length }) => length).sort()).toEqual([0, 1, 1]);
  });
});

describe('Two hundred workers on 1,024 partitions with 50,000 connections', () => {
  test('share them evenly, and the loss or the arrival of one moves little', () => {
    const model = new OwnershipModel(1024);
    model.join(200);
    const shares = model.partitionSpread;
    expect(shares.most - shares.least).toBeLessThanOrEqual(1);
    // Partitions are few per worker, so shares of connections differ more than those of partitions: 5 or 6 of them each.
    const connections = model.connectionSpread(50_000);
    expect(connections.most / connections.mean).toBeLessThan(1.5);
    expect(connections.least / connections.mean).toBeGreaterThan(0.6);

    expect(model.lose(17)).toBe(0);
    expect(model.rounds).toBe(1);
    expect(model.partitionSpread.most - model.partitionSpread.least).toBeLessThanOrEqual(1);

    const moved = model.join(1);
    expect(moved).toBeLessThanOrEqual(6);
    expect(model.rounds).toBe(2);
    expect(model.owners().size).toBe(1024);
  });

  test('come to rest from one worker to three to two', () => {
    const model = new OwnershipModel(64);
    model.join(1);
    expect(model.join(2)).toBe(64 - 22);
    expect(model.partitionSpread).toEqual({ least: 21, mean: 64 / 3, most: 22 });
    expect(model.lose(1)).toBe(0);
    expect(model.partitionSpread).toEqual({ least: 32, mean: 32, most: 32 });
  });
});
