// Why a connection is held, kept in its store: a worker that comes back goes on with a probe instead of all that waits.
// A changed definition releases the hold, also where it is changed while the worker is away.
import { createHash } from 'node:crypto';
import type { Connection } from '../domain/connection.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const KEY = 'heldFor';

/** null: it was not held, or its definition is another one since. */
export function keptHold(store: Pick<ConnectionStore, 'getState'>, connection: Connection): string | null {
  try {
    const text = store.getState(KEY);
    if (text === null) return null;
    const { heldFor, definition } = JSON.parse(text) as { heldFor?: unknown; definition?: unknown };
    return typeof heldFor === 'string' && definition === digestOf(connection) ? heldFor : null;
  } catch {
    return null;
  }
}

/** `heldFor` null: it is held no more. Never throws: a failing disk is told by the journal. */
export function keepHold(
  store: Pick<ConnectionStore, 'getState' | 'setState'>,
  connection: Connection,
  heldFor: string | null,
): void {
  try {
    if (heldFor !== null) store.setState(KEY, JSON.stringify({ heldFor, definition: digestOf(connection) }));
    else if (store.getState(KEY) !== null) store.setState(KEY, null);
  } catch {
    // Then the next start begins with all that waits, as after a restart by a person.
  }
}

function digestOf({ record }: Connection): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('base64');
}
