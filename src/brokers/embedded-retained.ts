// The embedded broker's retained messages by topic, and the emptied ones that a table which was away must still hear of.
import { BridgeError } from '../domain/errors.ts';
import type { BrokerFile } from './embedded-file.ts';
import { assertKeepable, refusalOf } from './embedded-topics.ts';

/** How many emptied topics are remembered. The oldest go first. */
const MAX_EMPTIED = 10_000;

export class RetainedMessages {
  readonly #file: BrokerFile;
  readonly #maxRetained: number;
  readonly #onNotice: (message: string) => void;
  readonly #payloads = new Map<string, Buffer>();
  /** Prefixes by the name of the table's session. */
  readonly #watched = new Map<string, string>();
  /** In the order in which they were emptied. */
  readonly #emptied = new Set<string>();

  constructor(file: BrokerFile, maxRetained: number, onNotice: (message: string) => void) {
    this.#file = file;
    this.#maxRetained = maxRetained;
    this.#onNotice = onNotice;
  }

  /** Returns what is retained. A former version took wills at any topic, of which some end the process. */
  load(): { readonly topic: string; readonly payload: Buffer; readonly qos: number }[] {
    const all = this.#file.all('SELECT * FROM retained').map((row) => ({
      topic: String(row.topic),
      payload: Buffer.from(row.payload as Uint8Array),
      qos: Number(row.qos),
    }));
    const loaded = this.#withoutUnkeepable(all);
    for (const { topic, payload } of loaded) this.#payloads.set(topic, payload);
    for (const row of this.#file.all('SELECT * FROM watched')) {
      this.#watched.set(String(row.client), String(row.prefix));
    }
    for (const row of this.#file.all('SELECT topic FROM emptied ORDER BY id')) this.#emptied.add(String(row.topic));
    return loaded;
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
  async store(topic: string, payload: Buffer, qos: number): Promise<void> {
    const empty = payload.length === 0;
    if (!empty && !this.#payloads.has(topic) && this.#payloads.size >= this.#maxRetained) {
      throw new BridgeError('retainedLimit', `The broker holds ${this.#payloads.size} retained messages already`);
    }
    const watched = empty && [...this.#watched.values()].some((prefix) => keyUnder(prefix, topic) !== null);
    await this.#file.durable(() => {
      if (empty) this.#file.run('DELETE FROM retained WHERE topic = ?', topic);
      else this.#file.run('REPLACE INTO retained (topic, payload, qos) VALUES (?, ?, ?)', topic, payload, qos);
      if (watched) this.#file.run('REPLACE INTO emptied (topic) VALUES (?)', topic);
      else this.#file.run('DELETE FROM emptied WHERE topic = ?', topic);
    });
    if (empty) this.#payloads.delete(topic);
    else this.#payloads.set(topic, payload);
    this.#emptied.delete(topic);
    if (!watched) return;
    this.#emptied.add(topic);
    const oldest = this.#emptied.size > MAX_EMPTIED ? this.#emptied.values().next().value : undefined;
    if (oldest !== undefined) {
      this.#emptied.delete(oldest);
      this.#file.lazy(() => this.#file.run('DELETE FROM emptied WHERE topic = ?', oldest));
    }
  }

  /** One level under the prefix, by key. */
  under(prefix: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const [topic, payload] of this.#payloads) {
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
