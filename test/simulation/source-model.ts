// A model of an uplink source at its port: one session's connections, handing over in chunks and acknowledging in order.

import type { SourceListener, SourceOptions, UplinkSource } from '../../src/domain/ports/broker.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import { type BrokerModel, messageOf, type Queued, type Session } from './broker-model.ts';
import type { Life } from './life.ts';

interface Chunk {
  readonly messages: readonly Queued[];
  isKept: boolean;
  /** The listener has not answered yet. */
  isOpen: boolean;
}

/** How long leaving waits for the listener. */
const SETTLE_MS = 5_000;

export class SourceModel implements UplinkSource {
  readonly life: Life;
  readonly #broker: BrokerModel;
  readonly #clock: Clock;
  readonly #options: SourceOptions;
  readonly #listener: SourceListener;
  #wanted: 'stopped' | 'running' | 'paused' = 'stopped';
  #state: 'down' | 'connecting' | 'up' | 'leaving' = 'down';
  #session: Session | null = null;
  /** Grows with each connection: what belongs to an earlier one is void. */
  #connection = 0;
  /** On their way or unacknowledged, from the head of the session's queue. */
  #sent = 0;
  #chunks: Chunk[] = [];
  #handing = false;
  #expectSession: boolean;
  /** Another session takes its place. */
  #isLeft = false;
  #onLeft: (() => void)[] = [];
  /** Handed over and unanswered, of all connections: for the count of what a crash leaves unclear. */
  readonly #unanswered = new Set<Chunk>();

  constructor(
    broker: BrokerModel,
    parts: {
      readonly life: Life;
      readonly clock: Clock;
      readonly options: SourceOptions;
      readonly listener: SourceListener;
    },
  ) {
    const { life, clock, options, listener } = parts;
    this.#broker = broker;
    this.life = life;
    this.#clock = clock;
    this.#options = options;
    this.#listener = listener;
    this.#expectSession = options.expectSession;
  }

  start(): void {
    this.#want('running');
  }

