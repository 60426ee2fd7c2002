// What the store of one connection is made of.
import type { Clock } from '../domain/ports/clock.ts';
import type { ConnectionTables } from './connection-tables.ts';
import type { NewDeadLetter } from './dead-letter-rows.ts';
import type { Disk } from './disk.ts';
import type { BufferPool } from './group.ts';
import type { ReportIncident } from './incidents.ts';
import type { LetterTables } from './letter-tables.ts';
import type { Recovered } from './recovery.ts';

export interface ConnectionStoreOptions {
  readonly id: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly directory: string;
  readonly pool: BufferPool;
  readonly salt: number;
  readonly tables: ConnectionTables;
  readonly letterTables: LetterTables;
  /** New dead letters, after their commit. */
  readonly onDeadLetters: (letters: readonly NewDeadLetter[]) => void;
  readonly recovered: Recovered;
  readonly report: ReportIncident;
  /** False while a full disk's last room is kept for settlements. */
  readonly mayResume: () => boolean;
  readonly onClosed: () => void;
}
