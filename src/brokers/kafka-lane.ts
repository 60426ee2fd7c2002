// A lane fetches for all sources, one long poll for each broker of the cluster. The head lane reads each partition where the
// foremost of its sources stands, so that messages are fetched and decoded once for all that keep up. The late lane reads for
// those that stand behind (just started, or full for a while), one place of a partition at a time and in turn, until they
// have caught up: so nobody's slowness costs others more than that.
import type { BrokerMessage } from '../domain/ports/broker.ts';
import { endOffsets, keyOf } from './kafka-groups.ts';
import { errorName, type KafkaWire } from './kafka-internals.ts';
import { KafkaLink } from './kafka-link.ts';
import { messagesOf } from './kafka-messages.ts';
import { metadataOf } from './kafka-metadata.ts';
import type { LoginGate } from './kafka-options.ts';
import type { Offered, Part } from './kafka-part.ts';
import type { KafkaReader } from './kafka-reader.ts';
import { refusalOf } from './kafka-reasons.ts';
import type { FetchedPartition } from './kafka-records.ts';
import { SortedMessages } from './kafka-sorting.ts';
import type { KafkaSource } from './kafka-source.ts';
import { RECONNECT } from './mqtt-options.ts';
import { type PayloadBounds, payloadBounds } from './payload-bounds.ts';

const PARTITION_BYTES = 1024 * 1024;
const ANSWER_BYTES = 8 * 1024 * 1024;
const POLL_MS = 500;
/** A partition whose leader moves is asked again after so long. */
const REST_MS = 300;

interface Wanted {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export class Lane {
  readonly #kind: 'head' | 'late';
  readonly #reader: KafkaReader;
  readonly #link: KafkaLink;
  readonly #bounds: PayloadBounds;
  readonly #waiting = new Set<() => void>();
  /** Partitions that are not asked before this monotonic time. */
  readonly #resting = new Map<string, number>();
  /** When a source that lags was last read for, as a count of turns. */
  readonly #served = new WeakMap<Part, number>();
  #turn = 0;
  /** By broker. */
  readonly #turns = new Map<number, number>();

