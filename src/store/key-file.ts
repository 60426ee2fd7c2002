// `secret.key` in the data directory, mode 0600: the key on its first line, former ones that still read on the next. Made when missing.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { syncDirectory } from './database.ts';
import { KeptTextFile } from './kept-file.ts';

const NAME = 'secret.key';

export class KeyFile {
  readonly path: string;
  readonly #text: KeptTextFile;
  #stamp = '';

  constructor(directory: string) {
    this.path = path.join(directory, NAME);
    this.#text = new KeptTextFile(this.path);
  }

  /** Makes it when it is missing, and says so. Throws a BridgeError `storeUnavailable` (exit 69). */
  read(onNewKey: (file: string) => void): readonly string[] {
    const directory = path.dirname(this.path);
    try {
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (!fs.existsSync(this.path)) {
        generate(this.path);
        onNewKey(this.path);
      }
      // A copy from a backup may have come with a wider mode.
      if ((fs.statSync(this.path).mode & 0o077) !== 0) fs.chmodSync(this.path, 0o600);
      return this.lines();
    } catch (error) {
      throw new BridgeError(
        'storeUnavailable',
        `The data directory ${directory} cannot be used: ${describeError(error)}. It must be writable by this user.`,
        { exitCode: EXIT.unavailable, cause: error },
      );
    }
  }

  /** The keys as text, the current one first. */
  lines(): readonly string[] {
    this.#stamp = this.#stampNow();
    const lines = (this.#text.read() ?? '').split('\n').map((line) => line.trim());
    return lines.filter((line, at) => at === 0 || line !== '');
  }

  write(lines: readonly string[]): void {
    this.#text.write(`${lines.join('\n')}\n`);
  }

  /** Since it was last read. */
  get hasChanged(): boolean {
    return this.#stamp !== this.#stampNow();
  }

  #stampNow(): string {
    const stat = fs.statSync(this.path, { throwIfNoEntry: false });
    return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  }
}

/** Whole or not at all, and never over another process's key. */
function generate(file: string): void {
  const draft = `${file}.${process.pid}.tmp`;
  fs.rmSync(draft, { force: true });
  const fd = fs.openSync(draft, 'wx', 0o600);
  try {
    fs.writeSync(fd, `${randomBytes(32).toString('base64')}\n`);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  try {
    fs.linkSync(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Some file systems have no hard links; there, a race of two first starts is the loser's to repeat.
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') fs.renameSync(draft, file);
    else if (code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(draft, { force: true });
  }
  syncDirectory(path.dirname(file));
}
