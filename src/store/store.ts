// The store of a data directory: lock, database, and the journals of its connections.
//
//   dataDir/  (0700)
//     lock.db, lock.json   one bridge per directory; the JSON names who
//     secret.key           made by `openSecretBox` unless a key is configured
//     bridge.db (-wal, -shm)   settlements, ledgers, dead letters, states, accounts, devices, events
//     reserve.bin          room for settlements when the disk is full
//     journals/<connection id>/<base seq>-<salt>.seg    original messages, until they are settled
//     journals/<connection id>/….corrupt, bridge.db.corrupt-<time>    damaged bytes, kept for a person to look at
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { BridgeError } from '../domain/errors.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { DeadLetterBox, ExpiredUplink, KeptLetters } from '../domain/ports/dead-letters.ts';
import type { CommandStore } from '../domain/ports/downlink.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { BridgeStore, ConnectionOpening, ErasedDevice } from '../domain/ports/store.ts';
import { Repeated } from '../domain/repeated.ts';
import { within } from '../domain/within.ts';
import { abortableDisk } from './abortable-disk.ts';
import { AccountTable } from './accounts.ts';
import { AuditTable } from './audit.ts';
import { CommandTables } from './commands.ts';
import { JournalledConnection } from './connection-store.ts';
import { ConnectionTables } from './connection-tables.ts';
import { Database } from './database.ts';
import type { NewDeadLetter } from './dead-letter-rows.ts';
import { Deletions } from './deletions.ts';
import { DeviceTable } from './devices.ts';
import { type Disk, realDisk } from './disk.ts';
import { makeJournalDirectory } from './disk-probe.ts';
import { eraseDevice } from './erasure.ts';
import { EventTable } from './events.ts';
import { BufferPool } from './group.ts';
import { databaseSetAside, type ReportIncident } from './incidents.ts';
import { type LetterBudgets, LetterTables } from './letter-tables.ts';
import { type DirectoryLock, takeDirectory } from './lock.ts';
import { recover } from './recovery.ts';
import { checkConnectionId, journalUnavailable } from './refusals.ts';
import { Reserve } from './reserve.ts';
import { RestingLetters } from './resting-letters.ts';
import { ShadowTable } from './shadows.ts';
import { type SharedBudgets, shareJournals, shareLetters } from './shares.ts';

const TICK_MS = 1000;

export interface StoreOptions extends LetterBudgets, SharedBudgets {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly box: SecretBox;
  readonly report: ReportIncident;
  /** New dead letters of a connection, after their commit. Must not throw. */
  readonly onDeadLetters?: (connectionId: string, letters: readonly NewDeadLetter[]) => void;
  /** 10,000 by default. */
  readonly maxEvents?: number;
  /** 10,000 by default. */
  readonly maxAuditEntries?: number;
  /** The journal's files; the real disk by default. */
  readonly disk?: Disk;
}

/**
 * Opens or makes the store. Rejects with a BridgeError: `dataDirInUse` (exit 75, names the process that has it),
 * `storeTooNew` (78), `storeUnavailable` (69).
 */
