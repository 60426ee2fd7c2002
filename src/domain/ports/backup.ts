// A backup of a worker that runs: a consistent copy of its data directory, and what has to be known to use it elsewhere.
import type { DefinitionRecord } from '../connection.ts';

export interface BackupCopy {
  /** Where the files are: within the data directory, until `release`. */
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly storeVersion: number;
  /** The bridge's version. */
  readonly version: string;
  /** ISO 8601, of the moment that the copy shows. */
  readonly takenAt: string;
  /** Ids of the keys that seal its secrets; `isGenerated`: they are in `secret.key`, else of the configuration. */
  readonly keys: { readonly current: string; readonly former: readonly string[]; readonly isGenerated: boolean };
  /** By connection, as they are on the config topic, secrets encrypted. */
  readonly definitions: Readonly<Record<string, DefinitionRecord>>;
}

export interface BackupControl {
  /** One at a time: null while another one is being taken. Rejects when the disk refuses. */
  take(): Promise<BackupCopy | null>;
  /** Removes the copy; nothing when there is none. */
  release(): Promise<void>;
}
