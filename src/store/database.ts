// The SQLite database of a data directory: opening (a damaged one is set aside), transactions, durability, checkpoints.
//
// Settlements commit with `synchronous = NORMAL`: a kill loses none, a power loss may lose the last ones, and then their
// records are pending again: duplicates, never loss. What must not be forgotten (tokens, attempts, states) goes through
// `durably`. Before anything that relies on committed rows is deleted elsewhere, `barrier` makes them durable.
// SQLite reads the log up to the first bad frame. Sound ones behind it may be left by a power loss, too (several commits between two
// barriers reach the disk in any order), so damage there cannot be told from it: README names it.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { DamageMarker, hasSoundIndexes, repair } from './damage-marker.ts';
import { freeBytes } from './free-bytes.ts';
import type { Reserve } from './reserve.ts';
import { damage, isDamage, SQLITE_FULL, wantsRoom } from './sqlite-errors.ts';
import { upgrade } from './versions.ts';

/** From this size on the write-ahead log is copied back into the database at the next tick. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** SQLite's own checkpoint inside a transaction, should the ticks fail to come: 64 MiB. */
const LAST_RESORT_PAGES = 16_384;
const IDLE_TICKS = 5;
/** What hardly needs any room must still find some: settlements without dead letters, and what frees the journal's files. */
const KEPT_BYTES = 512 * 1024;
/** New rows are written to the log first, in whole pages, and are in it still when the database grows by them. */
const ROOM_FACTOR = 3;

export class Database {
  readonly sql: DatabaseSync;
  readonly #file: string;
  readonly #reserve: Reserve;
  readonly #marker: DamageMarker;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #wal: number | null = null;
  #checkpointing = false;
  #lastWalBytes = 0;
  #quietTicks = 0;

  private constructor(file: string, sql: DatabaseSync, reserve: Reserve, marker: DamageMarker) {
    this.#file = file;
    this.#reserve = reserve;
    this.#marker = marker;
    this.sql = sql;
    this.#begin = sql.prepare('BEGIN IMMEDIATE');
    this.#commit = sql.prepare('COMMIT');
  }

