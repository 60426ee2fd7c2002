// The embedded broker's retained messages by topic, and the emptied ones that a table which was away must still hear of.
import type { StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { BridgeError } from '../domain/errors.ts';
import type { BrokerFile } from './embedded-file.ts';
import { RetainedLookup } from './embedded-lookup.ts';
import { assertKeepable, refusalOf } from './embedded-topics.ts';

/** How many emptied topics are remembered. The oldest go first. */
const MAX_EMPTIED = 10_000;

export class RetainedMessages {
  readonly #file: BrokerFile;
  readonly #maxRetained: number;
  readonly #onNotice: (message: string) => void;
  readonly #messages = new Map<string, StoredPacket>();
  readonly #lookup = new RetainedLookup();
  /** Prefixes by the name of the table's session. */
  readonly #watched = new Map<string, string>();
  /** In the order in which they were emptied. */
  readonly #emptied = new Set<string>();

  constructor(file: BrokerFile, maxRetained: number, onNotice: (message: string) => void) {
    this.#file = file;
    this.#maxRetained = maxRetained;
    this.#onNotice = onNotice;
  }

  /** A former version took wills at any topic, of which some end the process. */
  load(): void {
    const all = this.#file.all('SELECT * FROM retained').map((row) => ({
      topic: String(row.topic),
      payload: Buffer.from(row.payload as Uint8Array),
      qos: Number(row.qos),
      retain: true,
    }));
    for (const message of this.#withoutUnkeepable(all)) this.#messages.set(message.topic, message);
    for (const row of this.#file.all('SELECT * FROM watched')) {
      this.#watched.set(String(row.client), String(row.prefix));
    }
    for (const row of this.#file.all('SELECT topic FROM emptied ORDER BY id')) this.#emptied.add(String(row.topic));
  }

  #withoutUnkeepable<T extends { readonly topic: string }>(all: readonly T[]): T[] {
    const refusals: BridgeError[] = [];
    const keepable = all.filter(({ topic }) => {
      const refusal = refusalOf(topic, assertKeepable);
      if (refusal === null) return true;
      refusals.push(refusal);
      this.#file.lazy(() => this.#file.run('DELETE FROM retained WHERE topic = ?', topic));
      return false;
    });
    // One notice, since they may be as many as are retained.
    if (refusals[0]) this.#onNotice(`${refusals.length} retained messages are dropped: ${refusals[0].message}`);
    return keepable;
  }

  /** Resolves when it is on the disk. An empty payload removes what the topic holds. */
  async store(packet: StoredPacket): Promise<void> {
    // A copy: the payload is a view on a socket's chunk, which it would keep alive.
    const message = { ...packet, payload: Buffer.from(packet.payload) };
    const { topic, payload, qos } = message;
    const empty = payload.length === 0;
    if (!empty && !this.#messages.has(topic) && this.#messages.size >= this.#maxRetained) {
      throw new BridgeError('retainedLimit', `The broker holds ${this.#messages.size} retained messages already`);
    }
    const watched = empty && [...this.#watched.values()].some((prefix) => keyUnder(prefix, topic) !== null);
    await this.#file.durable(() => {
      if (empty) this.#file.run('DELETE FROM retained WHERE topic = ?', topic);
      else this.#file.run('REPLACE INTO retained (topic, payload, qos) VALUES (?, ?, ?)', topic, payload, qos);
      if (watched) this.#file.run('REPLACE INTO emptied (topic) VALUES (?)', topic);
      else this.#file.run('DELETE FROM emptied WHERE topic = ?', topic);
    });
    if (empty) this.#messages.delete(topic);
    else this.#messages.set(topic, message);
    this.#emptied.delete(topic);
    if (!watched) return;
    this.#emptied.add(topic);
    const oldest = this.#emptied.size > MAX_EMPTIED ? this.#emptied.values().next().value : undefined;
    if (oldest !== undefined) {
      this.#emptied.delete(oldest);
      this.#file.lazy(() => this.#file.run('DELETE FROM emptied WHERE topic = ?', oldest));
    }
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
