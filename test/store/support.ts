// A store in a temporary folder for tests; a "kill" copies the folder as it is and opens the copy.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import type { Clock } from '../../src/domain/ports/clock.ts';
import type {
  BridgeStore,
  ConnectionStore,
  DamagedRecord,
  JournalEntry,
  Settlement,
} from '../../src/domain/ports/store.ts';
import { DAMAGED, type UplinkOutcome } from '../../src/domain/uplink.ts';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import type { Disk, DiskFile } from '../../src/store/disk.ts';
import { realDisk } from '../../src/store/disk.ts';
import type { StoreIncident } from '../../src/store/incidents.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore, type StoreOptions } from '../../src/store/store.ts';
import { ManualClock } from '../support/manual-clock.ts';

export const DELIVERED: UplinkOutcome = { kind: 'delivered' };
export const REFUSED: UplinkOutcome = {
  kind: 'deadLettered',
  reason: 'refused',
  detail: { message: 'no such field', status: 400, requestId: 'r-1' },
};

/**
 * For properties that work with real files. fast-check takes a property that its time limit interrupts for a success as soon as one
 * run is done: a slow disk would let it pass with hardly any, and nobody would see. So all runs have to be done. They take seconds,
 * and a minute where others have the machine; the limit is far above that, and ends what hangs with a word on how many were done.
 * The test's own time must be longer: its end says nothing of that.
 */
export const ALL_RUNS = { numRuns: 20, interruptAfterTimeLimit: 240_000, markInterruptAsFailure: true } as const;
export const TIME_FOR_ALL_RUNS_MS = 270_000;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-store-'));
  folders.push(folder);
  return folder;
}

export class TestStore implements AsyncDisposable {
  clock = new ManualClock();
  incidents: StoreIncident[] = [];
  dataDir: string;
  options: Partial<StoreOptions>;
  store: BridgeStore;
  #opened: BridgeStore[] = [];

  private constructor(dataDir: string, options: Partial<StoreOptions>, store: BridgeStore | null) {
    this.dataDir = dataDir;
    this.options = options;
    this.store = store as BridgeStore;
  }

  static open(options: Partial<StoreOptions> = {}): Promise<TestStore> {
    return TestStore.openAt(path.join(temporaryFolder(), 'data'), options);
  }

  static async openAt(dataDir: string, options: Partial<StoreOptions> = {}): Promise<TestStore> {
    const test = new TestStore(dataDir, options, null);
    await test.#open();
    return test;
  }

  async connection(id = 'a', maxBytes = 1e9): Promise<JournalledConnection> {
    return (await this.store.openConnection(id, { maxBytes })) as JournalledConnection;
  }

  /** Ends in order and opens again. `between`: what happens to the files meanwhile. */
  async reopen(between: (dataDir: string) => void = () => {}): Promise<JournalledConnection> {
    await this.store.close();
    between(this.dataDir);
    await this.#open();
    return this.connection();
  }

  /** As after `kill -9`: what the process had in memory is gone. */
  async kill(between: (dataDir: string) => void = () => {}): Promise<JournalledConnection> {
    await this.moveOn(between);
    return this.connection();
  }

  async moveOn(between: (dataDir: string) => void = () => {}): Promise<void> {
    const copy = path.join(temporaryFolder(), 'data');
    fs.cpSync(this.dataDir, copy, { recursive: true });
    this.dataDir = copy;
    between(copy);
    await this.#open();
  }

  journal(id = 'a'): string {
    return path.join(this.dataDir, 'journals', id);
  }

  segments(id = 'a'): string[] {
    const folder = this.journal(id);
    return fs.existsSync(folder)
      ? fs
          .readdirSync(folder)
          .filter((name) => name.endsWith('.seg'))
          .sort()
      : [];
  }

  told(kind: StoreIncident['kind']): StoreIncident[] {
    return this.incidents.filter((incident) => incident.kind === kind);
  }

