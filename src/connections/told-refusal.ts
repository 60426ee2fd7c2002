// Which refusal of a connection's log-in a person was told of, kept in its store: what is refused without another try, as after a
// restart, is no news.
import { createHash } from 'node:crypto';
import type { Connection } from '../domain/connection.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const KEY = 'refusalTold';

export type Refusal = 'logInRefused' | 'accountLocked';

export function wasTold(store: Pick<ConnectionStore, 'getState'>, connection: Connection, refusal: Refusal): boolean {
  try {
    return store.getState(KEY) === textOf(connection, refusal);
  } catch {
    return false;
  }
}

/** null: another refusal is news. Never throws: a failing disk is told by the journal. */
export function keepTold(
  store: Pick<ConnectionStore, 'getState' | 'setState'>,
  connection: Connection,
  refusal: Refusal | null,
): void {
  try {
    const text = refusal === null ? null : textOf(connection, refusal);
    if (store.getState(KEY) !== text) store.setState(KEY, text);
  } catch {
    // Then it is told once more.
  }
}

/**
 * Without the password: a changed one is tried, and what HERE says to a try is told in any case. Not in plain: it goes along to other
 * workers by a topic that others may read.
 */
function textOf({ id, account: { service, realm, email } }: Connection, refusal: Refusal): string {
  return createHash('sha256')
    .update(JSON.stringify([id, refusal, service, realm, email]))
    .digest('hex');
}
