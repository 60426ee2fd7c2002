// Looks at the topics of a cluster that connections read their uplinks from: whether they are there, may be read, and keep what
// comes until it is read. They are others' topics: nothing is made or changed.
import type { TopicFinding } from './kafka-check.ts';
import { commandFor } from './kafka-finder.ts';
import { listOffsets } from './kafka-groups.ts';
import { errorName, type KafkaWire } from './kafka-internals.ts';
import { LinkDown, withWire } from './kafka-link.ts';
import { metadataOf, TOPIC_RESOURCE, type TopicMetadata } from './kafka-metadata.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import { kafkaReason, refusalOf } from './kafka-reasons.ts';
import { isBoundBySize, judgeRetention, KEEP_MS, RETENTION_SETTINGS } from './kafka-retention.ts';
import { alterCommand, checkKafkaName, compileFilter, isOwnName, type TopicFilter } from './kafka-topics.ts';

/** A connection, as far as its topics go. */
export interface UplinkReader {
  readonly connectionId: string;
  /** Names and patterns. */
  readonly topics: readonly string[];
  /** Older uplinks are of no use to it; null: all are. */
  readonly validityMs: number | null;
}

interface Wanted {
  readonly topic: string;
  readonly readers: readonly UplinkReader[];
}

interface Filtered extends Wanted {
  readonly filter: TopicFilter;
}

/** In one request. */
const SETTINGS_AT_ONCE = 200;
/** More than a pattern can mean; the rest is not looked at. */
const MAX_TOPICS = 2_000;
const CONNECT_ATTEMPTS = 3;
const HOUR_MS = 3_600_000;
/** None has it: the answer tells whether it may be read, and brings no record. */
const NO_OFFSET = '9223372036854775807';

/** By topic; a pattern is told of only where it matches none. Never rejects: without an answer nothing is known of any of them. */
export async function checkUplinks(
  broker: KafkaBrokerOptions,
  readers: readonly UplinkReader[],
): Promise<readonly TopicFinding[]> {
  const filters = filtersOf(broker, readers);
  const own = filters.filter(({ topic }) => broker.ownPrefix !== undefined && isOwnName(broker.ownPrefix, topic));
  const illegal = filters.filter(({ filter: { exact } }) => exact !== null && checkKafkaName(exact) !== null);
  const others = filters.filter((each) => !own.includes(each) && !illegal.includes(each));
  const found = [
    ...own.map((each) => finding(broker, each, 'wrong', [OWN])),
    ...illegal.map((each) => finding(broker, each, 'wrong', [ILLEGAL])),
  ];
  if (others.length === 0) return found;
  try {
    const look = (wire: KafkaWire) => lookAt(wire, broker, others);
    found.push(...(await withWire(broker, new AbortController().signal, look, CONNECT_ATTEMPTS)));
  } catch (error) {
    const { reason } = kafkaReason(error, broker.bootstrap.join(', '));
    const problem = `Kafka cannot be asked: ${reason}.`;
    found.push(...others.map((each) => finding(broker, each, 'unknown', [problem])));
  }
  return found.sort((one, other) => (one.topic < other.topic ? -1 : 1));
}

const OWN = "It is one of the bridge's own topics, and no source of uplinks: name another one in the definition.";

const ILLEGAL = 'No topic of Kafka can have this name (1 to 249 of A-Z a-z 0-9 . _ -): nothing is read.';

function filtersOf(broker: KafkaBrokerOptions, readers: readonly UplinkReader[]): Filtered[] {
  const byTopic = new Map<string, UplinkReader[]>();
  for (const reader of readers) {
    for (const topic of new Set(reader.topics)) {
      const known = byTopic.get(topic);
      if (known === undefined) byTopic.set(topic, [reader]);
      else known.push(reader);
    }
  }
  const prefix = broker.ownPrefix ?? null;
  return [...byTopic].map(([topic, each]) => ({ topic, readers: each, filter: compileFilter(topic, prefix) }));
}

async function lookAt(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  filters: readonly Filtered[],
): Promise<TopicFinding[]> {
  const exact = filters.filter(({ filter }) => filter.exact !== null);
  const patterns = filters.filter(({ filter }) => filter.exact === null);
  const named = exact.length === 0 ? [] : await metadataOf(wire, [...new Set(exact.map(({ topic }) => topic))]);
  const all = patterns.length === 0 ? [] : await metadataOf(wire, []);
  const metadata = new Map([...all, ...named].map((each) => [each.topic, each]));
  const found: TopicFinding[] = [];
  const there = new Map<string, UplinkReader[]>();
  const add = (topic: string, readers: readonly UplinkReader[]): void => {
    there.set(topic, [...new Set([...(there.get(topic) ?? []), ...readers])]);
  };
  for (const each of exact) {
    const code = metadata.get(each.topic)?.topicErrorCode ?? UNKNOWN_TOPIC;
    if (code === 0 || errorName(code) === 'LEADER_NOT_AVAILABLE') add(each.topic, each.readers);
    else found.push(absent(broker, each, code));
  }
  for (const each of patterns) {
    const matching = all.filter(({ topic, topicErrorCode }) => topicErrorCode === 0 && each.filter.matches(topic));
    for (const { topic } of matching) add(topic, each.readers);
    if (matching.length === 0) found.push(finding(broker, each, 'missing', [MATCHES_NONE]));
  }
  const wanted = [...there].map(([topic, readers]) => ({ topic, readers }));
  found.push(...(await judge(wire, broker, wanted.slice(0, MAX_TOPICS), metadata)));
  for (const each of wanted.slice(MAX_TOPICS)) found.push(finding(broker, each, 'unknown', [TOO_MANY]));
  return found;
}