  constructor(kind: 'head' | 'late', reader: KafkaReader, gate: LoginGate) {
    this.#kind = kind;
    this.#reader = reader;
    this.#bounds = payloadBounds(reader.broker.maxMessageBytes);
    this.#link = new KafkaLink(reader.broker, gate, {
      run: (wire, signal, ready) => this.#run(wire, signal, ready),
      onDown: () => reader.lookAgain(),
    });
  }

  start(): void {
    this.#link.start();
  }

  stop(): Promise<void> {
    this.wake();
    return this.#link.stop();
  }

  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** A loop for each broker that leads something; new ones are taken up as they come. */
  async #run(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void> {
    const [some] = this.#reader.topics.keys();
    if (some === undefined) await metadataOf(wire, ['_']);
    else await metadataOf(wire, [some]);
    ready();
    const loops = new Map<number, Promise<void>>();
    const broken: unknown[] = [];
    // One for the life of the connection: this lane is woken thousands of times a minute.
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted) {
        for (const { leaders } of this.#reader.topics.values()) {
          for (const leader of leaders) {
            if (leader < 0 || loops.has(leader)) continue;
            const loop = this.#poll(wire, leader, signal);
            loops.set(leader, loop);
            loop.catch((error) => {
              broken.push(error);
              wake();
            });
          }
        }
        if (broken.length === 0) await this.#woken(signal);
        if (broken.length > 0) throw broken[0];
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
    await Promise.allSettled(loops.values());
  }

  async #poll(wire: KafkaWire, leader: number, signal: AbortSignal): Promise<void> {
    let ahead: Promise<readonly FetchedPartition[]> | null = null;
    let asked = new Map<string, number>();
    while (!signal.aborted) {
      if (ahead === null) {
        const wanted = this.#pick(leader, null);
        if (wanted.length === 0) {
          await this.#woken(signal);
          continue;
        }
        asked = offsetsOf(wanted);
        ahead = this.#fetch(wire, leader, wanted);
      }
      const fetched: readonly FetchedPartition[] = await ahead;
      if (signal.aborted) return;
      const current = asked;
      ahead = null;
      this.#reader.troubles.heard(fetched, current);
      // What comes next is under way while this is worked on.
      if (fetched.some(({ nextOffset }) => nextOffset >= 0)) {
        const wanted = this.#pick(leader, nextOf(fetched));
        if (wanted.length > 0) {
          asked = offsetsOf(wanted);
          ahead = this.#fetch(wire, leader, wanted);
          // It fails where it is awaited; where it is not, nobody needs it any more.
          ahead.catch(() => {});
        }
      }
      this.#deliver(fetched, current);
      for (const partition of fetched) {
        if (partition.errorCode !== 0) await this.#trouble(wire, leader, partition, current);
      }
    }
  }

  #fetch(wire: KafkaWire, leader: number, wanted: readonly Wanted[]): Promise<readonly FetchedPartition[]> {
    const topics = Map.groupBy(wanted, ({ topic }) => topic);
    return wire.call(leader, 'Fetch', {
      replicaId: -1,
      maxWaitTime: this.#reader.broker.pollMs ?? POLL_MS,
      minBytes: 1,
      maxBytes: ANSWER_BYTES,
      isolationLevel: 1,
      topics: [...topics].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: PARTITION_BYTES,
        })),
      })),
    });
  }

  /** What to ask for now. `next`: where partitions will stand when the answer at hand has been worked on. */
  #pick(leader: number, next: ReadonlyMap<string, number> | null): Wanted[] {
    const wanted: Wanted[] = [];
    const now = this.#reader.broker.clock.monotonic();
    let isLate = false;
    for (const [topic, { leaders }] of this.#reader.topics) {
      for (let partition = 0; partition < leaders.length; partition++) {
        if (leaders[partition] !== leader) continue;
        const key = keyOf({ topic, partition });
        if ((this.#resting.get(key) ?? 0) > now) continue;
        let head = -1;
        let behind: Part | null = null;
        for (const part of this.#ready(topic, partition, now)) head = Math.max(head, part.next);
        if (head < 0) continue;
        for (const part of this.#ready(topic, partition, now)) {
          if (part.next >= head) continue;
          if (behind === null || (this.#served.get(part) ?? 0) < (this.#served.get(behind) ?? 0)) behind = part;
        }
        isLate ||= behind !== null;
        if (this.#kind === 'head') wanted.push({ topic, partition, offset: Math.max(head, next?.get(key) ?? 0) });
        else if (behind !== null) {
          const ahead = next?.get(key);
          const isSame = ahead !== undefined && ahead > behind.next && (this.#served.get(behind) ?? 0) === this.#turn;
          wanted.push({ topic, partition, offset: isSame ? ahead : behind.next });
        }
      }
    }
    this.#turn += 1;
    // Answers fill up, and are read, in the order asked for: each partition of a broker is the first in turn.
    const turn = (this.#turns.get(leader) ?? 0) + 1;
    this.#turns.set(leader, turn);
    if (wanted.length > 1) wanted.push(...wanted.splice(0, turn % wanted.length));
    if (isLate && this.#kind === 'head') this.#reader.wantLate();
    return wanted;
  }

  *#ready(topic: string, partition: number, now: number): Iterable<Part> {
    const { troubles } = this.#reader;
    for (const source of this.#reader.open) {
      if (!source.isReady) continue;
      const part = source.parts.find(topic, partition);
      if (part === undefined || (part.end !== null && part.next >= part.end)) continue;
      if (!troubles.rests(part, now)) yield part;
    }
  }

  #deliver(fetched: readonly FetchedPartition[], asked: ReadonlyMap<string, number>): void {
    const offered = new Map<KafkaSource, Offered<KafkaSource>[]>();
    const { broker, concerns } = this.#reader;
    const arrivedAt = broker.clock.now();
    for (const { topic, partition, records, nextOffset } of fetched) {
      if (nextOffset < 0) continue;
      const from = asked.get(keyOf({ topic, partition })) ?? 0;
      let messages: BrokerMessage[] | null = null;
      let sorted: SortedMessages<KafkaSource> | null = null;
      for (const source of this.#reader.open) {
        const part = source.parts.find(topic, partition);
        if (part === undefined || part.next < from || part.next >= nextOffset || !source.isReady) continue;
        messages ??= messagesOf(records, from, { topic, partition, arrivedAt }, this.#bounds);
        if (source.concern !== null && broker.sort !== undefined) {
          sorted ??= new SortedMessages(messages, concerns, broker.sort);
        }
        this.#served.set(part, this.#turn);
        const offer = { part, messages, sorted, from, nextOffset };
        const offers = offered.get(source);
        if (offers === undefined) offered.set(source, [offer]);
        else offers.push(offer);
      }
    }
    for (const [source, offers] of offered) source.take(offers);
  }

  async #trouble(
    wire: KafkaWire,
    leader: number,
    { topic, partition, errorCode }: FetchedPartition,
    asked: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { clock, reconnect } = this.#reader.broker;
    const key = keyOf({ topic, partition });
    const name = errorName(errorCode);
    const at = asked.get(key) ?? 0;
    if (name === 'OFFSET_OUT_OF_RANGE') {
      const { first, end } = await endOffsets(wire, [{ topic, partition, leader }]);
      for (const source of this.#reader.open) {
        const part = source.parts.find(topic, partition);
        if (part === undefined || part.next !== at) continue;
        // Beyond the end: the topic was made anew, or its leader has lost what was not on other brokers.
        if (part.next < first || part.next > end) source.gap(part, first);
      }
      this.#reader.troubles.passed({ topic, partition }, at, first);
      return;
    }
    const down = refusalOf(errorCode, 'read', { topic });
    const { refusedMs } = { ...RECONNECT, ...reconnect };
    this.#resting.set(key, clock.monotonic() + (down.fatal ? refusedMs : REST_MS));
    // It must be asked again although nothing else wakes this lane.
    clock.after(down.fatal ? refusedMs : REST_MS, () => this.wake());
    if (down.fatal) {
      for (const source of this.#reader.open)
        if (source.parts.find(topic, partition) !== undefined) source.troubled(down);
    } else this.#reader.lookAgain();
  }

  /** Resolves at the next `wake`, which the end of the connection brings too. */
  #woken(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }
}

function offsetsOf(wanted: readonly Wanted[]): Map<string, number> {
  return new Map(wanted.map((place) => [keyOf(place), place.offset]));
}

function nextOf(fetched: readonly FetchedPartition[]): Map<string, number> {
  return new Map(fetched.map((found) => [keyOf(found), found.nextOffset]));
}