  async #open(): Promise<void> {
    const box = openSecretBox({ dataDir: this.dataDir, key: null });
    const clock: Clock = this.clock;
    const report = (incident: StoreIncident) => void this.incidents.push(incident);
    this.store = await openStore({ dataDir: this.dataDir, clock, box, report, ...this.options });
    this.#opened.push(this.store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#opened) await store.close();
  }
}

export function entry(n: number, bytes = 40): JournalEntry {
  const payload = Buffer.alloc(bytes, `payload ${n} `);
  const device = `70B3D5${n.toString(16).toUpperCase().padStart(10, '0')}`;
  return { topic: `mqtt/things/${device}/uplink`, payload, arrivedAt: 1_700_000_000_000 + n, retain: false, device };
}

export function entries(from: number, count: number, bytes = 40): JournalEntry[] {
  return Array.from({ length: count }, (_, i) => entry(from + i, bytes));
}

export function append(connection: ConnectionStore, list: readonly JournalEntry[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const first = connection.append(list, (error) => (error ? reject(error) : resolve(first)));
  });
}

/** As the line does: what is damaged is settled. */
export async function readAll(connection: ConnectionStore, maxRecords = 1000, maxBytes = 1e6) {
  const all = [];
  for (let from = 1; ; ) {
    const damaged: Settlement[] = [];
    const give = ({ seq }: DamagedRecord): void => void damaged.push({ seq, outcome: DAMAGED });
    const records = await connection.read(from, maxRecords, maxBytes, give);
    connection.settle(damaged);
    if (records.length === 0) return all;
    all.push(...records);
    from = records.at(-1)!.seq + 1;
  }
}

/** Waits for something that I/O brings about. */
export async function until(what: () => boolean, timeoutMs = 10_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !what(); ) {
    if (performance.now() > end) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets the store's time pass, a second at a time, until it has done something with files. */
export async function passTime(clock: ManualClock, what: () => boolean, timeoutMs = 10_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !what(); ) {
    if (performance.now() > end) throw new Error(`did not happen: ${what}`);
    await clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A disk that can be full, fail or be watched. */
export class FaultyDisk implements Disk {
  /** Bytes that may still be written. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** Errors to be thrown by the next writes, after half of their bytes were written. */
  failures: Error[] = [];
  writes = 0;
  truncateFails = false;
  /** Held-back writes: call to let one go on. */
  held: (() => void)[] | null = null;

  async create(file: string): Promise<DiskFile> {
    return this.#wrap(await realDisk.create(file));
  }

  async open(file: string): Promise<DiskFile> {
    return this.#wrap(await realDisk.open(file));
  }

  openSync = realDisk.openSync;
  list = realDisk.list;
  directories = realDisk.directories;
  makeDirectory = realDisk.makeDirectory;
  syncDirectory = realDisk.syncDirectory;
  replaceSync = realDisk.replaceSync;
  remove = realDisk.remove;
  removeDirectory = realDisk.removeDirectory;

  #wrap(file: DiskFile): DiskFile {
    const disk = this;
    return {
      sync: () => file.sync(),
      read: (...at) => file.read(...at),
      readSync: (...at) => file.readSync(...at),
      close: () => file.close(),
      closeSync: () => file.closeSync(),
      async truncate(length) {
        if (disk.truncateFails) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
        await file.truncate(length);
      },
      async writeDurably(buffer, from, length, position) {
        disk.writes += 1;
        if (disk.held) await new Promise<void>((resolve) => disk.held!.push(resolve));
        const failure = disk.failures.shift();
        if (failure || length > disk.roomBytes) {
          const part = failure ? length >> 1 : Math.max(0, Math.floor(disk.roomBytes));
          if (part > 0) await file.writeDurably(buffer, from, part, position);
          throw failure ?? Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        }
        disk.roomBytes -= length;
        await file.writeDurably(buffer, from, length, position);
      },
    };
  }
}
