// The store's database over SQLite in memory: commits survive a kill; a power loss takes back what was not made durable.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Database } from '../../src/store/database.ts';
import type { StoreParts } from '../../src/store/store.ts';
import { upgrade } from '../../src/store/versions.ts';
import type { Dice } from './dice.ts';
import type { DiskModel } from './disk-model.ts';
import { Dead, type Ending, type Life, never } from './life.ts';
import type { SimTime } from './time.ts';

const SQLITE_FULL = 13;
/** Transactions that the reserve's room is good for. */
const RESERVED_TRANSACTIONS = 300;
const IDLE_TICKS = 5;
/** A settlement is committed so long after HERE's answer at the latest: gathered for 10 ms, by timers that are a little late. */
const COMMITTED_WITHIN_MS = 15;
/** What was refused is tried again within that time. */
const TRIED_AGAIN_WITHIN_MS = 1_000 + COMMITTED_WITHIN_MS;

/** A database as the first start makes it: the same for each world. */
const FRESH = (() => {
  const sql = new DatabaseSync(':memory:');
  upgrade(sql);
  const image = sql.serialize();
  sql.close();
  return image;
})();

function opened(image: Uint8Array): DatabaseSync {
  const sql = new DatabaseSync(':memory:');
  sql.deserialize(image);
  return sql;
}

/** A state of the database, and from when on what the bridge heard may not be in it. */
interface Image {
  readonly bytes: Uint8Array;
  readonly unsureSinceMs: number;
  /** Of all lives, up to then. */
  readonly commits: number;
}

/** What outlives processes: the database and the reserve file. */
export class DatabaseModel {
  #sql = opened(FRESH);
  /** What a power loss would leave at least, and states that it might leave instead; empty when no power loss is planned. */
  #images: Image[] = [];
  /** The present state, while nothing has been committed since it was taken. */
  #bytes: Uint8Array | null = null;
  #commits = 0;
  /** The last refusals that came so soon after each other that what the first one refused may still be waiting. */
  #refusals = { firstMs: Number.NEGATIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };
  readonly #time: SimTime;
  readonly #keepsImages: boolean;
  readonly #dice: Dice;
  #reserved = true;
  #roomLeft = 0;

  constructor(options: { readonly time: SimTime; readonly losesPower: boolean; readonly dice: Dice }) {
    this.#time = options.time;
    this.#keepsImages = options.losesPower;
    this.#dice = options.dice;
    this.madeDurable();
  }

  get sql(): DatabaseSync {
    return this.#sql;
  }

