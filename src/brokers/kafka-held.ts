// What a Kafka source has handed over and its listener has not answered for yet.
import type { BrokerMessage, SourcePlaces } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Chunk } from './kafka-part.ts';
import { heldBytes } from './mqtt-options.ts';

/** What a header takes besides its name and value, about. */
const HEADER_BYTES = 100;

/** What a message takes in memory: its key, which is part of the topic, and its headers may be longer than its payload. */
export function recordBytes({ topic, payload, headers }: BrokerMessage): number {
  let bytes = heldBytes(topic, payload);
  if (headers === undefined || headers === null) return bytes;
  for (const [name, value] of headers) bytes += HEADER_BYTES + name.length + (value === null ? 0 : value.length);
  return bytes;
}

export class HeldChunks {
  count = 0;
  bytes = 0;
  #chunks: Chunk[] = [];
  #onIdle: () => void = () => {};

  add(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.count += chunk.count;
    this.bytes += chunk.bytes;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  has(topic: string): boolean {
    return this.#chunks.some(({ marks }) => marks.some(({ part }) => part.topic === topic));
  }

  /** It is durable; in their order, so are those before it. False: it is not held any more. */
  answered(chunk: Chunk, places: SourcePlaces | null): boolean {
    if (chunk.done || !this.#chunks.includes(chunk)) return false;
    chunk.done = true;
    while (this.#chunks[0]?.done === true) {
      const { marks, count, bytes } = this.#chunks.shift() as Chunk;
      this.count -= count;
      this.bytes -= bytes;
      for (const { part, to } of marks) {
        part.durable = Math.max(part.durable, to);
        places?.pass(part.topic, part.partition, to);
      }
    }
    this.#tellIfIdle();
    return true;
  }

  /** From this one on all comes again, in its order. False: it is not held any more. */
  rewind(chunk: Chunk): boolean {
    const from = this.#chunks.indexOf(chunk);
    if (chunk.done || from < 0) return false;
    this.#giveUp(from);
    this.#tellIfIdle();
    return true;
  }

  /** Resolves when all is answered for, or after `timeoutMs`: what is answered later comes once more. */
  async idle(clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#chunks.length > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(timeoutMs, resolve);
        this.#onIdle = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#giveUp(0);
  }

  #giveUp(from: number): void {
    for (const { marks, count, bytes } of this.#chunks.splice(from).reverse()) {
      this.count -= count;
      this.bytes -= bytes;
      for (const { part, from: start } of marks) part.next = Math.min(part.next, start);
    }
  }

  #tellIfIdle(): void {
    if (this.#chunks.length === 0) this.#onIdle();
  }
}
