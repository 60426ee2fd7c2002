// The session of one of the bridge's own sources on the embedded broker. While a source is away (stopped for a moment, or not
// started yet in a new process) what comes for it waits in the broker's file, in order, and goes to it first when it is back:
// so an acknowledgement is a promise over restarts, as it is at a broker of its own.
import { describeError } from '../domain/errors.ts';
import type { BrokerMessage, RoomAware, SourceListener } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Route } from './embedded-admission.ts';
import type { BrokerFile } from './embedded-file.ts';
import type { PublishGate } from './embedded-gate.ts';

export type SourceTarget = SourceListener & Partial<RoomAware>;

export interface SessionOptions {
  readonly file: BrokerFile;
  readonly gate: PublishGate;
  readonly clock: Clock;
  /** Per session. What comes for a source that is away when either is reached is dropped for it, and told. */
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly onNotice: (message: string) => void;
}

const READ_AT_ONCE = 64;
/** A source that has no room, or has refused what waits for it, is asked again after so long. */
const ROOM_POLL_MS = 100;
const OFFER_AGAIN_MS = 1_000;

export class SourceSession implements Route {
  readonly clientId: string;
  readonly #options: SessionOptions;
  readonly #nextId: () => number;
  #topics: readonly string[];
  paused = false;
  #target: SourceTarget | null = null;
  /** What waits in the file goes first. */
  #draining = false;
  /** Counts attachments: a former one's drain ends. */
  #run = 0;
  #kept: { messages: number; bytes: number };
  /** Being written. */
  #writing = 0;
  /** The last row that a source has taken. */
  #taken = 0;
  /** Batches that a source has and has not answered. */
  #outstanding = 0;
  #onIdle: (() => void) | null = null;
  #wait: { readonly cancel: Cancel; readonly wake: () => void } | null = null;

  constructor(
    clientId: string,
    topics: readonly string[],
    kept: { messages: number; bytes: number },
    options: SessionOptions,
    nextId: () => number,
  ) {
    this.clientId = clientId;
    this.#topics = topics;
    this.#kept = kept;
    this.#options = options;
    this.#nextId = nextId;
    options.gate.addRoute(topics, this);
  }

  get topics(): readonly string[] {
    return this.#topics;
  }

  /** What the gate offers to. */
  get listener(): Pick<SourceListener, 'onMessages'> & Partial<RoomAware> {
    return this;
  }

