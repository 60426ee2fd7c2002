// Kafka's records as the messages that sources hand over.
import type { BrokerMessage } from '../domain/ports/broker.ts';
import type { KafkaRecord } from './kafka-records.ts';
import { bounded, type PayloadBounds } from './payload-bounds.ts';

const MAX_KEY_BYTES = 256;
const EMPTY = Buffer.alloc(0);

interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly arrivedAt: number;
}

/**
 * A batch may begin before what was asked for. A few KB of it may be a record of 128 MiB, which each source would write to its
 * journal: of such a payload they share the beginning.
 */
export function messagesOf(
  records: readonly KafkaRecord[],
  from: number,
  origin: Origin,
  bounds: PayloadBounds,
): BrokerMessage[] {
  const messages: BrokerMessage[] = [];
  for (const record of records) {
    if (record.offset >= from) messages.push(messageOf(record, origin, bounds));
  }
  return messages;
}

function messageOf(record: KafkaRecord, { topic, partition, arrivedAt }: Origin, bounds: PayloadBounds): BrokerMessage {
  const { key, value, offset, headers } = record;
  const hasKey = key !== null && key.length > 0 && key.length <= MAX_KEY_BYTES;
  return {
    topic: hasKey ? `${topic}/${keyText(key)}` : topic,
    payload: value === null ? EMPTY : bounded(value, bounds),
    qos: 1,
    retain: false,
    dup: false,
    arrivedAt,
    partition,
    offset,
    headers,
    shared: {},
  };
}

/** No topic holds a NUL character, as none of MQTT does: keys that are binary become what other bytes that are no text become. */
function keyText(key: Buffer): string {
  const text = key.toString('utf8');
  return key.includes(0) ? text.replaceAll('\u0000', '\ufffd') : text;
}
