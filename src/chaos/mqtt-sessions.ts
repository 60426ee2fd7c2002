// What the wire between bridge and broker says of each client: of its session by CONNECT, CONNACK and SUBACK as they pass, and of what it
// is given by PUBLISH.
import type { Tap } from './link.ts';

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const SUBACK = 9;
/** Enough of a packet for what is read of it; the rest passes by uncounted. */
const HEAD_BYTES = 300;

/** One client's session news: `resumed` at a CONNACK with session, `made` at the SUBACK after one without. */
export interface SessionNews {
  readonly clientId: string;
  readonly kind: 'resumed' | 'made';
  /** Wall clock, ms. */
  readonly at: number;
}

export interface WireListener {
  onSession(news: SessionNews): void;
  /** The broker has handed a message over to this client: each copy of it is one. */
  onPublish(clientId: string, topic: string): void;
}

/** Whether a client is the bridge's for this connection; each move of its source makes another one (see session-names.ts). */
export function isSessionOf(connectionId: string, clientId: string): boolean {
  return clientId.replace(/~\d+$/, '').endsWith(`-${connectionId}`);
}

/** One a connection. The listener is called in order. */
export function sessionTap(listener: WireListener, now: () => number): Tap {
  let clientId: string | null = null;
  let isNew = false;
  const up = new PacketReader((type, body) => {
    if (type === CONNECT) clientId = clientIdOf(body);
  });
  const down = new PacketReader((type, body) => {
    if (clientId === null) return;
    if (type === PUBLISH) {
      const topic = publishedTo(body);
      if (topic !== null) listener.onPublish(clientId, topic);
    } else if (type === CONNACK && body[1] === 0) {
      isNew = (body[0]! & 1) === 0;
      if (!isNew) listener.onSession({ clientId, kind: 'resumed', at: now() });
    } else if (type === SUBACK && isNew) {
      isNew = false;
      listener.onSession({ clientId, kind: 'made', at: now() });
    }
  });
  return { toServer: (chunk) => up.read(chunk), toClient: (chunk) => down.read(chunk) };
}

/** Protocol name, level, flags, keep-alive, from MQTT 5 on properties with their length, then the client id. */
function clientIdOf(body: Buffer): string | null {
  if (body.length < 2) return null;
  let at = 2 + body.readUInt16BE(0);
  const level = body[at];
  at += 4;
  if (level === 5) {
    const properties = body[at] ?? 0;
    // More than 127 bytes of them would take a longer length: the bridge sends a few.
    if (properties > 127) return null;
    at += 1 + properties;
  }
  if (body.length < at + 2) return null;
  return body.toString('utf8', at + 2, at + 2 + body.readUInt16BE(at));
}

/**
 * It is there in each PUBLISH: the bridge announces no Topic Alias Maximum (mqtt-options.ts), so no broker may leave it out. null: longer
 * than what is read of a packet.
 */
function publishedTo(body: Buffer): string | null {
  if (body.length < 2) return null;
  const end = 2 + body.readUInt16BE(0);
  return end > body.length ? null : body.toString('utf8', 2, end);
}

/** Cuts a stream into packets and gives the first bytes of each. */
class PacketReader {
  readonly #onPacket: (type: number, head: Buffer) => void;
  #type = 0;
  #state: 'type' | 'length' | 'body' = 'type';
  #length = 0;
  #shift = 0;
  #head: Buffer[] = [];
  #headBytes = 0;
  #left = 0;

  constructor(onPacket: (type: number, head: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'type') {
        this.#type = chunk[at++]! >> 4;
        this.#length = 0;
        this.#shift = 0;
        this.#state = 'length';
      } else if (this.#state === 'length') {
        const byte = chunk[at++]!;
        this.#length += (byte & 0x7f) * 2 ** this.#shift;
        this.#shift += 7;
        if (byte < 0x80) this.#begin();
      } else {
        const taken = Math.min(this.#left, chunk.length - at);
        const kept = Math.min(taken, HEAD_BYTES - this.#headBytes);
        if (kept > 0) this.#head.push(chunk.subarray(at, at + kept));
        this.#headBytes += kept;
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#end();
      }
    }
  }

  #begin(): void {
    this.#left = this.#length;
    this.#head = [];
    this.#headBytes = 0;
    this.#state = 'body';
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    this.#state = 'type';
    this.#onPacket(this.#type, Buffer.concat(this.#head));
  }
}
