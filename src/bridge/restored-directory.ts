// A data directory that a backup is put into: empty, locked meanwhile, and complete or not there at all.
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { syncDirectory } from '../store/database.ts';
import { type DirectoryLock, lockDirectory } from '../store/lock.ts';
import { checkDatabase } from '../store/versions.ts';

/** There as long as a restore goes on, and after one that was interrupted. */
export const STAGING = 'restoring';
const DEFINITIONS = 'restored-definitions';
const DATABASE = 'bridge.db';
/** What a restore that was interrupted, or the lock of a bridge, may have left. */
const IGNORED = [STAGING, 'lock.db', 'lock.db-journal', 'lock.json'];

/** Makes and locks it. Throws a BridgeError: `dataDirInUse` (75), `dataDirNotEmpty` (1), `storeUnavailable` (69). */
export function openForRestore(dataDir: string, clock: Clock): RestoredDirectory {
  try {
    if (!existsSync(path.join(dataDir, 'lock.db'))) assertEmpty(dataDir);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(dataDir, new Date(clock.now()).toISOString());
    try {
      assertEmpty(dataDir);
      const staging = path.join(dataDir, STAGING);
      rmSync(staging, { recursive: true, force: true });
      mkdirSync(staging, { mode: 0o700 });
    } catch (error) {
      lock.release();
      throw error;
    }
    return new RestoredDirectory(dataDir, lock);
  } catch (error) {
    throw explained(error, dataDir);
  }
}

export class RestoredDirectory {
  readonly #dataDir: string;
  readonly #staging: string;
  readonly #lock: DirectoryLock;

  constructor(dataDir: string, lock: DirectoryLock) {
    this.#dataDir = dataDir;
    this.#staging = path.join(dataDir, STAGING);
    this.#lock = lock;
  }

  /** `name`: below the data directory, with `/`. */
  async put(name: string, content: AsyncIterable<Buffer>): Promise<void> {
    const file = path.join(this.#staging, name);
    try {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      await pipeline(Readable.from(content), createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
      syncDirectory(path.dirname(file));
    } catch (error) {
      throw explained(error, this.#dataDir);
    }
  }

  /** Moves all into place; the database last: without it nothing is a data directory. Throws also `storeTooNew` (78), `data` (65). */
  finish(definitions: Readonly<Record<string, unknown>>): void {
    try {
      checkDatabase(path.join(this.#staging, DATABASE));
      const folder = path.join(this.#staging, DEFINITIONS);
      mkdirSync(folder, { mode: 0o700 });
      for (const [id, record] of Object.entries(definitions)) {
        // Their revisions are of the topic that they were on.
        const { revision: _revision, basedOn: _basedOn, ...rest } = isPlainObject(record) ? record : {};
        writeFileSync(path.join(folder, `${path.basename(id)}.json`), `${JSON.stringify({ id, ...rest }, null, 2)}\n`, {
          mode: 0o600,
        });
      }
      const names = readdirSync(this.#staging).filter((name) => name !== DATABASE);
      for (const name of [...names, DATABASE])
        renameSync(path.join(this.#staging, name), path.join(this.#dataDir, name));
      syncDirectory(this.#dataDir);
    } catch (error) {
      throw explained(error, this.#dataDir);
    }
  }

  release(): void {
    rmSync(this.#staging, { recursive: true, force: true });
    this.#lock.release();
  }
}

function assertEmpty(dataDir: string): void {
  const found = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => !IGNORED.includes(name)) : [];
  if (found.length === 0) return;
  const message = `${dataDir} is not empty (it has ${found.slice(0, 3).join(', ')}): a backup is restored into an empty data directory only`;
  throw new BridgeError('dataDirNotEmpty', message, { exitCode: EXIT.failed });
}

function explained(error: unknown, dataDir: string): BridgeError {
  if (error instanceof BridgeError) return error;
  const message = `The data directory ${dataDir} cannot be used: ${describeError(error)}`;
  return new BridgeError('storeUnavailable', message, { exitCode: EXIT.unavailable, cause: error });
}
