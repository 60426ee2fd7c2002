// What the reader knows of the topics of its sources: which are there, with their leaders, and which are not. That one is not there
// is believed only after a while: the news of a topic that was made a moment ago takes its time through the cluster.
import { absenceOf } from './kafka-finder.ts';
import type { KafkaWire } from './kafka-internals.ts';
import { metadataOf } from './kafka-metadata.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { type Down, refusalOf } from './kafka-reasons.ts';
import type { TopicFilter } from './kafka-topics.ts';

export interface KnownTopic {
  /** By partition; −1: none at present. */
  leaders: number[];
  /** Monotonic ms at which it was first seen. */
  readonly seenAt: number;
  /** Another one for each topic that was made under the name; null: not told (Kafka before 2.8). */
  id: string | null;
}

/** A source, as far as its topics go. */
interface Reading {
  readonly filters: readonly TopicFilter[];
}

/** As long as something is in doubt it is looked for so often, and for so long. */
const LOOK_AGAIN_MS = 250;
const MISSING_MS = 1_000;
const UNKNOWN_TOPIC = 3;

export class KnownTopics {
  readonly topics = new Map<string, KnownTopic>();
  readonly #broker: Pick<KafkaBrokerOptions, 'clock' | 'bootstrap'>;
  /** Exact topics that are not there: since when (monotonic ms), and the cluster's code for it. */
  #missing = new Map<string, { readonly since: number; readonly code: number }>();
  #lookedFor: ReadonlySet<Reading> = new Set();

  constructor(broker: Pick<KafkaBrokerOptions, 'clock' | 'bootstrap'>) {
    this.#broker = broker;
  }

  /** Asks the cluster about the topics of `sources`. Returns those that are gone. */
  async look(wire: KafkaWire, sources: Iterable<Reading>): Promise<readonly string[]> {
    const lookedFor = new Set(sources);
    const wanted = new Set<string>();
    let hasPattern = false;
    for (const { filters } of lookedFor) {
      for (const { exact } of filters) {
        if (exact === null) hasPattern = true;
        else wanted.add(exact);
      }
    }
    const isAny = wanted.size > 0 || hasPattern;
    const found = isAny ? await metadataOf(wire, hasPattern ? [] : [...wanted]) : [];
    const now = this.#broker.clock.monotonic();
    const codes = new Map<string, number>();
    const seen = new Set<string>();
    for (const { topic, topicErrorCode, partitionMetadata } of found) {
      codes.set(topic, topicErrorCode);
      if (topicErrorCode !== 0 || partitionMetadata.length === 0) continue;
      seen.add(topic);
      const leaders: number[] = [];
      for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
      const known = this.topics.get(topic);
      if (known === undefined) this.topics.set(topic, { leaders, seenAt: now, id: null });
      else known.leaders = leaders;
    }
    const isRead = (topic: string): boolean =>
      [...lookedFor].some(({ filters }) => filters.some((filter) => filter.matches(topic)));
    await this.#identify(wire, hasPattern ? [...seen].filter(isRead) : [...seen]);
    const before = this.#missing;
    this.#missing = new Map();
    for (const topic of wanted) {
      if (seen.has(topic)) continue;
      this.#missing.set(topic, { since: before.get(topic)?.since ?? now, code: codes.get(topic) || UNKNOWN_TOPIC });
    }
    this.#lookedFor = lookedFor;
    // One that is gone may come back as another: it is new then.
    const gone = [...this.topics.keys()].filter((topic) => !seen.has(topic));
    for (const topic of gone) this.topics.delete(topic);
    return gone;
  }

  /** A source has come since the last look. */
  isNew(source: Reading): boolean {
    return !this.#lookedFor.has(source);
  }

  /** Whether it is known of each topic of a source that it is there, or that it is not. */
  isClear(source: Reading): boolean {
    if (this.isNew(source)) return false;
    return source.filters.every(({ exact }) => exact === null || this.topics.has(exact) || this.#isMissing(exact));
  }

  /** The first topic of a source that is not there; null: all are. */
  missingOf({ filters }: Reading): Down | null {
    for (const { exact } of filters) {
      if (exact === null || !this.#isMissing(exact)) continue;
      const code = this.#missing.get(exact)?.code ?? UNKNOWN_TOPIC;
      if (code !== UNKNOWN_TOPIC) return refusalOf(code, 'describe', { topic: exact });
      return { reason: absenceOf(this.#broker, exact), fatal: false, topic: exact };
    }
    return null;
  }

  /** Ms after which to look again; where nothing is in doubt: `refreshMs`. */
  lookAgainIn(refreshMs: number): number {
    const isInDoubt = [...this.#missing.keys()].some((topic) => !this.#isMissing(topic));
    return isInDoubt ? Math.min(LOOK_AGAIN_MS, refreshMs) : refreshMs;
  }

  clear(): void {
    this.topics.clear();
    this.#missing.clear();
    this.#lookedFor = new Set();
  }

  /** One broker may be behind the others, and name the former of two: a change counts when the topic's leader says so too. */
  async #identify(wire: KafkaWire, names: readonly string[]): Promise<void> {
    for (const [topic, id] of await wire.topicIds(null, names)) {
      const known = this.topics.get(topic);
      if (known === undefined || known.id === id) continue;
      if (known.id === null) {
        known.id = id;
        continue;
      }
      const leader = known.leaders.find((node) => node >= 0);
      if (leader === undefined) continue;
      // One that cannot be reached is asked again with the next look, and does not keep the others' topics from being read.
      const byLeader = await wire.topicIds(leader, [topic]).catch(() => null);
      if (byLeader?.get(topic) === id) known.id = id;
    }
  }

  #isMissing(topic: string): boolean {
    const { since } = this.#missing.get(topic) ?? { since: Number.POSITIVE_INFINITY };
    return this.#broker.clock.monotonic() - since >= MISSING_MS;
  }
}
