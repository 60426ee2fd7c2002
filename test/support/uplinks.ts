// Publishes numbered uplinks and counts for itself what the broker acknowledged and what arrived at the sandbox.
//
// An uplink's number is in its time: the n-th was received by its network n milliseconds after `baseMs`, so that HERE's
// record tells it back. The count owes nothing to the bridge's own.
import { connect, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { connectKafka } from './kafka-sender.ts';

export interface UplinksOptions {
  /** mqtt://, or kafka:// with a topic of the form `uplinks/{DevEUI}`. */
  readonly brokerUrl: string;
  readonly devices: number;
  /** Ten hex digits; `70B3D50000` by default. */
  readonly euiPrefix?: string;
  /** With `{DevEUI}`; `mqtt/things/{DevEUI}/uplink` by default. */
  readonly topic?: string;
  /** ms since the epoch, of number 0; an hour ago by default. */
  readonly baseMs?: number;
  /** Size of each message; as small as it can be by default. */
  readonly bytes?: number;
  readonly tags?: readonly string[];
}

/** What arrived at a sandbox, by number. */
export interface Arrivals {
  /** How many records came of each number. */
  readonly copies: Uint8Array;
  /** Wall-clock ms of the first copy; 0: none. */
  readonly firstAt: Float64Array;
  /** The sandbox's number of the request that brought the first copy. */
  readonly firstRequest: Float64Array;
  /** Numbers whose first copy came after the first copy of a later number of the same device. */
  readonly outOfOrder: readonly number[];
  /** Numbers of which more than one copy came. */
  readonly doubled: readonly number[];
  readonly records: number;
  /** Arrival order of a number's first copy among all; 0: none. */
  readonly firstSeq: Float64Array;
  /** Wall-clock ms of each request, by its number. */
  readonly requestAt: ReadonlyMap<number, number>;
}

const TICK_MS = 5;
const RECONNECT_MS = 50;
const MAX_WAITING = 5_000;

export class Uplinks {
  readonly options: UplinksOptions;
  readonly baseMs: number;
  #client: MqttClient;
  #closed = false;
  /** Wall-clock ms, by number. */
  readonly publishedAt: number[] = [];
  /** Wall-clock ms of PUBACK, by number; 0: not acknowledged. */
  readonly ackedAt: number[] = [];
  acked = 0;
  readonly #prefix: string;
  readonly #topic: readonly string[];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: UplinksOptions) {
    this.options = options;
    this.baseMs = options.baseMs ?? Date.now() - 3_600_000;
    this.#prefix = (options.euiPrefix ?? '70B3D50000').toUpperCase();
    this.#topic = (options.topic ?? 'mqtt/things/{DevEUI}/uplink').split('{DevEUI}');
    this.#client = this.#connect();
    onTestFinished(() => this.close());
  }

  /** A client a connection: mqtt.js by itself sends what was not acknowledged one by one, each after the one before. */
  #connect(): MqttClient {
    const { brokerUrl } = this.options;
    const client = brokerUrl.startsWith('kafka:')
      ? connectKafka(brokerUrl)
      : connect(brokerUrl, { clean: true, reconnectPeriod: 0, connectTimeout: 5_000, protocolVersion: 4 });
    client.on('error', () => {});
    client.on('connect', () => {
      for (let n = 0; n < this.published; n++) if (this.ackedAt[n] === 0) this.#send(n);
    });
    client.on('close', () => {
      if (client !== this.#client || this.#closed) return;
      setTimeout(() => {
        if (!this.#closed) this.#client = this.#connect();
      }, RECONNECT_MS);
    });
    return client;
  }

  get published(): number {
    return this.publishedAt.length;
  }

  get unacked(): number {
    return this.published - this.acked;
  }

  devEui(device: number): string {
    return `${this.#prefix}${device
      .toString(16)
      .toUpperCase()
      .padStart(16 - this.#prefix.length, '0')}`;
  }

  /** The device of an uplink's number. */
  deviceOf(n: number): number {
    return n % this.options.devices;
  }

  async connected(): Promise<void> {
    while (!this.#client.connected) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Publishes so many at once. */
  publish(count: number): void {
    for (let i = 0; i < count; i++) this.#publishOne();
  }

  /** Publishes at a steady rate until `pause`; what could not be sent in time is made up for. */
  start(perSecond: number, maxWaiting = MAX_WAITING): void {
    this.pause();
    const begun = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begun) * perSecond) / 1000);
      for (; sent < due && this.unacked < maxWaiting; sent++) this.#publishOne();
    }, TICK_MS);
  }

  pause(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Publishes `count` as fast as they are acknowledged. */
  async flood(count: number, window = 2_000): Promise<void> {
    const end = this.published + count;
    while (this.published < end) {
      for (let i = 0; i < 200 && this.published < end && this.unacked < window; i++) this.#publishOne();
      await new Promise((resolve) => setTimeout(resolve, this.unacked < window ? 0 : 2));
    }
  }

  async allAcked(timeoutMs = 20_000): Promise<void> {
    for (const end = performance.now() + timeoutMs; this.unacked > 0; ) {
      if (performance.now() > end) throw new Error(`${this.unacked} of ${this.published} uplinks are not acknowledged`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Numbers that are acknowledged. */
  ackedNumbers(): number[] {
    const numbers: number[] = [];
    for (let n = 0; n < this.ackedAt.length; n++) if (this.ackedAt[n] !== 0) numbers.push(n);
    return numbers;
  }

  /** Of the acknowledgements of numbers from `from` on, ms. */
  ackTimes(from = 0): number[] {
    return this.ackedNumbers()
      .filter((n) => n >= from)
      .map((n) => (this.ackedAt[n] as number) - (this.publishedAt[n] as number));
  }

  async close(): Promise<void> {
    this.pause();
    this.#closed = true;
    await this.#client.endAsync(true);
  }

  message(n: number): { readonly topic: string; readonly payload: string } {
    const devEui = this.devEui(this.deviceOf(n));
    const { tags, bytes = 0 } = this.options;
    const uplink = {
      Time: new Date(this.baseMs + n).toISOString(),
      DevEUI: devEui,
      FPort: 5,
      FCntUp: n,
      payload_hex: '00',
      ...(tags === undefined ? {} : { CustomerData: { tags } }),
      payload: { temperature: 20.5 },
    };
    const text = JSON.stringify({ DevEUI_uplink: uplink });
    const missing = bytes - text.length - ',"Pad":""'.length;
    const payload = missing > 0 ? `${text.slice(0, -2)},"Pad":"${'x'.repeat(missing)}"}}` : text;
    return { topic: this.#topic.join(devEui), payload };
  }

  #publishOne(): void {
    this.publishedAt.push(Date.now());
    this.ackedAt.push(0);
    if (this.#client.connected) this.#send(this.published - 1);
  }

  #send(n: number): void {
    const { topic, payload } = this.message(n);
    this.#client.publish(topic, payload, { qos: 1 }, (error) => {
      if (error || this.ackedAt[n] !== 0) return;
      this.ackedAt[n] = Date.now();
      this.acked += 1;
    });
  }

  /** What of these uplinks is at the sandbox, from its own records. Throws for records that were never published. */
  arrivals(sandbox: Sandbox, appId?: string): Arrivals {
    const count = this.published;
    const copies = new Uint8Array(count);
    const firstAt = new Float64Array(count);
    const firstRequest = new Float64Array(count);
    const firstSeq = new Float64Array(count);
    const requestAt = new Map<number, number>();
    const latest = new Map<string, number>();
    const outOfOrder: number[] = [];
    let records = 0;
    const received = sandbox.received(appId === undefined ? { limit: 1e9 } : { appId, limit: 1e9 });
    for (const { device, timestamp, receivedAt, request, seq } of received) {
      if (!device.startsWith(this.#prefix)) continue;
      const n = timestamp - this.baseMs;
      if (this.devEui(this.deviceOf(n)) !== device || n >= count) {
        throw new Error(`A record of ${device} at ${timestamp} that was never published`);
      }
      records += 1;
      requestAt.set(request, receivedAt);
      copies[n] = (copies[n] as number) + 1;
      if (copies[n] !== 1) continue;
      firstAt[n] = receivedAt;
      firstRequest[n] = request;
      firstSeq[n] = seq;
      if (n < (latest.get(device) ?? -1)) outOfOrder.push(n);
      else latest.set(device, n);
    }
    const doubled: number[] = [];
    for (let n = 0; n < count; n++) if ((copies[n] as number) > 1) doubled.push(n);
    return { copies, firstAt, firstRequest, firstSeq, outOfOrder, doubled, records, requestAt };
  }

  /** Waits until every acknowledged uplink has arrived; then, or when the time is over, tells what has. */
  async arrived(sandbox: Sandbox, timeoutMs = 20_000): Promise<Arrivals> {
    for (const end = performance.now() + timeoutMs; ; ) {
      const arrivals = this.arrivals(sandbox);
      if (this.missing(arrivals).length === 0 || performance.now() > end) return arrivals;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Acknowledged numbers that did not arrive; the first 20. */
  missing(arrivals: Arrivals): number[] {
    return this.ackedNumbers()
      .filter((n) => arrivals.copies[n] === 0)
      .slice(0, 20);
  }
}

/** The value below which the share `q` of them lies; 0 for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
