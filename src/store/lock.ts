// One bridge per data directory: a lock that the kernel holds, so that a killed process leaves none behind.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { syncDirectory } from './database.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

export interface DirectoryLock {
  release(): void;
}

/** Makes the directory where there is none, and locks it. Fails with `dataDirInUse` or `storeUnavailable`. */
export function takeDirectory(dataDir: string, clock: Clock): DirectoryLock {
  try {
    const made = fs.mkdirSync(path.join(dataDir, 'journals'), { recursive: true, mode: 0o700 });
    if (made !== undefined) syncDirectory(path.dirname(made));
    closeToOthers(dataDir);
    return lockDirectory(dataDir, new Date(clock.now()).toISOString());
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw new BridgeError(
      'storeUnavailable',
      `The data directory ${dataDir} cannot be used: ${describeError(error)}. It must be writable by this user.`,
      { exitCode: EXIT.unavailable, cause: error },
    );
  }
}

/**
 * Who may write to the directory could put files of their own in the place of `secret.key` or `admin.json`. One of another user (a
 * mounted volume) is theirs to close, and one like /tmp, where the system guards each file, is not the bridge's alone.
 */
function closeToOthers(dataDir: string): void {
  const { mode, uid } = fs.statSync(dataDir);
  const isOpen = (mode & fs.constants.S_IWOTH) !== 0 && (mode & STICKY) === 0;
  if (isOpen && uid === process.getuid?.()) fs.chmodSync(dataDir, mode & ~fs.constants.S_IWOTH);
}
const STICKY = 0o1000;

/** Fails at once with `dataDirInUse`, naming the process that holds the directory. */
export function lockDirectory(directory: string, startedAt: string): DirectoryLock {
  const note = path.join(directory, 'lock.json');
  // SQLite's file locks are the only ones that Node can take without an addon. The database stays empty.
  const sql = new DatabaseSync(path.join(directory, 'lock.db'));
  try {
    sql.exec('PRAGMA locking_mode = EXCLUSIVE');
    sql.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    sql.close();
    if ((error as { errcode?: number }).errcode !== 5) throw error;
    throw new BridgeError(
      'dataDirInUse',
      `The data directory ${directory} is in use by another bridge${describeHolder(readHolder(note))}. ` +
        'Stop it, or give this one another data directory.',
      { exitCode: EXIT.inUse },
    );
  }
  const holder: Holder = { pid: process.pid, host: os.hostname(), startedAt };
  try {
    fs.writeFileSync(`${note}.tmp`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
    fs.renameSync(`${note}.tmp`, note);
  } catch {
    // Only tells others who holds the lock; a full disk must not keep the bridge from starting.
  }
  return {
    release() {
      fs.rmSync(note, { force: true });
      sql.close();
    },
  };
}

function readHolder(note: string): Holder | null {
  try {
    const found = JSON.parse(fs.readFileSync(note, 'utf8')) as Partial<Holder> | null;
    if (typeof found?.pid !== 'number' || typeof found.host !== 'string' || typeof found.startedAt !== 'string') {
      return null;
    }
    return { pid: found.pid, host: found.host, startedAt: found.startedAt };
  } catch {
    return null;
  }
}

function describeHolder(holder: Holder | null): string {
  return holder ? ` (process ${holder.pid} on ${holder.host}, since ${holder.startedAt})` : '';
}