  get hasRoom(): boolean {
    // Nobody is there who could make room by and by: what is too much is dropped, as any broker does.
    if (this.#target === null) return true;
    return this.#draining ? !this.#isFull : this.#target.hasRoom !== false;
  }

  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void): void {
    if (this.#target !== null && !this.#draining) this.#handOver(this.#target, messages, done);
    else this.#keep(messages, done);
  }

  onLeftOut(messages: readonly BrokerMessage[]): void {
    this.#target?.onLeftOut?.(messages);
  }

  /** The source is back, perhaps with other topics. */
  attach(topics: readonly string[], target: SourceTarget): void {
    this.#target = target;
    if (topics.join('\0') !== this.#topics.join('\0')) {
      const { gate } = this.#options;
      // First the new ones, so that no topic of both is without this session.
      gate.addRoute(topics, this);
      const gone = this.#topics.filter((topic) => !topics.includes(topic));
      gate.removeFilters(gone, this);
      this.#topics = topics;
    }
    this.#run += 1;
    this.#draining = this.#kept.messages > 0 || this.#writing > 0;
    if (this.#draining) void this.#drain(target, this.#run);
  }

  /** The source leaves; resolves when it has answered what it has, or after `atMostMs`. */
  async detach(atMostMs: number): Promise<void> {
    this.#target = null;
    this.paused = false;
    this.#wait?.wake();
    if (this.#outstanding === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(atMostMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    this.#onIdle = null;
  }

  /** Nothing waits for its source any more, and its source has answered what it has. */
  get isDrained(): boolean {
    return !this.#draining && this.#writing === 0 && this.#outstanding === 0 && !this.#options.gate.owes(this);
  }

  /** The session has ended. */
  end(): void {
    this.#target = null;
    this.#wait?.wake();
    this.#options.gate.removeRoute(this.#topics, this);
  }

  get #isFull(): boolean {
    return this.#kept.messages >= this.#options.maxMessages || this.#kept.bytes >= this.#options.maxBytes;
  }

  #handOver(target: SourceTarget, messages: readonly BrokerMessage[], done: (error: Error | null) => void): void {
    this.#outstanding += 1;
    let told = false;
    target.onMessages(messages, (error) => {
      if (told) return;
      told = true;
      this.#outstanding -= 1;
      done(error);
      if (this.#outstanding === 0) this.#onIdle?.();
    });
  }

  #keep(messages: readonly BrokerMessage[], done: (error: Error | null) => void): void {
    const { file, onNotice } = this.#options;
    const rows: { readonly id: number; readonly message: BrokerMessage }[] = [];
    let bytes = 0;
    for (const message of messages) {
      if (this.#isFull && this.#target === null) {
        onNotice(`the queue of "${this.clientId}", which is not running, is full: messages for it are dropped`);
        break;
      }
      rows.push({ id: this.#nextId(), message });
      this.#kept.messages += 1;
      this.#kept.bytes += message.payload.length;
      bytes += message.payload.length;
    }
    if (rows.length === 0) {
      done(null);
      return;
    }
    this.#writing += 1;
    const insert = (): void => {
      // The disk may have refused the session when it was opened, and what is of no source is dropped at the next start.
      const known = 'INSERT OR IGNORE INTO sources (client, topics) VALUES (?, ?)';
      file.run(known, this.clientId, JSON.stringify(this.#topics));
      for (const { id, message } of rows) {
        const { topic, payload, qos, arrivedAt } = message;
        file.run(
          'INSERT INTO kept (id, client, topic, payload, qos, arrived_at) VALUES (?, ?, ?, ?, ?, ?)',
          id,
          this.clientId,
          topic,
          payload,
          qos,
          arrivedAt,
        );
      }
    };
    const after = (error: Error | null): void => {
      this.#writing -= 1;
      if (error !== null) {
        this.#kept.messages -= rows.length;
        this.#kept.bytes -= bytes;
      }
      done(error);
    };
    file.durable(insert).then(
      () => after(null),
      (error: unknown) => after(error instanceof Error ? error : new Error(describeError(error))),
    );
  }

  /** Ends when nothing waits any more, and then what comes goes straight to the source; or when the source has left. */
  async #drain(target: SourceTarget, run: number): Promise<void> {
    while (this.#target === target && this.#run === run) {
      const rows = target.hasRoom === false || this.paused ? null : this.#readKept();
      if (rows === null || (rows.length === 0 && this.#writing > 0)) await this.#pause(ROOM_POLL_MS);
      else if (rows.length === 0) {
        this.#draining = false;
        return;
      } else {
        const error = await new Promise<Error | null>((resolve) =>
          this.#handOver(target, rows.map(messageOf), resolve),
        );
        if (error === null) this.#forget(rows);
        else await this.#pause(OFFER_AGAIN_MS);
      }
    }
  }

  /** Null: the disk refuses just now. */
  #readKept(): Record<string, unknown>[] | null {
    const next = 'SELECT * FROM kept WHERE client = ? AND id > ? ORDER BY id LIMIT ?';
    try {
      return this.#options.file.all(next, this.clientId, this.#taken, READ_AT_ONCE);
    } catch (error) {
      this.#options.onNotice(`what waits for "${this.clientId}" cannot be read: ${describeError(error)}`);
      return null;
    }
  }

  #forget(rows: readonly Record<string, unknown>[]): void {
    const { file } = this.#options;
    const last = Number(rows.at(-1)?.id);
    this.#taken = last;
    for (const row of rows) {
      this.#kept.messages -= 1;
      this.#kept.bytes -= (row.payload as Uint8Array).length;
    }
    file.lazy(() => file.run('DELETE FROM kept WHERE client = ? AND id <= ?', this.clientId, last));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wait?.cancel();
        this.#wait = null;
        resolve();
      };
      this.#wait = { cancel: this.#options.clock.after(ms, wake), wake };
    });
  }
}

function messageOf(row: Record<string, unknown>): BrokerMessage {
  return {
    topic: String(row.topic),
    payload: Buffer.from(row.payload as Uint8Array),
    qos: Number(row.qos) as BrokerMessage['qos'],
    retain: false,
    dup: false,
    arrivedAt: Number(row.arrived_at),
  };
}
