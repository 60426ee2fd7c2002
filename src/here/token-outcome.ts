// What became of asking for a token.
import type { RetryCause } from '../domain/ports/here.ts';

export type TokenOutcome =
  | { readonly kind: 'ok'; readonly token: string; readonly reused: boolean }
  /** A person must act. `attempted` false: nothing was sent. */
  | { readonly kind: 'refused'; readonly attempted: boolean; readonly message: string; readonly lockedOut?: boolean }
  | {
      readonly kind: 'retry';
      readonly cause: RetryCause;
      readonly afterMs: number | null;
      readonly message: string;
      /** A pause of ours: HERE was not asked. */
      readonly isPause?: true;
    };

/** Why there is no token for now. `afterMs` null: HERE has not said how long. */
export interface Delay {
  readonly cause: RetryCause;
  readonly afterMs: number | null;
  readonly message: string;
}

export function retry(cause: RetryCause, afterMs: number | null, message: string): TokenOutcome {
  return { kind: 'retry', cause, afterMs: afterMs === null ? null : Math.ceil(afterMs), message };
}

export function pause(afterMs: number, message: string): TokenOutcome {
  return { kind: 'retry', cause: 'unavailable', afterMs: Math.ceil(afterMs), message, isPause: true };
}

export const UNCONFIRMED = retry(
  'unavailable',
  1000,
  'this worker has not heard from its group for a session time-out, and another one may have the account by now',
);

export const NOT_WELL: Delay = {
  cause: 'unavailable',
  afterMs: null,
  message: 'HERE has not answered the last log-in, and is not well: the next one waits',
};
