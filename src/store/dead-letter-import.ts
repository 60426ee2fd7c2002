// Importing dead letters: which are new here, and whether they fit.
import type { ImportedLetter, ImportOutcome } from '../domain/ports/dead-letters.ts';
import { letterBytes, type NewDeadLetter } from './dead-letter-rows.ts';
import type { DeadLetterTable } from './dead-letters.ts';
import { REPLAY_KEY_BYTES } from './record-format.ts';

const KEY = new RegExp(`^[0-9a-f]{${REPLAY_KEY_BYTES}}$`);

/** A key comes once, however often it is imported; what would push others out of the budget is not taken. */
export function planImport(
  table: DeadLetterTable,
  connection: number,
  letters: readonly ImportedLetter[],
  maxBytes: number,
  now: number,
): { readonly fresh: readonly NewDeadLetter[]; readonly outcome: ImportOutcome } {
  const fresh = new Map<string, NewDeadLetter>();
  let present = 0;
  let replayed = 0;
  let { bytes } = table.totals(connection);
  for (const letter of letters) {
    const { key } = letter;
    if (!KEY.test(key)) throw new RangeError(`"${key}" is no key of a dead letter`);
    if (fresh.has(key) || table.withKey(connection, key) !== null) present += 1;
    else if (table.wasReplayed(connection, key)) replayed += 1;
    else {
      fresh.set(key, { ...letter, seq: 0, time: now });
      bytes += letterBytes(letter);
    }
  }
  if (fresh.size > 0 && bytes > maxBytes) return { fresh: [], outcome: { kind: 'full', bytes, maxBytes } };
  return { fresh: [...fresh.values()], outcome: { kind: 'ok', imported: fresh.size, present, replayed } };
}
