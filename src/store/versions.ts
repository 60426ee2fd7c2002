// The database's layout by version, and the steps from one to the next. Each step is one transaction: a kill repeats it.
import type { DatabaseSync } from 'node:sqlite';
import { BridgeError, EXIT } from '../domain/errors.ts';

export interface UpgradeStep {
  readonly to: number;
  /** Runs inside a transaction. */
  run(sql: DatabaseSync): void;
}

const version1 = `
  -- received: the last sequence number known to be committed. floor: all up to it are settled and have no file.
  -- uncounted: sequence numbers whose outcome is not in this ledger (the database that had it was set aside).
  CREATE TABLE connections (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    received INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0,
    uncounted INTEGER NOT NULL DEFAULT 0,
    dead_letters_dropped INTEGER NOT NULL DEFAULT 0,
    deleting INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  -- settled: one bit a sequence number from base on. NULL: all are settled and there is no file.
  CREATE TABLE segments (
    connection INTEGER NOT NULL,
    base INTEGER NOT NULL,
    count INTEGER NOT NULL,
    settled BLOB,
    PRIMARY KEY (connection, base)
  ) STRICT;
  CREATE TABLE ledger (
    connection INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connection, kind, reason)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    device TEXT,
    reason TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    detail TEXT NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX dead_letters_by_connection ON dead_letters (connection, id);
  CREATE TABLE state (
    connection INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (connection, name)
  ) STRICT, WITHOUT ROWID;
  -- value: encrypted.
  CREATE TABLE accounts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE projects (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  -- device: 8 bytes of a DevEUI, else text.
  CREATE TABLE devices (
    project INTEGER NOT NULL,
    device ANY NOT NULL,
    PRIMARY KEY (project, device)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    connection TEXT,
    event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_connection ON events (connection, key);
`;

export const UPGRADE_STEPS: readonly UpgradeStep[] = [{ to: 1, run: (sql) => sql.exec(version1) }];

export function storedVersion(sql: DatabaseSync): number {
  return Number(sql.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

/** Brings the layout up to date. A newer one than known is refused: an older bridge must not touch it. */
export function upgrade(sql: DatabaseSync, steps: readonly UpgradeStep[] = UPGRADE_STEPS): void {
  const known = steps.at(-1)?.to ?? 0;
  const found = storedVersion(sql);
  if (found > known) {
    throw new BridgeError(
      'storeTooNew',
      `The data directory was written by a newer bridge: its store has version ${found}, this bridge knows ${known}. ` +
        'Start the newer bridge, or give this one another data directory.',
      { exitCode: EXIT.config },
    );
  }
  for (const step of steps) {
    if (step.to <= found) continue;
    sql.exec('BEGIN IMMEDIATE');
    try {
      step.run(sql);
      sql.exec(`PRAGMA user_version = ${step.to}`);
      sql.exec('COMMIT');
    } catch (error) {
      if (sql.isTransaction) sql.exec('ROLLBACK');
      throw error;
    }
  }
}
