// Deletes a connection: its sessions at the brokers, then its store. A mark in the store, set first, lets it be resumed.

import type { EventSink } from '../domain/events.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { within } from '../domain/within.ts';
import { endSessions } from './session-end.ts';
import { loadSessions, type Session, saveSessions } from './session-records.ts';

export interface PurgeOptions {
  readonly store: BridgeStore;
  readonly broker: (name: string) => Broker | null;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly journalMaxBytes: number;
  /** See `SessionEndOptions`. */
  readonly clearTimeoutMs?: number;
}

export interface PurgeCourse {
  /** Ends the wait for a broker that is away. */
  readonly signal: AbortSignal;
  /** Another worker has it by now: what is at brokers, and what is said of it, is that one's. */
  readonly isAnothers: () => boolean;
  /** Clears what was said of it on topics. */
  readonly unsay: () => Promise<void> | void;
}

const MARK = 'deleting';
/** Of former sessions. Beyond it a definition comes and goes again and again while its broker is away. */
const MAX_FORMER = 100;

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
 * `signal` allows; then it returns those that are left, the mark stays and the next start goes on. null: all of it is gone. The store
 * goes after what was said on topics, for without it nobody would know after a kill that something was left there.
 */
export async function purgeConnection(
  options: PurgeOptions,
  id: string,
  { signal, isAnothers, unsay }: PurgeCourse,
): Promise<readonly Session[] | null> {
  // Its sessions may be all that there is: they travel with it, also to a worker where it never ran. The mark goes with them.
  if (!options.store.connectionIds().includes(id) && !isMarkedDeleting(options.store, id)) {
    void unsay();
    return null;
  }
  const store = await options.store.openConnection(id, { maxBytes: options.journalMaxBytes, signal }).catch((error) => {
    if (signal.aborted) return null;
    throw error;
  });
  // Broken off: the next start, or the new definition, goes on.
  if (store === null) {
    if (!isMarkedDeleting(options.store, id)) markDeleting(options.store, id);
    return keptSessions(options.store, id);
  }
  let sessions: readonly Session[];
  try {
    // It may be there already: a full disk must not keep from going on.
    if (store.getState(MARK) === null) store.setState(MARK, '1');
    sessions = loadSessions(store);
  } finally {
    await store.close(signal);
  }
  const left = await endSessions({ ...options, connectionId: id, mayTry: () => !isAnothers() }, sessions, signal);
  // What is said of it may be another worker's word by now.
  if (left.length > 0 || signal.aborted || !(await within(unsay(), signal))) return left;
  await options.store.deleteConnection(id);
  return null;
}

/**
 * A connection was defined anew before its deletion was done: all of it goes, and the new one has to end the sessions that are left.
 * A kill between the two stores forgets them: that moment is short, a broker's absence is not.
 */
export async function startAnew(
  { store, journalMaxBytes }: Pick<PurgeOptions, 'store' | 'journalMaxBytes'>,
  id: string,
  left: readonly Session[] = keptSessions(store, id),
  isAnothers: () => boolean = () => false,
): Promise<void> {
  await store.deleteConnection(id);
  // Put now, they would take the place of the sessions that its new worker has begun.
  if (left.length === 0 || isAnothers()) return;
  const next = await store.openConnection(id, { maxBytes: journalMaxBytes });
  try {
    const former = left.slice(-MAX_FORMER).map((session) => ({ ...session, former: true }));
    saveSessions(next, former);
  } finally {
    await next.close();
  }
}

function keptSessions(store: Pick<BridgeStore, 'getState'>, id: string): readonly Session[] {
  return loadSessions({ getState: (name) => store.getState(id, name) });
}

export function whatIsLeft(store: Pick<BridgeStore, 'deadLetters'>, id: string): string {
  const { count = 0, keptUntil = null } = store.deadLetters(id)?.totals() ?? {};
  if (count === 0) return 'The connection and everything stored of it were deleted.';
  if (keptUntil === null) return `The connection was deleted; its ${count} dead letters are those of the new one.`;
  return `The connection and what is stored of it were deleted; its ${count} dead letters are kept until ${new Date(keptUntil).toISOString()}.`;
}
