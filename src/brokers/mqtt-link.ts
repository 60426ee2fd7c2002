// One MQTT connection that is kept up: attempts with jittered back-off on the injected clock, one mqtt.js client per attempt.
import net from 'node:net';
import { connect, type IClientOptions, MqttClient } from 'mqtt';
import type { Cancel } from '../domain/ports/clock.ts';
import {
  type BrokerAddress,
  clientOptions,
  connectTimeoutMs,
  type MqttBrokerOptions,
  RECONNECT,
  type ReconnectOptions,
  type SessionOptions,
} from './mqtt-options.ts';
import { type Down, reasonOf } from './mqtt-reasons.ts';

export interface LinkHandlers {
  /** Before the first byte is sent: messages of a session may come in the same chunk as CONNACK, before `onConnected`. */
  prepare(client: MqttClient): void;
  /**
   * CONNACK was positive. `ready` is to be called when the client may count as up (SUBACK); until then time runs, and
   * begins anew while `moves` says so.
   */
  onConnected(client: MqttClient, sessionPresent: boolean, ready: () => void): void;
  /**
   * Asked when the time for SUBACK is over: does something move? A broker may send all that a session holds before it
   * answers the subscription (Mosquitto does), and that may be a million messages.
   */
  moves?(): boolean;
  /** The connection, or the attempt, is over; another attempt will follow by itself. */
  onDown(down: Down): void;
}

const DISCONNECT = Buffer.from([0xe0, 0x00]);
/** How often it is asked whether a client that may not connect may do so by now. */
const ASK_AGAIN_MS = 200;
/** How long a broker may take to close the connection after DISCONNECT. */
const FAREWELL_MS = 2_000;

export class MqttLink {
  readonly #broker: MqttBrokerOptions;
  readonly #address: BrokerAddress;
  readonly #session: SessionOptions;
  readonly #handlers: LinkHandlers;
  readonly #reconnect: ReconnectOptions;
  #running = false;
  #client: MqttClient | null = null;
  #attempt: Attempt | null = null;
  #failures = 0;
  #cancelRetry: Cancel | null = null;
  readonly #mayConnect: () => boolean;

  /** `mayConnect` is asked before each attempt. */
  constructor(
    broker: MqttBrokerOptions,
    address: BrokerAddress,
    session: SessionOptions,
    handlers: LinkHandlers,
    mayConnect: () => boolean = () => true,
  ) {
    this.#mayConnect = mayConnect;
    this.#broker = broker;
    this.#address = address;
    this.#session = session;
    this.#handlers = handlers;
    this.#reconnect = { ...RECONNECT, ...broker.reconnect };
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#failures = 0;
    this.#begin();
  }

  /** Says DISCONNECT after everything written so far and resolves when the connection is closed. No `onDown` follows. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const attempt = this.#attempt;
    this.#attempt = null;
    this.#client = null;
    if (attempt !== null) await attempt.leave();
  }

  /** Gives the current connection up at once, without DISCONNECT, and tries again after the pause. */
  drop(down: Down): void {
    this.#attempt?.fail(down);
  }

  /** The connected client; null while there is none. */
  get client(): MqttClient | null {
    return this.#client;
  }

  #begin(): void {
    if (!this.#mayConnect()) {
      this.#cancelRetry = this.#broker.clock.after(ASK_AGAIN_MS, () => this.#begin());
      return;
    }
    this.#cancelRetry = null;
    const where = `${this.#address.host}:${this.#address.port}`;
    let client: MqttClient;
    try {
      client = this.#connect(clientOptions(this.#broker, this.#address, this.#session));
    } catch (error) {
      // A TLS file that cannot be read, or a certificate that is none.
      queueMicrotask(() => this.#ended({ reason: reasonOf(error, where).reason, fatal: false }, 0));
      return;
    }
    const attempt = new Attempt(client, where, this.#broker, {
      moves: () => this.#handlers.moves?.() === true,
      onConnected: (sessionPresent, ready) => {
        if (this.#attempt !== attempt) return;
        this.#client = client;
        this.#handlers.onConnected(client, sessionPresent, ready);
      },
      onEnded: (down, uptimeMs) => {
        if (this.#attempt !== attempt) return;
        this.#attempt = null;
        this.#client = null;
        this.#ended(down, uptimeMs);
      },
    });
    this.#attempt = attempt;
    this.#handlers.prepare(client);
  }

  /** mqtt.js looks names up by itself for plain sockets: where addresses are restricted the socket is ours. */
  #connect(options: IClientOptions): MqttClient {
    const { guard } = this.#broker;
    const { protocol, host, port } = this.#address;
    if (guard === undefined || protocol !== 'mqtt') return connect(options);
    return new MqttClient(() => net.connect({ host, port, lookup: guard.lookup }), options);
  }

