// Where things stand in the bytes of an MQTT packet (MQTT 3.1.1 and 5, chapters 2 and 3.3).

const PUBLISH = 3;
/** A remaining length takes at most four bytes (MQTT 3.1.1 2.2.3, MQTT 5 1.5.5). */
const MAX_LENGTH_BYTES = 4;
/** At most so many bytes of a PUBLISH come before its properties, with their length. */
export const MAX_HEAD_BYTES = 1 + MAX_LENGTH_BYTES + 2 + 65_535 + 2 + MAX_LENGTH_BYTES;

/** Where the variable header of a packet begins; 0: its length is not all there; −1: the length is malformed. */
export function bodyAt(bytes: Buffer, at: number): number {
  for (let i = 1; i <= MAX_LENGTH_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return 0;
    if (byte < 128) return at + i + 1;
  }
  return -1;
}

/** The length that follows the byte at `at`; to be asked only when `bodyAt` has found its end. */
export function remainingLength(bytes: Buffer, at: number): number {
  let length = 0;
  let shift = 0;
  for (let i = at + 1; ; i++) {
    const byte = bytes[i] as number;
    length |= (byte & 127) << shift;
    if (byte < 128) return length;
    shift += 7;
  }
}

export function uint16(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/**
 * Where the payload begins of the packet from `at` to `end`, with its variable header at `body`; −1: it is no well-formed
 * PUBLISH of QoS 0 or 1. The packet's first `MAX_HEAD_BYTES` must be there.
 */
export function payloadAt(bytes: Buffer, at: number, body: number, end: number, isVersion5: boolean): number {
  const flags = bytes[at] as number;
  if (flags >> 4 !== PUBLISH || (flags & 0b0100) !== 0) return -1;
  const topicFrom = body + 2;
  if (topicFrom > end) return -1;
  const topicTo = topicFrom + uint16(bytes, body);
  const isAcknowledged = (flags & 0b0010) !== 0;
  const from = isAcknowledged ? topicTo + 2 : topicTo;
  // An empty topic stands for an alias (MQTT 5), which we never allow.
  if (from > end || topicTo === topicFrom) return -1;
  if (isAcknowledged && uint16(bytes, topicTo) === 0) return -1;
  if (!isVersion5) return from;
  const properties = bodyAt(bytes, from - 1);
  if (properties <= 0 || properties > end) return -1;
  const payload = properties + remainingLength(bytes, from - 1);
  return payload > end ? -1 : payload;
}
