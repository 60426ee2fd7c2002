// May this pair of email and password be tried? Pure rules over what is kept, since five failed log-ins lock an account.
import type { KeptState } from './kept-account.ts';

/** Failed attempts after which nothing is tried without a person. HERE locks at five (source: HERE's sign-in rules). */
const MAX_FAILED_LOGINS = 4;

export type Permission =
  | { readonly allowed: true }
  /** `lockedOut`: not this pair alone, but the account has no attempt left. */
  | { readonly allowed: false; readonly message: string; readonly lockedOut: boolean };

export function mayTry(state: KeptState, fingerprint: string): Permission {
  if (state.refused.includes(fingerprint)) {
    const words = state.refusal === null ? '' : ` (${state.refusal})`;
    return {
      allowed: false,
      lockedOut: false,
      message: `HERE refused this email and password before${words}; correct the password, or restart the connection to try it once more`,
    };
  }
  // One attempt is kept back for the pair that is known to work, so that a wrong second definition cannot use them all up.
  const isReserved = state.proven !== null && state.proven !== fingerprint;
  if (state.failed >= MAX_FAILED_LOGINS - (isReserved ? 1 : 0)) {
    return {
      allowed: false,
      lockedOut: true,
      message: `${state.failed} log-ins in a row failed and five lock the account; check email and password, then restart the connection`,
    };
  }
  return { allowed: true };
}

/**
 * True: this pair goes only where HERE says that it is well. Attempts that it has not answered may count, and without that an
 * outage would use all of them up in seconds, and leave the account to a person.
 */
export function mustBeWell(state: KeptState, fingerprint: string): boolean {
  return state.failed > 0 && state.proven !== fingerprint;
}

/** After a refusal: no attempt is left, or HERE says that the account is locked. Its words are not published: a hint only. */
export function isLockedOut(state: KeptState, words: string): boolean {
  return state.failed >= MAX_FAILED_LOGINS || /\block(?:ed|out)\b/i.test(words);
}

/** Stored before the request is sent: a crash in between must not lose the attempt. */
export function attempted(state: KeptState): KeptState {
  return { ...state, failed: state.failed + 1 };
}

/** HERE did not judge the pair: it was never sent, or HERE was busy. */
export function notJudged(state: KeptState): KeptState {
  return { ...state, failed: Math.max(0, state.failed - 1) };
}

/** No answer came: a pair that is known to work is not counted, so that an outage cannot use up its attempts. */
export function notAnswered(state: KeptState, fingerprint: string): KeptState {
  return state.proven === fingerprint ? notJudged(state) : state;
}

export function refused(state: KeptState, fingerprint: string, message: string): KeptState {
  return {
    ...state,
    refused: [...state.refused.filter((each) => each !== fingerprint), fingerprint],
    refusal: message,
    proven: state.proven === fingerprint ? null : state.proven,
  };
}

/** The account has all its attempts again; other pairs that HERE has refused stay refused. */
export function worked(state: KeptState, fingerprint: string): KeptState {
  const others = state.refused.filter((each) => each !== fingerprint);
  const refusal = others.length === 0 ? null : state.refusal;
  return { ...state, proven: fingerprint, failed: 0, refused: others, refusal, scoped: {} };
}

/** A person restarts: this pair may be tried once more, even at the bound. */
export function forgiven(state: KeptState, fingerprint: string): KeptState {
  const isReserved = state.proven !== null && state.proven !== fingerprint;
  return {
    ...state,
    refused: state.refused.filter((each) => each !== fingerprint),
    failed: Math.min(state.failed, MAX_FAILED_LOGINS - (isReserved ? 2 : 1)),
  };
}
