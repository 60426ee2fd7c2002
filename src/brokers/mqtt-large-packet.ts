// Packets that are far larger than an uplink may be, up to MQTT's 256 MB. Of such a publish the beginning of its payload is kept
// and the rest passed over as it comes: it becomes a dead letter like any other that is too big, and costs no more memory.
// It must be taken and acknowledged: the broker would bring it again with each connection, before all that is behind it.
import { cutPayload } from '../domain/cut-payload.ts';
import { bodyAt, MAX_HEAD_BYTES, payloadAt } from './mqtt-packets.ts';
import type { PayloadBounds } from './payload-bounds.ts';

/** For topic and properties. */
const HEAD_ROOM = 64 * 1024;

export function isLarge(packetBytes: number, { whole }: PayloadBounds): boolean {
  return packetBytes > whole + HEAD_ROOM;
}

/** One that is large, from its first byte on. */
export class LargePacket {
  readonly #bytes: number;
  readonly #isVersion5: boolean;
  readonly #bounds: PayloadBounds;
  /** Bytes that have not come yet. */
  left: number;
  /** Its beginning, as far as the payload is not known to begin in it; then what is kept of the payload. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #begun: Buffer | null = null;
  #isForeign = false;
  #payloadBytes = 0;
  /** Bytes before the payload, and of the payload, that are still to be passed over and to be kept. */
  #before = 0;
  #room = 0;

  /** `bytes`: of the whole packet. */
  constructor(bytes: number, isVersion5: boolean, bounds: PayloadBounds) {
    this.#bytes = bytes;
    this.left = bytes;
    this.#isVersion5 = isVersion5;
    this.#bounds = bounds;
  }

  /** `bytes`: what comes next of it. Returns what is to go on as it is: all of a packet that is no publish of QoS 0 or 1. */
  add(bytes: Buffer): Buffer | null {
    this.left -= bytes.length;
    if (this.#isForeign) return bytes;
    if (this.#begun !== null) {
      this.#keep(bytes);
      return null;
    }
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    if (this.#partBytes < MAX_HEAD_BYTES && this.left > 0) return null;
    const begun = Buffer.concat(this.#parts);
    this.#parts = [];
    const from = payloadAt(begun, 0, bodyAt(begun, 0), this.#bytes, this.#isVersion5);
    if (from < 0) {
      this.#isForeign = true;
      return begun;
    }
    this.#begun = begun;
    this.#before = from;
    this.#payloadBytes = this.#bytes - from;
    this.#room = this.#isCut ? this.#bounds.kept : this.#payloadBytes;
    this.#keep(begun);
    return null;
  }

  /** Its fixed header, topic and packet identifier, and perhaps more; null: it went on as it was. */
  get head(): Buffer | null {
    return this.#begun;
  }

  /** Once nothing is left to come. */
  get payload(): Buffer {
    const kept = Buffer.concat(this.#parts);
    return this.#isCut ? cutPayload(kept, this.#payloadBytes) : kept;
  }

  get #isCut(): boolean {
    return this.#payloadBytes > this.#bounds.whole;
  }

  #keep(bytes: Buffer): void {
    const from = Math.min(this.#before, bytes.length);
    this.#before -= from;
    const part = bytes.subarray(from, from + this.#room);
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#room -= part.length;
  }
}
