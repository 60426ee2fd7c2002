// Between the definitions and the supervisor of a worker among several: only those connections run here whose partition is
// ours. Kept ones go on untouched through a rebalance, gained ones start once what travels with them has been read, lost ones stop.
import type { Connection, FieldError } from '../domain/connection.ts';
import { NotKept } from '../domain/errors.ts';
import { partitionOfKey } from '../domain/partition.ts';
import type { Ownership } from '../domain/ports/ownership.ts';
import type { DefinitionListener } from './definitions.ts';
import type { Supervisor } from './supervisor.ts';

export interface OwnedConnectionsOptions {
  readonly ownership: Pick<Ownership, 'partitions'>;
  readonly partitionOf: (connection: Connection) => number;
  readonly supervisor: Pick<
    Supervisor,
    'onDefinition' | 'onInvalid' | 'onDeleted' | 'onSnapshot' | 'release' | 'forget'
  >;
  /** Reads what travels with accounts and connections, up to now. False: stopped meanwhile. */
  readonly prepare: () => Promise<boolean>;
  /** They are about to be served: resolves when nothing else holds their stores. */
  readonly onServing: (ids: readonly string[]) => Promise<void>;
  /** A connection is deleted, wherever it was served: resolves when nothing else holds its store. */
  readonly onDeleted: (id: string) => Promise<void>;
  /** Another worker ends its sessions; nothing of it is stored here any more. */
  readonly onForgotten: (id: string) => void;
  /** Nothing of it is served here any more. */
  readonly onReleased: (id: string) => void;
}

/** As many as there may be definitions. */
const MAX_UNDONE = 10_000;

export class OwnedConnections implements DefinitionListener {
  readonly #options: OwnedConnectionsOptions;
  readonly #defined = new Map<string, Connection>();
  /** Of those, once it is known how many partitions there are. */
  readonly #partitions = new Map<string, number>();
  /** Ours, and ready to be served. */
  readonly #served = new Set<number>();
  /** Ours; what travels with them is still being read. */
  readonly #coming = new Set<number>();
  /** Those whose latest definition is not valid: whoever gains them later tells it too. */
  readonly #invalid = new Map<string, { readonly name: string | null; readonly errors: readonly FieldError[] }>();
  /** Deleted before it was known whose they are. */
  readonly #early = new Set<string>();
  /** Deleted while their partitions were not ours, with these: they may have been nobody's, so whoever gains one does what is not done. */
  readonly #undone = new Map<string, number>();
  /** Of those, what is stored here goes once this is done, unless they have come to us by then. */
  readonly #clearing = new Map<string, Promise<void>>();

  constructor(options: OwnedConnectionsOptions) {
    this.#options = options;
  }

