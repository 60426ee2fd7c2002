// A model of a disk at the journal's port: what is written, what is durable, and what a kill or a power loss leaves of it.
import path from 'node:path';
import type { Disk, DiskFile } from '../../src/store/disk.ts';
import type { Dice } from './dice.ts';
import { type Ending, type Life, never } from './life.ts';
import type { SimTime } from './time.ts';

const SECTOR = 512;

/** A file's contents: as the system shows them, and as they are on the platter. */
class Inode {
  shown = Buffer.alloc(4096);
  bytes = 0;
  durable = Buffer.alloc(4096);
  durableBytes = 0;

  write(from: Buffer, at: number): void {
    [this.shown, this.bytes] = written(this.shown, this.bytes, from, at);
  }

  writeDurably(from: Buffer, at: number): void {
    this.write(from, at);
    [this.durable, this.durableBytes] = written(this.durable, this.durableBytes, from, at);
  }

  sync(): void {
    if (this.durable.length < this.bytes) this.durable = Buffer.alloc(this.shown.length);
    this.shown.copy(this.durable, 0, 0, this.bytes);
    this.durableBytes = this.bytes;
  }

  /** What a power loss leaves: what was not synced is there in parts, sector by sector. */
  losePower(dice: Dice): void {
    const bytes = dice.isLucky(0.5) ? this.bytes : this.durableBytes;
    const after = Buffer.alloc(Math.max(4096, bytes));
    this.durable.copy(after, 0, 0, Math.min(bytes, this.durableBytes));
    for (let at = 0; at < bytes; at += SECTOR) {
      if (dice.isLucky(0.5)) this.shown.copy(after, at, at, Math.min(at + SECTOR, this.bytes, bytes));
    }
    // What was durable and not written since is as it was: only changed sectors may differ, and equal bytes do not.
    this.shown = after;
    this.bytes = bytes;
    this.sync();
  }
}

function written(into: Buffer<ArrayBuffer>, length: number, from: Buffer, at: number): [Buffer<ArrayBuffer>, number] {
  const end = at + from.length;
  let buffer = into;
  if (end > into.length) {
    buffer = Buffer.alloc(Math.max(end, into.length * 2));
    into.copy(buffer, 0, 0, length);
  }
  from.copy(buffer, at);
  return [buffer, Math.max(length, end)];
}

interface InFlight {
  readonly inode: Inode;
  readonly bytes: Buffer;
  readonly at: number;
}

/** The platter: outlives processes. Faults are its fields. */
export class DiskModel {
  full = false;
  /** So many of the next writes fail with EIO. */
  failures = 0;
  /** Added to each operation. */
  slowMs = 0;
  /** Called when a file has taken another one's place. */
  onReplaced: () => void = () => {};
  readonly dice: Dice;
  readonly #time: SimTime;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #folders = new Set<string>();
  readonly #durableFolders = new Set<string>();
  readonly #inFlight = new Set<InFlight>();

  constructor(time: SimTime, dice: Dice) {
    this.#time = time;
    this.dice = dice;
  }

