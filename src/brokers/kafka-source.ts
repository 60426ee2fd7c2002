// An uplink source on Kafka: a group id with an offset of its own on each partition, read by the process's shared reader.
// What the listener has taken is remembered by offset; what is settled (or, without a book of places, durable) is committed.
import { BridgeError, describeError } from '../domain/errors.ts';
import type {
  BrokerMessage,
  Concern,
  SourceListener,
  SourceOptions,
  SourcePlaces,
  UplinkSource,
} from '../domain/ports/broker.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { HeldChunks, recordBytes } from './kafka-held.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import {
  type Chunk,
  type Due,
  dueCommits,
  type Offered,
  type Part,
  SourceParts,
  shareOf,
  untilOf,
} from './kafka-part.ts';
import type { Down } from './kafka-reasons.ts';
import type { SharedReader } from './kafka-shared-reader.ts';
import { compileFilter, type TopicFilter } from './kafka-topics.ts';
import { HELD, type HeldLimits } from './mqtt-options.ts';

/** How long `stop` waits for the listener to answer for what it has. */
const SETTLE_MS = 5_000;
const REFUSED_PAUSE_MS = 1_000;

export class KafkaSource implements UplinkSource {
  readonly group: string;
  readonly filters: readonly TopicFilter[];
  readonly parts = new SourceParts();
  readonly from: 'now' | 'earliest';
  /** Null: no other worker can have it. */
  readonly mayOpen: (() => boolean) | null;
  /** Null: all. */
  readonly concern: Concern | null;
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
  readonly #held = new HeldChunks();
  #stopping: Promise<void> | null = null;
  #lastTold = '';
  /** What is wrong with one of its topics, told in place of its being up: who is up and silent has read all that there is. */
  #trouble: Down | null = null;

  constructor(broker: KafkaBrokerOptions, reader: SharedReader, options: SourceOptions, listener: SourceListener) {
    this.#broker = broker;
    this.#reader = reader;
    this.#listener = listener;
    this.#places = options.places ?? null;
    this.#limits = { ...HELD, ...broker.held };
    this.group = options.clientId;
    this.from = options.from ?? 'now';
    // Without a book of places nothing would count what is passed over.
    this.concern = options.places === undefined ? null : (options.concern ?? null);
    this.mayOpen = options.mayConnect ?? null;
    this.expectSession = options.expectSession;
    this.filters = options.topics.map((topic) => compileFilter(topic, broker.ownPrefix ?? null));
  }

