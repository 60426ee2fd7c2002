// The broker sessions of one connection: the one it reads from, and those of earlier definitions that are still to be read
// empty and ended. What they are is kept in the connection's store, so that a move can be finished after a crash.
import type { ConnectionSource } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker, Concern, RoomAware, SourceListener, SourceStatus, UplinkSource } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { SourceListenerWithoutStatus } from '../domain/ports/line.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { SessionDrain } from './session-drain.ts';
import { endSessions } from './session-end.ts';
import { loadSessions, type Session, saveSessions } from './session-records.ts';
import { gapNews } from './source-news.ts';

export interface SourceSessionsOptions {
  readonly connectionId: string;
  readonly store: Pick<ConnectionStore, 'getState' | 'setState' | 'places'>;
  /** Null for a name that the worker's configuration does not have. */
  readonly broker: (name: string) => Broker | null;
  /** Names a session at the broker; `generation` grows with each move. */
  readonly clientId: (connectionId: string, generation: number) => string;
  readonly line: SourceListenerWithoutStatus & RoomAware;
  /** See `SourceOptions`; null: all. */
  readonly concern: Concern | null;
  /** Messages were answered: they are in the journal, or it did not take them. */
  readonly onMessages: () => void;
  /** Of the session that the connection reads from. */
  readonly onStatus: (status: SourceStatus) => void;
  readonly events: EventSink;
  readonly clock: Clock;
  /** See `SourceOptions`. */
  readonly mayConnect?: () => boolean;
}

interface OpenSession {
  readonly session: Session;
  readonly source: UplinkSource;
  readonly drain: SessionDrain;
  ending: boolean;
}

const LOOK_MS = 500;
const CLEAR_TIMEOUT_MS = 10_000;

export class SourceSessions {
  readonly #options: SourceSessionsOptions;
  #sessions: Session[];
  readonly #open = new Map<number, OpenSession>();
  #paused = false;
  #stopped = false;
  readonly #stopping = new AbortController();
  #from: ConnectionSource['from'] = 'now';
  #left: readonly UplinkSource[] = [];
  #timer: Cancel | null = null;

  constructor(options: SourceSessionsOptions) {
    this.#options = options;
    this.#sessions = loadSessions(options.store);
  }

  /** Throws for a broker that is not configured. */
  start(source: ConnectionSource): void {
    this.#from = source.from;
    const current = this.#sessions.at(-1);
    if (current === undefined || !isSame(current, source)) this.#begin(source);
    for (const session of this.#sessions) {
      if (!isFormer(session)) this.#openSession(session, session === this.#sessions.at(-1));
    }
    void this.#endFormer();
    this.#lookLater();
  }

  /** Reads from another broker or other topics: the old session goes on until the new one is up, so nothing falls between. */
  move(source: ConnectionSource): void {
    const current = this.#sessions.at(-1);
    if (current !== undefined && isSame(current, source)) return;
    this.#from = source.from;
    this.#begin(source);
    const begun = this.#sessions.at(-1);
    if (begun !== undefined) this.#openSession(begun, true);
    this.#lookLater();
  }

  /** True for an embedded broker, which asks for room by itself instead of being paused. */
  get asksForRoom(): boolean {
    const current = this.#sessions.at(-1);
    return current !== undefined && this.#options.broker(current.broker)?.kind === 'embedded';
  }