  /** `setAside` is told where a damaged database went. */
  static open(
    file: string,
    reserve: Reserve,
    stamp: string,
    setAside: (movedTo: string, why: string) => void,
  ): Database {
    try {
      return Database.#openSound(file, reserve);
    } catch (error) {
      if (error instanceof BridgeError) throw error;
      if (wantsRoom(error) && reserve.release()) return Database.open(file, reserve, stamp, setAside);
      if (!isDamage(error)) {
        throw new BridgeError('storeUnavailable', `The store ${file} cannot be opened: ${describeError(error)}`, {
          exitCode: EXIT.unavailable,
          cause: error,
        });
      }
      const movedTo = `${file}.corrupt-${stamp}`;
      for (const suffix of ['', '-wal', '-shm']) {
        if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, movedTo + suffix);
      }
      new DamageMarker(file).clear();
      setAside(movedTo, describeError(error));
      return Database.#openSound(file, reserve);
    }
  }

  static #openSound(file: string, reserve: Reserve): Database {
    const marker = new DamageMarker(file);
    const sql = new DatabaseSync(file);
    try {
      // Its log takes the same mode; the directory may be wider where it was made by someone else (a volume).
      fs.chmodSync(file, 0o600);
      sql.exec('PRAGMA journal_mode = WAL');
      sql.exec('PRAGMA synchronous = NORMAL');
      sql.exec(`PRAGMA wal_autocheckpoint = ${LAST_RESORT_PAGES}`);
      sql.exec('PRAGMA temp_store = MEMORY');
      // What is erased on a person's request must not stay behind in free pages.
      sql.exec('PRAGMA secure_delete = ON');
      const verdict = sql.prepare('PRAGMA quick_check(1)').get()?.quick_check;
      if (verdict !== 'ok') throw damage(String(verdict));
      const isRepaired = (marker.isSet || !hasSoundIndexes(sql)) && Database.#repair(sql, reserve);
      upgrade(sql);
      // Whatever an earlier process committed is durable before anything here is built on it.
      sql.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      if (isRepaired) marker.clear();
      syncDirectory(path.dirname(file));
      return new Database(file, sql, reserve, marker);
    } catch (error) {
      sql.close();
      throw error;
    }
  }

  /** False: there is no room to. As it is, the database has been in use before; a later start repairs it. */
  static #repair(sql: DatabaseSync, reserve: Reserve): boolean {
    try {
      repair(sql);
      return true;
    } catch (error) {
      if (!wantsRoom(error) || reserve.intact) throw error;
      return false;
    }
  }

  /** All or nothing; throws what `run` or SQLite throws. Not to be nested. */
  transaction<T>(run: () => T): T {
    this.#begin.run();
    try {
      const result = run();
      this.#commit.run();
      return result;
    } catch (error) {
      // SQLite may have rolled back by itself (disk full).
      if (this.sql.isTransaction) this.sql.exec('ROLLBACK');
      if (wantsRoom(error)) this.#makeRoom();
      if (isDamage(error)) this.suspect();
      throw error;
    }
  }

  /** Damage was seen: the next start looks at everything, and repairs what can be repaired. Does not throw. */
  suspect(): void {
    this.#marker.set();
  }

  /**
   * Throws as a full disk does when `bytes` more would take what is left of it. What is committed lies in the log until it is copied
   * back, and only then does the database grow: without room for that the log cannot be emptied, and then nothing can be committed
   * any more, however small it is.
   */
  assertRoom(bytes: number): void {
    const needed = KEPT_BYTES + ROOM_FACTOR * bytes;
    const hasRoom = (): boolean => freeBytes(path.dirname(this.#file)) >= needed + this.#logBytes();
    if (hasRoom()) return;
    try {
      this.emptyLog();
    } catch {
      // Then it counts.
    }
    if (!hasRoom()) throw Object.assign(new Error('too little room is left on the disk'), { errcode: SQLITE_FULL });
  }

  /** The caller's next try finds the reserve's room and an empty log. */
  #makeRoom(): void {
    this.#reserve.release();
    try {
      this.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // No room even for that: then the error of the transaction says all.
    }
  }

  /** A transaction that has reached the disk when this returns. */
  durably<T>(run: () => T): T {
    this.sql.exec('PRAGMA synchronous = FULL');
    try {
      return this.transaction(run);
    } finally {
      this.sql.exec('PRAGMA synchronous = NORMAL');
    }
  }

  /** Resolves when all that is committed now has reached the disk. The wait is off the event loop. */
  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      try {
        // Kept open: a file of the log's name is the same file as long as the database is open.
        this.#wal ??= fs.openSync(`${this.#file}-wal`, 'r+');
      } catch (error) {
        // No log: nothing was written since the last checkpoint.
        return (error as NodeJS.ErrnoException).code === 'ENOENT' ? resolve() : reject(error);
      }
      fs.fdatasync(this.#wal, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** To be called about once a second: copies the log back when it is long, or when nothing is written to it any more. */
  async tick(): Promise<void> {
    if (this.#checkpointing) return;
    const bytes = this.#logBytes();
    this.#quietTicks = bytes === this.#lastWalBytes ? this.#quietTicks + 1 : 0;
    this.#lastWalBytes = bytes;
    const idle = this.#quietTicks >= IDLE_TICKS;
    if (bytes === 0 || (bytes < CHECKPOINT_BYTES && !idle)) return;
    this.#checkpointing = true;
    try {
      // The long part of a checkpoint is the log's sync: done beforehand, off the event loop.
      await this.barrier();
      if (this.sql.isOpen) this.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      this.#lastWalBytes = 0;
    } finally {
      this.#checkpointing = false;
    }
  }

  /** The log is copied back and emptied: nothing that was deleted stays in it. Takes as long as its pages do. */
  emptyLog(): void {
    this.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  #logBytes(): number {
    return fs.statSync(`${this.#file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  close(): void {
    if (this.#wal !== null) fs.closeSync(this.#wal);
    this.#wal = null;
    // Closing the last handle checkpoints and removes the log.
    this.sql.close();
  }
}

/** Makes the names in it durable. */
export function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