  /** It takes messages now. */
  get isReady(): boolean {
    return (
      this.#wanted === 'running' &&
      this.#isOpen &&
      !this.#isResting &&
      this.#held.count < this.#limits.maxMessages &&
      this.#held.bytes < this.#limits.maxBytes
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
    this.#tellStanding();
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
    if (this.isLeft) return;
    this.isLeft = true;
    this.#reader.leave(this);
  }

  /** By where it stands, not by what it was handed: what is read may all be others', and a lane may be away while it is up. */
  async drained(): Promise<boolean> {
    if (!this.isLeft || this.#wanted !== 'running' || !this.#isOpen || this.#trouble !== null) return false;
    return this.#held.isEmpty && this.parts.areRead && this.#reader.hasPlaced(this);
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

  /** How far a topic of that name was read that had another id; null: none, or it has no book. */
  identify(topic: string, id: string): ReadonlyMap<number, number> | null {
    return this.#places?.identify(topic, id) ?? null;
  }

  /** Of that name something was handed over, by it or by another with its book, that the listener has not answered for. */
  isHeldWith(other: KafkaSource, topic: string): boolean {
    return (other === this || (other.#places !== null && other.#places === this.#places)) && other.#held.has(topic);
  }

  /** Where a partition begins; `committed` as the group has it, null: not at all. */
  place(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    topicId: string | null,
    offset: number,
    committed: { offset: number; metadata: string } | null,
  ): Part {
    const book = this.#places?.taken(topic, partition)?.position ?? 0;
    const now = this.#broker.clock.monotonic();
    return this.parts.begin({ topic, partition, topicId }, { offset, book, committed, now });
  }

  opened(sessionLost: boolean): void {
    this.#isOpen = true;
    this.openedAt ??= this.#broker.clock.monotonic();
    this.#tellStanding(sessionLost);
  }

  closed(down: Down): void {
    this.#isOpen = false;
    if (this.#wanted === 'running') this.#tell({ kind: 'down', ...down });
  }

  /** Something is wrong with one of its topics; the others are read meanwhile. */
  troubled(down: Down): void {
    this.#trouble = down;
    if (this.#wanted === 'running') this.#tell({ kind: 'down', ...down });
  }

  /** Nothing is wrong with any of them, or not any more. */
  mended(): void {
    this.#trouble = null;
    this.#tellStanding();
  }

  #tellStanding(sessionLost = false): void {
    if (this.#wanted !== 'running' || !this.#isOpen) return;
    this.#tell(this.#trouble === null ? { kind: 'up', sessionLost } : { kind: 'down', ...this.#trouble });
  }

  /** Records that were deleted by age or size before they were read. */
  gap(part: Part, to: number): void {
    const { topic, partition, next } = part;
    this.#listener.onGap?.({ topic, partition, from: next, to, isAnother: false });
    part.next = to;
    part.durable = to;
    this.#places?.leap(topic, partition, to);
  }

  /** It is of another topic than was read under this name as far as `from`. */
  replaced({ topic, partition, next }: Part, from: number): void {
    this.#listener.onGap?.({ topic, partition, from, to: next, isAnother: true });
  }

  /** Of one answer; `messages` are shared with other sources. */
  take(offered: readonly Offered<KafkaSource>[]): void {
    const messages: BrokerMessage[] = [];
    const passed = new Map<UplinkOutcome, number>();
    const marks: Chunk['marks'][number][] = [];
    let bytes = 0;
    for (const offer of offered) {
      const { part, nextOffset } = offer;
      const to = part.end === null ? nextOffset : Math.min(nextOffset, part.end);
      if (to <= part.next) continue;
      marks.push({ part, from: part.next, to });
      const share = shareOf(this, offer, to, this.#places?.taken(part.topic, part.partition) ?? null);
      for (const message of share.messages) {
        messages.push(message);
        bytes += recordBytes(message);
      }
      for (const [outcome, count] of share.passed) passed.set(outcome, (passed.get(outcome) ?? 0) + count);
      part.next = to;
    }
    if (marks.length === 0) return;
    const chunk: Chunk = { marks, count: messages.length, bytes, done: false };
    this.#held.add(chunk);
    const answered = (error: Error | null): void => this.#answered(chunk, error);
    try {
      if (messages.length === 0 && passed.size === 0) answered(null);
      else if (passed.size === 0) this.#listener.onMessages(messages, answered);
      else this.#listener.onMessages(messages, answered, { counts: passed, until: marks.map(untilOf) });
    } catch (error) {
      // Thrown on, it would end the lane of all sources, and what was never answered would keep this one from reading for ever.
      answered(error instanceof Error ? error : new Error(describeError(error)));
    }
  }

  #answered(chunk: Chunk, error: Error | null): void {
    if (error !== null) {
      if (this.#held.rewind(chunk)) this.#rest(error);
    } else if (this.#held.answered(chunk, this.#places)) this.#reader.wake();
  }

  #rest(error: Error): void {
    this.#isResting = true;
    if (this.#wanted === 'running') {
      this.#tell({ kind: 'down', reason: `the uplinks could not be kept: ${describeError(error)}`, fatal: false });
    }
    this.#broker.clock.after(this.#broker.reconnect?.minMs ?? REFUSED_PAUSE_MS, () => {
      this.#isResting = false;
      this.#tellStanding();
      this.#reader.wake();
    });
  }

  async #stop(): Promise<void> {
    await this.#held.idle(this.#broker.clock, SETTLE_MS);
    await this.#reader.remove(this);
    this.#isOpen = false;
    this.#lastTold = '';
    this.#trouble = null;
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