  /** Paths of all files, for checks. */
  get files(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** The port of one process. */
  portOf(life: Life): Disk {
    const later = <T>(effect: () => T): Promise<T> => this.#later(life, effect);
    return {
      create: (file) =>
        later(() => {
          if (this.#names.has(file)) throw systemError('EEXIST', `file already exists, open '${file}'`);
          if (!this.#folders.has(path.dirname(file))) throw systemError('ENOENT', `no such directory, open '${file}'`);
          const inode = new Inode();
          this.#names.set(file, inode);
          return this.#file(inode, life);
        }),
      open: (file) => later(() => this.#file(this.#find(file), life)),
      openSync: (file) => {
        life.step();
        return this.#file(this.#find(file), life);
      },
      list: (folder) =>
        later(() => {
          const prefix = `${folder}/`;
          const found: { name: string; bytes: number }[] = [];
          for (const [name, { bytes }] of this.#names) {
            if (name.startsWith(prefix)) found.push({ name: name.slice(prefix.length), bytes });
          }
          return found;
        }),
      directories: (folder) => {
        life.step();
        const prefix = `${folder}/`;
        return [...this.#folders].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
      },
      makeDirectory: (folder) =>
        later(() => {
          if (this.full && !this.#folders.has(folder)) throw noSpace();
          this.#folders.add(folder);
        }),
      replaceSync: (from, to) => {
        life.step();
        this.#names.set(to, this.#find(from));
        this.#names.delete(from);
        this.onReplaced();
        life.step();
      },
      syncDirectory: (folder) => later(() => this.#syncNames(folder)),
      remove: (file) => later(() => void this.#names.delete(file)),
      removeDirectory: (folder) =>
        later(() => {
          for (const name of this.#names.keys()) if (name.startsWith(`${folder}/`)) this.#names.delete(name);
          this.#folders.delete(folder);
        }),
    };
  }

  /** The process is gone: of what it was writing, some has reached the system, or the platter. */
  end(ending: Ending): void {
    const { dice } = this;
    for (const { inode, bytes, at } of this.#inFlight) {
      const part = dice.pick([0, 1, dice.random()]);
      inode.write(bytes.subarray(0, Math.floor(bytes.length * part)), at);
    }
    this.#inFlight.clear();
    if (ending === 'powerLoss') this.#losePower();
  }

  #losePower(): void {
    const { dice } = this;
    const names = new Map<string, Inode>();
    for (const [name, inode] of this.#durableNames) {
      const now = this.#names.get(name);
      // A removal that was not synced may be undone; of a replacement one of the two is there.
      if (now === inode || dice.isLucky(0.5)) names.set(name, inode);
      else if (now !== undefined) names.set(name, now);
    }
    for (const [name, inode] of this.#names) if (!names.has(name) && dice.isLucky(0.5)) names.set(name, inode);
    for (const folder of [...this.#folders]) {
      if (!this.#durableFolders.has(folder) && dice.isLucky(0.5)) this.#folders.delete(folder);
    }
    for (const folder of this.#durableFolders) if (dice.isLucky(0.5)) this.#folders.add(folder);
    for (const name of [...names.keys()]) if (!this.#folders.has(path.dirname(name))) names.delete(name);
    for (const inode of new Set(names.values())) inode.losePower(dice);
    this.#names = names;
    this.#durableNames = new Map(names);
  }

  #syncNames(folder: string): void {
    const prefix = `${folder}/`;
    for (const name of this.#durableNames.keys()) {
      if (name.startsWith(prefix) && !this.#names.has(name)) this.#durableNames.delete(name);
    }
    for (const [name, inode] of this.#names) if (name.startsWith(prefix)) this.#durableNames.set(name, inode);
    for (const name of this.#durableFolders) {
      if (name.startsWith(prefix) && !this.#folders.has(name)) this.#durableFolders.delete(name);
    }
    for (const name of this.#folders) if (name.startsWith(prefix)) this.#durableFolders.add(name);
  }

  #find(file: string): Inode {
    const inode = this.#names.get(file);
    if (inode === undefined) throw systemError('ENOENT', `no such file, open '${file}'`);
    return inode;
  }

  #file(inode: Inode, life: Life): DiskFile {
    const later = <T>(effect: () => T): Promise<T> => this.#later(life, effect);
    const read = (into: Buffer, from: number, length: number, position: number): number => {
      const end = Math.min(inode.bytes, position + length);
      return end <= position ? 0 : inode.shown.copy(into, from, position, end);
    };
    return {
      writeDurably: (buffer, from, length, position) => {
        if (!life.isLiving()) return never();
        // What is written is what the buffer holds now: it is reused afterwards.
        const write: InFlight = { inode, bytes: Buffer.from(buffer.subarray(from, from + length)), at: position };
        this.#inFlight.add(write);
        return later(() => {
          this.#inFlight.delete(write);
          this.#failOrGoOn(write);
          inode.writeDurably(write.bytes, write.at);
        });
      },
      truncate: (length) =>
        later(() => {
          inode.bytes = Math.min(inode.bytes, length);
          inode.sync();
        }),
      sync: () => later(() => inode.sync()),
      read: (into, from, length, position) => later(() => read(into, from, length, position)),
      readSync: (into, from, length, position) => {
        life.step();
        return read(into, from, length, position);
      },
      close: () => later(() => {}),
      closeSync: () => {},
    };
  }

  #failOrGoOn({ inode, bytes, at }: InFlight): void {
    if (!this.full && this.failures === 0) return;
    inode.write(bytes.subarray(0, Math.floor(bytes.length * this.dice.random())), at);
    if (this.full) throw noSpace();
    this.failures -= 1;
    throw systemError('EIO', 'input/output error, write');
  }

  #later<T>(life: Life, effect: () => T): Promise<T> {
    if (!life.isLiving()) return never();
    return new Promise<T>((resolve, reject) => {
      const ms = this.dice.scaled(0.05, 3) + this.slowMs * this.dice.random();
      this.#time.after(
        ms,
        () => {
          let result: T;
          try {
            result = effect();
          } catch (error) {
            reject(error);
            return;
          }
          if (life.isLiving()) resolve(result);
        },
        life,
      );
    });
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

function noSpace(): Error {
  return systemError('ENOSPC', 'no space left on device, write');
}
