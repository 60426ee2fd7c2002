// One partition as one source stands in it, and what its group is to be told.
import type { BrokerMessage, Concern, SourcePlaces } from '../domain/ports/broker.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { type Committed, decodeCommitted, encodeCommitted } from './kafka-offsets.ts';
import type { Share, SortedMessages } from './kafka-sorting.ts';
import type { TopicFilter } from './kafka-topics.ts';

export interface Part {
  readonly topic: string;
  readonly partition: number;
  /** Null: the broker tells none. */
  readonly topicId: string | null;
  /** The next offset to be handed over. */
  next: number;
  /** Nothing from here on is wanted: the source has been left. */
  end: number | null;
  /** Everything before is durable; counts where there is no book of places. */
  durable: number;
  /** As the group last had it: the text that was committed, and when (monotonic ms). */
  committed: string | null;
  committedAt: number;
  /** Settled elsewhere beyond the committed offset: passed over once. */
  settledElsewhere: Committed | null;
}

/** Those of one source, by topic. */
export class SourceParts extends Map<string, Part[]> {
  find(topic: string, partition: number): Part | undefined {
    return this.get(topic)?.find((part) => part.partition === partition);
  }

  /** All is handed over of what there was when the source was left; where that is not known yet: false. */
  get areRead(): boolean {
    for (const parts of this.values()) {
      if (parts.some(({ next, end }) => end === null || next < end)) return false;
    }
    return true;
  }

  /** `offset`: where its group stands, or what else it begins with; `book`: what was taken here; `committed` null: never. */
  begin(
    which: Pick<Part, 'topic' | 'partition' | 'topicId'>,
    at: {
      readonly offset: number;
      readonly book: number;
      readonly committed: { readonly offset: number; readonly metadata: string } | null;
      readonly now: number;
    },
  ): Part {
    const { offset, book, committed, now } = at;
    const part: Part = {
      ...which,
      next: Math.max(offset, book),
      end: null,
      durable: offset,
      committed: committed === null ? null : `${committed.offset} ${committed.metadata}`,
      committedAt: now,
      settledElsewhere: committed === null ? null : decodeCommitted(committed.offset, committed.metadata),
    };
    const parts = this.get(part.topic);
    if (parts === undefined) this.set(part.topic, [part]);
    else parts.push(part);
    return part;
  }

  /** Those that may be of a topic that was deleted, and had the name of the one that has this id; null: not known. */
  forgetFormer(topic: string, id: string | null): void {
    if (id !== null && this.get(topic)?.[0]?.topicId !== id) this.delete(topic);
  }

  /** One for each partition of the topic, which is the one that has this id. */
  hasAll(topic: string, { leaders, id }: { readonly leaders: readonly number[]; readonly id: string | null }): boolean {
    const parts = this.get(topic) ?? [];
    return parts.length === leaders.length && parts.every(({ topicId }) => topicId === id);
  }
}

/** One partition's part of an answer. */
export interface Offered<T = unknown> {
  readonly part: Part;
  readonly messages: readonly BrokerMessage[];
  /** Whom they concern; null: not looked at. */
  readonly sorted: SortedMessages<T> | null;
  /** The offset from which on `messages` are. */
  readonly from: number;
  readonly nextOffset: number;
}

export interface Chunk {
  readonly marks: readonly { readonly part: Part; readonly from: number; readonly to: number }[];
  readonly count: number;
  readonly bytes: number;
  done: boolean;
}

/** Kafka forgets offsets that nobody has committed for a week (`offsets.retention.minutes`): they are said again in time. */
const REPEAT_COMMIT_MS = 3_600_000;

export interface Due {
  readonly part: Part;
  readonly text: string;
  readonly offset: number;
  readonly metadata: string;
}

export function dueCommits(
  partsByTopic: ReadonlyMap<string, readonly Part[]>,
  places: SourcePlaces | null,
  now: number,
): Due[] {
  const due: Due[] = [];
  for (const parts of partsByTopic.values()) {
    for (const part of parts) {
      const { offset, metadata } = progress(part, places);
      const text = `${offset} ${metadata}`;
      if (text === part.committed && now - part.committedAt < REPEAT_COMMIT_MS) continue;
      due.push({ part, text, offset, metadata });
    }
  }
  return due;
}

function progress(part: Part, places: SourcePlaces | null): { offset: number; metadata: string } {
  if (places === null) return encodeCommitted(part.durable, [], part.topicId);
  const { position, unsettled } = places.progress(part.topic, part.partition);
  const { settledElsewhere } = part;
  // What others have settled is not forgotten by a commit of ours.
  if (settledElsewhere !== null && position < settledElsewhere.until) return keep(part);
  return encodeCommitted(Math.max(position, part.durable), unsettled, part.topicId);
}

function keep({ committed }: Part): { offset: number; metadata: string } {
  const [offset = '0', metadata = ''] = (committed ?? '').split(' ', 2);
  return { offset: Number(offset), metadata };
}

const NOTHING: ReadonlyMap<UplinkOutcome, number> = new Map();

/** What of an offer, up to `to`, is for a source. */
export function shareOf<T extends { readonly concern: Concern | null; readonly filters: readonly TopicFilter[] }>(
  source: T,
  { part, messages, sorted, from, nextOffset }: Offered<T>,
  to: number,
  taken: ReturnType<SourcePlaces['taken']>,
): Share {
  const { filters } = source;
  const isSorted = sorted !== null && source.concern !== null;
  // Most often: it stands where the others do, and takes part in all that has come.
  const isWhole = part.next === from && to === nextOffset && isPlain(part, filters, taken);
  if (isSorted && isWhole) return sorted.shareOf(source);
  const wants = (message: BrokerMessage): boolean => {
    const { offset = 0 } = message;
    return offset >= part.next && offset < to && isWanted(part, message, filters, taken);
  };
  if (isSorted) return sorted.wantedShareOf(source, wants);
  return { messages: isWhole ? messages : messages.filter(wants), passed: NOTHING };
}

/** Not settled by a former owner, not taken before, and with a key that a filter asks for. */
function isWanted(
  part: Part,
  message: BrokerMessage,
  filters: readonly TopicFilter[],
  taken: ReturnType<SourcePlaces['taken']>,
): boolean {
  const { settledElsewhere, topic } = part;
  const { offset = 0 } = message;
  if (settledElsewhere !== null) {
    if (offset >= settledElsewhere.until) part.settledElsewhere = null;
    else if (!settledElsewhere.unsettled.has(offset)) return false;
  }
  if (taken !== null && (offset < taken.position || taken.above.has(offset))) return false;
  if (filters.every(({ key }) => key === null)) return true;
  const key = message.topic.slice(topic.length + 1);
  return filters.some((filter) => filter.matches(topic) && (filter.key === null || filter.key === key));
}

/** True: `isWanted` says so of all that comes next. */
function isPlain(part: Part, filters: readonly TopicFilter[], taken: ReturnType<SourcePlaces['taken']>): boolean {
  if (part.settledElsewhere !== null || filters.some(({ key }) => key !== null)) return false;
  return taken === null || (taken.position <= part.next && taken.above.size === 0);
}

export function untilOf({ part, to }: Chunk['marks'][number]): { topic: string; partition: number; to: number } {
  return { topic: part.topic, partition: part.partition, to };
}
