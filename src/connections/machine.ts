// The words of a connection's state machine: its state, the signals that it takes and the effects that it asks for.
import type { ConnectionState, ReconnectStrategy } from '../domain/connection.ts';
import type { NewEvent } from '../domain/events.ts';

/** UNREACHABLE is what readers make of a missing heartbeat: no worker is ever in it. */
export type Phase = Exclude<ConnectionState, 'UNREACHABLE'>;

/** Where CLOSING leads. */
export type Target = 'reopen' | 'failure' | 'refused' | 'hold' | 'deactivate';

export interface Machine {
  readonly phase: Phase;
  /** Plain words for a person; null where all is well. */
  readonly reason: string | null;
  /** Closed until a person acts: no access, no project, no licence. */
  readonly held: boolean;
  /** Store, line and source: none, in the making, there, or being taken down. */
  readonly parts: 'none' | 'making' | 'ready' | 'stopping';
  /** The line was opened and not closed since. */
  readonly lineOpen: boolean;
  readonly target: Target | null;
  /** Failed attempts in a row, and since when (monotonic ms) nothing but failure has come. */
  readonly attempts: number;
  readonly failingSince: number | null;
  /** Not before this (monotonic ms): HERE's `Retry-After`. */
  readonly notBefore: number;
  /** A failure series: when it first closed the connection, and whether the host's health has reopened it already. */
  readonly series: { readonly closedAt: number; readonly healthTried: boolean } | null;
  readonly openedAt: number | null;
  /** Refused tokens in a row without an accepted batch in between. */
  readonly tokenRefusals: number;
  readonly tokenRefusedAt: number;
  /** `hereUnavailable` was told and `hereBack` was not yet. */
  readonly outageTold: boolean;
}

export type Signal =
  | { readonly kind: 'open' }
  | { readonly kind: 'deactivate' }
  /** The account or project has changed: the waiting uplinks go to the new one. */
  | { readonly kind: 'reopen' }
  /** A person asks for a restart. */
  | { readonly kind: 'restart' }
  /** AGGRESSIVE: no uplink for over an hour. */
  | { readonly kind: 'silence' }
  /** The strategy may be another one now. */
  | { readonly kind: 'settings' }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'prepareFailed'; readonly message: string }
  | { readonly kind: 'projectOpened' }
  | { readonly kind: 'transient'; readonly message: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly message: string }
  | {
      readonly kind: 'unusable';
      readonly event: 'projectMissing' | 'licenceExpired' | 'held';
      readonly message: string;
    }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'failing'; readonly message: string; readonly sinceMs: number; readonly rateLimited: boolean }
  | { readonly kind: 'reauthenticate' }
  | { readonly kind: 'hold'; readonly message: string }
  | { readonly kind: 'lineClosed' }
  | { readonly kind: 'tornDown' }
  | { readonly kind: 'retryDue' }
  | { readonly kind: 'reconnectDue' }
  | { readonly kind: 'hostHealthy' };

export type Effect =
  /** Make store, line and source → prepared | prepareFailed. */
  | { readonly kind: 'prepare' }
  /** Log in and open the project, instead of what was under way → projectOpened | transient | refused | unusable. */
  | { readonly kind: 'authenticate' }
  /** Drop the log-in under way: its answer must not come. */
  | { readonly kind: 'cancelWork' }
  | { readonly kind: 'openLine' }
  /** → lineClosed */
  | { readonly kind: 'closeLine' }
  /** Stop source and line, close the store → tornDown. */
  | { readonly kind: 'tearDown' }
  | { readonly kind: 'restartSource' }
  | { readonly kind: 'forgetRefusal' }
  /** → retryDue; jitter may shorten it, but not below `atLeastMs`. */
  | { readonly kind: 'retryAfter'; readonly ms: number; readonly atLeastMs: number }
  /** → reconnectDue; jitter is added. */
  | { readonly kind: 'reconnectAfter'; readonly ms: number }
  /** → hostHealthy */
  | { readonly kind: 'watchHost' }
  | { readonly kind: 'cancelTimers' }
  | { readonly kind: 'tell'; readonly event: Pick<NewEvent, 'kind' | 'severity' | 'message'> };

export interface MachineSettings {
  readonly strategy: ReconnectStrategy;
  /** Nothing but failure for so long closes a connection. */
  readonly closeAfterMs: number;
  /** Retries within OPENING double from one to the other. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** A failure is news for people after so long. */
  readonly tellOutageAfterMs: number;
}

export interface Step {
  readonly next: Machine;
  /** In the order in which they are to be done. */
  readonly effects: readonly Effect[];
}

export function initialMachine(): Machine {
  return {
    phase: 'DEACTIVATED',
    reason: null,
    held: false,
    parts: 'none',
    lineOpen: false,
    target: null,
    attempts: 0,
    failingSince: null,
    notBefore: 0,
    series: null,
    openedAt: null,
    tokenRefusals: 0,
    tokenRefusedAt: 0,
    outageTold: false,
  };
}
