// The workers of a group, as their heartbeats tell: who lives, where each can be asked, and who serves which partition.
import type { Broker, TableReader, TableStatus } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { type Heartbeat, workersPrefix } from './heartbeat.ts';
import { type HeartbeatSeal, isFresh } from './heartbeat-seal.ts';

export interface PeersOptions {
  readonly broker: Broker;
  readonly prefix: string;
  /** Only signed heartbeats are believed: they say where journals and people's questions go. */
  readonly seal: HeartbeatSeal;
  readonly group: string;
  readonly clock: Clock;
  /** Whether a topic is read on which workers tell of themselves. */
  readonly onReach: (topic: string, status: TableStatus) => void;
}

export interface Peer {
  readonly beat: Heartbeat;
  /** It says so, and said so lately, by its own clock too. */
  readonly alive: boolean;
  /** Since it was heard last, ms. */
  readonly silentMs: number;
}

const MAX_PEERS = 1_000;
/** A heartbeat may be late, and one may be lost. */
const PATIENCE = 3;

export class Peers {
  readonly #options: PeersOptions;
  readonly #reader: TableReader;
  readonly #heard = new Map<string, { readonly beat: Heartbeat; readonly atMs: number; readonly isFresh: boolean }>();
  #isRead = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    const prefix = workersPrefix(options.prefix);
    const onStatus = (status: TableStatus): void => {
      this.#isRead = status.up;
      options.onReach(prefix, status);
    };
    this.#reader = options.broker.openTable(
      { prefix, settleMs: 300 },
      { onRecord: (id, value) => this.#onRecord(id, value), onSnapshot: () => {}, onStatus },
    );
  }

  start(): void {
    this.#reader.start();
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }

  /** False: those that seem to be silent may live. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** All of the group that are known, also this one and those that are gone, by id. */
  list(): readonly Peer[] {
    const nowMs = this.#options.clock.monotonic();
    return [...this.#heard.values()]
      .map(({ beat, atMs, isFresh }) => {
        const silentMs = nowMs - atMs;
        return { beat, silentMs, alive: beat.alive && isFresh && silentMs < beat.intervalMs * PATIENCE };
      })
      .sort((a, b) => (a.beat.id < b.beat.id ? -1 : 1));
  }

  /** Who serves the partition, or did so last; those that live come first, of these the one heard last. */
  ownerOf(partition: number): Peer | null {
    const owners = this.list().filter(({ beat }) => beat.membership?.partitions.includes(partition));
    const rank = (peer: Peer): number => (peer.alive && peer.beat.membership?.confirmed ? 2 : peer.alive ? 1 : 0);
    return owners.sort((a, b) => rank(b) - rank(a) || a.silentMs - b.silentMs)[0] ?? null;
  }

  #onRecord(id: string, value: Buffer | null): void {
    const { clock, seal } = this.#options;
    const beat = value === null ? null : seal.read(id, value);
    if (beat === null) {
      this.#heard.delete(id);
      return;
    }
    // What is known of that worker stays. `watchPrefix` tells of it.
    if (!beat.isSigned) return;
    if (beat.membership !== undefined && beat.membership.group !== this.#options.group) return;
    const before = this.#heard.get(id);
    if (before === undefined && this.#heard.size >= MAX_PEERS) return;
    // A last will has no share of the group: what it served is still known.
    const { membership = before?.beat.membership } = beat;
    if (membership === undefined) return;
    const isSame = before !== undefined && before.beat.startedAt === beat.startedAt;
    // An earlier one of the same process, which somebody has kept.
    if (isSame && beat.alive && beat.beat < before.beat.beat) return;
    const isNews = !isSame || before.beat.beat !== beat.beat;
    const heard = isNews ? { atMs: clock.monotonic(), isFresh: isFresh(beat, clock.now()) } : before;
    this.#heard.set(id, { ...heard, beat: { ...beat, membership } });
  }
}
