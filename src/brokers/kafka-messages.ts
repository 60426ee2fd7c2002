// Kafka's records as the messages that sources hand over.
import type { BrokerMessage } from '../domain/ports/broker.ts';
import type { KafkaRecord } from './kafka-records.ts';

const MAX_KEY_BYTES = 256;
const EMPTY = Buffer.alloc(0);

/** A batch may begin before what was asked for. */
export function messagesOf(
  records: readonly KafkaRecord[],
  from: number,
  topic: string,
  partition: number,
  arrivedAt: number,
): BrokerMessage[] {
  const messages: BrokerMessage[] = [];
  for (const record of records) {
    if (record.offset >= from) messages.push(messageOf(record, topic, partition, arrivedAt));
  }
  return messages;
}

function messageOf(record: KafkaRecord, topic: string, partition: number, arrivedAt: number): BrokerMessage {
  const { key, value, offset, headers } = record;
  const hasKey = key !== null && key.length > 0 && key.length <= MAX_KEY_BYTES;
  return {
    topic: hasKey ? `${topic}/${key.toString('utf8')}` : topic,
    payload: value ?? EMPTY,
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
