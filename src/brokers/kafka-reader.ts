// The reader that all Kafka sources of this process share: it knows the topics, opens each source where its group stands, has
// the lanes fetch, and commits what the sources have settled. One long poll per broker of the cluster, however many sources.

import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import { commitInTime, commitOffsets, commitOwned } from './kafka-commits.ts';
import { deleteGroup } from './kafka-groups.ts';
import type { KafkaWire } from './kafka-internals.ts';
import { type KnownTopic, KnownTopics } from './kafka-known-topics.ts';
import { Lane } from './kafka-lane.ts';
import { KafkaLink, LinkDown } from './kafka-link.ts';
import { endParts, type Opened, openSource } from './kafka-opening.ts';
import type { KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { type Down, kafkaReason } from './kafka-reasons.ts';
import type { SharedReader } from './kafka-shared-reader.ts';
import { ConcernIndex } from './kafka-sorting.ts';
import type { KafkaSource } from './kafka-source.ts';
import { SourceTroubles } from './kafka-troubles.ts';
import { RECONNECT } from './mqtt-options.ts';

/** With many sources commits are spaced out, so that they cost little. */
const COMMIT_MS = 1_000;
const COMMIT_PER_SOURCE_MS = 10;
const OPENING_AT_ONCE = 8;
/** After the last source has left the connection stays for a moment: what it settles yet is still committed. */
const LINGER_MS = 6_000;
const REMOVE_COMMIT_MS = 3_000;
const HELD_LOOK_MS = 250;

export class KafkaReader implements SharedReader {
  readonly broker: KafkaBrokerOptions;
  readonly sources = new Set<KafkaSource>();
  /** Sources that stand where their groups do and may be handed messages. */
  readonly open = new Set<KafkaSource>();
  /** Of these: whose concern is what. */
  readonly concerns = new ConcernIndex<KafkaSource>();
  readonly troubles: SourceTroubles;
  readonly #known: KnownTopics;
  readonly #gate: LoginGate;
  readonly #link: KafkaLink;
  readonly #lanes: readonly [Lane, Lane];
  readonly #opening = new Set<KafkaSource>();
  /** Sources whose opening was refused: not before this monotonic time again. */
  readonly #restUntil = new Map<KafkaSource, number>();
  #wire: KafkaWire | null = null;
  #poke: () => void = () => {};
  #linger: Cancel | null = null;
  #committing: Promise<void> = Promise.resolve();

  constructor(broker: KafkaBrokerOptions, gate: LoginGate) {
    this.broker = broker;
    this.#known = new KnownTopics(broker);
    const { sources, open } = this;
    this.troubles = new SourceTroubles({ broker, sources, open, known: this.#known, wake: () => this.wake() });
    this.#gate = gate;
    this.#lanes = [new Lane('head', this, gate), new Lane('late', this, gate)];
    this.#link = new KafkaLink(broker, gate, {
      run: (wire, signal, ready) => this.#run(wire, signal, ready),
      onDown: (down) => this.#lost(down),
    });
  }

  get topics(): ReadonlyMap<string, KnownTopic> {
    return this.#known.topics;
  }

  add(source: KafkaSource): void {
    this.#linger?.();
    this.#linger = null;
    this.sources.add(source);
    this.#link.start();
    this.#poke();
  }

  async remove(source: KafkaSource): Promise<void> {
    this.sources.delete(source);
    this.open.delete(source);
    this.concerns.remove(source);
    this.#restUntil.delete(source);
    await this.commit(source, REMOVE_COMMIT_MS);
    if (this.sources.size > 0 || this.#linger !== null) return;
    this.#linger = this.broker.clock.after(LINGER_MS, () => {
      this.#linger = null;
      if (this.sources.size === 0) void this.close();
    });
  }

  leave(source: KafkaSource): void {
    if (!this.open.has(source)) return;
    const heirs = [...this.open].filter(({ group, isLeft }) => group === source.group && !isLeft);
    for (const [topic, parts] of source.parts) {
      // The heir began where their group stood, so nothing falls between; both reading on would be all of it twice.
      if (heirs.some((heir) => heir.wants(topic))) for (const part of parts) part.end ??= part.next;
    }
    // Of the others the end is asked for.
    this.#poke();
  }

  hasPlaced(source: KafkaSource): boolean {
    return [...this.topics].every(([topic, known]) => !source.wants(topic) || source.parts.hasAll(topic, known));
  }

  /** Never rejects: what could not be committed comes once more. */
  async commit(source: KafkaSource, timeoutMs: number): Promise<void> {
    const before = this.#committing;
    if (this.#wire !== null) await commitInTime(this.#wire, this.broker, source, { timeoutMs, before });
  }

  async deleteGroup(group: string, timeoutMs: number): Promise<void> {
    let last = 'it does not answer';
    const deleted = Promise.withResolvers<void>();
    const link = new KafkaLink(this.broker, this.#gate, {
      run: async (wire) => {
        await deleteGroup(wire, group);
        deleted.resolve();
      },
      onDown: ({ reason }) => {
        last = reason;
      },
    });
    const cancel = this.broker.clock.after(timeoutMs, () => {
      const message = `The group "${group}" on broker "${this.broker.name}" could not be deleted within ${timeoutMs} ms: ${last}`;
      deleted.reject(new BridgeError('sessionNotCleared', message, { exitCode: EXIT.unavailable }));
    });
    link.start();
    try {
      await deleted.promise;
    } finally {
      cancel();
      await link.stop();
    }
  }

  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  /** The leaders may have changed: looks again soon. */
  lookAgain(): void {
    this.#poke();
  }

  /** A source lags behind the others of its topic: the second lane is wanted. */
  wantLate(): void {
    this.#lanes[1].start();
  }

  async close(): Promise<void> {
    await Promise.all([this.#link.stop(), ...this.#lanes.map((lane) => lane.stop())]);
    this.#wire = null;
    this.#known.clear();
  }

  async #run(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void> {
    await this.#look(wire);
    ready();
    this.#wire = wire;
    const { clock, metadataRefreshMs } = this.broker;
    let commitAt = clock.monotonic();
    let lookAt = clock.monotonic() + this.#known.lookAgainIn(metadataRefreshMs);
    let isPoked = false;
    this.#lanes[0].start();
    while (!signal.aborted) {
      this.#openSources(wire, signal);
      await new Promise<void>((resolve) => {
        const now = clock.monotonic();
        const isDue = isPoked || this.#hasNew;
        const due = isDue ? 0 : Math.max(0, Math.min(commitAt, lookAt, ...this.#restUntil.values()) - now);
        const cancel = clock.after(due, resolve);
        this.#poke = () => {
          isPoked = true;
          cancel();
          resolve();
        };
        signal.addEventListener('abort', this.#poke, { once: true });
        if (signal.aborted) this.#poke();
      });
      signal.removeEventListener('abort', this.#poke);
      this.#poke = () => {
        isPoked = true;
      };
      if (signal.aborted) return;
      const now = clock.monotonic();
      for (const [source, until] of this.#restUntil) if (until <= now) this.#restUntil.delete(source);
      if (isPoked || this.#hasNew || now >= lookAt) {
        isPoked = false;
        await this.#look(wire);
        lookAt = now + this.#known.lookAgainIn(metadataRefreshMs);
        await this.#addParts(wire, signal);
        await this.#endLeft(wire);
      }
      if (now >= commitAt) {
        commitAt = now + Math.max(this.broker.commitIntervalMs ?? COMMIT_MS, this.sources.size * COMMIT_PER_SOURCE_MS);
        this.#committing = this.#commitAll(wire);
        await this.#committing;
      }
    }
  }

  /** Sources have come since the last look. */
  get #hasNew(): boolean {
    for (const source of this.sources) if (this.#known.isNew(source)) return true;
    return false;
  }

  async #look(wire: KafkaWire): Promise<void> {
    const gone = await this.#known.look(wire, this.sources);
    for (const source of this.sources) for (const topic of gone) source.parts.delete(topic);
    this.troubles.tell();
    this.wake();
  }

  #openSources(wire: KafkaWire, signal: AbortSignal): void {
    for (const source of this.sources) {
      if (this.#opening.size >= OPENING_AT_ONCE) return;
      if (this.open.has(source) || this.#opening.has(source) || this.#restUntil.has(source)) continue;
      // It begins where `from` says only in topics that are known to be there.
      if (!this.#known.isClear(source)) continue;
      // Asked again with the next turn of the loop, a second later.
      if (source.mayOpen?.() === false) continue;
      this.#opening.add(source);
      void this.#openOne(wire, source, signal).finally(() => {
        this.#opening.delete(source);
        this.#openSources(wire, signal);
      });
    }
  }

  async #openOne(wire: KafkaWire, source: KafkaSource, signal: AbortSignal): Promise<void> {
    const { clock, bootstrap, reconnect } = this.broker;
    try {
      const { sessionLost } = await this.#place(wire, source);
      if (signal.aborted || !this.sources.has(source)) return;
      this.open.add(source);
      for (const other of this.open) if (other.isLeft) this.leave(other);
      if (source.concern !== null) this.concerns.add(source, source.concern);
      source.opened(sessionLost);
      this.troubles.tell();
      this.wake();
    } catch (error) {
      if (signal.aborted || !this.sources.has(source)) return;
      const down = error instanceof LinkDown ? error.down : kafkaReason(error, bootstrap.join(', '));
      const { refusedMs, minMs } = { ...RECONNECT, ...reconnect };
      this.#restUntil.set(source, clock.monotonic() + (down.fatal ? refusedMs : Math.max(minMs, 1_000)));
      source.closed(down);
      this.#poke();
    }
  }

  async #place(wire: KafkaWire, source: KafkaSource): Promise<Opened> {
    const isHeld = (topic: string): boolean => [...this.sources].some((other) => source.isHeldWith(other, topic));
    const commit = (): Promise<void> => commitOffsets(wire, this.broker, source, () => this.sources.has(source));
    const opened = await openSource(wire, source, this.topics, { isHeld, commit });
    if (opened.isHeldUp) this.broker.clock.after(HELD_LOOK_MS, () => this.#poke());
    return opened;
  }

  /** Partitions and topics that have come since a source was opened. */
  #addParts(wire: KafkaWire, signal: AbortSignal): Promise<void> {
    return this.#eachOpen(async (source) => {
      const mayAdd = !signal.aborted && source.mayOpen?.() !== false;
      if (mayAdd && !this.hasPlaced(source)) await this.#place(wire, source).finally(() => this.wake());
    });
  }

  /** Sources that were left while they read. */
  #endLeft(wire: KafkaWire): Promise<void> {
    return this.#eachOpen(async (source) => {
      if (source.isLeft) await endParts(wire, source, this.topics);
    });
  }

  #commitAll(wire: KafkaWire): Promise<void> {
    return this.#eachOpen((source) => commitOwned(wire, this.broker, source, () => this.open.has(source)));
  }

  /** One after the other; what is refused to one is its trouble alone. */
  async #eachOpen(act: (source: KafkaSource) => Promise<void>): Promise<void> {
    for (const source of [...this.open]) {
      // It has stopped meanwhile: its group may be deleted, and made anew by a commit.
      if (!this.open.has(source)) continue;
      try {
        await act(source);
      } catch (error) {
        if (!(error instanceof LinkDown)) throw error;
        source.troubled(error.down);
      }
    }
  }

  #lost(down: Down): void {
    this.#wire = null;
    for (const source of this.open) this.concerns.remove(source);
    this.open.clear();
    for (const source of this.sources) source.closed(down);
  }
}
