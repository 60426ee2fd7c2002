// An uplink source on Kafka: a group id with an offset of its own on each partition, read by the process's shared reader.
// What the listener has taken is remembered by offset; what is settled (or, without a book of places, durable) is committed.
import { BridgeError, describeError } from '../domain/errors.ts';
import type {
  BrokerMessage,
  SourceListener,
  SourceOptions,
  SourcePlaces,
  UplinkSource,
} from '../domain/ports/broker.ts';
import { decodeCommitted } from './kafka-offsets.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { type Chunk, type Due, dueCommits, isWanted, type Offered, type Part } from './kafka-part.ts';
import type { Down } from './kafka-reasons.ts';
import { compileFilter, type TopicFilter } from './kafka-topics.ts';
import { HELD, type HeldLimits } from './mqtt-options.ts';

/** What a source asks of the reader that it shares with others. */
export interface SharedReader {
  add(source: KafkaSource): void;
  /** Commits what is still to be committed, as far as the cluster answers; nothing more is handed over after it. */
  remove(source: KafkaSource): Promise<void>;
  commit(source: KafkaSource, timeoutMs: number): Promise<void>;
  /** Rejects when the group could not be deleted within `timeoutMs`. */
  deleteGroup(group: string, timeoutMs: number): Promise<void>;
  wake(): void;
}

/** How long `stop` waits for the listener to answer for what it has. */
const SETTLE_MS = 5_000;
const REFUSED_PAUSE_MS = 1_000;
export class KafkaSource implements UplinkSource {
  readonly group: string;
  readonly filters: readonly TopicFilter[];
  /** By topic, then by partition. */
  readonly parts = new Map<string, Part[]>();
  readonly from: 'now' | 'earliest';
  readonly mayOpen: () => boolean;
  readonly #broker: KafkaBrokerOptions;
  readonly #reader: SharedReader;
  readonly #listener: SourceListener;
  readonly #places: SourcePlaces | null;
  readonly #limits: HeldLimits;
  expectSession: boolean;
  /** Monotonic ms at which it was first opened: what comes to be later is read from its beginning. Null: not yet. */
  openedAt: number | null = null;
  /** What the group has is still taken, and nothing that comes later. */
  isLeft = false;
  #wanted: 'stopped' | 'running' | 'paused' = 'stopped';
  #isOpen = false;
  #isResting = false;
  #held: Chunk[] = [];
  #heldCount = 0;
  #heldBytes = 0;
  #stopping: Promise<void> | null = null;
  #onIdle: () => void = () => {};
  #lastTold = '';

  constructor(broker: KafkaBrokerOptions, reader: SharedReader, options: SourceOptions, listener: SourceListener) {
    this.#broker = broker;
    this.#reader = reader;
    this.#listener = listener;
    this.#places = options.places ?? null;
    this.#limits = { ...HELD, ...broker.held };
    this.group = options.clientId;
    this.from = options.from ?? 'now';
    this.mayOpen = options.mayConnect ?? (() => true);
    this.expectSession = options.expectSession;
    this.filters = options.topics.map((topic) => compileFilter(topic, broker.ownPrefix ?? null));
  }

  get wantsData(): boolean {
    return this.#wanted !== 'stopped';
  }

  /** It takes messages now. */
  get isReady(): boolean {
    return (
      this.#wanted === 'running' &&
      this.#isOpen &&
      !this.#isResting &&
      this.#heldCount < this.#limits.maxMessages &&
      this.#heldBytes < this.#limits.maxBytes
    );
  }

