// A small private file that is replaced as a whole: never half-written, never readable by others.
import fs from 'node:fs';
import path from 'node:path';
import { syncDirectory } from './database.ts';

export class KeptTextFile {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Null: there is none. */
  read(): string | null {
    try {
      return fs.readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Durable on return. */
  write(text: string): void {
    const draft = `${this.#file}.${process.pid}.tmp`;
    fs.rmSync(draft, { force: true });
    const fd = fs.openSync(draft, 'wx', 0o600);
    try {
      fs.writeSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(draft, this.#file);
    syncDirectory(path.dirname(this.#file));
  }
}
