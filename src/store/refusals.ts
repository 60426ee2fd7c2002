// What the store says no to.
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';

/** Throws where it could not be the name of a folder. */
export function checkConnectionId(id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(id)) return;
  const message = `${JSON.stringify(id.slice(0, 80))} is no connection id`;
  throw new BridgeError('badConnectionId', message, { exitCode: EXIT.data });
}

export function journalUnavailable(id: string, error: unknown): BridgeError {
  const message = `The journal of ${id} cannot be opened: ${describeError(error)}`;
  return new BridgeError('journalUnavailable', message, { exitCode: EXIT.unavailable, cause: error });
}
