// What a worker knows of the others: who lives, who serves which connection, and what each directory's ledger says.
import { CONNECTION_STATES, type ConnectionStatus } from '../domain/connection.ts';
import { addLedgers, type Ledger } from '../domain/ledger.ts';
import type { TableReader, TableStatus } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import type { Cluster, ClusterWorker, Whereabouts } from '../domain/ports/cluster.ts';
import type { OwnedConnections } from './owned-connections.ts';
import { Peers, type PeersOptions } from './peers.ts';

export interface ClusterViewOptions extends PeersOptions {
  readonly workerId: string;
  /** Of connections that another worker serves; null: it is deleted. */
  readonly onStatus: (id: string, status: ConnectionStatus | null) => void;
  /**
   * Of a connection that is served here the topic has another worker's word, or none: one that was cut off from Kafka says its last
   * one again before it hears that its connections were dealt out anew.
   */
  readonly onOverwritten: (id: string) => void;
}

type Owned = Pick<OwnedConnections, 'ids' | 'partitionOf' | 'isServed'>;

const MAX_LEDGERS = 100_000;
const LOOK_MS = 10_000;

export class ClusterView {
  readonly #options: ClusterViewOptions;
  readonly #peers: Peers;
  readonly #reader: TableReader;
  readonly #statusReader: TableReader;
  /** As their workers said last. */
  readonly #statuses = new Map<string, ConnectionStatus>();
  #areStatusesRead = false;
  /** By connection and directory. */
  readonly #ledgers = new Map<string, Map<string, Ledger>>();
  #count = 0;
  #owned: Owned = { ids: () => [], partitionOf: () => null, isServed: () => false };
  #timer: Cancel = () => {};

