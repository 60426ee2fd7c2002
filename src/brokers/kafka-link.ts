// One connection to a Kafka cluster that is kept up: attempts with jittered back-off on the injected clock; a refused log-in is
// not tried again soon, by whichever link of the broker.
import type { Socket } from 'node:net';
import type { Cancel } from '../domain/ports/clock.ts';
import { createKafkaClient } from './kafka-client.ts';
import { KafkaWire } from './kafka-internals.ts';
import type { KafkaBrokerOptions, LoginGate } from './kafka-options.ts';
import { type Down, kafkaReason } from './kafka-reasons.ts';
import { RECONNECT, type ReconnectOptions } from './mqtt-options.ts';

/** Thrown by `run` to give the connection up for a reason that is told as it is. */
export class LinkDown extends Error {
  readonly down: Down;

  constructor(down: Down) {
    super(down.reason);
    this.down = down;
  }
}

export interface KafkaLinkHandlers {
  /** Works on a connection until `signal` aborts; rejects when it can no longer. `ready`: the back-off may begin anew. */
  run(wire: KafkaWire, signal: AbortSignal, ready: () => void): Promise<void>;
  /** The connection, or the attempt, is over; another one will follow by itself. */
  onDown(down: Down): void;
}

export class KafkaLink {
  readonly #broker: KafkaBrokerOptions;
  readonly #gate: LoginGate;
  readonly #handlers: KafkaLinkHandlers;
  readonly #reconnect: ReconnectOptions;
  #abort: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(broker: KafkaBrokerOptions, gate: LoginGate, handlers: KafkaLinkHandlers) {
    this.#broker = broker;
    this.#gate = gate;
    this.#handlers = handlers;
    this.#reconnect = { ...RECONNECT, ...broker.reconnect };
  }

  start(): void {
    if (this.#abort !== null) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#running = this.#running.then(() => this.#keepUp(abort.signal));
  }

  /** Resolves when the connection is closed and `run` has ended. No `onDown` follows. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    this.#abort = null;
    await this.#running;
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    const { clock } = this.#broker;
    let failures = 0;
    while (!signal.aborted) {
      const gated = this.#gate.waits(clock.monotonic());
      if (gated !== null) {
        this.#handlers.onDown({ reason: gated.reason, fatal: true });
        await this.#pause(gated.ms, signal);
        continue;
      }
      let readyAt: number | null = null;
      const down = await this.#attempt(signal, () => {
        readyAt ??= clock.monotonic();
        this.#gate.passed();
      });
      if (signal.aborted) return;
      const uptimeMs = readyAt === null ? 0 : clock.monotonic() - readyAt;
      failures = uptimeMs >= this.#reconnect.stableMs ? 1 : failures + 1;
      const pauseMs = this.#pauseMs(failures, down.fatal);
      // Only a refused log-in is everybody's; a missing right is the one's who has met it.
      if (down.fatal && readyAt === null && down.reason.endsWith('(SASL)')) {
        this.#gate.refused(clock.monotonic() + pauseMs, down.reason);
      }
      this.#handlers.onDown(down);
      await this.#pause(pauseMs, signal);
    }
  }

  /** One connection from its first byte to its end. */
  async #attempt(signal: AbortSignal, ready: () => void): Promise<Down> {
    try {
      await withWire(this.#broker, signal, (wire, ended) => this.#handlers.run(wire, ended, ready));
      return { reason: 'stopped', fatal: false };
    } catch (error) {
      if (error instanceof LinkDown) return error.down;
      return kafkaReason(error, this.#broker.bootstrap.join(', '));
    }
  }

  #pauseMs(failures: number, fatal: boolean): number {
    const { minMs, maxMs, refusedMs } = this.#reconnect;
    const draw = this.#broker.chance.random();
    if (fatal) return refusedMs * (1 + draw);
    return Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + draw / 2);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(this.#broker.clock, ms, signal);
  }
}

/**
 * A connection for as long as `run` takes, or until `signal` aborts. `attempts`: so many bootstrap addresses are tried, in turn.
 * Rejects with kafkajs's errors and those of `run`.
 */
export async function withWire<T>(
  broker: KafkaBrokerOptions,
  signal: AbortSignal,
  run: (wire: KafkaWire, ended: AbortSignal) => Promise<T>,
  attempts = 1,
): Promise<T> {
  const sockets = new Set<Socket>();
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
    // Without an error kafkajs would not hear of it, and wait for answers that cannot come.
    for (const socket of sockets) socket.destroy(new Error('stopped'));
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    const client = createKafkaClient({
      ...broker,
      onSocket: (socket) => {
        if (ended.signal.aborted) socket.destroy(new Error('stopped'));
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      },
    });
    const wire = new KafkaWire(client);
    for (let left = attempts - 1; ; left--) {
      try {
        await wire.connect();
        break;
      } catch (error) {
        if (left <= 0 || kafkaReason(error, '').fatal) throw error;
      }
    }
    return await run(wire, ended.signal);
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(clock: KafkaBrokerOptions['clock'], ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    let cancel: Cancel = () => {};
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