  /** Of all definitions, served here or elsewhere. null: there is none that is valid, or Kafka has not said yet how many there are. */
  partitionOf(id: string): number | null {
    const known = this.#partitions.get(id);
    if (known !== undefined) return known;
    const connection = this.#defined.get(id);
    if (connection === undefined || this.#options.ownership.partitions === 0) return null;
    const partition = this.#options.partitionOf(connection);
    this.#partitions.set(id, partition);
    return partition;
  }

  isServed(id: string): boolean {
    const partition = this.partitionOf(id);
    return partition !== null && this.#served.has(partition);
  }

  /** Whether a partition is ours and ready. */
  serves(partition: number): boolean {
    return this.#served.has(partition);
  }

  ids(): readonly string[] {
    return [...this.#defined.keys()];
  }

  onDefinition(connection: Connection): void {
    const { id } = connection;
    this.#early.delete(id);
    this.#undone.delete(id);
    this.#invalid.delete(id);
    this.#defined.set(id, connection);
    this.#partitions.delete(id);
    if (this.isServed(id)) this.#run(connection);
    // Another account: another worker's. Or it was deleted here, and is another worker's now.
    else void this.#release(id);
  }

  onInvalid(id: string, name: string | null, errors: readonly FieldError[]): void {
    this.#invalid.set(id, { name, errors });
    if (this.#isOursToTell(id)) this.#options.supervisor.onInvalid(id, name, errors);
  }

  onDeleted(id: string): void {
    if (this.#options.ownership.partitions === 0) {
      this.#forget(id);
      this.#early.add(id);
      return;
    }
    const teller = this.#tellerOf(id);
    const isOurs = this.#served.has(teller);
    if (isOurs) this.#delete(id);
    else this.#remember(id, teller);
    this.#forget(id);
    // Its sessions at brokers are ended by one; the others only clear what is left of it on their disk.
    const isFree = this.#options.onDeleted(id);
    if (!isOurs) void this.#clear(id, isFree);
  }

  /** Its retained status is gone: a deletion that another worker has done. */
  onCleared(id: string): void {
    this.#undone.delete(id);
  }

  onSnapshot(ids: ReadonlySet<string>): void {
    for (const id of [...this.#defined.keys(), ...this.#invalid.keys()]) if (!ids.has(id)) this.#forget(id);
    this.#options.supervisor.onSnapshot(ids);
  }

  onGained(partitions: readonly number[]): void {
    for (const partition of partitions) this.#coming.add(partition);
    void this.#options.prepare().then((isReady) => {
      if (isReady) return this.#serve(partitions);
    });
  }

  async #serve(partitions: readonly number[]): Promise<void> {
    const now = new Set(partitions.filter((partition) => this.#coming.delete(partition)));
    for (const partition of now) this.#served.add(partition);
    for (const id of this.#early) if (isKept(() => this.onDeleted(id))) this.#early.delete(id);
    for (const [id, partition] of this.#undone) {
      if (now.has(partition) && isKept(() => this.#delete(id))) this.#undone.delete(id);
    }
    await this.#options.onServing(this.ids().filter((id) => now.has(this.partitionOf(id) ?? -1)));
    for (const [id, connection] of this.#defined) {
      // Meanwhile it may have been lost again.
      const partition = this.partitionOf(id) ?? -1;
      if (now.has(partition) && this.#served.has(partition)) this.#run(connection);
    }
    for (const [id, { name, errors }] of this.#invalid) {
      if (now.has(this.#tellerOf(id)) && this.#isOursToTell(id)) this.#options.supervisor.onInvalid(id, name, errors);
    }
  }

  async onLost(partitions: readonly number[]): Promise<void> {
    const lost = new Set(partitions);
    for (const partition of partitions) {
      this.#coming.delete(partition);
      this.#served.delete(partition);
    }
    const gone = this.ids().filter((id) => lost.has(this.partitionOf(id) ?? -1));
    await Promise.all(gone.map((id) => this.#release(id)));
  }

  #run(connection: Connection): void {
    this.#clearing.delete(connection.id);
    this.#options.supervisor.onDefinition(connection);
  }

  #delete(id: string): void {
    this.#clearing.delete(id);
    this.#options.supervisor.onDeleted(id);
  }

  async #clear(id: string, isFree: Promise<void>): Promise<void> {
    this.#clearing.set(id, isFree);
    await isFree;
    // Defined anew it runs here by now, or its deletion has become ours: it would be stopped.
    if (this.#clearing.get(id) !== isFree) return;
    this.#clearing.delete(id);
    await this.#options.supervisor.forget(id);
    if (!this.isServed(id)) this.#options.onForgotten(id);
  }

  async #release(id: string): Promise<void> {
    await this.#options.supervisor.release(id);
    if (!this.isServed(id)) this.#options.onReleased(id);
  }

  #remember(id: string, partition: number): void {
    const [oldest] = this.#undone.keys();
    if (this.#undone.size >= MAX_UNDONE && oldest !== undefined) this.#undone.delete(oldest);
    this.#undone.set(id, partition);
  }

  #forget(id: string): void {
    this.#defined.delete(id);
    this.#invalid.delete(id);
    this.#partitions.delete(id);
  }

  /** Of one that has no valid definition nobody knows the account: its name decides. */
  #isOursToTell(id: string): boolean {
    return this.#options.ownership.partitions > 0 && this.#served.has(this.#tellerOf(id));
  }

  #tellerOf(id: string): number {
    return this.partitionOf(id) ?? partitionOfKey(id, this.#options.ownership.partitions);
  }
}

/** False: the disk did not take it. Kafka has the deletion still, and hands it out at the next start. */
function isKept(hear: () => void): boolean {
  try {
    hear();
    return true;
  } catch (error) {
    if (!(error instanceof NotKept)) throw error;
    return false;
  }
}