  #ended(down: Down, uptimeMs: number): void {
    if (!this.#running) return;
    this.#failures = uptimeMs >= this.#reconnect.stableMs ? 1 : this.#failures + 1;
    this.#cancelRetry = this.#broker.clock.after(this.#pauseMs(down.fatal), () => {
      this.#begin();
    });
    this.#handlers.onDown(down);
  }

  #pauseMs(fatal: boolean): number {
    const { minMs, maxMs, refusedMs } = this.#reconnect;
    const draw = this.#broker.chance.random();
    if (fatal) return refusedMs * (1 + draw);
    const whole = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures - 1, 30));
    return whole * (0.5 + draw / 2);
  }
}

interface AttemptHandlers {
  moves(): boolean;
  onConnected(sessionPresent: boolean, ready: () => void): void;
  /** Exactly once. `uptimeMs` since `ready`; 0 when it never was. */
  onEnded(down: Down, uptimeMs: number): void;
}

/** One mqtt.js client from its first byte to its end. */
class Attempt {
  readonly #client: MqttClient;
  readonly #clock: MqttBrokerOptions['clock'];
  readonly #closed: Promise<void>;
  #cancelTimeout: Cancel;
  #down: Down | null = null;
  #readyAt: number | null = null;
  #connected = false;

  constructor(client: MqttClient, where: string, broker: MqttBrokerOptions, handlers: AttemptHandlers) {
    this.#client = client;
    this.#clock = broker.clock;
    const timeoutMs = connectTimeoutMs(broker);
    const wait = (): Cancel =>
      this.#clock.after(timeoutMs, () => {
        if (this.#connected && handlers.moves()) this.#cancelTimeout = wait();
        else this.fail({ reason: this.#overdue(where, timeoutMs), fatal: false });
      });
    this.#cancelTimeout = wait();
    // The first error is the cause; what follows it is the consequence.
    const note = (error: unknown): void => {
      this.#down ??= reasonOf(error, where);
    };
    client.on('error', note);
    // mqtt.js keeps errors without a code to itself (a WebSocket's "Unexpected server response").
    client.stream.on('error', note);
    client.on('disconnect', (packet) => {
      const words = packet.properties?.reasonString ?? 'no reason given';
      this.#down ??= {
        reason: `the broker ended the connection: ${words} (MQTT ${packet.reasonCode ?? 0})`,
        fatal: false,
      };
    });
    client.on('connect', (packet) => {
      this.#connected = true;
      handlers.onConnected(packet.sessionPresent === true, () => {
        this.#cancelTimeout();
        this.#readyAt ??= this.#clock.monotonic();
      });
    });
    this.#closed = new Promise((resolve) => {
      client.on('close', () => {
        this.#cancelTimeout();
        resolve();
        const uptimeMs = this.#readyAt === null ? 0 : this.#clock.monotonic() - this.#readyAt;
        handlers.onEnded(this.#down ?? { reason: `${where} closed the connection`, fatal: false }, uptimeMs);
      });
    });
  }

  #overdue(where: string, ms: number): string {
    return this.#connected
      ? `${where} accepted the connection, but did not answer the subscription within ${ms} ms`
      : `${where} did not answer within ${ms} ms`;
  }

  fail(down: Down): void {
    this.#down ??= down;
    this.#client.stream.destroy();
  }

  async leave(): Promise<void> {
    this.#cancelTimeout();
    const { stream } = this.#client;
    let cancel: Cancel = () => {};
    const overdue = new Promise<void>((resolve) => {
      cancel = this.#clock.after(FAREWELL_MS, () => {
        stream.destroy();
        resolve();
      });
    });
    if (!this.#connected || stream.destroyed) stream.destroy();
    else {
      // Not client.end(): that waits without bound for the answers to its own publishes. Nor stream.end(): were mqtt.js to
      // write anything after it (a PINGREQ), the socket would be destroyed with acknowledgements in it. The broker closes.
      this.#client.keepaliveManager?.destroy();
      stream.write(DISCONNECT);
    }
    await Promise.race([this.#closed, overdue]);
    cancel();
  }
}