  image(): Image | null {
    if (!this.#keepsImages) return null;
    this.#bytes ??= this.#sql.serialize();
    return { bytes: this.#bytes, unsureSinceMs: this.#unsureSinceMs(), commits: this.#commits };
  }

  /** `image`: the state that has reached the platter; now by default. One that comes there late takes nothing newer back. */
  madeDurable(image = this.image()): void {
    if (image !== null && image.commits >= (this.#images[0]?.commits ?? 0)) this.#images = [image];
  }

  committed(): void {
    this.#bytes = null;
    this.#commits += 1;
    const image = this.#keepsImages && this.#dice.isLucky(0.05) ? this.image() : null;
    if (image !== null) this.#images.push(image);
    if (this.#images.length > 6) this.#images.splice(1, 1);
  }

  /**
   * A process is gone, which was asked to stop at `askedMs` (null: it was not). Returns from when on what it heard may not be
   * written down.
   */
  end(ending: Ending, askedMs: number | null = null): number {
    if (this.#sql.isTransaction) this.#sql.exec('ROLLBACK');
    let unsureSinceMs = this.#unsureSinceMs(ending, askedMs ?? this.#time.nowMs);
    this.#refusals = { firstMs: Number.NEGATIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };
    if (ending !== 'powerLoss') return unsureSinceMs;
    if (!this.#dice.isLucky(0.3)) {
      const image = this.#dice.pick(this.#images);
      this.#sql.close();
      this.#sql = opened(image.bytes);
      this.#bytes = image.bytes;
      unsureSinceMs = image.unsureSinceMs;
    }
    // What is there after a power loss is on the platter.
    this.madeDurable();
    return unsureSinceMs;
  }

  /** `triesUntilMs`: until then what is refused is tried again; a line that stops tries once more, and leaves it at that. */
  #unsureSinceMs(ending: Ending = 'kill', triesUntilMs = this.#time.nowMs): number {
    const { firstMs, lastMs } = this.#refusals;
    if (lastMs >= triesUntilMs - TRIED_AGAIN_WITHIN_MS) return firstMs - COMMITTED_WITHIN_MS;
    return ending === 'stop' ? Number.POSITIVE_INFINITY : this.#time.nowMs - COMMITTED_WITHIN_MS;
  }

  close(): void {
    this.#sql.close();
  }

  /** The store's parts for one process. */
  partsOf(life: Life, disk: DiskModel, time: SimTime): StoreParts {
    const model = this;
    const database = new ProcessDatabase(this, life, disk, time);
    const reserve = {
      get intact(): boolean {
        return model.#reserved;
      },
      async restore(): Promise<void> {
        if (life.isLiving() && !disk.full) model.#reserved = true;
      },
      settled: () => Promise.resolve(),
    };
    return { lock: { release: () => {} }, database: database as unknown as Database, reserve };
  }

  /** The reserve's room is not theirs but in parts: the rest of it is kept for what empties the journals. */
  hasRoomForLetters(disk: DiskModel): boolean {
    if (!disk.full || this.#roomLeft > RESERVED_TRANSACTIONS / 2) return true;
    this.#refused();
    return false;
  }

  /** False when a full disk refuses a transaction; then the reserve's room is given up for the next ones. */
  takeRoom(disk: DiskModel): boolean {
    if (!disk.full) return true;
    if (this.#roomLeft > 0) {
      this.#roomLeft -= 1;
      return true;
    }
    if (this.#reserved) this.#roomLeft = RESERVED_TRANSACTIONS;
    this.#reserved = false;
    this.#refused();
    return false;
  }

  #refused(): void {
    const { nowMs } = this.#time;
    const { firstMs, lastMs } = this.#refusals;
    this.#refusals = { firstMs: lastMs < nowMs - TRIED_AGAIN_WITHIN_MS ? nowMs : firstMs, lastMs: nowMs };
  }
}

function full(): Error {
  return Object.assign(new Error('database or disk is full'), { errcode: SQLITE_FULL });
}

/** `Database` as the store uses it, for one process. */
class ProcessDatabase {
  readonly #sql: DatabaseSync;
  readonly #model: DatabaseModel;
  readonly #life: Life;
  readonly #disk: DiskModel;
  readonly #time: SimTime;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #commits = 0;
  #seen = 0;
  #quietTicks = 0;
  #checkpointed = 0;

  constructor(model: DatabaseModel, life: Life, disk: DiskModel, time: SimTime) {
    this.#sql = model.sql;
    this.#model = model;
    this.#life = life;
    this.#disk = disk;
    this.#time = time;
    this.#begin = this.#sql.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#sql.prepare('COMMIT');
  }

  /** Of a process that is gone, nobody reads: the database may be another one by then, or none. */
  get sql(): DatabaseSync {
    if (!this.#life.alive) throw new Dead();
    return this.#sql;
  }

  transaction<T>(run: () => T): T {
    this.#life.step();
    this.#begin.run();
    try {
      const result = run();
      if (!this.#model.takeRoom(this.#disk)) {
        throw full();
      }
      this.#commit.run();
      this.#commits += 1;
      this.#model.committed();
      this.#life.step();
      return result;
    } catch (error) {
      if (this.#sql.isTransaction) this.#sql.exec('ROLLBACK');
      throw error;
    }
  }

  assertRoom(): void {
    if (!this.#model.hasRoomForLetters(this.#disk)) throw full();
  }

  durably<T>(run: () => T): T {
    const result = this.transaction(run);
    this.#model.madeDurable();
    return result;
  }

  barrier(): Promise<void> {
    if (!this.#life.isLiving()) return never();
    const image = this.#model.image();
    return new Promise((resolve) => {
      this.#time.after(
        this.#disk.dice.scaled(0.1, 5) + this.#disk.slowMs * this.#disk.dice.random(),
        () => {
          this.#model.madeDurable(image);
          if (this.#life.isLiving()) resolve();
        },
        this.#life,
      );
    });
  }

  async tick(): Promise<void> {
    this.#quietTicks = this.#commits === this.#seen ? this.#quietTicks + 1 : 0;
    this.#seen = this.#commits;
    if (this.#quietTicks < IDLE_TICKS || this.#commits === this.#checkpointed) return;
    this.#checkpointed = this.#commits;
    await this.barrier();
  }

  close(): void {
    this.#life.step();
    this.#model.madeDurable();
  }
}
