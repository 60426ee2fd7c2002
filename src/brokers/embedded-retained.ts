// The embedded broker's retained messages by topic, and the emptied ones that a table which was away must still hear of.
import type { StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { BridgeError } from '../domain/errors.ts';
import { bytesOf, ownCopy } from './embedded-bytes.ts';
import type { BrokerFile } from './embedded-file.ts';
import { RetainedLookup } from './embedded-lookup.ts';
import { assertKeepable, refusalOf } from './embedded-topics.ts';
import { isBelow } from './topics.ts';

export interface RetainedLimits {
  readonly maxRetained: number;
  /** Of all together, as `bytesOf` counts them. What is replaced by something smaller is not refused. */
  readonly maxRetainedBytes: number;
  /** The bridge's own topics are below it, for which there is room when others have filled theirs. */
  readonly ownPrefix: string | null;
}

/** Of what others may fill. */
const ROOM_FOR_OWN = 1.25;
/** How many emptied topics are remembered. The oldest go first. */
const MAX_EMPTIED = 10_000;

export class RetainedMessages {
  readonly #file: BrokerFile;
  readonly #limits: RetainedLimits;
  readonly #onNotice: (message: string) => void;
  readonly #messages = new Map<string, StoredPacket>();
  #bytes = 0;
  /** Being written. */
  #arrivingBytes = 0;
  readonly #lookup = new RetainedLookup();
  /** Prefixes by the name of the table's session. */
  readonly #watched = new Map<string, string>();
  /** In the order in which they were emptied. */
  readonly #emptied = new Set<string>();

  constructor(file: BrokerFile, limits: RetainedLimits, onNotice: (message: string) => void) {
    this.#file = file;
    this.#limits = limits;
    this.#onNotice = onNotice;
  }

  /** What is more than memory holds stays in the file: a former version took as much, and there may be room again. */
  load(): void {
    const { maxRetainedBytes, ownPrefix } = this.#limits;
    // All that `store` takes, in whatever order it is read.
    const room = maxRetainedBytes * ROOM_FOR_OWN;
    const unkeepable: BridgeError[] = [];
    let leftOut = 0;
    for (const row of this.#file.each('SELECT * FROM retained')) {
      const [topic, payload] = [String(row.topic), row.payload as Uint8Array];
      const refusal = refusalOf(topic, assertKeepable);
      if (refusal !== null) {
        // A former version took wills at any topic, of which some end the process.
        unkeepable.push(refusal);
        this.#file.lazy(() => this.#file.run('DELETE FROM retained WHERE topic = ?', topic));
      } else if (isBelow(ownPrefix, topic) || this.#bytes + bytesOf(topic, payload.length) <= room) {
        // The bridge's own in any case: what its tables do not find counts as deleted.
        this.#set({ topic, payload: ownCopy(payload), qos: Number(row.qos), retain: true });
      } else leftOut += 1;
    }
    // One notice each, since they may be as many as are retained.
    if (unkeepable[0]) this.#onNotice(`${unkeepable.length} retained messages are dropped: ${unkeepable[0].message}`);
    if (leftOut > 0) this.#onNotice(`${leftOut} retained messages are left out: all together are too large`);
    for (const row of this.#file.all('SELECT * FROM watched')) {
      this.#watched.set(String(row.client), String(row.prefix));
    }
    for (const row of this.#file.all('SELECT topic FROM emptied ORDER BY id')) this.#emptied.add(String(row.topic));
  }

  /** Resolves when it is on the disk. An empty payload removes what the topic holds. */
  async store(packet: StoredPacket): Promise<void> {
    const { topic, qos } = packet;
    const empty = packet.payload.length === 0;
    const bytes = empty ? 0 : bytesOf(topic, packet.payload.length);
    if (!empty) this.#assertRoom(topic, bytes);
    const message = { ...packet, payload: ownCopy(packet.payload) };
    const { payload } = message;
    const watched = empty && [...this.#watched.values()].some((prefix) => keyUnder(prefix, topic) !== null);
    this.#arrivingBytes += bytes;
    try {
      await this.#file.durable(() => {
        if (empty) this.#file.run('DELETE FROM retained WHERE topic = ?', topic);
        else this.#file.run('REPLACE INTO retained (topic, payload, qos) VALUES (?, ?, ?)', topic, payload, qos);
        if (watched) this.#file.run('REPLACE INTO emptied (topic) VALUES (?)', topic);
        else this.#file.run('DELETE FROM emptied WHERE topic = ?', topic);
      });
    } finally {
      this.#arrivingBytes -= bytes;
    }
    if (empty) this.#delete(topic);
    else this.#set(message);
    this.#emptied.delete(topic);
    if (!watched) return;
    this.#emptied.add(topic);
    const oldest = this.#emptied.size > MAX_EMPTIED ? this.#emptied.values().next().value : undefined;
    if (oldest !== undefined) {
      this.#emptied.delete(oldest);
      this.#file.lazy(() => this.#file.run('DELETE FROM emptied WHERE topic = ?', oldest));
    }
  }

  /**
   * For uplinks, which the journals have by now and would have again at each of their publishers' tries: one that there is no
   * room for is not refused. Nothing is retained of it, nor what it would have replaced. Throws what the disk says.
   */
  async storeIfRoom(packet: StoredPacket): Promise<void> {
    try {
      await this.store(packet);
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'retainedLimit') throw error;
      // Neither topic nor numbers: the same text is told once in a while, and there may be as many as there are uplinks.
      this.#onNotice('uplinks are delivered and not retained: as much is retained as may be');
      await this.store({ ...packet, payload: Buffer.alloc(0) });
    }
  }

  #assertRoom(topic: string, bytes: number): void {
    if (!this.#messages.has(topic) && this.#messages.size >= this.#limits.maxRetained) {
      throw new BridgeError('retainedLimit', `The broker holds ${this.#messages.size} retained messages already`);
    }
    if (this.#hasRoom(topic, bytes)) return;
    throw new BridgeError('retainedLimit', `The broker holds ${this.#bytes} bytes of retained messages already`);
  }

  #hasRoom(topic: string, bytes: number): boolean {
    const { maxRetainedBytes, ownPrefix } = this.#limits;
    const room = isBelow(ownPrefix, topic) ? maxRetainedBytes * ROOM_FOR_OWN : maxRetainedBytes;
    const before = this.#sizeOf(topic);
    return bytes <= before || this.#bytes + this.#arrivingBytes - before + bytes <= room;
  }

  #sizeOf(topic: string): number {
    const held = this.#messages.get(topic);
    return held === undefined ? 0 : bytesOf(topic, held.payload.length);
  }

  #set(message: StoredPacket): void {
    this.#bytes += bytesOf(message.topic, message.payload.length) - this.#sizeOf(message.topic);
    this.#messages.set(message.topic, message);
  }

  #delete(topic: string): void {
    this.#bytes -= this.#sizeOf(topic);
    this.#messages.delete(topic);
  }

  /** For a client's SUBSCRIBE; it ends early when that `isGone`. */
  matching(filters: readonly string[], isGone: () => boolean): AsyncIterable<StoredPacket> {
    return this.#lookup.find(this.#messages, filters, isGone);
  }

  /** One level under the prefix, by key. */
  under(prefix: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const [topic, { payload }] of this.#messages) {
      const key = keyUnder(prefix, topic);
      if (key !== null) found.set(key, payload);
    }
    return found;
  }

  /**
   * From now on emptied topics under the prefix are remembered for good. Returns the keys of those remembered so far:
   * a table hears them at each of its starts, since nobody knows what it made of them before the process ended.
   */
  watch(client: string, prefix: string): string[] {
    if (this.#watched.get(client) !== prefix) {
      this.#watched.set(client, prefix);
      this.#file.lazy(() => this.#file.run('REPLACE INTO watched (client, prefix) VALUES (?, ?)', client, prefix));
    }
    return [...this.#emptied].map((topic) => keyUnder(prefix, topic)).filter((key) => key !== null);
  }
}

/** The last level of a topic directly under the prefix; null when it is elsewhere. */
export function keyUnder(prefix: string, topic: string): string | null {
  if (!topic.startsWith(prefix) || topic[prefix.length] !== '/') return null;
  const key = topic.slice(prefix.length + 1);
  return key.includes('/') ? null : key;
}