const UNKNOWN_TOPIC = 3;
const MATCHES_NONE =
  'No topic matches this pattern, or the right Describe on those that do is missing: nothing is read until one does.';
const TOO_MANY = `It was not looked at: only the first ${MAX_TOPICS} topics are.`;

function absent(broker: KafkaBrokerOptions, wanted: Wanted, code: number): TopicFinding {
  if (code === UNKNOWN_TOPIC) {
    const problems = ['It is not there: nothing is read until somebody makes it.'];
    return finding(broker, wanted, 'missing', problems, commandFor(wanted.topic, broker.bootstrap));
  }
  const { reason } = refusalOf(code, 'describe', { topic: wanted.topic });
  return finding(broker, wanted, 'unknown', [`It cannot be seen, so nothing is read: ${reason}.`]);
}

async function judge(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  wanted: readonly Wanted[],
  metadata: ReadonlyMap<string, TopicMetadata>,
): Promise<TopicFinding[]> {
  const topics = wanted.map(({ topic }) => topic);
  const refusals = await readRefusals(wire, topics, metadata);
  const described = await settingsOf(wire, topics);
  const found: TopicFinding[] = [];
  for (const each of wanted) {
    const { topic, readers } = each;
    const refusal = refusals.get(topic);
    const unread = refusal === undefined ? [] : [`Nothing is read: ${refusal}.`];
    const settings = described.get(topic);
    if (settings === undefined || typeof settings === 'string') {
      const unseen = `Whether it keeps uplinks long enough cannot be seen: ${settings ?? 'Kafka does not tell'}.`;
      found.push(finding(broker, each, refusal === undefined ? 'unknown' : 'wrong', [...unread, unseen]));
      continue;
    }
    const uplinksPerHour = isBoundBySize(settings) ? await busiestHour(wire, broker, topic, metadata) : 0;
    const keepMs = Math.min(KEEP_MS, Math.max(...readers.map(({ validityMs }) => validityMs ?? KEEP_MS)));
    const { problems, mends } = judgeRetention({ settings, keepMs, uplinksPerHour });
    const state = unread.length + problems.length === 0 ? 'ok' : 'wrong';
    const command = problems.length === 0 ? null : alterCommand(topic, mends, broker.bootstrap);
    found.push(finding(broker, each, state, [...unread, ...problems], command));
  }
  return found;
}

/** Topics that must not be read, with the reason. The right is the same for all of a topic's partitions. */
async function readRefusals(
  wire: KafkaWire,
  topics: readonly string[],
  metadata: ReadonlyMap<string, TopicMetadata>,
): Promise<ReadonlyMap<string, string>> {
  const places = topics.flatMap((topic) => {
    const led = metadata.get(topic)?.partitionMetadata.find(({ leader }) => leader >= 0);
    return led === undefined ? [] : [{ topic, partition: led.partitionId, leader: led.leader }];
  });
  const refused = new Map<string, string>();
  for (const [leader, led] of Map.groupBy(places, (place) => place.leader)) {
    const asked = led.map(({ topic, partition }) => ({
      topic,
      partitions: [{ partition, fetchOffset: NO_OFFSET, maxBytes: 1 }],
    }));
    const limits = { replicaId: -1, maxWaitTime: 0, minBytes: 0, maxBytes: 1, isolationLevel: 1 };
    for (const { topic, errorCode } of await wire.call(leader, 'Fetch', { ...limits, topics: asked })) {
      if (!errorName(errorCode).endsWith('AUTHORIZATION_FAILED')) continue;
      refused.set(topic, refusalOf(errorCode, 'read', { topic }).reason);
    }
  }
  return refused;
}

/** A text: why they cannot be seen. */
async function settingsOf(
  wire: KafkaWire,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string | null> | string>> {
  const found = new Map<string, ReadonlyMap<string, string | null> | string>();
  for (let at = 0; at < topics.length; at += SETTINGS_AT_ONCE) {
    const resources = topics.slice(at, at + SETTINGS_AT_ONCE).map((name) => {
      return { type: TOPIC_RESOURCE, name, configNames: RETENTION_SETTINGS };
    });
    const answer = await wire.call(null, 'DescribeConfigs', { resources, includeSynonyms: false });
    for (const { resourceName: topic, errorCode, configEntries } of answer.resources) {
      const settings = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
      found.set(topic, errorCode === 0 ? settings : refusalOf(errorCode, 'describeConfigs', { topic }).reason);
    }
  }
  return found;
}

/** How many uplinks came in the last hour to the partition that got the most. */
async function busiestHour(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  topic: string,
  metadata: ReadonlyMap<string, TopicMetadata>,
): Promise<number> {
  const places = (metadata.get(topic)?.partitionMetadata ?? [])
    .filter(({ leader }) => leader >= 0)
    .map(({ partitionId: partition, leader }) => ({ topic, partition, leader }));
  try {
    const ends = await listOffsets(wire, places, LATEST);
    const before = await listOffsets(wire, places, String(broker.clock.now() - HOUR_MS));
    // Below 0: nothing has come since then.
    const counts = [...before].map(([place, offset]) => (offset < 0 ? 0 : (ends.get(place) ?? 0) - offset));
    return Math.max(0, ...counts);
  } catch (error) {
    // One topic whose leader is just moving is no reason to know nothing of the others.
    if (error instanceof LinkDown) return 0;
    throw error;
  }
}

const LATEST = '-1';

function finding(
  broker: KafkaBrokerOptions,
  { topic, readers }: Wanted,
  state: TopicFinding['state'],
  problems: readonly string[],
  command: string | null = null,
): TopicFinding {
  const connections = readers.map(({ connectionId }) => connectionId).sort();
  return { topic, state, problems, command, broker: broker.name, connections };
}