  start(): void {
    this.#wanted = 'running';
    if (this.#stopping === null) this.#reader.add(this);
  }

  pause(): void {
    if (this.#wanted !== 'running') return;
    this.#wanted = 'paused';
    queueMicrotask(() => {
      if (this.#wanted === 'paused') this.#tell({ kind: 'paused' });
    });
  }

  resume(): void {
    if (this.#wanted !== 'paused') return;
    this.#wanted = 'running';
    this.#lastTold = '';
    if (this.#isOpen) this.#tell({ kind: 'up', sessionLost: false });
    this.#reader.wake();
  }

  stop(): Promise<void> {
    this.#wanted = 'stopped';
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = null;
      if (this.#wanted !== 'stopped') this.#reader.add(this);
    });
    return this.#stopping;
  }

  unsubscribe(): void {
    this.isLeft = true;
  }

  async clear(timeoutMs: number): Promise<void> {
    if (this.#wanted !== 'stopped' || this.#stopping !== null) {
      throw new BridgeError('sourceNotStopped', 'A source must be stopped before its session is cleared');
    }
    await this.#reader.deleteGroup(this.group, timeoutMs);
    this.parts.clear();
    this.expectSession = false;
    this.openedAt = null;
  }

  commit(timeoutMs: number): Promise<void> {
    return this.#reader.commit(this, timeoutMs);
  }

  /** Resolves when it is known what of its topics was taken before. */
  async ready(): Promise<void> {
    await this.#places?.ready();
  }

  wants(topic: string): boolean {
    return this.filters.some((filter) => filter.matches(topic));
  }

  /** Where a partition begins; `committed` as the group has it, null: not at all. */
  place(
    topic: string,
    partition: number,
    offset: number,
    committed: { offset: number; metadata: string } | null,
  ): void {
    const book = this.#places?.taken(topic, partition)?.position ?? null;
    const text = committed === null ? null : `${committed.offset} ${committed.metadata}`;
    const part: Part = {
      topic,
      partition,
      next: Math.max(offset, book ?? 0),
      end: null,
      durable: offset,
      committed: text,
      committedAt: this.#broker.clock.monotonic(),
      settledElsewhere: committed === null ? null : decodeCommitted(committed.offset, committed.metadata),
    };
    const parts = this.parts.get(topic);
    if (parts === undefined) this.parts.set(topic, [part]);
    else parts.push(part);
  }

  part(topic: string, partition: number): Part | undefined {
    return this.parts.get(topic)?.find((part) => part.partition === partition);
  }

  opened(sessionLost: boolean): void {
    this.#isOpen = true;
    this.openedAt ??= this.#broker.clock.monotonic();
    if (this.#wanted === 'running') this.#tell({ kind: 'up', sessionLost });
  }

  closed(down: Down): void {
    this.#isOpen = false;
    if (this.#wanted === 'running') this.#tell({ kind: 'down', ...down });
  }

  /** Something is wrong with one of its topics; the others are read meanwhile. */
  troubled(down: Down): void {
    if (this.#wanted === 'running') this.#tell({ kind: 'down', ...down });
  }

  mended(): void {
    if (this.#wanted === 'running' && this.#isOpen) this.#tell({ kind: 'up', sessionLost: false });
  }

  /** Records that were deleted by age or size before they were read. */
  gap(part: Part, to: number): void {
    const { topic, partition, next } = part;
    this.#listener.onGap?.({ topic, partition, from: next, to });
    part.next = to;
    part.durable = to;
    this.#places?.leap(topic, partition, to);
  }

  /** Of one answer; `messages` are shared with other sources. */
  take(offered: readonly Offered[]): void {
    const messages: BrokerMessage[] = [];
    const marks: Chunk['marks'][number][] = [];
    let bytes = 0;
    for (const { part, messages: found, nextOffset } of offered) {
      const to = part.end === null ? nextOffset : Math.min(nextOffset, part.end);
      if (to <= part.next) continue;
      marks.push({ part, from: part.next, to });
      const taken = this.#places?.taken(part.topic, part.partition) ?? null;
      for (const message of found) {
        const { offset = 0 } = message;
        if (offset < part.next || offset >= to || !isWanted(part, message, this.filters, taken)) continue;
        messages.push(message);
        bytes += message.payload.length;
      }
      part.next = to;
    }
    if (marks.length === 0) return;
    const chunk: Chunk = { marks, count: messages.length, bytes, done: false };
    this.#held.push(chunk);
    this.#heldCount += chunk.count;
    this.#heldBytes += chunk.bytes;
    if (messages.length === 0) this.#answered(chunk, null);
    else this.#listener.onMessages(messages, (error) => this.#answered(chunk, error));
  }

  #answered(chunk: Chunk, error: Error | null): void {
    if (chunk.done || !this.#held.includes(chunk)) return;
    if (error !== null) {
      this.#rewind(chunk, error);
      return;
    }
    chunk.done = true;
    while (this.#held[0]?.done === true) {
      const { marks, count, bytes } = this.#held.shift() as Chunk;
      this.#heldCount -= count;
      this.#heldBytes -= bytes;
      for (const { part, to } of marks) {
        part.durable = Math.max(part.durable, to);
        this.#places?.pass(part.topic, part.partition, to);
      }
    }
    if (this.#held.length === 0) this.#onIdle();
    this.#reader.wake();
  }

  /** From the one that was not kept on, all comes again in its order. */
  #rewind(refused: Chunk, error: Error): void {
    const from = this.#held.indexOf(refused);
    for (const { marks, count, bytes } of this.#held.splice(from).reverse()) {
      this.#heldCount -= count;
      this.#heldBytes -= bytes;
      for (const { part, from: start } of marks) part.next = Math.min(part.next, start);
    }
    if (this.#held.length === 0) this.#onIdle();
    this.#isResting = true;
    if (this.#wanted === 'running') {
      this.#tell({ kind: 'down', reason: `the uplinks could not be kept: ${describeError(error)}`, fatal: false });
    }
    this.#broker.clock.after(this.#broker.reconnect?.minMs ?? REFUSED_PAUSE_MS, () => {
      this.#isResting = false;
      this.mended();
      this.#reader.wake();
    });
  }

  async #stop(): Promise<void> {
    if (this.#held.length > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#broker.clock.after(SETTLE_MS, resolve);
        this.#onIdle = () => {
          cancel();
          resolve();
        };
      });
    }
    // What is answered later comes once more.
    for (const { marks } of this.#held.splice(0).reverse()) {
      for (const { part, from } of marks) part.next = Math.min(part.next, from);
    }
    this.#heldCount = 0;
    this.#heldBytes = 0;
    await this.#reader.remove(this);
    this.#isOpen = false;
    this.#lastTold = '';
  }

  /** What the group is to have by now: only what differs from what it has, or was said too long ago. */
  dueCommits(): Due[] {
    return dueCommits(this.parts, this.#places, this.#broker.clock.monotonic());
  }

  #tell(status: Parameters<SourceListener['onStatus']>[0]): void {
    const words = JSON.stringify(status);
    if (words === this.#lastTold) return;
    this.#lastTold = words;
    this.#listener.onStatus(status);
  }
}