export async function openStore(options: StoreOptions): Promise<BridgeStore> {
  const { dataDir, clock, report } = options;
  const lock = takeDirectory(dataDir, clock);
  try {
    const stamp = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-');
    const reserve = new Reserve(path.join(dataDir, 'reserve.bin'));
    const database = Database.open(path.join(dataDir, 'bridge.db'), reserve, stamp, (movedTo, why) =>
      report(databaseSetAside(movedTo, why)),
    );
    return await assembleStore(options, { lock, database, reserve });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What a store stands on beside the journal's disk; `openStore` takes real ones, the simulation models. */
export interface StoreParts {
  readonly lock: DirectoryLock;
  readonly database: Database;
  readonly reserve: Pick<Reserve, 'intact' | 'restore' | 'settled'>;
}

export async function assembleStore(options: StoreOptions, parts: StoreParts): Promise<BridgeStore> {
  const store = new Store(options, parts);
  await parts.reserve.restore();
  await store.finishDeletions();
  store.start();
  return store;
}

class Store implements BridgeStore {
  readonly accounts: AccountTable;
  readonly devices: DeviceTable;
  readonly events: EventTable;
  readonly shadows: ShadowTable;
  readonly audit: AuditTable;
  readonly #options: StoreOptions;
  readonly #lock: DirectoryLock;
  readonly #reserve: StoreParts['reserve'];
  readonly #database: Database;
  readonly #tables: ConnectionTables;
  readonly #letters: LetterTables;
  readonly #commands: CommandTables;
  readonly #disk: Disk;
  readonly #deletions: Deletions;
  readonly #resting: RestingLetters;
  readonly #pool = new BufferPool();
  readonly #upkeep: Repeated;
  /** Open, being opened or being deleted. */
  readonly #busy = new Map<string, JournalledConnection | null>();
  #cancelTick: Cancel | null = null;
  #closed = false;

  constructor(options: StoreOptions, { lock, database, reserve }: StoreParts) {
    this.#reserve = reserve;
    this.#options = options;
    this.#lock = lock;
    this.#database = database;
    this.#disk = options.disk ?? realDisk;
    this.#tables = new ConnectionTables(database);
    this.#letters = new LetterTables(database, options);
    this.#commands = new CommandTables(database);
    const isBusy = (id: string): boolean => this.#closed || this.#busy.has(id);
    this.#resting = new RestingLetters({ ...options, tables: this.#tables, letters: this.#letters, isBusy });
    this.#deletions = new Deletions({
      ...{ tables: this.#tables, letters: this.#letters, commands: this.#commands, disk: this.#disk },
      ...{ journals: this.#journals(), clock: options.clock, report: options.report },
      allDeadLettersMaxBytes: options.allDeadLettersMaxBytes,
      isBusy,
      remove: (id) => this.deleteConnection(id),
    });
    this.#upkeep = new Repeated((message) => {
      if (!this.#closed) options.report({ kind: 'upkeepFailed', connectionId: null, message });
    });
    this.accounts = new AccountTable(database, options.box, options.report);
    this.devices = new DeviceTable(database);
    this.shadows = new ShadowTable(database);
    this.events = new EventTable(database, options.maxEvents ?? 10_000);
    this.audit = new AuditTable(database, options.maxAuditEntries ?? 10_000);
  }

  start(): void {
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  async openConnection(id: string, { maxBytes, signal }: ConnectionOpening): Promise<JournalledConnection> {
    this.#claim(id);
    try {
      if (this.#tables.ids(true).includes(id)) await this.#deletions.finish(id);
      const { clock, report, onDeadLetters } = this.#options;
      const directory = this.#directoryOf(id);
      const shared = { id, disk: this.#disk, directory, tables: this.#tables, report };
      const recovered = await recover({ ...shared, letters: this.#letters.letters, now: clock.now(), signal });
      // What was kept of a deleted one has been taken back.
      this.#letters.letters.forgetTotals(recovered.key);
      let refusal: Error | null = null;
      await makeJournalDirectory(abortableDisk(this.#disk, signal), directory).catch((error: Error) => {
        refusal = error;
      });
      signal?.throwIfAborted();
      const connection = new JournalledConnection({
        ...shared,
        letterTables: this.#letters,
        onDeadLetters: (letters) => onDeadLetters?.(id, letters),
        maxBytes,
        clock,
        pool: this.#pool,
        salt: randomInt(2 ** 32),
        recovered,
        mayResume: () => this.#reserve.intact,
        onClosed: () => this.#busy.delete(id),
      });
      connection.start(refusal);
      // Before anyone can settle what is looked for. A disk that refuses is told to whoever waits for all of it.
      const recent = connection.places.recent().catch(() => {});
      if (!(await within(recent, signal))) {
        await connection.close(signal);
        signal?.throwIfAborted();
      }
      this.#busy.set(id, connection);
      return connection;
    } catch (error) {
      this.#busy.delete(id);
      if (error instanceof BridgeError) throw error;
      throw journalUnavailable(id, error);
    }
  }

  deadLetters(connectionId: string): DeadLetterBox | null {
    const key = this.#tables.keyOf(connectionId);
    return key === null ? null : this.#letters.box(key, this.#options.clock);
  }

  keptLetters(): readonly KeptLetters[] {
    return this.#letters.kept();
  }

  commands(connectionId: string): CommandStore | null {
    const key = this.#tables.keyOf(connectionId);
    return key === null ? null : this.#commands.of(key);
  }

  expired(connectionId: string, limit: number): readonly ExpiredUplink[] {
    const key = this.#tables.keyOf(connectionId);
    return key === null ? [] : this.#letters.expired.list(key, limit);
  }

  async eraseDevice(connectionId: string, device: string, pseudonym: string): Promise<ErasedDevice | null> {
    const key = this.#tables.keyOf(connectionId);
    if (key === null) return null;
    const expired = this.#letters.expired.forgetDevice(key, device);
    const isJournalClean = (await this.#busy.get(connectionId)?.erase()) ?? true;
    const rows = eraseDevice(this.#database, key, connectionId, device, pseudonym);
    this.#database.emptyLog();
    return { ...rows, expired, isJournalClean };
  }

  connectionIds(): readonly string[] {
    const ids = new Set(this.#tables.ids(false));
    const deleting = new Set(this.#tables.ids(true));
    // Journals whose rows were in a database that was set aside.
    for (const name of this.#disk.directories(this.#journals())) if (!deleting.has(name)) ids.add(name);
    return [...ids].sort();
  }

  getState(id: string, key: string): string | null {
    const connection = this.#tables.liveKeyOf(id);
    return connection === null ? null : this.#tables.getState(connection, key);
  }

  setState(id: string, key: string, value: string | null): void {
    const connection = this.#tables.liveKeyOf(id);
    if (connection !== null) this.#tables.setState(connection, key, value);
  }

  async deleteConnection(id: string): Promise<void> {
    this.#claim(id);
    try {
      this.#tables.markDeleting(id);
      await this.#deletions.finish(id);
    } finally {
      this.#busy.delete(id);
    }
  }

  finishDeletions(): Promise<void> {
    return this.#deletions.finishAll();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick?.();
    await Promise.all([...this.#busy.values()].map((connection) => connection?.close()));
    await this.#reserve.settled();
    this.#letters.flush();
    this.#database.close();
    this.#lock.release();
  }

  #claim(id: string): void {
    checkConnectionId(id);
    if (this.#closed) throw new BridgeError('storeClosed', 'The store is closed');
    if (this.#busy.has(id)) throw new BridgeError('connectionOpen', `The store of connection ${id} is open already`);
    this.#busy.set(id, null);
  }

  #journals(): string {
    return path.join(this.#options.dataDir, 'journals');
  }

  #directoryOf(id: string): string {
    return path.join(this.#journals(), id);
  }

  #tick(): void {
    if (this.#closed) return;
    this.start();
    void this.#reserve.restore();
    shareJournals(this.#busy.values(), this.#options);
    void this.#upkeep.try('The budget of all dead letters cannot be shared out', () =>
      shareLetters(this.#letters, this.#tables, this.#options),
    );
    for (const connection of this.#busy.values()) connection?.tick();
    this.#letters.flush();
    void this.#upkeep.try('The dead letters of deleted connections cannot be looked through', () =>
      this.#deletions.tick(),
    );
    void this.#upkeep.try('The dead letters of connections that do not run cannot be looked through', () =>
      this.#resting.tick(),
    );
    void this.#upkeep.try("The store's log cannot be copied back", () => this.#database.tick());
  }
}
