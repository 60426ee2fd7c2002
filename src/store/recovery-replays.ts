// Replays of dead letters that a kill interrupted: the message is in the journal again, its letter not yet deleted.
import path from 'node:path';
import type { DeadLetterReason } from '../domain/uplink.ts';
import type { StoredConnection } from './connection-tables.ts';
import type { DeadLetterTable } from './dead-letters.ts';
import type { Disk } from './disk.ts';
import { readBody } from './scan.ts';
import type { Segment } from './segment.ts';

export interface UnbookedReplay {
  readonly seq: number;
  readonly id: number;
  readonly key: string;
  readonly reason: DeadLetterReason;
}

/** Replays are booked in the journal's order: those up to `replayedTo` are. Of the others the journal has the letter's key. */
export async function findUnbooked(
  { disk, directory, letters }: { readonly disk: Disk; readonly directory: string; readonly letters: DeadLetterTable },
  stored: StoredConnection,
  segments: readonly Segment[],
): Promise<readonly UnbookedReplay[]> {
  const found = new Map<number, UnbookedReplay>();
  for (const segment of segments) {
    const seqs = segment.replays.filter((seq) => seq > stored.replayedTo && segment.has(seq));
    if (seqs.length === 0) continue;
    const file = await disk.open(path.join(directory, segment.name));
    try {
      for (const seq of seqs) {
        const offset = segment.offset(seq);
        const buffer = Buffer.allocUnsafe(segment.recordEnd(seq) - offset);
        const bytes = await file.read(buffer, 0, buffer.length, offset);
        const key = readBody(buffer.subarray(0, bytes), 0)?.replayOf;
        const letter = key === undefined ? null : letters.withKey(stored.key, key);
        if (key === undefined || letter === null) continue;
        found.set(letter.id, { seq, id: letter.id, key, reason: letter.reason as DeadLetterReason });
      }
    } finally {
      await file.close();
    }
  }
  return [...found.values()];
}
