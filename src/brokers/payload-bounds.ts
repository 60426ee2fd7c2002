// How much of a payload is handed over: of one that is far larger than an uplink may be, its beginning.
import { cutPayload } from '../domain/cut-payload.ts';

export interface PayloadBounds {
  /** Payloads up to here are kept whole. */
  readonly whole: number;
  /** Of longer ones so much is kept. */
  readonly kept: number;
}

/**
 * What the embedded broker takes of anyone, and Kafka as long as nobody allows more, though it counts what is packed: unpacked that
 * may be some ten thousand times as much. A dead letter of it can be replayed once larger ones are allowed.
 */
const WHOLE_BYTES = 1024 * 1024;

/** `maxMessageBytes`: what is longer is not read, so that what is kept of a longer one must not be shorter. Absent: no bounds. */
export function payloadBounds(maxMessageBytes: number = Number.POSITIVE_INFINITY): PayloadBounds {
  return { whole: Math.max(maxMessageBytes, WHOLE_BYTES), kept: maxMessageBytes };
}

/** The payload itself, unless it is too long to be kept whole. */
export function bounded(payload: Buffer, { whole, kept }: PayloadBounds): Buffer {
  return payload.length > whole ? cutPayload(payload.subarray(0, kept), payload.length) : payload;
}
