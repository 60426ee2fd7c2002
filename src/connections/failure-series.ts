// A series of failures of one connection: from its first closing until HERE takes records again. The reconnect strategy
// counts from its beginning, and the host's health reopens a connection in it: with all others at first, later few at a time.
import type { Machine } from './machine.ts';

export const AWAY = 'HERE could not be reached.';
export const COMES_BACK = 'It opens again as its strategy says, or once HERE is healthy again; its uplinks wait.';
export const TRYING = ' Trying again.';
export const GIVEN_UP = ' Given up, as the strategy says: restart the connection.';

/** A reason without what was added to it. */
export function bare(reason: string | null): string | null {
  return reason?.replace(TRYING, '').replace(GIVEN_UP, '') ?? null;
}

/**
 * What closing for failure changes. A connection that had been open for long begins a new series; one that flaps goes on
 * with its old one. `news` false: only a reconnect attempt has failed.
 */
export function noteClosing(
  machine: Machine,
  at: number,
  closeAfterMs: number,
): { readonly change: Partial<Machine>; readonly news: boolean } {
  const openedForMs = at - (machine.openedAt ?? at);
  const fresh = machine.series === null || openedForMs > 2 * closeAfterMs;
  return {
    change: {
      series: fresh ? { closedAt: at, healthTried: false } : machine.series,
      openedAt: null,
      // So that the next attempt is one attempt: its first failure closes the connection again.
      failingSince: machine.failingSince ?? at - closeAfterMs,
    },
    news: fresh || machine.openedAt !== null,
  };
}
