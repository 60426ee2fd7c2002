// The request for topics' ids (Metadata, version 10, KIP-516): a topic that is made anew under the name of a deleted one has
// another. kafkajs knows Metadata up to version 6, and no request of the flexible kind (KIP-482), which this is.
import Encoder from 'kafkajs/src/protocol/encoder.js';

/** Kafka 2.8 and later. */
export const TOPIC_ID_VERSION = 10;

const API_KEY = 3;
const ID_BYTES = 16;

export function topicIdsRequest(topics: readonly string[]) {
  const encode = async (): Promise<Encoder> => {
    // The end of the header, which kafkajs writes without: no tagged fields. Lengths are one more.
    const encoder = new Encoder().writeUVarInt(0).writeUVarInt(topics.length + 1);
    // No id, its name, no tagged fields.
    for (const topic of topics) encoder.writeInt64(0).writeInt64(0).writeUVarIntString(topic).writeUVarInt(0);
    // Not to be made; without what may be done with the cluster and the topics; no tagged fields.
    return encoder.writeInt32(0);
  };
  return {
    request: { apiKey: API_KEY, apiVersion: TOPIC_ID_VERSION, apiName: 'Metadata', encode },
    response: { decode: async (bytes: Buffer) => readTopicIds(bytes), parse: (decoded: unknown) => decoded },
  };
}

/** By name, in hexadecimal: of topics that the broker knows, and that have one. */
export function readTopicIds(bytes: Buffer): ReadonlyMap<string, string> {
  const answer = new Reader(bytes);
  answer.skipTagged();
  answer.skip(4); // throttle_time_ms
  for (let left = answer.uvarint() - 1; left > 0; left--) {
    answer.skip(4); // node_id
    answer.skipText();
    answer.skip(4); // port
    answer.skipText();
    answer.skipTagged();
  }
  answer.skipText();
  answer.skip(4); // controller_id
  const ids = new Map<string, string>();
  for (let left = answer.uvarint() - 1; left > 0; left--) {
    const isRefused = answer.take(2).some((byte) => byte !== 0);
    const name = answer.text();
    const id = answer.take(ID_BYTES);
    answer.skip(1); // is_internal
    for (let partitions = answer.uvarint() - 1; partitions > 0; partitions--) answer.skipPartition();
    answer.skip(4); // topic_authorized_operations
    answer.skipTagged();
    if (!isRefused && id.some((byte) => byte !== 0)) ids.set(name, id.toString('hex'));
  }
  return ids;
}

/** Throws a RangeError beyond the end. */
class Reader {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError('an answer ends before what it says that it holds');
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  skip(length: number): void {
    this.take(length);
  }

  uvarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const [byte = 0] = this.take(1);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  /** Its length is one more, and 0 where there is none. */
  skipText(): void {
    this.text();
  }

  text(): string {
    return this.take(Math.max(0, this.uvarint() - 1)).toString('utf8');
  }

  skipPartition(): void {
    this.skip(2 + 4 + 4 + 4); // error_code, partition_index, leader_id, leader_epoch
    // Replicas, those in sync, those offline: by the numbers of their brokers.
    for (let lists = 3; lists > 0; lists--) this.skip(4 * Math.max(0, this.uvarint() - 1));
    this.skipTagged();
  }

  skipTagged(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.skip(this.uvarint());
    }
  }
}
