// A file that holds room for settlements: when the disk is full it is given up, so that waiting messages can still be
// settled and their segments removed. Without it, journals that filled the disk could never be emptied again.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';
import { freeBytes } from './free-bytes.ts';

const RESERVE_BYTES = 1024 * 1024;

export class Reserve {
  readonly #file: string;
  #restoring: Promise<void> | null = null;
  #intact = false;

  constructor(file: string) {
    this.#file = file;
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    this.#intact = stat?.size === RESERVE_BYTES;
  }

  /** False while its room is in use: journals take nothing until it is back. */
  get intact(): boolean {
    return this.#intact;
  }

  /** True when this made room. */
  release(): boolean {
    const had = this.#intact;
    this.#intact = false;
    fs.rmSync(this.#file, { force: true });
    return had;
  }

  /**
   * Makes the file again when there is room for it and as much besides; resolves in any case. With less it would take back what it
   * has just given up, before what was refused is tried again.
   */
  restore(): Promise<void> {
    if (this.#intact || freeBytes(path.dirname(this.#file)) < 2 * RESERVE_BYTES) return this.settled();
    this.#restoring ??= this.#write().finally(() => {
      this.#restoring = null;
    });
    return this.#restoring;
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#restoring ?? Promise.resolve();
  }

  async #write(): Promise<void> {
    try {
      // Not zeros: some file systems would store none.
      await fsp.writeFile(this.#file, randomBytes(RESERVE_BYTES), { mode: 0o600, flush: true });
      this.#intact = true;
    } catch {
      await fsp.rm(this.#file, { force: true }).catch(() => {});
    }
  }
}
