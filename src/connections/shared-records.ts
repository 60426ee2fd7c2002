// What travels with a connection or an account from worker to worker: small keyed records on a topic of which the latest
// counts (compacted on Kafka, retained on MQTT), read by every worker all the time.
//
// A worker that was thought dead may write after its successor. So each record carries an epoch: who writes a key that
// another wrote last takes the next one, and a record of an earlier epoch is left out; its owner then writes its own again,
// since only the last record of a key is kept by the topic.
import { randomUUID } from 'node:crypto';
import { BridgeError, describeError } from '../domain/errors.ts';
import type { Broker, Publisher, TableReader, TableStatus } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';

export interface SharedRecordsOptions {
  readonly broker: Broker;
  /** Records are on `{prefix}/{key}`. Keys are letters, digits, dots, dashes and underscores. */
  readonly prefix: string;
  /** Started and stopped by its owner. */
  readonly publisher: Publisher;
  /** Names the writer. */
  readonly workerId: string;
  readonly clock: Clock;
  readonly onProblem: (message: string) => void;
  /** Whether they are read. */
  readonly onReach: (topic: string, status: TableStatus) => void;
  /** A record was refused for what it is: it would be again. Once for each key, until it is written again. */
  readonly onWriteRefused: (key: string, reason: string) => void;
}

interface Known {
  readonly epoch: number;
  readonly value: string | null;
  readonly isOurs: boolean;
}

/** Its key begins with what no other key does. */
const MARKER = 'marker.';
const MAX_RECORD_BYTES = 65_536;
const MAX_RECORDS = 100_000;
const ASK_AGAIN_MS = 1_000;
/** A person has to mend something first. */
const ASK_REFUSED_MS = 10_000;

export class SharedRecords {
  readonly #options: SharedRecordsOptions;
  readonly #reader: TableReader;
  readonly #known = new Map<string, Known>();
  /** Writes of a key, in order. */
  readonly #writing = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, () => void>();
  /** Keys of which it was told that they are not taken. */
  readonly #writeRefused = new Set<string>();
  #stopped = false;

  constructor(options: SharedRecordsOptions) {
    this.#options = options;
    this.#reader = options.broker.openTable(
      { prefix: options.prefix, settleMs: 300 },
      {
        onRecord: (key, value) => this.#onRecord(key, value),
        onSnapshot: () => {},
        onStatus: (status) => options.onReach(options.prefix, status),
      },
    );
  }

  start(): void {
    this.#reader.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const heard of this.#waiting.values()) heard();
    await this.#reader.stop();
  }

  /** As read last; null: there is none. */
  get(key: string): string | null {
    return this.#known.get(key)?.value ?? null;
  }

  /**
   * Counts here at once. Resolves when the broker has it; rejects when it does not take it now, and at once with `recordTooLarge`
   * what no worker would read: the record of before stays on the topic then.
   */
  put(key: string, value: string | null): Promise<void> {
    const known = this.#known.get(key);
    const epoch = known === undefined ? 1 : known.isOurs ? known.epoch : known.epoch + 1;
    this.#known.set(key, { epoch, value, isOurs: true });
    return this.#write(key);
  }

  /** Resolves when the last write of the key has arrived; rejects when it has not. */
  async everywhere(key: string): Promise<void> {
    await (this.#writing.get(key) ?? Promise.resolve());
  }

  /**
   * Resolves when everything is read that was on the topic when this was called: a marker of our own comes back to us. For as
   * long as the topic is out of reach it goes on asking; false: stopped meanwhile.
   */
  async caughtUp(signal: AbortSignal): Promise<boolean> {
    const nonce = randomUUID();
    const key = `${MARKER}${this.#options.workerId}`;
    while (!signal.aborted && !this.#stopped) {
      const heard = Promise.withResolvers<void>();
      this.#waiting.set(nonce, heard.resolve);
      signal.addEventListener('abort', () => heard.resolve(), { once: true });
      let cancel: Cancel = () => {};
      try {
        await this.#publish(key, JSON.stringify({ nonce }));
        let isHeard = true;
        cancel = this.#options.clock.after(ASK_AGAIN_MS, () => {
          isHeard = false;
          heard.resolve();
        });
        await heard.promise;
        if (isHeard) return !signal.aborted && !this.#stopped;
      } catch (error) {
        const isRefused = this.#writeRefused.has(key);
        if (!isRefused)
          this.#options.onProblem(`${this.#options.prefix} cannot be written to: ${describeError(error)}`);
        cancel = this.#options.clock.after(isRefused ? ASK_REFUSED_MS : ASK_AGAIN_MS, () => heard.resolve());
        await heard.promise;
      } finally {
        cancel();
        this.#waiting.delete(nonce);
      }
    }
    return false;
  }

  /** What is the latest when its turn comes. */
  #write(key: string): Promise<void> {
    const before = this.#writing.get(key) ?? Promise.resolve();
    const write = before
      .catch(() => {})
      .then(() => {
        const { epoch, value } = this.#known.get(key) as Known;
        return this.#publish(key, JSON.stringify({ epoch, worker: this.#options.workerId, value }));
      });
    this.#writing.set(key, write);
    // Who waits for it hears of a failure; nobody has to.
    write.catch(() => {});
    return write;
  }

  async #publish(key: string, record: string): Promise<void> {
    const { prefix, publisher, onWriteRefused } = this.#options;
    try {
      const bytes = Buffer.byteLength(record);
      if (bytes > MAX_RECORD_BYTES) {
        const message = `The record "${key}" is not written: its ${bytes} bytes are more than the ${MAX_RECORD_BYTES} that workers read`;
        throw new BridgeError('recordTooLarge', message);
      }
      await publisher.publish(`${prefix}/${key}`, record, { retain: true });
      this.#writeRefused.delete(key);
    } catch (error) {
      if (isRefusal(error) && !this.#writeRefused.has(key)) {
        this.#writeRefused.add(key);
        onWriteRefused(key, describeError(error));
      }
      throw error;
    }
  }

  #onRecord(key: string, payload: Buffer | null): void {
    if (payload === null || payload.length > MAX_RECORD_BYTES) return;
    const read = parse(payload);
    if (read === null) return;
    if (read.nonce !== null) {
      this.#waiting.get(read.nonce)?.();
      return;
    }
    const { epoch, worker, value } = read;
    const known = this.#known.get(key);
    if (known === undefined && this.#known.size >= MAX_RECORDS) return;
    const isOurs = worker === this.#options.workerId;
    if (known === undefined || epoch > known.epoch) this.#known.set(key, { epoch, value, isOurs });
    else if (epoch < known.epoch) {
      if (known.isOurs && !isOurs) void this.#write(key).catch(() => {});
      // Of one epoch and another worker: two took the key over at the same moment; the topic's last one counts for both of them too.
    } else if (!known.isOurs || !isOurs) this.#known.set(key, { epoch, value, isOurs });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof BridgeError && (error.code === 'recordTooLarge' || error.code === 'publishRefused');
}

function parse(payload: Buffer): {
  readonly nonce: string | null;
  readonly epoch: number;
  readonly worker: string;
  readonly value: string | null;
} | null {
  try {
    const read = JSON.parse(payload.toString('utf8')) as Record<string, unknown>;
    const { nonce = null, epoch = 0, worker = '', value = null } = read;
    if (nonce !== null && typeof nonce !== 'string') return null;
    if (!Number.isSafeInteger(epoch) || typeof worker !== 'string') return null;
    if (value !== null && typeof value !== 'string') return null;
    return { nonce, epoch: epoch as number, worker, value };
  } catch {
    return null;
  }
}
