// Deletes a connection: its sessions at the brokers, then its store. A mark in the store, set first, lets it be resumed.

import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { loadSessions, type Session } from './session-records.ts';

export interface PurgeOptions {
  readonly store: BridgeStore;
  readonly broker: (name: string) => Broker | null;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly journalMaxBytes: number;
  /** For one try; tries repeat from 5 s up to 10 min apart. 10 s by default. */
  readonly clearTimeoutMs?: number;
}

const MARK = 'deleting';
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 600_000;

/** Durable when it returns. */
export function markDeleting(store: BridgeStore, id: string): void {
  store.setState(id, MARK, '1');
}

/** Whether the deletion of a connection has begun of which something is stored, or travels among workers. */
export function isMarkedDeleting(store: Pick<BridgeStore, 'getState'>, id: string): boolean {
  return store.getState(id, MARK) !== null;
}

/**
 * Removes everything of a connection whose runtime has stopped. Sessions at a broker that is away are tried once, then for as long as
 * `signal` allows; then `false`, the mark stays and the next start goes on. `unsay`: clears what was said of it on topics; the store
 * goes after that, for without it nobody would know after a kill that something was left there.
 */
export async function purgeConnection(
  options: PurgeOptions,
  id: string,
  signal: AbortSignal,
  unsay: () => Promise<void> | void,
): Promise<boolean> {
  if (!isThere(options.store, id)) {
    void unsay();
    return true;
  }
  const store = await options.store.openConnection(id, { maxBytes: options.journalMaxBytes });
  let sessions: Session[];
  try {
    // It may be there already: a full disk must not keep from going on.
    if (store.getState(MARK) === null) store.setState(MARK, '1');
    sessions = loadSessions(store);
  } finally {
    await store.close();
  }
  let waitMs = FIRST_RETRY_MS;
  while (sessions.length > 0) {
    sessions = await clearAll(options, id, sessions);
    if (sessions.length === 0 || signal.aborted) break;
    await pause(options.clock, waitMs, signal);
    waitMs = Math.min(LAST_RETRY_MS, waitMs * 2);
  }
  // What is said of it may be another worker's word by now.
  if (sessions.length > 0 || signal.aborted || !(await within(unsay(), signal))) return false;
  await options.store.deleteConnection(id);
  return true;
}

/** Gives up sessions that could not be ended: the connection is defined anew and takes its sessions over. */
export async function dropStore({ store }: PurgeOptions, id: string, how?: { onlyHere: boolean }): Promise<void> {
  if (isThere(store, id)) await store.deleteConnection(id, how);
}

/** Its sessions may be all that there is: they travel with it, also to a worker where it never ran. The mark goes with them. */
function isThere(store: BridgeStore, id: string): boolean {
  return store.connectionIds().includes(id) || isMarkedDeleting(store, id);
}

/** Those that are left. */
async function clearAll(options: PurgeOptions, id: string, sessions: readonly Session[]): Promise<Session[]> {
  const left: Session[] = [];
  for (const session of sessions) {
    const broker = options.broker(session.broker);
    const why = broker === null ? 'its broker is no longer configured' : await clear(options, broker, session);
    if (why === null) continue;
    options.events.emit({
      kind: 'sourceDown',
      severity: 'warning',
      connectionId: id,
      key: `purge:${session.generation}`,
      message: `The session "${session.clientId}" of the deleted connection on broker "${session.broker}" could not be ended: ${why}.`,
    });
    // Without a broker there is nothing to try again.
    if (broker !== null) left.push(session);
  }
  return left;
}

async function clear(options: PurgeOptions, broker: Broker, session: Session): Promise<string | null> {
  const { clientId, topics } = session;
  const source = broker.openSource(
    { clientId, topics, expectSession: false },
    { onMessages: (_messages, done) => done(new Error('the connection is deleted')), onStatus: () => {} },
  );
  try {
    await source.stop();
    await source.clear(options.clearTimeoutMs ?? 10_000);
    return null;
  } catch (error) {
    return describeError(error);
  }
}

/** False: the signal came first. */
async function within(done: Promise<void> | void, signal: AbortSignal): Promise<boolean> {
  const ended = Promise.withResolvers<boolean>();
  const end = (): void => ended.resolve(false);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const isDone = await Promise.race([Promise.resolve(done).then(() => true), ended.promise]);
  signal.removeEventListener('abort', end);
  return isDone;
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
