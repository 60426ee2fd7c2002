// The embedded broker's file: SQLite, written in group commits, one per turn of the event loop.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';

/** The changes of each version, in order. */
const SCHEMAS = [
  `
  CREATE TABLE retained (topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL) WITHOUT ROWID;
  -- Topics of emptied retained messages below a prefix that a table reader with a session watches.
  CREATE TABLE emptied (id INTEGER PRIMARY KEY, topic TEXT NOT NULL UNIQUE);
  CREATE TABLE watched (client TEXT PRIMARY KEY, prefix TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE subscriptions (
    client TEXT NOT NULL, topic TEXT NOT NULL, qos INTEGER NOT NULL, PRIMARY KEY (client, topic)
  ) WITHOUT ROWID;
  -- What waits for a client with a session. 'release': the PUBREL half of a QoS 2 message.
  CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY, client TEXT NOT NULL, broker TEXT, counter INTEGER, message_id INTEGER,
    release INTEGER NOT NULL DEFAULT 0, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL
  );
  CREATE INDEX outgoing_client ON outgoing (client);
  CREATE TABLE incoming (client TEXT NOT NULL, message_id INTEGER NOT NULL, PRIMARY KEY (client, message_id)) WITHOUT ROWID;
  CREATE TABLE wills (
    client TEXT PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Acknowledged to the publisher, not yet in the queues of the subscribers: published again at the next start.
  CREATE TABLE accepted (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL);
`,
  `
  -- The sessions of the bridge's own sources (topics: JSON), and what waits for those that are away.
  CREATE TABLE sources (client TEXT PRIMARY KEY, topics TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE kept (
    id INTEGER PRIMARY KEY, client TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL
  );
  CREATE INDEX kept_client ON kept (client, id);
`,
  `
  -- The users that the sessions of clients are of.
  CREATE TABLE owners (client TEXT PRIMARY KEY, user TEXT NOT NULL) WITHOUT ROWID;
`,
] as const;
const VERSION = SCHEMAS.length;

/** A write that may be lost in a power failure or a full disk: its loss only repeats a delivery. More than this are dropped. */
const MAX_LAZY_AFTER_FAILURE = 10_000;

interface Write {
  readonly run: () => void;
  readonly done: ((error: Error | null) => void) | null;
}

export class BrokerFile {
  readonly #file: string | null;
  #db: DatabaseSync | null = null;
  #statements = new Map<string, StatementSync>();
  #pending: Write[] = [];
  #scheduled = false;

  /** `file` null: in memory. */
  constructor(file: string | null) {
    this.#file = file;
  }

  /** Throws BridgeErrors `brokerStoreInUse`, `brokerStoreNewer` and `brokerStoreFailed`. */
  open(): void {
    const where = this.#file ?? 'memory';
    try {
      if (this.#file !== null) mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      const db = new DatabaseSync(this.#file ?? ':memory:');
      this.#db = db;
      // Held by this process alone until it ends, however it ends; then the WAL needs no shared memory either.
      db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;');
      db.exec('BEGIN IMMEDIATE');
      const version = Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0);
      if (version > VERSION) {
        throw new BridgeError('brokerStoreNewer', `${where} was written by a newer version of the bridge`, {
          exitCode: EXIT.config,
        });
      }
      if (version < VERSION) db.exec(`${SCHEMAS.slice(version).join('')} PRAGMA user_version = ${VERSION};`);
      db.exec('COMMIT');
    } catch (error) {
      this.#closeQuietly();
      if (error instanceof BridgeError) throw error;
      if ((error as { errcode?: number }).errcode === 5) {
        throw new BridgeError('brokerStoreInUse', `Another bridge uses the broker's store ${where}`, {
          exitCode: EXIT.inUse,
          cause: error,
        });
      }
      throw new BridgeError(
        'brokerStoreFailed',
        `The broker's store ${where} cannot be opened: ${describeError(error)}`,
        { exitCode: EXIT.unavailable, cause: error },
      );
    }
  }

  /** Resolves when it is on the disk, power failure included. Writes take effect in the order asked. */
  durable(run: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ run, done: (error) => (error === null ? resolve() : reject(error)) });
    });
  }

  /** Survives the end of the process from the next commit on; a failing disk or a power failure may undo it. */
  lazy(run: () => void): void {
    this.#add({ run, done: null });
  }

  /** Prepared once per text. */
  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#prepare(sql).all(...values) as Record<string, unknown>[];
  }

  /** Row by row, for tables that memory might not hold. To be read to its end in one turn of the event loop. */
  each(sql: string, ...values: SQLInputValue[]): Iterable<Record<string, unknown>> {
    return this.#prepare(sql).iterate(...values);
  }

  /** A whole and consistent copy, within this turn of the event loop. `file` must not exist. */
  copyTo(file: string): void {
    this.#commit();
    if (this.#db === null) throw new BridgeError('brokerStoreClosed', "The broker's store is closed");
    this.#db.prepare('VACUUM INTO ?').run(file);
  }

  /** Commits what waits and closes. */
  close(): void {
    this.#commit();
    this.#closeQuietly();
  }

  #add(write: Write): void {
    this.#pending.push(write);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    this.#scheduled = false;
    const writes = this.#pending;
    if (writes.length === 0) return;
    this.#pending = [];
    const db = this.#db;
    let failure: Error | null = null;
    if (db === null) failure = new BridgeError('brokerStoreClosed', "The broker's store is closed");
    else {
      try {
        db.exec(`PRAGMA synchronous = ${writes.some((write) => write.done !== null) ? 'FULL' : 'NORMAL'}`);
        db.exec('BEGIN IMMEDIATE');
        for (const write of writes) write.run();
        db.exec('COMMIT');
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        if (db.isTransaction) db.exec('ROLLBACK');
        const lazy = writes.filter((write) => write.done === null);
        this.#pending = [...lazy.slice(-MAX_LAZY_AFTER_FAILURE), ...this.#pending];
      }
    }
    for (const write of writes) write.done?.(failure);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#db === null) throw new BridgeError('brokerStoreClosed', "The broker's store is closed");
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #closeQuietly(): void {
    this.#statements = new Map();
    try {
      this.#db?.close();
    } catch {
      // It never opened in full: the error that is being told says why.
    }
    this.#db = null;
  }
}
