// The request for a topic's id (Metadata, version 10, KIP-516): a topic that is made anew under the name of a deleted one has
// another. kafkajs knows Metadata up to version 6, and no request of the flexible kind (KIP-482), which this is.
import Encoder from 'kafkajs/src/protocol/encoder.js';

/** Kafka 2.8 and later. */
export const TOPIC_ID_VERSION = 10;

const API_KEY = 3;
const ID_BYTES = 16;

export function topicIdRequest(topic: string) {
  const encode = async (): Promise<Encoder> =>
    new Encoder()
      // The end of the header, which kafkajs writes without: no tagged fields.
      .writeUVarInt(0)
      // One topic (lengths are one more): no id, its name, no tagged fields.
      .writeUVarInt(2)
      .writeInt64(0)
      .writeInt64(0)
      .writeUVarIntString(topic)
      .writeUVarInt(0)
      // Not to be made; without what may be done with the cluster and the topic; no tagged fields.
      .writeInt32(0);
  return {
    request: { apiKey: API_KEY, apiVersion: TOPIC_ID_VERSION, apiName: 'Metadata', encode },
    response: { decode: async (bytes: Buffer) => readTopicId(bytes), parse: (decoded: unknown) => decoded },
  };
}

/** In hexadecimal; null: the broker knows no such topic, or none with an id. What follows the id is not read. */
export function readTopicId(bytes: Buffer): { readonly topicId: string | null } {
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
  if (answer.uvarint() < 2) return { topicId: null };
  const isRefused = answer.take(2).some((byte) => byte !== 0);
  answer.skipText();
  const id = answer.take(ID_BYTES);
  return { topicId: isRefused || id.every((byte) => byte === 0) ? null : id.toString('hex') };
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
    this.skip(Math.max(0, this.uvarint() - 1));
  }

  skipTagged(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.skip(this.uvarint());
    }
  }
}
