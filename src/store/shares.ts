// The common budgets of all connections on this disk, shared about once a second: journals and dead letters.
import { fairShares } from '../domain/fair-share.ts';
import type { JournalledConnection } from './connection-store.ts';
import type { ConnectionTables } from './connection-tables.ts';
import type { LetterTables } from './letter-tables.ts';

export interface SharedBudgets {
  /** Of all journals together; none by default. */
  readonly allJournalsMaxBytes?: number;
  /** Of all dead letters together; none by default. */
  readonly allDeadLettersMaxBytes?: number;
}

export function shareJournals(
  open: Iterable<JournalledConnection | null>,
  { allJournalsMaxBytes: totalBytes }: SharedBudgets,
): void {
  if (totalBytes === undefined) return;
  const connections = [...open].filter((connection) => connection !== null);
  const shares = fairShares(
    totalBytes,
    connections.map(({ bytes }) => bytes),
  );
  for (const [i, connection] of connections.entries()) connection.share = shares[i] as number;
}

/** Also those of connections that are not open. */
export function shareLetters(
  tables: LetterTables,
  connections: ConnectionTables,
  { allDeadLettersMaxBytes: totalBytes }: SharedBudgets,
): void {
  if (totalBytes === undefined) return;
  const keys = connections.keys();
  const shares = fairShares(
    totalBytes,
    keys.map((key) => tables.letters.totals(key).bytes),
  );
  tables.shares = new Map(keys.map((key, i) => [key, shares[i] as number]));
}