  pause(): void {
    this.#paused = true;
    for (const { source } of this.#open.values()) source.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const { source } of this.#open.values()) source.resume();
  }

  /** Connects anew; the session stays. */
  async restart(): Promise<void> {
    const current = this.#open.get(this.#sessions.at(-1)?.generation ?? -1);
    if (current === undefined || current.ending) return;
    current.drain.down();
    await current.source.stop();
    if (this.#stopped || current.ending) return;
    current.source.start();
    if (this.#paused) current.source.pause();
  }

  /** No further messages come; the sessions stay at their brokers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.abort();
    this.#timer?.();
    const sources = [...this.#open.values()].map(({ source }) => source);
    await Promise.all(sources.map((source) => source.stop()));
    // It is stopped once more with all other parts.
    this.#left = [...this.#left, ...sources];
    this.#open.clear();
  }

  /** After `stop`: tells brokers that keep messages by themselves what was settled since. */
  async commit(timeoutMs: number): Promise<void> {
    await Promise.all(this.#left.map((source) => source.commit?.(timeoutMs)));
  }

  #begin(source: ConnectionSource): void {
    const generation = (this.#sessions.at(-1)?.generation ?? -1) + 1;
    const { broker, topics } = source;
    // Kafka's groups have an offset for each topic: a new one would begin anew where another worker must go on.
    const isGroup = this.#options.broker(broker)?.kind === 'kafka';
    const clientId = this.#options.clientId(this.#options.connectionId, isGroup ? 0 : generation);
    if (this.#options.broker(broker) === null) throw new Error(`There is no broker "${broker}" in the configuration.`);
    this.#sessions = [...this.#sessions, { generation, broker, clientId, topics, established: false }];
    saveSessions(this.#options.store, this.#sessions);
  }

  #openSession(session: Session, isCurrent: boolean): void {
    const broker = this.#options.broker(session.broker);
    if (broker === null) {
      if (isCurrent) throw new Error(`There is no broker "${session.broker}" in the configuration.`);
      this.#warn(session, 'its broker is no longer configured');
      return;
    }
    const { line } = this.#options;
    const listener: SourceListener & RoomAware = {
      onMessages: (messages, done, passed) => {
        open.drain.handedOver(done);
        const answered = (error: Error | null): void => {
          open.drain.answered(done);
          done(error);
          this.#options.onMessages();
        };
        try {
          line.onMessages(messages, answered, passed);
        } catch (error) {
          open.drain.answered(done);
          throw error;
        }
      },
      onStatus: (status) => this.#onStatus(open, status),
      get hasRoom() {
        return line.hasRoom;
      },
      onLeftOut: (messages) => line.onLeftOut(messages),
      onGap: (gap) => this.#options.events.emit(gapNews(this.#options.connectionId, session.broker, gap)),
    };
    const { clientId, topics, established } = session;
    const { mayConnect } = this.#options;
    const may = mayConnect === undefined ? {} : { mayConnect };
    const { places } = this.#options.store;
    const { concern } = this.#options;
    const kept =
      broker.kind === 'kafka' && places !== undefined ? { places, ...(concern === null ? {} : { concern }) } : {};
    const from = isCurrent ? this.#from : 'now';
    const source = broker.openSource({ clientId, topics, expectSession: established, from, ...may, ...kept }, listener);
    const open: OpenSession = { session, source, drain: new SessionDrain(this.#options.clock), ending: false };
    this.#open.set(session.generation, open);
    if (!isCurrent && this.#sessions.at(-1)?.established === true) source.unsubscribe();
    source.start();
    if (this.#paused) source.pause();
  }

  #onStatus(open: OpenSession, status: SourceStatus): void {
    const isCurrent = open.session.generation === this.#sessions.at(-1)?.generation;
    const { generation } = open.session;
    if (status.kind === 'up') {
      open.drain.up();
      if (this.#sessions.some((session) => session.generation === generation && !session.established)) {
        this.#replace(this.#sessions.map((s) => (s.generation === generation ? { ...s, established: true } : s)));
      }
      if (isCurrent) this.#leaveOldTopics();
    } else open.drain.down();
    if (isCurrent && !this.#stopped) this.#options.onStatus(status);
  }

  /** From here on the new session has all that comes: the old ones only give what they hold, else all of it would come twice. */
  #leaveOldTopics(): void {
    const current = this.#sessions.at(-1)?.generation;
    for (const { session, source } of this.#open.values()) {
      if (session.generation !== current) source.unsubscribe();
    }
  }

  #replace(sessions: Session[]): void {
    this.#sessions = sessions;
    try {
      saveSessions(this.#options.store, sessions);
    } catch {
      // A failing disk is told by the journal; at worst a session is looked at once more after the next start.
    }
  }

  #lookLater(): void {
    if (this.#timer !== null || this.#stopped || this.#open.size < 2) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#timer = null;
      this.#endOldSessions();
      this.#lookLater();
    });
  }

  #endOldSessions(): void {
    const current = this.#open.get(this.#sessions.at(-1)?.generation ?? -1);
    if (current === undefined || !current.drain.isUp) return;
    const { hasRoom } = this.#options.line;
    for (const open of this.#open.values()) {
      // The embedded broker hands nothing over while the journal is full.
      if (!hasRoom) open.drain.heard();
      if (open !== current && !open.ending && open.drain.isOver(open.source)) void this.#end(open);
    }
  }

  async #end(open: OpenSession): Promise<void> {
    open.ending = true;
    const { generation } = open.session;
    try {
      await open.source.stop();
      if (!isShared(open.session, this.#sessions)) await open.source.clear(CLEAR_TIMEOUT_MS);
      this.#replace(this.#sessions.filter((session) => session.generation !== generation));
    } catch (error) {
      this.#warn(open.session, describeError(error));
    }
    this.#open.delete(generation);
  }

  /** Of a deleted connection of this name. Where a broker is not known, perhaps not yet, the next start tries again. */
  async #endFormer(): Promise<void> {
    const isRead = (session: Session): boolean => !isFormer(session);
    const read = this.#sessions.filter(isRead);
    const former = this.#sessions.filter((session) => isFormer(session) && !isShared(session, read));
    const later = former.filter(({ broker }) => this.#options.broker(broker) === null);
    const now = former.filter((session) => !later.includes(session));
    const onLeft = (left: readonly Session[]): void => {
      if (!this.#stopped) this.#replace([...later, ...left, ...this.#sessions.filter(isRead)]);
    };
    if (former.length + read.length < this.#sessions.length) onLeft(now);
    await endSessions({ ...this.#options, onLeft }, now, this.#stopping.signal);
  }

  #warn(session: Session, why: string): void {
    this.#options.events.emit({
      kind: 'sourceDown',
      severity: 'warning',
      connectionId: this.#options.connectionId,
      key: `old:${session.generation}`,
      message: `The session "${session.clientId}" on broker "${session.broker}", from before the source was moved, could not be ended (${why}). It is tried again at the next start.`,
    });
  }
}

function isFormer({ former }: Session): boolean {
  return former === true;
}

/** Its successor goes on under the same name, as Kafka's groups do. */
function isShared({ generation, broker, clientId }: Session, others: readonly Session[]): boolean {
  return others.some(
    (other) => other.generation !== generation && other.broker === broker && other.clientId === clientId,
  );
}

/** Whether it can be gone on with. */
function isSame(session: Session, source: ConnectionSource): boolean {
  if (isFormer(session)) return false;
  return session.broker === source.broker && session.topics.join('\u0000') === source.topics.join('\u0000');
}