  constructor(options: ClusterViewOptions) {
    this.#options = options;
    this.#peers = new Peers(options);
    this.#reader = this.#open('ledger', (key, value) => this.#onLedger(key, value));
    this.#statusReader = this.#open(
      'status',
      (key, value) => this.#onStatus(key, value),
      (isUp) => {
        this.#areStatusesRead = isUp;
      },
    );
  }

  follow(owned: Owned): void {
    this.#owned = owned;
  }

  start(): void {
    this.#peers.start();
    this.#reader.start();
    this.#statusReader.start();
    this.#lookAround();
  }

  async stop(): Promise<void> {
    this.#timer();
    await Promise.all([this.#peers.stop(), this.#reader.stop(), this.#statusReader.stop()]);
  }

  whereIs(id: string): Whereabouts {
    if (this.#owned.isServed(id)) return { kind: 'here' };
    const partition = this.#owned.partitionOf(id);
    // A connection that nobody has defined is looked for here.
    if (partition === null) return { kind: 'here' };
    const owner = this.#peers.ownerOf(partition);
    const worker = owner?.beat.id ?? null;
    const address = owner?.beat.membership?.address ?? null;
    if (owner?.alive !== true || worker === null || worker === this.#options.workerId || address === null) {
      return { kind: 'missing', worker };
    }
    return { kind: 'elsewhere', worker, address };
  }

  /** The directories that have a ledger of it. */
  directoriesOf(id: string): readonly string[] {
    return [...(this.#ledgers.get(id)?.keys() ?? [])];
  }

  port(parts: Pick<Cluster, 'ask' | 'take'>): Cluster {
    return {
      ...parts,
      worker: this.#options.workerId,
      workers: () => this.#workers(),
      whereIs: (id) => this.whereIs(id),
      // While the topic is out of reach it has the former one of our own.
      ledger: (id, own) => {
        const ledgers = new Map(this.#ledgers.get(id));
        if (own !== null) ledgers.set(this.#options.workerId, own);
        return ledgers.size === 0 ? null : addLedgers(ledgers.values());
      },
      ledgerIds: () => [...this.#ledgers.keys()].sort(),
    };
  }

  #open(
    name: string,
    onRecord: (key: string, value: Buffer | null) => void,
    onUp: (isUp: boolean) => void = () => {},
  ): TableReader {
    const { broker, onReach } = this.#options;
    const prefix = `${this.#options.prefix}/${name}`;
    const onStatus = (status: TableStatus): void => {
      onUp(status.up);
      onReach(prefix, status);
    };
    return broker.openTable({ prefix, settleMs: 300 }, { onRecord, onSnapshot: () => {}, onStatus });
  }

  #workers(): ClusterWorker[] {
    const byPartition = new Map<number, string[]>();
    for (const id of this.#owned.ids()) {
      const partition = this.#owned.partitionOf(id);
      if (partition !== null) byPartition.set(partition, [...(byPartition.get(partition) ?? []), id]);
    }
    return this.#peers.list().map(({ beat, alive, silentMs }) => {
      const { partitions = [], confirmed = false, serves = true, address = null } = beat.membership ?? {};
      return {
        worker: beat.id,
        alive,
        confirmed: alive && confirmed,
        serves,
        host: beat.host,
        pid: beat.pid,
        startedAt: beat.startedAt,
        heardMsAgo: Math.round(silentMs),
        address,
        partitions: alive ? partitions : [],
        connections: alive ? partitions.flatMap((each) => byPartition.get(each) ?? []).sort() : [],
      };
    });
  }

  #onLedger(key: string, value: Buffer | null): void {
    const at = key.lastIndexOf('@');
    if (at < 0) return;
    const [id, directory] = [key.slice(0, at), key.slice(at + 1)];
    const ledgers = this.#ledgers.get(id) ?? new Map<string, Ledger>();
    if (value === null) {
      if (ledgers.delete(directory)) this.#count -= 1;
      if (ledgers.size === 0) this.#ledgers.delete(id);
      return;
    }
    const ledger = parseLedger(value);
    if (ledger === null) return;
    if (!ledgers.has(directory)) {
      if (this.#count >= MAX_LEDGERS) return;
      this.#count += 1;
    }
    ledgers.set(directory, ledger);
    this.#ledgers.set(id, ledgers);
  }

  #onStatus(id: string, value: Buffer | null): void {
    const status = value === null ? null : parseStatus(id, value);
    if (value !== null && status === null) return;
    if (status === null) this.#statuses.delete(id);
    else if (this.#statuses.has(id) || this.#statuses.size < MAX_LEDGERS) this.#statuses.set(id, status);
    if (!this.#owned.isServed(id)) this.#options.onStatus(id, status);
  }

  /** Nobody else can say of a connection that its worker is gone. */
  #tellUnreachable(): void {
    for (const [id, status] of this.#statuses) {
      const where = this.whereIs(id);
      if (where.kind !== 'missing' || this.#owned.partitionOf(id) === null) continue;
      const reason = this.#peers.isRead
        ? `Its worker ${where.worker ?? status.worker} does not answer; another one takes it over as soon as Kafka says so.`
        : 'What workers say of themselves cannot be read here, so it is not known whether its worker lives.';
      this.#options.onStatus(id, { ...status, state: 'UNREACHABLE', reason });
    }
  }

  #findOverwritten(): void {
    // What is not read says nothing of what is there.
    if (!this.#areStatusesRead) return;
    for (const id of this.#owned.ids()) {
      if (!this.#owned.isServed(id) || this.#statuses.get(id)?.worker === this.#options.workerId) continue;
      this.#options.onOverwritten(id);
    }
  }

  #lookAround(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#tellUnreachable();
      this.#findOverwritten();
      this.#lookAround();
    });
  }
}

function parseStatus(id: string, value: Buffer): ConnectionStatus | null {
  try {
    const status = JSON.parse(value.toString('utf8')) as ConnectionStatus;
    return status.id === id && typeof status.name === 'string' && CONNECTION_STATES.includes(status.state)
      ? status
      : null;
  } catch {
    return null;
  }
}

function parseLedger(value: Buffer): Ledger | null {
  try {
    const read = JSON.parse(value.toString('utf8')) as Ledger;
    const numbers = [read.received, read.delivered, read.pending];
    const columns = [read.expired, read.filtered, read.skipped, read.deadLettered];
    if (!numbers.every(Number.isSafeInteger) || !columns.every((each) => typeof each === 'object' && each !== null)) {
      return null;
    }
    const { received, delivered, pending, expired, filtered, skipped, deadLettered } = read;
    return { received, delivered, pending, expired, filtered, skipped, deadLettered };
  } catch {
    return null;
  }
}