  pause(): void {
    if (this.#wanted === 'running') this.#want('paused');
  }

  resume(): void {
    if (this.#wanted === 'paused') this.#want('running');
  }

  stop(): Promise<void> {
    this.#want('stopped');
    return this.#state === 'down' ? Promise.resolve() : new Promise((resolve) => this.#onLeft.push(resolve));
  }

  unsubscribe(): void {
    this.#isLeft = true;
    if (this.#session !== null) this.#broker.subscribed(this.#session, []);
  }

  /** Of what came before it left its topics nothing is on its way any more. */
  async drained(): Promise<boolean> {
    return this.#isLeft && this.#state === 'up' && this.#session?.queue.length === 0;
  }

  clear(timeoutMs: number): Promise<void> {
    const { time, dice } = this.#broker.options;
    return new Promise((resolve, reject) => {
      const endMs = time.nowMs + timeoutMs;
      const attempt = (): void => {
        if (!this.#broker.away) {
          this.#broker.endSession(this.#options.clientId);
          resolve();
        } else if (time.nowMs >= endMs) reject(new Error('the session could not be ended: the broker is away'));
        else this.#after(1_000, attempt);
      };
      this.#after(dice.between(2, 30), attempt);
    });
  }

  /** The connection is lost by the network's or the broker's doing. */
  lost(reason: string): void {
    if (this.#state === 'down') return;
    const before = this.#state;
    this.#disconnect();
    if (before === 'leaving') this.#left();
    else {
      if (before === 'up') this.#listener.onStatus({ kind: 'down', reason, fatal: false });
      this.#reconnectLater();
    }
  }

  /** Its process was killed. */
  killed(): void {
    for (const { messages } of this.#unanswered) for (const { uplink } of messages) uplink.unclear += 1;
    this.#disconnect();
  }

  moreQueued(): void {
    if (this.#state === 'up' && !this.#handing) this.#handOver();
  }

  #want(wanted: 'stopped' | 'running' | 'paused'): void {
    if (!this.life.alive) return;
    this.#wanted = wanted;
    if (this.#state === 'leaving') return;
    if (wanted === 'running') {
      if (this.#state === 'down') this.#connect();
    } else if (this.#state === 'up' || this.#state === 'connecting') this.#leave();
    else if (wanted === 'paused') this.#listener.onStatus({ kind: 'paused' });
  }

  #connect(): void {
    this.#state = 'connecting';
    const connection = ++this.#connection;
    this.#after(this.#broker.options.dice.between(2, 40), () => {
      if (this.#state !== 'connecting' || connection !== this.#connection) return;
      if (this.#broker.away) {
        this.#state = 'down';
        this.#listener.onStatus({ kind: 'down', reason: 'connect ECONNREFUSED', fatal: false });
        this.#reconnectLater();
      } else this.#connected();
    });
  }

  #connected(): void {
    const { clientId, topics } = this.#options;
    const known = this.#broker.sessions.get(clientId);
    const session: Session = known ?? { clientId, topics: [], queue: [], source: null };
    // A second connection under one name ends the first.
    session.source?.lost('taken over');
    this.#broker.sessions.set(clientId, session);
    this.#broker.subscribed(session, this.#isLeft ? [] : topics);
    session.source = this;
    this.#session = session;
    this.#state = 'up';
    this.#sent = 0;
    const sessionLost = this.#expectSession && known === undefined && !this.#isLeft;
    this.#expectSession = true;
    this.#listener.onStatus({ kind: 'up', sessionLost });
    this.moreQueued();
  }

  /** A chunk of the socket, some time after the last one. */
  #handOver(): void {
    const session = this.#session;
    const { dice, window } = this.#broker.options;
    if (session === null || this.#sent >= session.queue.length || this.#sent >= window) return;
    this.#handing = true;
    const connection = this.#connection;
    this.#after(dice.scaled(0.2, 20), () => {
      if (connection !== this.#connection || this.#state !== 'up') return;
      this.#handing = false;
      const count = Math.min(dice.whole(1, 40), session.queue.length - this.#sent, window - this.#sent);
      const messages = session.queue.slice(this.#sent, this.#sent + count);
      if (messages.length === 0) return;
      this.#sent += messages.length;
      this.#hand(messages, connection);
      this.#handOver();
    });
  }

  #hand(messages: readonly Queued[], connection: number): void {
    const { options } = this.#broker;
    const chunk: Chunk = { messages, isKept: false, isOpen: true };
    this.#chunks.push(chunk);
    this.#unanswered.add(chunk);
    const arrivedAt = this.#clock.now();
    for (const { uplink } of messages) {
      uplink.handed += 1;
      uplink.handedMs ??= options.time.nowMs;
    }
    const handed = messages.map((queued) => messageOf(queued, arrivedAt));
    for (const queued of messages) queued.dup = true;
    this.#listener.onMessages(handed, (error) => {
      if (!this.life.isLiving() || !chunk.isOpen) return;
      chunk.isOpen = false;
      this.#unanswered.delete(chunk);
      if (error === null) for (const { uplink } of messages) uplink.kept += 1;
      if (connection !== this.#connection || this.#session === null) return;
      if (error !== null) {
        options.trace.add(`source ${this.#options.clientId}: ${messages.length} not kept: ${error.message}`);
        this.lost(`the uplinks could not be kept: ${error.message}`);
        return;
      }
      chunk.isKept = true;
      this.#acknowledge(connection);
    });
  }

  /** PUBACKs go in order, and take their time: a connection that is lost meanwhile takes them along. */
  #acknowledge(connection: number): void {
    let count = 0;
    while (this.#chunks[0]?.isKept === true) count += this.#chunks.shift()?.messages.length ?? 0;
    if (count === 0) return;
    const { time, dice } = this.#broker.options;
    time.after(dice.scaled(0.2, 20), () => {
      const session = this.#session;
      if (connection !== this.#connection || session === null) return;
      session.queue.splice(0, count);
      this.#sent -= count;
      if (this.#state === 'leaving') this.#leaveWhenIdle();
      else this.moreQueued();
    });
  }

  #leave(): void {
    if (this.#state === 'connecting') {
      this.#disconnect();
      this.#left();
      return;
    }
    this.#state = 'leaving';
    const connection = this.#connection;
    this.#after(SETTLE_MS, () => {
      if (this.#state !== 'leaving' || connection !== this.#connection) return;
      this.#disconnect();
      this.#left();
    });
    this.#leaveWhenIdle();
  }

  #leaveWhenIdle(): void {
    if (this.#chunks.length > 0) return;
    const connection = this.#connection;
    // The last PUBACKs are on their way.
    this.#after(this.#broker.options.dice.between(1, 25), () => {
      if (this.#state !== 'leaving' || connection !== this.#connection) return;
      this.#disconnect();
      this.#left();
    });
  }

  #left(): void {
    for (const resolve of this.#onLeft.splice(0)) resolve();
    if (this.#wanted === 'running') this.#connect();
    else if (this.#wanted === 'paused') this.#listener.onStatus({ kind: 'paused' });
  }

  #disconnect(): void {
    this.#connection += 1;
    this.#state = 'down';
    this.#handing = false;
    this.#chunks = [];
    this.#sent = 0;
    if (this.#session?.source === this) this.#session.source = null;
    this.#session = null;
  }

  #reconnectLater(): void {
    this.#after(this.#broker.options.dice.between(200, 3_000), () => {
      if (this.#wanted === 'running' && this.#state === 'down') this.#connect();
    });
  }

  #after(ms: number, run: () => void): void {
    this.#broker.options.time.after(ms, run, this.life);
  }
}
