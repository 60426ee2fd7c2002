// What a connection's store remembers of its sessions at brokers, oldest first; the last is the one it reads from. Those of a deleted
// connection of its name come before all others.
import type { ConnectionStore } from '../domain/ports/store.ts';

export interface Session {
  readonly generation: number;
  readonly broker: string;
  readonly clientId: string;
  readonly topics: readonly string[];
  /** The broker had it once: its absence is news. */
  readonly established: boolean;
  /** Of a deleted connection that had the same name: it is only ended, and nothing of it is read. */
  readonly former?: boolean;
}

const KEY = 'sessions';

export function loadSessions(store: Pick<ConnectionStore, 'getState'>): Session[] {
  const kept = store.getState(KEY);
  if (kept === null) return [];
  try {
    const value: unknown = JSON.parse(kept);
    return Array.isArray(value) ? value.filter(isSession) : [];
  } catch {
    return [];
  }
}

/** Durable when it returns; throws when the disk refuses. */
export function saveSessions(store: Pick<ConnectionStore, 'setState'>, sessions: readonly Session[]): void {
  store.setState(KEY, sessions.length === 0 ? null : JSON.stringify(sessions));
}

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null) return false;
  const session = value as Partial<Session>;
  return (
    typeof session.generation === 'number' &&
    typeof session.broker === 'string' &&
    typeof session.clientId === 'string' &&
    typeof session.established === 'boolean' &&
    Array.isArray(session.topics) &&
    session.topics.every((topic) => typeof topic === 'string')
  );
}
