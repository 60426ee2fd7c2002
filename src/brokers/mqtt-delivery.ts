// The messages of one MQTT connection: collected per socket chunk, handed over, and acknowledged in order once durable.
// The PUBACKs are written to the connection's stream here, many in one write; the tap (mqtt-tap.ts) keeps those messages from
// mqtt.js, which would acknowledge them one by one and at once.
import type { Writable } from 'node:stream';
import type { BrokerMessage, SourceListener } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { type HeldLimits, heldBytes } from './mqtt-options.ts';

/** A batch goes out when it has this many bytes (one read of a socket), or when the event loop has read what was there. */
const BATCH_BYTES = 64 * 1024;
/** PUBACK of MQTT 3.1.1 and, with reason "success" implied, of MQTT 5: header, length 2, packet identifier. */
const PUBACK_BYTES = 4;

interface Batch {
  readonly messages: BrokerMessage[];
  /** Packet identifiers of the QoS 1 messages, in the order received. */
  readonly ids: number[];
  readonly arrivedAt: number;
  /** Of its payloads. */
  bytes: number;
  /** What it takes in memory. */
  held: number;
  done: boolean;
}

export class MqttDelivery {
  readonly #stream: Writable;
  readonly #listener: Pick<SourceListener, 'onMessages'>;
  readonly #clock: Clock;
  readonly #limits: HeldLimits;
  readonly #onRefused: (error: Error) => void;
  readonly #onRoom: () => void;
  readonly #onAcknowledged: () => void;
  readonly #held: Batch[] = [];
  /** Of the batches held and of the one being collected. */
  #heldMessages = 0;
  #heldBytes = 0;
  #collecting: Batch | null = null;
  #open = true;
  #taking = true;
  #isBlocked = false;
  #taken = 0;
  #takenAsAsked = 0;
  #onIdle: (() => void) | null = null;

  /**
   * `stream`: the connection's own. `onRefused`: the listener did not take a batch; nothing more is handed over or
   * acknowledged. `onRoom`: after a `take` that returned false there is room again. `onAcknowledged`: PUBACKs were written.
   */
  constructor(
    stream: Writable,
    listener: Pick<SourceListener, 'onMessages'>,
    clock: Clock,
    limits: HeldLimits,
    onRefused: (error: Error) => void,
    onRoom: () => void,
    onAcknowledged: () => void = () => {},
  ) {
    this.#stream = stream;
    this.#listener = listener;
    this.#clock = clock;
    this.#limits = limits;
    this.#onRefused = onRefused;
    this.#onRoom = onRoom;
    this.#onAcknowledged = onAcknowledged;
  }

  /** `id`: the packet identifier that is to be acknowledged; 0: none. False: nothing more fits until `onRoom`. */
  take(topic: string, payload: Buffer, qos: 0 | 1 | 2, dup: boolean, retain: boolean, id: number): boolean {
    if (!this.#taking) return true;
    this.#taken += 1;
    let batch = this.#collecting;
    if (batch === null) {
      batch = { messages: [], ids: [], arrivedAt: this.#clock.now(), bytes: 0, held: 0, done: false };
      this.#collecting = batch;
      setImmediate(this.#flush, batch);
    }
    batch.messages.push({ topic, payload, qos, retain, dup, arrivedAt: batch.arrivedAt });
    if (id !== 0) batch.ids.push(id);
    batch.bytes += payload.length;
    const held = heldBytes(topic, payload);
    batch.held += held;
    this.#heldMessages += 1;
    this.#heldBytes += held;
    if (batch.bytes >= BATCH_BYTES) this.#flush(batch);
    this.#isBlocked = this.#isFull();
    return !this.#isBlocked;
  }

  /** Something has come since this was asked last, or what has come is not acknowledged yet. */
  moves(): boolean {
    const moves = this.#taken !== this.#takenAsAsked || this.#held.length > 0;
    this.#takenAsAsked = this.#taken;
    return moves;
  }

  /** How many messages have come so far. */
  get taken(): number {
    return this.#taken;
  }

  /** All that has come is handed over, answered, and its PUBACKs are written. */
  get isIdle(): boolean {
    return this.#open && this.#taking && this.#collecting === null && this.#held.length === 0;
  }

  /** Hands nothing more over; resolves when what was handed over is acknowledged, or the connection has gone. */
  drain(): Promise<void> {
    this.#taking = false;
    this.#collecting = null;
    if (!this.#open || this.#held.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** The connection has gone: acknowledgements that come later are dropped; the broker sends those messages again. */
  close(): void {
    this.#open = false;
    this.#taking = false;
    this.#collecting = null;
    this.#held.length = 0;
    this.#heldMessages = 0;
    this.#heldBytes = 0;
    this.#isBlocked = false;
    this.#onIdle?.();
    this.#onIdle = null;
  }

  /** An arrow, so that it can be given to `setImmediate` without a closure per batch. */
  readonly #flush = (batch: Batch): void => {
    if (this.#collecting !== batch) return;
    this.#collecting = null;
    this.#held.push(batch);
    this.#listener.onMessages(batch.messages, (error) => this.#settle(batch, error));
  };

  #settle(batch: Batch, error: Error | null): void {
    if (!this.#open || batch.done) return;
    if (error !== null) {
      // Later batches stay unacknowledged as well: acknowledging them would put this one behind them when it comes again.
      this.close();
      this.#onRefused(error);
      return;
    }
    batch.done = true;
    if (this.#held[0] === batch) this.#acknowledge();
  }

  /** Acknowledges the settled batches at the head, in the order received (MQTT-4.6.0-2), in one write. */
  #acknowledge(): void {
    let batches = 0;
    let acks = 0;
    for (const batch of this.#held) {
      if (!batch.done) break;
      batches += 1;
      acks += batch.ids.length;
      this.#heldMessages -= batch.messages.length;
      this.#heldBytes -= batch.held;
    }
    const settled = this.#held.splice(0, batches);
    if (acks > 0) {
      const buffer = Buffer.allocUnsafe(acks * PUBACK_BYTES);
      let at = 0;
      for (const { ids } of settled) {
        for (const id of ids) {
          buffer[at] = 0x40;
          buffer[at + 1] = 2;
          buffer[at + 2] = id >> 8;
          buffer[at + 3] = id & 0xff;
          at += PUBACK_BYTES;
        }
      }
      this.#stream.write(buffer);
      this.#onAcknowledged();
    }
    if (this.#isBlocked && !this.#isFull()) {
      this.#isBlocked = false;
      this.#onRoom();
    }
    if (this.#held.length === 0) {
      this.#onIdle?.();
      this.#onIdle = null;
    }
  }

  #isFull(): boolean {
    return this.#heldMessages >= this.#limits.maxMessages || this.#heldBytes >= this.#limits.maxBytes;
  }
}
