// The file operations that the journal needs, as a narrow port: tests put a quota or faults behind it.
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';

/**
 * On Linux a write to a file opened so returns when it is durable, as if `fdatasync` followed (open(2)): one trip to the
 * thread pool instead of two, a fifth less CPU. Elsewhere Node's `fdatasync` does more than this flag (macOS: F_FULLFSYNC).
 */
const WRITE_IS_DURABLE = process.platform === 'linux';

export interface DiskFile {
  /** Writes all bytes at `position` and makes them durable, as one write and one `fdatasync`. Rejects when any of that failed. */
  writeDurably(buffer: Buffer, from: number, length: number, position: number): Promise<void>;
  /** Cuts the file to `length` bytes, durably. */
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  /** Bytes read, fewer than `length` only at the end of the file. */
  read(into: Buffer, from: number, length: number, position: number): Promise<number>;
  readSync(into: Buffer, from: number, length: number, position: number): number;
  close(): Promise<void>;
  closeSync(): void;
}

export interface Disk {
  /** A new file (0600) to write and read; rejects with EEXIST when there is one. */
  create(file: string): Promise<DiskFile>;
  open(file: string): Promise<DiskFile>;
  openSync(file: string): DiskFile;
  /** Plain files of a directory; none when it does not exist. */
  list(directory: string): Promise<readonly { readonly name: string; readonly bytes: number }[]>;
  /** Names of the directories in a directory. */
  directories(directory: string): readonly string[];
  makeDirectory(directory: string): Promise<void>;
  /** Makes created and removed names durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Puts a file in another's place, at once and whole; durable with `syncDirectory`. */
  replaceSync(from: string, to: string): void;
  /** A missing file is no error. */
  remove(file: string): Promise<void>;
  removeDirectory(directory: string): Promise<void>;
}

class RealFile implements DiskFile {
  readonly #fd: number;
  readonly #syncs: boolean;

  constructor(fd: number, syncs = false) {
    this.#fd = fd;
    this.#syncs = syncs;
  }

  writeDurably(buffer: Buffer, from: number, length: number, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = from + length;
      const writeOn = (at: number): void => {
        fs.write(this.#fd, buffer, at, end - at, position + (at - from), (error, written) => {
          if (error) return reject(error);
          if (at + written < end) return writeOn(at + written);
          if (this.#syncs) resolve();
          else fs.fdatasync(this.#fd, (failed) => (failed ? reject(failed) : resolve()));
        });
      };
      writeOn(from);
    });
  }

  async truncate(length: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      fs.ftruncate(this.#fd, length, (error) => (error ? reject(error) : resolve()));
    });
    await this.sync();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fsync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  async read(into: Buffer, from: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const bytes = await new Promise<number>((resolve, reject) => {
        fs.read(this.#fd, into, from + done, length - done, position + done, (error, count) =>
          error ? reject(error) : resolve(count),
        );
      });
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  readSync(into: Buffer, from: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const bytes = fs.readSync(this.#fd, into, from + done, length - done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  closeSync(): void {
    fs.closeSync(this.#fd);
  }
}

function openFile(file: string, flags: string | number, syncs = false): Promise<DiskFile> {
  return new Promise((resolve, reject) => {
    fs.open(file, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(new RealFile(fd, syncs))));
  });
}

const { O_CREAT, O_DSYNC, O_EXCL, O_RDWR } = fs.constants;
const NEW_FILE = O_CREAT | O_EXCL | O_RDWR;

export const realDisk: Disk = {
  create: (file) => openFile(file, WRITE_IS_DURABLE ? NEW_FILE | O_DSYNC : NEW_FILE, WRITE_IS_DURABLE),
  open: (file) => openFile(file, 'r+'),
  openSync: (file) => new RealFile(fs.openSync(file, 'r')),

  async list(directory) {
    let names: string[];
    try {
      names = await fsp.readdir(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const files: { name: string; bytes: number }[] = [];
    for (const name of names) {
      const stat = await fsp.stat(path.join(directory, name));
      if (stat.isFile()) files.push({ name, bytes: stat.size });
    }
    return files;
  },

  directories(directory) {
    const entries = fs.readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  },

  async makeDirectory(directory) {
    await fsp.mkdir(directory, { recursive: true, mode: 0o700 });
  },

  async syncDirectory(directory) {
    const handle = await fsp.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  replaceSync: (from, to) => fs.renameSync(from, to),
  remove: (file) => fsp.rm(file, { force: true }),
  removeDirectory: (directory) => fsp.rm(directory, { recursive: true, force: true }),
};
