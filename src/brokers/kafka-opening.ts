// Where a source begins to read each partition, and where one that was left ends.
import { EARLIEST, fetchOffsets, keyOf, LATEST, listOffsets, type Place } from './kafka-groups.ts';
import type { KafkaWire } from './kafka-internals.ts';
import type { KnownTopic } from './kafka-known-topics.ts';
import { committedTopicId } from './kafka-offsets.ts';
import type { KafkaSource } from './kafka-source.ts';

export interface Opened {
  readonly sessionLost: boolean;
  /** Topics are left out for now: of those that had their names before something is still to be answered for. */
  readonly isHeldUp: boolean;
}

/**
 * Places the partitions of a source that it does not have yet: where its group stands; else, for what has come since others
 * of the topic (or its pattern) were read, at the beginning; else as `from` says. What is new is committed before it is read.
 *
 * Where the group stands says nothing of a topic that was made anew under the name of a deleted one, and neither does the book:
 * such a topic is read from its beginning. `isHeld`: the listener has not answered yet for all that it had of the topic's name;
 * `commit`: commits what is due.
 */
export async function openSource(
  wire: KafkaWire,
  source: KafkaSource,
  topics: ReadonlyMap<string, KnownTopic>,
  { isHeld, commit }: { readonly isHeld: (topic: string) => boolean; readonly commit: () => Promise<void> },
): Promise<Opened> {
  await source.ready();
  const wanted: Place[] = [];
  let isHeldUp = false;
  for (const [topic, { leaders, id }] of topics) {
    if (!source.wants(topic)) continue;
    source.parts.forgetFormer(topic, id);
    if (!source.parts.has(topic) && isHeld(topic)) {
      isHeldUp = true;
      continue;
    }
    for (const [partition, leader] of leaders.entries()) {
      if (source.parts.find(topic, partition) === undefined) wanted.push({ topic, partition, leader });
    }
  }
  if (wanted.length === 0) return { sessionLost: false, isHeldUp };
  const committed = await fetchOffsets(wire, source.group, wanted);
  const sessionLost = source.openedAt === null && source.expectSession && committed.size === 0;
  const known = new Set([...committed.keys()].map((key) => key.slice(0, key.lastIndexOf(':'))));
  for (const topic of source.parts.keys()) known.add(topic);
  const former = formerPlaces(source, wanted, topics, committed);
  for (const { topic } of former.values()) known.add(topic);
  const early: Place[] = [];
  const late: Place[] = [];
  for (const place of wanted) {
    if (committed.has(keyOf(place))) continue;
    const isLater =
      known.has(place.topic) ||
      (source.openedAt !== null && (topics.get(place.topic)?.seenAt ?? 0) > source.openedAt) ||
      (known.size > 0 && isOfPattern(source, place.topic, known));
    if (sessionLost || isLater || source.from === 'earliest') early.push(place);
    else late.push(place);
  }
  const starts = new Map([...(await listOffsets(wire, early, EARLIEST)), ...(await listOffsets(wire, late, LATEST))]);
  const ends = source.isLeft ? await listOffsets(wire, wanted, LATEST) : null;
  for (const place of wanted) {
    const key = keyOf(place);
    const found = committed.get(key) ?? null;
    const offset = found?.offset ?? starts.get(key) ?? 0;
    const part = source.place(place, topics.get(place.topic)?.id ?? null, offset, found);
    if (ends !== null) part.end = ends.get(key) ?? part.next;
    const stoodAt = former.get(key)?.offset ?? 0;
    if (stoodAt > 0) source.replaced(part, stoodAt);
  }
  await commit();
  return { sessionLost, isHeldUp };
}

/** How far topics were read whose names others have now, by the book or by the group, which `committed` is then without. */
function formerPlaces(
  source: KafkaSource,
  wanted: readonly Place[],
  topics: ReadonlyMap<string, KnownTopic>,
  committed: Map<string, { readonly metadata: string; readonly offset: number }>,
): Map<string, { readonly topic: string; readonly offset: number }> {
  const former = new Map<string, { readonly topic: string; readonly offset: number }>();
  for (const [topic, places] of Map.groupBy(wanted, (place) => place.topic)) {
    const id = topics.get(topic)?.id ?? null;
    if (id === null) continue;
    const inBook = source.identify(topic, id);
    for (const place of places) {
      const key = keyOf(place);
      const found = committed.get(key);
      const idOfFound = committedTopicId(found?.metadata ?? '');
      // Another worker has read of it, and told.
      if (idOfFound === id) continue;
      const isOfFormer = found !== undefined && (idOfFound !== null || inBook !== null);
      if (isOfFormer) committed.delete(key);
      const offset = inBook === null ? (isOfFormer ? found.offset : null) : (inBook.get(place.partition) ?? 0);
      if (offset !== null) former.set(key, { topic, offset });
    }
  }
  return former;
}

/** Sets the ends of a source that was left: what its partitions have by now. */
export async function endParts(
  wire: KafkaWire,
  source: KafkaSource,
  topics: ReadonlyMap<string, KnownTopic>,
): Promise<void> {
  const open: Place[] = [];
  for (const [topic, { leaders }] of topics) {
    for (const [partition, leader] of leaders.entries()) {
      if (source.parts.find(topic, partition)?.end === null) open.push({ topic, partition, leader });
    }
  }
  if (open.length === 0) return;
  const ends = await listOffsets(wire, open, LATEST);
  for (const place of open) {
    const part = source.parts.find(place.topic, place.partition);
    if (part !== undefined) part.end ??= ends.get(keyOf(place)) ?? part.next;
  }
}

/** A pattern that has matched other topics before was there before this topic was. */
function isOfPattern(source: KafkaSource, topic: string, known: ReadonlySet<string>): boolean {
  return source.filters.some(
    (filter) => filter.exact === null && filter.matches(topic) && [...known].some((other) => filter.matches(other)),
  );
}
