// The bridge's own source, table and publisher on the embedded broker: in this process, without a socket.
import { BridgeError, EXIT, NotKept } from '../domain/errors.ts';
import type {
  Publisher,
  PublishOptions,
  SourceOptions,
  TableListener,
  TableOptions,
  TableReader,
  UplinkSource,
  WillOptions,
} from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Publication } from './embedded-admission.ts';
import type { PublishGate } from './embedded-gate.ts';
import type { RetainedMessages } from './embedded-retained.ts';
import { keyUnder } from './embedded-retained.ts';
import type { SourceSession, SourceTarget } from './embedded-session.ts';
import type { SourceSessions } from './embedded-sessions.ts';
import { assertOpen } from './embedded-topics.ts';
import { isTopicFilter } from './topics.ts';

/** A record that its listener could not keep is told again. */
const TELL_AGAIN_MS = 1_000;

/** What the clients need of the running broker. */
export interface Core {
  readonly name: string;
  readonly clock: Clock;
  readonly gate: PublishGate;
  readonly sessions: SourceSessions;
  readonly isUp: boolean;
  readonly retained: RetainedMessages;
  /** Called with the way up and down of the broker, at once when it is up. Returns the way to stop listening. */
  onUp(listen: (up: boolean) => void): () => void;
  onAccepted(listen: (publication: Publication) => void): () => void;
  publish(publisher: object, publication: Publication, done: (error: Error | null) => void): void;
  keepWill(client: string, will: WillOptions): Promise<void>;
  forgetWill(client: string): void;
}

/** How long `stop` waits for the listener to settle what it has. */
const SETTLE_MS = 5_000;
const STOPPED = 'the embedded broker has stopped';

/**
 * Gets what publishers send from its first start on: what comes while it is stopped waits in the broker's file, and comes first
 * when it is started again, also by another process. Paused, it counts as full: its publishes are left out, or withheld when
 * all others are full too. It gets no retained copies: these were uplinks when they were published.
 */
export class EmbeddedSource implements UplinkSource {
  readonly #core: Core;
  readonly #options: SourceOptions;
  #topics: readonly string[];
  readonly #listener: SourceTarget;
  #session: SourceSession | null = null;
  #open = false;
  #paused = false;
  #ignoreUp: (() => void) | null = null;

  constructor(core: Core, options: SourceOptions, listener: SourceTarget) {
    this.#core = core;
    this.#options = options;
    this.#topics = options.topics;
    this.#listener = listener;
  }

  start(): void {
    if (this.#open) return;
    this.#open = true;
    this.#paused = false;
    const invalid = this.#topics.find((topic) => !isTopicFilter(topic));
    if (invalid !== undefined) {
      const reason = `"${invalid}": not a valid topic filter`;
      queueMicrotask(() => this.#listener.onStatus({ kind: 'down', reason, fatal: true }));
      return;
    }
    this.#ignoreUp = this.#core.onUp((up) => {
      if (up) void this.#attach();
      else this.#listener.onStatus({ kind: 'down', reason: STOPPED, fatal: false });
    });
  }

  async #attach(): Promise<void> {
    const { sessions } = this.#core;
    const { clientId, expectSession } = this.#options;
    const sessionLost = expectSession && this.#topics.length > 0 && !sessions.has(clientId);
    const opened = sessions.open(clientId, this.#topics, this.#listener);
    this.#session = opened.session;
    opened.session.paused = this.#paused;
    await opened.stored;
    if (this.#open && !this.#paused) this.#listener.onStatus({ kind: 'up', sessionLost });
  }

  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#ignoreUp?.();
    this.#ignoreUp = null;
    const session = this.#session;
    this.#session = null;
    await session?.detach(SETTLE_MS);
  }

