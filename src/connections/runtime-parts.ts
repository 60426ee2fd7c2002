// The parts that journal a connection's uplinks: its store, its line, its sources and its budget. They are made together
// and stopped together; journalling goes on in every state except DEACTIVATED.
import type { Connection, ConnectionSource } from '../domain/connection.ts';
import type { SourceStatus } from '../domain/ports/broker.ts';
import type { LineObserver } from '../domain/ports/line.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import { JournalBudget } from './journal-budget.ts';
import { isMarkedDeleting, startAnew } from './purge.ts';
import type { MadeLine, RuntimeOptions } from './runtime-options.ts';
import { SourceSessions } from './source-sessions.ts';
import { Watches, type WatchListener } from './watches.ts';

export interface PartsListener {
  readonly observer: LineObserver;
  readonly watch: WatchListener;
  readonly onSource: (status: SourceStatus) => void;
}

/** How long the last commit to Kafka may take: what it does not say comes once more. */
const COMMIT_MS = 2_000;

export class RuntimeParts {
  readonly store: ConnectionStore;
  readonly made: MadeLine;
  readonly sources: SourceSessions;
  readonly watches: Watches;

  private constructor(store: ConnectionStore, made: MadeLine, sources: SourceSessions, watches: Watches) {
    this.store = store;
    this.made = made;
    this.sources = sources;
    this.watches = watches;
  }

  /** Rejects when the store or the line cannot be made, or `signal` comes first; nothing is left open then. The source has begun to connect. */
  static async make(
    connection: Connection,
    options: RuntimeOptions,
    listener: PartsListener,
    signal: AbortSignal,
  ): Promise<RuntimeParts> {
    const { id } = connection;
    const store = await openFresh(id, options, signal);
    try {
      const made = options.makeLine({ connection, store, observer: listener.observer });
      const budgetOf = (): JournalBudget => budget;
      const sources = new SourceSessions({
        connectionId: id,
        store,
        broker: options.broker,
        clientId: options.clientId,
        line: made.line,
        concern: made.concern ?? null,
        onMessages: () => {
          watches.heard();
          budgetOf().check();
        },
        onStatus: listener.onSource,
        events: options.events,
        clock: options.clock,
        ...(options.mayConnect === undefined ? {} : { mayConnect: options.mayConnect }),
      });
      const budget = new JournalBudget({
        connectionId: id,
        store,
        hasRoom: () => made.line.hasRoom,
        events: options.events,
        pause: () => {
          if (!sources.asksForRoom) sources.pause();
        },
        resume: () => sources.resume(),
      });
      const watches = new Watches(id, { store, budget }, options, listener.watch);
      try {
        sources.start(connection.source);
      } catch (error) {
        await sources.stop();
        await made.line.stop(AbortSignal.abort());
        throw error;
      }
      return new RuntimeParts(store, made, sources, watches);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** False: the disk refuses, so that the move could not be finished after a crash. */
  move(source: ConnectionSource): boolean {
    try {
      this.sources.move(source);
      return true;
    } catch {
      return false;
    }
  }

  /** Stops taking; then lets what is in flight settle until `signal` aborts; then closes the store, soon with `hurry`. Never rejects. */
  async stop(signal: AbortSignal, hurry: AbortSignal): Promise<void> {
    const ends = [
      () => this.sources.stop(),
      () => this.made.line.stop(signal),
      () => this.sources.commit(COMMIT_MS),
      async () => this.watches.stop(),
      () => this.store.close(hurry),
    ];
    for (const end of ends) {
      try {
        await end();
      } catch {
        // Each part must end, whatever became of the one before; what was not settled comes again.
      }
    }
  }
}

/**
 * A store whose deletion was not finished belongs to the past: the connection has been defined anew. It goes, and what is left of its
 * sessions is for the new one to end: not to go on with, for they may have other topics, and what they hold was another's. A mark that
 * is set while it is being opened is a new deletion, which ends the session at the broker before the store goes.
 */
async function openFresh(id: string, options: RuntimeOptions, signal: AbortSignal): Promise<ConnectionStore> {
  const { store: bridge, journalMaxBytes: maxBytes } = options;
  // Not once that has begun: between the former store and the new one the sessions are nowhere else.
  signal.throwIfAborted();
  if (isMarkedDeleting(bridge, id)) await startAnew(options, id);
  return bridge.openConnection(id, { maxBytes, signal });
}
