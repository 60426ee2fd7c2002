// Reads the PUBLISH packets of a connection straight from its bytes; everything else goes on to mqtt.js.
//
// mqtt.js 5.16 takes one packet a turn through a parser, two streams and its event emitters, and has no manual
// acknowledgement. A source gets hundreds of publishes with each read of its socket, so they are taken out before mqtt.js sees
// them: `push` and `_read` of the connection's stream are the only two seams, the same for TCP, TLS and WebSocket streams.
// CONNACK, SUBACK, PINGRESP, DISCONNECT, publishes of QoS 2 and whatever is malformed stay with mqtt.js.
// Payloads are views on what was read from the socket: Node never reuses a chunk, and a kept payload keeps its chunk.
import type { Duplex } from 'node:stream';
import { isLarge, LargePacket } from './mqtt-large-packet.ts';
import { bodyAt, payloadAt, remainingLength, uint16 } from './mqtt-packets.ts';
import { bounded, type PayloadBounds } from './payload-bounds.ts';

export interface TapSink {
  /** One publish of QoS 0 or 1; `id` 0 for QoS 0. False: no room for another one until `resume` is called. */
  publish(topic: string, payload: Buffer, qos: 0 | 1, dup: boolean, retain: boolean, id: number): boolean;
}

const NOTHING = Buffer.alloc(0);

export class MqttTap {
  readonly #stream: Duplex;
  readonly #isVersion5: boolean;
  readonly #sink: TapSink;
  readonly #bounds: PayloadBounds;
  readonly #push: (chunk: unknown, encoding?: BufferEncoding) => boolean;
  readonly #read: (size: number) => void;
  /** The beginning of a packet whose end has not come, and how many bytes it will have at least. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #needed = 0;
  /** A packet that has begun and is not collected. */
  #large: LargePacket | null = null;
  /** Read, and not looked at while there is no room. */
  #deferred: Buffer | null = null;
  #isFull = false;
  /** Not MQTT: mqtt.js shall say so. */
  #isBroken = false;

  /** To be made before the first byte arrives. */
  constructor(stream: Duplex, version: 4 | 5, sink: TapSink, bounds: PayloadBounds) {
    this.#stream = stream;
    this.#isVersion5 = version === 5;
    this.#sink = sink;
    this.#bounds = bounds;
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
        this.#begin(chunk.subarray(at), body === 0 ? 0 : end - at);
        return;
      }
      this.#packet(chunk, at, body, end);
      at = end;
    }
  }

  /** The beginning of a packet of `needed` bytes; 0: its length is not all there. */
  #begin(bytes: Buffer, needed: number): void {
    if (isLarge(needed, this.#bounds)) {
      this.#parts = [];
      this.#large = new LargePacket(needed, this.#isVersion5, this.#bounds);
      this.#grow(this.#large, bytes, 0);
      return;
    }
    this.#parts = [bytes];
    this.#partBytes = bytes.length;
    this.#needed = needed === 0 ? bytes.length + 1 : needed;
  }

  /** Adds to the packet that has begun; returns from where on `chunk` is not used yet. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#large !== null) {
        at = this.#grow(this.#large, chunk, at);
        continue;
      }
      if (this.#parts.length === 0) return at;
      const to = Math.min(chunk.length, at + this.#needed - this.#partBytes);
      this.#parts.push(chunk.subarray(at, to));
      this.#partBytes += to - at;
      at = to;
      if (this.#partBytes < this.#needed) return at;
      const whole = Buffer.concat(this.#parts);
      const body = bodyAt(whole, 0);
      if (body < 0) {
        this.#parts = [];
        this.#giveUp(whole);
        this.#push(chunk.subarray(at));
        return chunk.length;
      }
      const needed = body === 0 ? 0 : body + remainingLength(whole, 0);
      if (needed === 0 || needed > this.#partBytes) {
        this.#begin(whole, needed);
        continue;
      }
      this.#parts = [];
      this.#partBytes = 0;
      this.#packet(whole, 0, body, needed);
    }
    return at;
  }

  /** As `#complete`, of a large one. */
  #grow(large: LargePacket, chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + large.left);
    const foreign = large.add(chunk.subarray(at, to));
    if (foreign !== null) this.#push(foreign);
    if (large.left === 0) {
      this.#large = null;
      const { head } = large;
      if (head !== null) this.#publish(head, 0, bodyAt(head, 0), large.payload);
    }
    return to;
  }

  /** One whole packet: bytes `at` to `end`, its variable header from `body` on. */
  #packet(bytes: Buffer, at: number, body: number, end: number): void {
    const from = payloadAt(bytes, at, body, end, this.#isVersion5);
    if (from < 0) this.#push(bytes.subarray(at, end));
    else this.#publish(bytes, at, body, bounded(bytes.subarray(from, end), this.#bounds));
  }

  /** One that is well-formed: from `at` on, its variable header from `body` on. */
  #publish(bytes: Buffer, at: number, body: number, payload: Buffer): void {
    const flags = bytes[at] as number;
    const qos = (flags & 0b0010) === 0 ? 0 : 1;
    const topicTo = body + 2 + uint16(bytes, body);
    const topic = bytes.toString('utf8', body + 2, topicTo);
    const id = qos === 0 ? 0 : uint16(bytes, topicTo);
    if (!this.#sink.publish(topic, payload, qos, (flags & 0b1000) !== 0, (flags & 1) !== 0, id)) this.#isFull = true;
  }

  #giveUp(rest: Buffer): void {
    this.#isBroken = true;
    this.#push(rest);
  }
}
