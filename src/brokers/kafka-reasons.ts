// Why Kafka does not do what is asked, in plain words with its own or the system's code: for a topic or group, with the right
// (ACL) that is missing; and whether time may mend it.
import { BridgeError } from '../domain/errors.ts';
import { errorName } from './kafka-internals.ts';
import type { Unreadable } from './kafka-records.ts';
import { type Down, reasonOf } from './mqtt-reasons.ts';

export type { Down } from './mqtt-reasons.ts';

/** What was tried, so that a refusal can name the right. */
export type Doing = 'read' | 'write' | 'describe' | 'describeConfigs' | 'create' | 'commit';

/** The ACL operation of Kafka (section "Authorization and ACLs" of its documentation) that each needs. */
const RIGHTS: Readonly<Record<Doing, string>> = {
  read: 'Read',
  write: 'Write',
  describe: 'Describe',
  describeConfigs: 'DescribeConfigs',
  create: 'Create',
  commit: 'Read',
};

/** A partition's, topic's or group's error. Codes that a reconnection or new metadata mends are for the caller to pass over. */
export function refusalOf(code: number, doing: Doing, what: { topic?: string; group?: string }): Down {
  const name = errorName(code);
  const { topic, group } = what;
  switch (name) {
    case 'TOPIC_AUTHORIZATION_FAILED':
      return {
        reason: `Kafka does not allow it: the right ${RIGHTS[doing]} on topic "${topic}" is missing (${name})`,
        fatal: true,
      };
    case 'GROUP_AUTHORIZATION_FAILED':
      return {
        reason: `Kafka does not allow it: the right Read on group "${group}" is missing (${name})`,
        fatal: true,
      };
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return {
        // Before Kafka 3.0 who numbers what it writes needs a right of its own.
        reason: `Kafka does not allow it: the right ${doing === 'write' ? 'IdempotentWrite' : RIGHTS[doing]} on the cluster is missing (${name})`,
        fatal: true,
      };
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return { reason: `there is no topic "${topic}", or the right Describe on it is missing (${name})`, fatal: false };
    default:
      return { reason: `${topic ?? group ?? 'Kafka'}: ${words(name)} (${name})`, fatal: false };
  }
}

/** A batch in the way. `bootstrap` null: no record of the topic may be given up, so it is not told how. */
export function unreadableReason(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { firstOffset, nextOffset, why }: Unreadable,
  bootstrap: readonly string[] | null,
): string {
  const offsets =
    nextOffset - firstOffset > 1 ? `offsets ${firstOffset} to ${nextOffset - 1}` : `offset ${firstOffset}`;
  const place = `partition ${partition} of topic "${topic}" is not read beyond a batch of records that cannot be read (${offsets}): ${why}`;
  if (bootstrap === null) return place;
  const given = JSON.stringify({ partitions: [{ topic, partition, offset: nextOffset }], version: 1 });
  return `${place}; its other partitions are read. It is not passed over. To give it up, with all that is before it and for all who read the topic: kafka-delete-records.sh --bootstrap-server ${bootstrap[0]} --offset-json-file FILE, with ${given} in FILE`;
}

function words(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ');
}

interface KafkaError {
  readonly name?: string;
  readonly type?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly cause?: unknown;
}

/** An error that kafkajs has thrown, or one of ours. `where`: the bootstrap addresses. */
export function kafkaReason(error: unknown, where: string): Down {
  const found = innermost(error);
  const text = firstLine(found.message ?? String(error));
  if (error instanceof BridgeError) return { reason: firstLine(error.message), fatal: false };
  if (isRefusedLogin(found)) {
    return { reason: `Kafka refused the log-in: ${text} (SASL)`, fatal: true };
  }
  if (found.type !== undefined && found.type !== 'UNKNOWN') {
    return { reason: `Kafka at ${where}: ${text} (${found.type})`, fatal: false };
  }
  if (text === 'Connection timeout') return { reason: `${where} does not answer`, fatal: false };
  if (typeof found.code === 'string') return reasonOf(Object.assign(new Error(text), { code: found.code }), where);
  return { reason: `no connection to ${where}: ${text}`, fatal: false };
}

/** ILLEGAL_SASL_STATE is what a listener without SASL answers to a log-in, or one with SASL to none. */
function isRefusedLogin({ name, type, message }: KafkaError): boolean {
  return (
    name === 'KafkaJSSASLAuthenticationError' ||
    type === 'SASL_AUTHENTICATION_FAILED' ||
    type === 'UNSUPPORTED_SASL_MECHANISM' ||
    type === 'ILLEGAL_SASL_STATE' ||
    (message ?? '').startsWith('SASL ')
  );
}

/** Under kafkajs's own wrappings. */
function innermost(error: unknown): KafkaError {
  let found = error as KafkaError;
  for (let depth = 0; depth < 5; depth++) {
    const cause = found?.cause;
    if (typeof cause !== 'object' || cause === null || !('message' in cause)) break;
    found = cause as KafkaError;
  }
  return found ?? {};
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
