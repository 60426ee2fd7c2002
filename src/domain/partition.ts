// Which partition of the ownership topic a HERE account belongs to: all connections of one account are on one worker.
import type { AccountKey } from './connection.ts';

/**
 * Kafka's murmur2 (the Java client's `Utils.murmur2`, seed 0x9747b28c), as an unsigned 32-bit number.
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let h = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  if (length > whole) {
    for (let i = length - 1; i >= whole; i--) h ^= data[i]! << (8 * (i - whole));
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h >>> 0;
}

/** As Kafka's default partitioner places a key: the sign bit is dropped before the remainder is taken. */
export function partitionOfKey(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions;
}

/** `host`: of the HERE service that the account is at. Letter case makes no difference to HERE. */
export function partitionOfAccount(
  host: string,
  account: Pick<AccountKey, 'realm' | 'email'>,
  partitions: number,
): number {
  const parts = [host, account.realm ?? '', account.email];
  return partitionOfKey(parts.map((part) => part.toLowerCase()).join('\u0000'), partitions);
}
