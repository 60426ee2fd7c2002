// Kafka behind the broker port.
//
// What was found with kafkajs 2.2.4 on Apache Kafka 4.4.0 (KRaft):
// - Each call that the bridge makes works: Kafka 4 has dropped old versions of its requests, none of those that kafkajs has to
//   fall back to. Idempotent producers, groups, offsets, topics and their settings were tried.
// - Idle: its request queue arms a 1 ms timer for ever (kafka-internals.ts mends that).
// - A consumer needs a group, and joining one takes 0.5 to 3 s; `admin.setOffsets` joins it too, and takes 5 s to leave.
//   Commits outside of a generation (−1, no member) take 5 ms and work while the group has no members.
// - One partition's error in a fetch makes it drop the whole answer; offsets of batches that compaction has emptied are lost.
// - Its idempotent producer is one only within the attempts of one call (a second or two): who calls it again after a longer cut
//   begins anew, and what was appended before the cut is there twice. One topic's refusal is told as that of all that went with it,
//   and the numbers of those that have arrived are taken back, so that a later batch with them may be dropped as known.
// So sources, tables, commits and what is published use its connections, log-in and requests alone (KafkaWire), with a reader of
// record batches and a producer (kafka-producer.ts) of our own. Another client can take its place behind this file.
//
// An uplink of Kafka goes through the connection's journal as one of MQTT does, but its offset is committed only when it is
// settled. The copy costs about a tenth of the reading, and gives what Kafka alone does not: a window of the journal's size
// instead of memory's, so that one device that waits holds up no partition; the original message of a dead letter; and a ledger
// that is exact over restarts. It is not what the guarantee rests on: a worker without this disk begins at the committed
// offset, and has nothing missing.
import type { Broker } from '../domain/ports/broker.ts';
import { endsOf } from './kafka-ends.ts';
import { TopicFinder } from './kafka-finder.ts';
import { type KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { KafkaPublisher } from './kafka-publisher.ts';
import { KafkaReader } from './kafka-reader.ts';
import { KafkaSource } from './kafka-source.ts';
import { KafkaTable } from './kafka-table.ts';

export type { KafkaBrokerOptions } from './kafka-options.ts';

/** Connects nothing by itself. Sources share a reader; tables and publishers have connections of their own. Wills are not Kafka's. */
export function createKafkaBroker(options: KafkaBrokerOptions): Broker {
  const gate = new LoginGate();
  const reader = new KafkaReader(options, gate);
  const finder = new TopicFinder(options);
  return {
    name: options.name,
    kind: 'kafka',
    openSource: (source, listener) => new KafkaSource(options, reader, source, listener),
    openTable: (table, listener) => new KafkaTable(options, gate, table, listener),
    openPublisher: () => new KafkaPublisher(options, gate),
    findTopic: (topic) => finder.find(topic),
    endOffsets: (topics) => endsOf(options, topics),
  };
}
