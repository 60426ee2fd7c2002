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
  /**
   * No access, no project, no licence, or too many records refused: until a person acts or a probe passes. Still true while
   * a probe is under way, so in every phase that leads to its end.
   */
  readonly held: boolean;
  /** Why it is held, as `reason` says while no probe is under way. */
  readonly heldFor: string | null;
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
  /** Why it is restarted, where that is said at its opening; `sameSilence`: it was, so its opening is no news. */
  readonly restartedFor: 'silence' | 'sameSilence' | null;
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
  /** AGGRESSIVE: no uplink for over an hour. `again`: none either since the last restart for it. */
  | { readonly kind: 'silence'; readonly again?: boolean }
  /** The strategy may be another one now. */
  | { readonly kind: 'settings' }
  /** `heldFor`: the worker stopped while the connection was held, so it begins with a probe. */
  | { readonly kind: 'prepared'; readonly heldFor?: string | null }
  | { readonly kind: 'prepareFailed'; readonly message: string }
  | { readonly kind: 'projectOpened' }
  /** `isPause`: HERE was not asked, for it is too soon after the last log-in. */
  | { readonly kind: 'transient'; readonly message: string; readonly afterMs: number | null; readonly isPause?: true }
  /** `event` null: a person was told before. */
  | { readonly kind: 'refused'; readonly message: string; readonly event: 'logInRefused' | 'accountLocked' | null }
  | {
      readonly kind: 'unusable';
      readonly event: 'projectMissing' | 'licenceExpired' | 'held';
      readonly message: string;
    }
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'failing';
      readonly message: string;
      readonly sinceMs: number;
      /** HERE's Retry-After: until then nothing is asked, and nothing more can be told. */
      readonly pauseMs?: number;
      readonly rateLimited: boolean;
    }
  | { readonly kind: 'reauthenticate' }
  | { readonly kind: 'hold'; readonly message: string }
  | { readonly kind: 'lineClosed' }
  | { readonly kind: 'tornDown' }
  | { readonly kind: 'retryDue' }
  | { readonly kind: 'reconnectDue' }
  /** A held connection is tried once more. */
  | { readonly kind: 'probeDue' }
  | { readonly kind: 'hostHealthy' };

export type Effect =
  /** Make store, line and source → prepared | prepareFailed. */
  | { readonly kind: 'prepare' }
  /** Log in and open the project, instead of what was under way → projectOpened | transient | refused | unusable. */
  | { readonly kind: 'authenticate' }
  /** Drop the log-in under way: its answer must not come. */
  | { readonly kind: 'cancelWork' }
  /** `probe`: one uplink at a time until one is accepted. */
  | { readonly kind: 'openLine'; readonly probe: boolean }
  /** → lineClosed */
  | { readonly kind: 'closeLine' }
  /** Stop source and line, close the store → tornDown. */
  | { readonly kind: 'tearDown' }
  | { readonly kind: 'restartSource'; readonly forSilence?: true }
  | { readonly kind: 'forgetRefusal' }
  /** → retryDue; jitter may shorten it, but not below `atLeastMs`. */
  | { readonly kind: 'retryAfter'; readonly ms: number; readonly atLeastMs: number }
  /** → reconnectDue; jitter is added. */
  | { readonly kind: 'reconnectAfter'; readonly ms: number }
  /** → probeDue; jitter is added. */
  | { readonly kind: 'probeAfter'; readonly ms: number }
  /** → hostHealthy. `again`: the host's health has reopened it in this series before, in vain. */
  | { readonly kind: 'watchHost'; readonly again: boolean }
  /** HERE has taken records of a connection that was closed for failure. */
  | { readonly kind: 'hostWorks' }
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
  /** A held connection is tried after so long, again and again. */
  readonly probeAfterMs: number;
}

export const PATIENCE = { tellOutageAfterMs: 10_000, probeAfterMs: 600_000 } as const;

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
    heldFor: null,
    parts: 'none',
    lineOpen: false,
    target: null,
    attempts: 0,
    failingSince: null,
    notBefore: 0,
    series: null,
    openedAt: null,
    restartedFor: null,
    tokenRefusals: 0,
    tokenRefusedAt: 0,
    outageTold: false,
  };
}
