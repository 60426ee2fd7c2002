// Which partition an account belongs to: as Kafka's Java client would place the key.
import { describe, expect, test } from 'vitest';
import { murmur2, partitionOfAccount, partitionOfKey } from '../../src/domain/partition.ts';

describe('murmur2', () => {
  // The Java client's own test vectors (`UtilsTest.testMurmur2`).
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s is the Java client’s', (text, hash) => {
    expect(murmur2(Buffer.from(text)) | 0).toBe(hash);
  });
});

describe('The partition of an account', () => {
  test('does not depend on letter case, and an absent realm is an empty one', () => {
    const one = partitionOfAccount('Tracking.example', { realm: null, email: 'Me@X.example' }, 64);
    expect(partitionOfAccount('tracking.EXAMPLE', { realm: '', email: 'me@x.example' }, 64)).toBe(one);
    expect(one).toBe(partitionOfKey('tracking.example\u0000\u0000me@x.example', 64));
  });

  test('keeps host, realm and email apart', () => {
    const spread = new Set(
      [
        ['a', 'b', 'c'],
        ['ab', '', 'c'],
        ['a', '', 'bc'],
      ].map(([host, realm, email]) => partitionOfAccount(host!, { realm: realm!, email: email! }, 1_000_003)),
    );
    expect(spread.size).toBe(3);
  });
});
