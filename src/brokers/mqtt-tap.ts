// Reads the PUBLISH packets of a connection straight from its bytes; everything else goes on to mqtt.js.
//
// mqtt.js 5.16 takes one packet a turn through a parser, two streams and its event emitters, and has no manual
// acknowledgement. A source gets hundreds of publishes with each read of its socket, so they are taken out before mqtt.js sees
// them: `push` and `_read` of the connection's stream are the only two seams, the same for TCP, TLS and WebSocket streams.
// CONNACK, SUBACK, PINGRESP, DISCONNECT, publishes of QoS 2 and whatever is malformed stay with mqtt.js.
// Payloads are views on what was read from the socket: Node never reuses a chunk, and a kept payload keeps its chunk.
import type { Duplex } from 'node:stream';

export interface TapSink {
  /** One publish of QoS 0 or 1; `id` 0 for QoS 0. False: no room for another one until `resume` is called. */
  publish(topic: string, payload: Buffer, qos: 0 | 1, dup: boolean, retain: boolean, id: number): boolean;
}

const PUBLISH = 3;
/** A remaining length takes at most four bytes (MQTT 3.1.1 2.2.3, MQTT 5 1.5.5). */
const MAX_LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

export class MqttTap {
  readonly #stream: Duplex;
  readonly #isVersion5: boolean;
  readonly #sink: TapSink;
  readonly #push: (chunk: unknown, encoding?: BufferEncoding) => boolean;
  readonly #read: (size: number) => void;
  /** The beginning of a packet whose end has not come, and how many bytes it will have at least. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #needed = 0;
  /** Read, and not looked at while there is no room. */
  #deferred: Buffer | null = null;
  #isFull = false;
  /** Not MQTT: mqtt.js shall say so. */
  #isBroken = false;

  /** To be made before the first byte arrives. */
  constructor(stream: Duplex, version: 4 | 5, sink: TapSink) {
    this.#stream = stream;
    this.#isVersion5 = version === 5;
    this.#sink = sink;
    this.#push = stream.push.bind(stream);
    this.#read = stream._read.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding) => this.#take(chunk, encoding);
    stream._read = (size) => {
      if (!this.#isFull) this.#read(size);
    };
  }

  /** There is room again. */
  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    const deferred = this.#deferred;
    this.#deferred = null;
    if (deferred !== null) this.#scan(deferred);
    if (!this.#isFull && !this.#stream.destroyed) this.#read(0);
  }

  #take(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    if (!Buffer.isBuffer(chunk) || this.#isBroken) return this.#push(chunk, encoding);
    if (!this.#isFull) this.#scan(chunk);
    // At most what was on its way when the stream was told to stop.
    else this.#deferred = this.#deferred === null ? chunk : Buffer.concat([this.#deferred, chunk]);
    // Without it the stream would think that it is still waiting for what it has read.
    return this.#push(NOTHING) && !this.#isFull;
  }

  #scan(chunk: Buffer): void {
    let at = this.#complete(chunk);
    while (at < chunk.length) {
      if (this.#isFull) {
        this.#deferred = chunk.subarray(at);
        return;
      }
      const body = bodyAt(chunk, at);
      if (body < 0) {
        this.#giveUp(chunk.subarray(at));
        return;
      }
      const end = body === 0 ? 0 : body + remainingLength(chunk, at);
      if (body === 0 || end > chunk.length) {
        this.#parts = [chunk.subarray(at)];
        this.#partBytes = chunk.length - at;
        this.#needed = body === 0 ? this.#partBytes + 1 : end - at;
        return;
      }
      this.#packet(chunk, at, body, end);
      at = end;
    }
  }

  /** Adds to the packet that has begun; returns from where on `chunk` is not used yet. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (this.#parts.length > 0 && at < chunk.length) {
      const to = Math.min(chunk.length, at + this.#needed - this.#partBytes);
      this.#parts.push(chunk.subarray(at, to));
      this.#partBytes += to - at;
      at = to;
      if (this.#partBytes < this.#needed) return at;
      const whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      const body = bodyAt(whole, 0);
      if (body < 0) {
        this.#parts = [];
        this.#giveUp(whole);
        this.#push(chunk.subarray(at));
        return chunk.length;
      }
      const needed = body === 0 ? this.#partBytes + 1 : body + remainingLength(whole, 0);
      if (needed > this.#partBytes) {
        this.#parts = [whole];
        this.#needed = needed;
        continue;
      }
      this.#parts = [];
      this.#partBytes = 0;
      this.#packet(whole, 0, body, needed);
    }
    return at;
  }

  /** One whole packet: bytes `at` to `end`, its variable header from `body` on. */
  #packet(bytes: Buffer, at: number, body: number, end: number): void {
    const flags = bytes[at] as number;
    const qos = (flags >> 1) & 3;
    if (flags >> 4 === PUBLISH && qos < 2 && this.#publish(bytes, flags, body, end)) return;
    this.#push(bytes.subarray(at, end));
  }

  /** False where it is not well-formed. */
  #publish(bytes: Buffer, flags: number, body: number, end: number): boolean {
    const topicFrom = body + 2;
    if (topicFrom > end) return false;
    const topicTo = topicFrom + (((bytes[body] as number) << 8) | (bytes[body + 1] as number));
    const isAcknowledged = (flags & 0b0110) !== 0;
    let from = isAcknowledged ? topicTo + 2 : topicTo;
    // An empty topic stands for an alias (MQTT 5), which we never allow.
    if (from > end || topicTo === topicFrom) return false;
    const id = isAcknowledged ? ((bytes[topicTo] as number) << 8) | (bytes[topicTo + 1] as number) : 0;
    if (isAcknowledged && id === 0) return false;
    if (this.#isVersion5) {
      const properties = bodyAt(bytes, from - 1);
      if (properties <= 0 || properties > end) return false;
      from = properties + remainingLength(bytes, from - 1);
      if (from > end) return false;
    }
    const topic = bytes.toString('utf8', topicFrom, topicTo);
    const hasRoom = this.#sink.publish(
      topic,
      bytes.subarray(from, end),
      isAcknowledged ? 1 : 0,
      (flags & 0b1000) !== 0,
      (flags & 1) !== 0,
      id,
    );
    if (!hasRoom) this.#isFull = true;
    return true;
  }

  #giveUp(rest: Buffer): void {
    this.#isBroken = true;
    this.#push(rest);
  }
}

/** Where the variable header of a packet begins; 0: its length is not all there; −1: the length is malformed. */
function bodyAt(bytes: Buffer, at: number): number {
  for (let i = 1; i <= MAX_LENGTH_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return 0;
    if (byte < 128) return at + i + 1;
  }
  return -1;
}

/** The length that follows the byte at `at`; to be asked only when `bodyAt` has found its end. */
function remainingLength(bytes: Buffer, at: number): number {
  let length = 0;
  let shift = 0;
  for (let i = at + 1; ; i++) {
    const byte = bytes[i] as number;
    length |= (byte & 127) << shift;
    if (byte < 128) return length;
    shift += 7;
  }
}
