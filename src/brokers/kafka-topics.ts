// Topics of the port in Kafka's words. `a/b/key` is the record with the key `key` on the topic `a.b`: Kafka's names have no
// slash, so the last one parts topic and key, and the others become dots.
//
// Uplink topics of a connection are written as in Kafka, with `*` for any run of characters (`uplinks.*`), or in levels as
// on MQTT (`uplinks/+`, `plants/+/uplinks/#`), where the last level is the key. Nobody's regular expressions are run.
import { BridgeError } from '../domain/errors.ts';

const LEGAL = /^[A-Za-z0-9._-]{1,249}$/;

export interface RecordAddress {
  readonly topic: string;
  readonly key: string | null;
}

/**
 * `ownKey`: the record's key, where the whole of `topic` is the name of one topic. Throws a BridgeError `topicInvalid` for
 * what cannot be a topic of Kafka.
 */
export function addressOf(topic: string, ownKey: string | null = null): RecordAddress {
  const slash = ownKey === null ? topic.lastIndexOf('/') : -1;
  const name = ownKey === null ? kafkaName(slash < 0 ? topic : topic.slice(0, slash)) : topic;
  const key = slash < 0 ? ownKey : topic.slice(slash + 1);
  const isWild = slash >= 0 && key !== null && /^[+#]$/.test(key);
  if (checkKafkaName(name) !== null || key === '' || isWild) {
    throw new BridgeError('topicInvalid', `"${topic.slice(0, 200)}" is no topic that can be published to`);
  }
  return { topic: name, key };
}

/** Of the one topic of a connection's downlinks: what is allowed, to follow its field's name; null: it is fine. */
export function checkKafkaName(name: string): string | null {
  if (LEGAL.test(name) && name !== '.' && name !== '..') return null;
  return 'must be the name of one topic where the broker is Kafka: 1 to 249 of A-Z a-z 0-9 . _ - and no placeholders, as in things.downlink; the key of a record is the DevEUI';
}

/** `here-bridge/status` is `here-bridge.status`. */
export function kafkaName(prefix: string): string {
  return prefix.replaceAll('/', '.');
}

/** Whether a topic, or all that a filter matches, is among those of the bridge (`here-bridge.…`, in levels `here-bridge/…`). */
export function isOwnName(prefix: string, topic: string): boolean {
  return kafkaName(topic).startsWith(`${kafkaName(prefix)}.`);
}

export interface TopicFilter {
  /** The only topic that it can match, which must be there; null: it is a pattern. */
  readonly exact: string | null;
  matches(topic: string): boolean;
  /** Null: every key will do. */
  readonly key: string | null;
}

/** Kafka's own topics begin so (`__consumer_offsets`). */
const INTERNAL = '__';

export function compileFilter(filter: string, ownPrefix: string | null): TopicFilter {
  const own = ownPrefix === null ? null : `${kafkaName(ownPrefix)}.`;
  const isForeign = (topic: string): boolean => !topic.startsWith(INTERNAL) && (own === null || !topic.startsWith(own));
  if (!/[/+#]/.test(filter)) {
    if (!filter.includes('*')) return { exact: filter, matches: (topic) => topic === filter, key: null };
    const parts = filter.split('*');
    return { exact: null, matches: (topic) => isForeign(topic) && isGlobMatch(parts, topic), key: null };
  }
  const levels = filter.split('/');
  const last = levels.pop() ?? '';
  const hasRest = last === '#';
  const wanted = levels.flatMap((level) => level.split('.'));
  const isExact = !hasRest && !wanted.includes('+');
  return {
    exact: null,
    matches: (topic) => (isExact || isForeign(topic)) && isLevelMatch(wanted, topic.split('.'), hasRest),
    key: last === '+' || hasRest ? null : last,
  };
}

function isLevelMatch(wanted: readonly string[], found: readonly string[], hasRest: boolean): boolean {
  if (hasRest ? found.length < wanted.length : found.length !== wanted.length) return false;
  return wanted.every((level, at) => level === '+' || level === found[at]);
}

/** Each part in turn at the first place where it fits: linear, whatever the pattern. */
function isGlobMatch(parts: readonly string[], text: string): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

const DAY_MS = 86_400_000;

/** What one of the bridge's own topics must be set to. */
export interface OwnTopic {
  /** Below the prefix. */
  readonly name: string;
  readonly partitions: number;
  /** `partitions` is what it is made with; one that is there has what it has. */
  readonly anyPartitions?: true;
  readonly settings: Readonly<Record<string, string>>;
  /** What is there, and what a wrong `cleanup.policy` would cost. */
  readonly risk: string;
}

const compacted = { 'cleanup.policy': 'compact' };
const dated = (days: number) => ({ 'cleanup.policy': 'delete', 'retention.ms': String(days * DAY_MS) });

export const OWN_TOPICS: readonly OwnTopic[] = [
  {
    name: 'connections',
    partitions: 1,
    settings: compacted,
    risk: 'definitions would be deleted by age, and their connections with them at the next start',
  },
  {
    name: 'brokers',
    partitions: 1,
    settings: compacted,
    risk: 'brokers that were defined over the API would be forgotten by age',
  },
  { name: 'status', partitions: 1, settings: compacted, risk: 'states would be forgotten by age' },
  { name: 'ledger', partitions: 1, settings: compacted, risk: 'ledgers would be forgotten by age' },
  {
    name: 'workers',
    partitions: 1,
    settings: { ...compacted, 'delete.retention.ms': '3600000' },
    risk: 'workers would be forgotten by age',
  },
  {
    name: 'accounts',
    partitions: 1,
    settings: compacted,
    risk: 'tokens and log-in attempts would be forgotten by age, and workers would log in anew after a take-over',
  },
  { name: 'access', partitions: 1, settings: compacted, risk: 'users and their tokens would be forgotten by age' },
  { name: 'events', partitions: 1, settings: dated(30), risk: 'only the last event of each connection would be kept' },
  {
    name: 'dead-letters',
    partitions: 1,
    settings: dated(30),
    risk: 'only the last dead letter of each connection would be kept',
  },
];

/** Its partitions are dealt out among the workers; nothing is ever written to it. */
export function ownershipTopic(partitions: number): OwnTopic {
  return { name: 'ownership', partitions, anyPartitions: true, settings: {}, risk: '' };
}

/** Whatever else the bridge keeps there: the latest record of each key counts. */
const OTHERS = { partitions: 1, settings: compacted, risk: 'its records would be forgotten by age' };

/** Null: it is not one of the bridge's own. */
export function ownTopic(topic: string, ownPrefix: string | null): OwnTopic | null {
  if (ownPrefix === null) return null;
  const prefix = `${kafkaName(ownPrefix)}.`;
  if (!topic.startsWith(prefix)) return null;
  const name = topic.slice(prefix.length);
  return OWN_TOPICS.find((known) => known.name === name) ?? { name, ...OTHERS };
}

/** The command that makes a topic, for those who may not let the bridge do it. */
export function createCommand(
  topic: string,
  { partitions, settings }: Pick<OwnTopic, 'partitions' | 'settings'>,
  bootstrap: readonly string[],
): string {
  const config = Object.entries(settings).map(([key, value]) => ` --config ${key}=${value}`);
  const where = `--bootstrap-server ${bootstrap[0] ?? ''}`;
  return `kafka-topics.sh ${where} --create --topic ${topic} --partitions ${partitions}${config.join('')}`;
}

/** The command that changes settings of a topic. */
export function alterCommand(
  topic: string,
  settings: Readonly<Record<string, string>>,
  bootstrap: readonly string[],
): string {
  const config = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const where = `--bootstrap-server ${bootstrap[0] ?? ''}`;
  return `kafka-configs.sh ${where} --alter --entity-type topics --entity-name ${topic} --add-config ${config.join(',')}`;
}
