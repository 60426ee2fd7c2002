// The database's layout by version, and the steps from one to the next. Each step is one transaction: a kill repeats it.
import { DatabaseSync } from 'node:sqlite';
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

// Dead letters to work with: keys, edits, ages, replays; and the list of what expired.
const version2 = `
  -- replayed: sequence numbers given to replayed dead letters, up to replayed_to. imported: dead letters that have none.
  -- dead_letters_dropped, _aged, _discarded: for want of room, by age, by a person; the ledger still counts them.
  ALTER TABLE connections ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE connections ADD COLUMN replayed_to INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE connections ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE connections ADD COLUMN dead_letters_aged INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE connections ADD COLUMN dead_letters_discarded INTEGER NOT NULL DEFAULT 0;
  -- Version 1 kept no letters for most of what a damaged journal had lost: they count as dropped.
  UPDATE connections SET dead_letters_dropped = max(0,
    (SELECT COALESCE(SUM(count), 0) FROM ledger WHERE kind = 'deadLettered' AND connection = connections.key)
    - (SELECT COUNT(*) FROM dead_letters WHERE connection = connections.key));
  -- What is searched by comes before the payload, so that a search reads no payloads.
  CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    edited_at INTEGER,
    device TEXT,
    reason TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    topic TEXT NOT NULL,
    detail TEXT NOT NULL,
    payload BLOB NOT NULL,
    original_topic TEXT,
    original_payload BLOB
  ) STRICT;
  INSERT INTO letters (id, connection, key, seq, time, arrived_at, device, reason, bytes, topic, detail, payload)
    SELECT id, connection, lower(hex(randomblob(8))), seq, time, arrived_at, device, reason, bytes, topic, detail, payload
    FROM dead_letters;
  DELETE FROM sqlite_sequence WHERE name = 'letters';
  INSERT INTO sqlite_sequence (name, seq)
    SELECT 'letters', seq FROM sqlite_sequence WHERE name = 'dead_letters';
  DROP TABLE dead_letters;
  ALTER TABLE letters RENAME TO dead_letters;
  CREATE INDEX dead_letters_by_connection ON dead_letters (connection, id, bytes);
  CREATE INDEX dead_letters_by_time ON dead_letters (connection, time);
  CREATE UNIQUE INDEX dead_letters_by_key ON dead_letters (connection, key);
  -- Keys of letters that were replayed: an export of theirs brings them not back.
  CREATE TABLE replayed_letters (
    connection INTEGER NOT NULL,
    key TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE expired (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    time INTEGER NOT NULL,
    seq INTEGER,
    device TEXT,
    reason TEXT NOT NULL,
    age_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX expired_by_connection ON expired (connection, id);
`;

// Commands: what waits for devices, its ledger, and what was seen of HERE's shadows.
const version3 = `
  CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    device TEXT NOT NULL,
    origin TEXT NOT NULL,
    version INTEGER,
    era INTEGER NOT NULL,
    desired_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    open INTEGER NOT NULL,
    cause TEXT,
    attempt INTEGER NOT NULL,
    correlation_id TEXT,
    port INTEGER,
    confirmed INTEGER NOT NULL,
    published_at INTEGER,
    changed_at INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX commands_by_connection ON commands (connection, id);
  CREATE INDEX commands_open ON commands (connection, id) WHERE open = 1;
  CREATE INDEX commands_by_device ON commands (connection, device, id);
  CREATE TABLE command_ledger (
    connection INTEGER NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connection, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE riding_versions (
    connection INTEGER NOT NULL,
    device TEXT NOT NULL,
    version INTEGER NOT NULL,
    since INTEGER NOT NULL,
    told_at INTEGER,
    PRIMARY KEY (connection, device)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE shadow_cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE handled_shadows (
    project INTEGER NOT NULL,
    device TEXT NOT NULL,
    version INTEGER NOT NULL,
    era INTEGER NOT NULL,
    desired_at INTEGER NOT NULL,
    command TEXT NOT NULL,
    whole TEXT NOT NULL,
    PRIMARY KEY (project, device)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE drivers (key INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE served_devices (
    project INTEGER NOT NULL,
    device ANY NOT NULL,
    connection INTEGER NOT NULL,
    driver INTEGER,
    PRIMARY KEY (project, device)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX served_devices_by_connection ON served_devices (connection);
  CREATE TABLE unclaimed_shadows (
    project INTEGER NOT NULL,
    device TEXT NOT NULL,
    desired_at INTEGER NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (project, device)
  ) STRICT, WITHOUT ROWID;
`;

// Who changed what.
const version4 = `
  CREATE TABLE audit (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL
  ) STRICT;
`;

// Dead letters outlive their connection for a while.
const version5 = `
  ALTER TABLE connections ADD COLUMN deleted_at INTEGER;
`;

export const UPGRADE_STEPS: readonly UpgradeStep[] = [
  { to: 1, run: (sql) => sql.exec(version1) },
  { to: 2, run: (sql) => sql.exec(version2) },
  { to: 3, run: (sql) => sql.exec(version3) },
  { to: 4, run: (sql) => sql.exec(version4) },
  { to: 5, run: (sql) => sql.exec(version5) },
];

export function storedVersion(sql: DatabaseSync): number {
  return Number(sql.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

/** Brings the layout up to date. A newer one than known is refused: an older bridge must not touch it. */
export function upgrade(sql: DatabaseSync, steps: readonly UpgradeStep[] = UPGRADE_STEPS): void {
  const found = storedVersion(sql);
  assertKnown(found, steps);
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

/** Looks at a database that is not in use. Throws a BridgeError: `storeTooNew` (78), or `data` (65) where it is damaged. */
export function checkDatabase(file: string): void {
  const sql = new DatabaseSync(file);
  try {
    if (sql.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok') throw new Error('quick_check');
    assertKnown(storedVersion(sql), UPGRADE_STEPS);
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('data', `The database ${file} is damaged`, { exitCode: EXIT.data, cause: error });
  } finally {
    sql.close();
  }
}

function assertKnown(found: number, steps: readonly UpgradeStep[]): void {
  const known = steps.at(-1)?.to ?? 0;
  if (found <= known) return;
  throw new BridgeError(
    'storeTooNew',
    `The data directory was written by a newer bridge: its store has version ${found}, this bridge knows ${known}. ` +
      'Start the newer bridge, or give this one another data directory.',
    { exitCode: EXIT.config },
  );
}