  pause(): void {
    if (!this.#open || this.#paused) return;
    this.#paused = true;
    if (this.#session !== null) this.#session.paused = true;
    queueMicrotask(() => this.#listener.onStatus({ kind: 'paused' }));
  }

  resume(): void {
    if (!this.#open || !this.#paused) return;
    this.#paused = false;
    if (this.#session === null) return;
    this.#session.paused = false;
    if (this.#core.isUp) queueMicrotask(() => this.#listener.onStatus({ kind: 'up', sessionLost: false }));
  }

  unsubscribe(): void {
    this.#topics = [];
    if (this.#session !== null) void this.#core.sessions.open(this.#options.clientId, [], this.#listener).stored;
  }

  async drained(): Promise<boolean> {
    return this.#core.isUp && !this.#paused && this.#session?.isDrained === true;
  }

  async clear(): Promise<void> {
    if (this.#open) throw new BridgeError('sourceNotStopped', 'A source must be stopped before its session is cleared');
    if (!this.#core.isUp) throw new BridgeError('sessionNotCleared', STOPPED, { exitCode: EXIT.unavailable });
    await this.#core.sessions.clear(this.#options.clientId);
  }
}

export class EmbeddedTable implements TableReader {
  readonly #core: Core;
  readonly #options: TableOptions;
  readonly #listener: TableListener;
  readonly #cleanUps: (() => void)[] = [];
  #cancelSnapshot: Cancel | null = null;
  #keys = new Set<string>();
  /** Records that the listener could not keep, by key. */
  readonly #again = new Map<string, Cancel>();

  constructor(core: Core, options: TableOptions, listener: TableListener) {
    this.#core = core;
    this.#options = options;
    this.#listener = listener;
  }

  start(): void {
    if (this.#cleanUps.length > 0) return;
    this.#cleanUps.push(
      this.#core.onUp((up) => {
        if (up) this.#readAll();
        else {
          this.#cancelSnapshot?.();
          this.#listener.onStatus({ up: false, reason: STOPPED });
        }
      }),
      this.#core.onAccepted(({ topic, payload }) => {
        const key = keyUnder(this.#options.prefix, topic);
        if (key !== null) this.#tell(key, payload.length === 0 ? null : payload);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#cancelSnapshot?.();
    for (const cancel of this.#again.values()) cancel();
    this.#again.clear();
    for (const cleanUp of this.#cleanUps.splice(0)) cleanUp();
  }

  #readAll(): void {
    const { clientId, prefix, settleMs } = this.#options;
    this.#keys = new Set();
    this.#listener.onStatus({ up: true });
    if (clientId !== undefined) for (const key of this.#core.retained.watch(clientId, prefix)) this.#tell(key, null);
    for (const [key, payload] of this.#core.retained.under(prefix)) this.#tell(key, payload);
    this.#cancelSnapshot = this.#core.clock.after(settleMs, () => this.#listener.onSnapshot(new Set(this.#keys)));
  }

  #tell(key: string, value: Buffer | null): void {
    if (value === null) this.#keys.delete(key);
    else this.#keys.add(key);
    this.#again.get(key)?.();
    this.#again.delete(key);
    try {
      this.#listener.onRecord(key, value);
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      const again = (): void => this.#tell(key, value);
      this.#again.set(key, this.#core.clock.after(TELL_AGAIN_MS, again));
    }
  }
}

export interface EmbeddedPublisherLimits {
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  readonly timeoutMs: number;
}

/**
 * Its will cannot be published when this process dies, since the broker dies with it; no one could have received it then.
 * It is kept in the broker's file and published when the broker starts again, before anyone can connect and read.
 */
export class EmbeddedPublisher implements Publisher {
  readonly #core: Core;
  readonly #will: WillOptions | undefined;
  readonly #client: string;
  readonly #limits: EmbeddedPublisherLimits;
  readonly #listeners: ((status: { readonly up: boolean; readonly reason?: string }) => void)[] = [];
  readonly #pending = new Set<(error: Error | null) => void>();
  #pendingBytes = 0;
  #running = false;
  #ignoreUp: (() => void) | null = null;

  constructor(core: Core, client: string, will: WillOptions | undefined, limits: EmbeddedPublisherLimits) {
    this.#core = core;
    this.#client = client;
    this.#will = will;
    this.#limits = limits;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#ignoreUp = this.#core.onUp((up) => {
      const tell = (): void => {
        for (const listen of this.#listeners) listen(up ? { up } : { up, reason: STOPPED });
      };
      if (up && this.#will !== undefined) void this.#core.keepWill(this.#client, this.#will).then(tell, tell);
      else tell();
    });
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#ignoreUp?.();
    this.#ignoreUp = null;
    for (const settle of [...this.#pending]) {
      settle(new BridgeError('publisherStopped', 'Not published: stopped'));
    }
    this.#core.gate.leave(this);
    if (this.#will !== undefined && this.#core.isUp) this.#core.forgetWill(this.#client);
  }

  get connected(): boolean {
    return this.#running && this.#core.isUp;
  }

  onStatus(listen: (status: { readonly up: boolean; readonly reason?: string }) => void): void {
    this.#listeners.push(listen);
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<void> {
    const { maxPending, maxPendingBytes, timeoutMs } = this.#limits;
    const bytes = Buffer.byteLength(payload) + topic.length;
    return new Promise((resolve, reject) => {
      assertOpen(topic);
      if (!this.connected) throw new BridgeError('publisherStopped', `Not published to "${topic}": not started`);
      if (this.#pending.size >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
        throw new BridgeError('publishQueueFull', `Not published to "${topic}": too many publishes wait already`, {
          exitCode: EXIT.unavailable,
        });
      }
      const settle = (error: Error | null): void => {
        if (!this.#pending.delete(settle)) return;
        this.#pendingBytes -= bytes;
        cancel();
        if (error === null) resolve();
        else reject(error);
      };
      const cancel = this.#core.clock.after(timeoutMs, () => {
        settle(
          new BridgeError('publishTimeout', `The publish to "${topic}" was not accepted within ${timeoutMs} ms`, {
            exitCode: EXIT.unavailable,
          }),
        );
        // Else what waits for room would pile up there. What came after it is as unlikely to be accepted in time.
        this.#core.gate.leave(this);
      });
      this.#pending.add(settle);
      this.#pendingBytes += bytes;
      const { qos = 1, retain = false } = options;
      const publication = { topic, payload: Buffer.from(payload), qos, retain, dup: false };
      // One that timed out may still come through, which "at least once" allows.
      this.#core.publish(this, publication, settle);
    });
  }
}
