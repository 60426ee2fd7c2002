// Calls with a token: a 401 renews the token once and sends once more; whoever renews, renews for everybody.
import { describeError } from '../domain/errors.ts';
import type { HereHttp, HttpAnswer, HttpCall } from './http.ts';
import type { AccountSession } from './session.ts';
import type { TokenOutcome } from './token-outcome.ts';

/** There was no token to be had; nothing of the call was sent. */
export interface NoToken {
  readonly kind: 'noToken';
  readonly outcome: Exclude<TokenOutcome, { kind: 'ok' }>;
}

export type AuthorizedCall = Omit<HttpCall, 'token'> & {
  /** For calls that take permits: asked before one goes out later than its permit came, or a second time. Must not reject. */
  readonly again?: (signal: AbortSignal) => Promise<void>;
};

/** One account, seen by one who knows its password, in the scope of one project (or none). */
export class AuthorizedCalls {
  readonly #session: AccountSession;
  readonly #password: string;
  readonly #http: HereHttp;
  readonly #projectHrn: string | null;

  /** `http`: the host where this scope's tokens are used. */
  constructor(session: AccountSession, password: string, http: HereHttp, projectHrn: string | null) {
    this.#session = session;
    this.#password = password;
    this.#http = http;
    this.#projectHrn = projectHrn;
  }

  /** Never throws. A 401 that comes back is one to a token that had just been renewed; it will not be used again. */
  async call(call: AuthorizedCall): Promise<HttpAnswer | NoToken> {
    let token = this.#token;
    let isFresh = false;
    if (token === null) {
      const outcome = await this.#renew(null, call.signal);
      if (outcome.kind !== 'ok') return { kind: 'noToken', outcome };
      token = outcome.token;
      isFresh = !outcome.reused;
      await call.again?.(call.signal);
    }
    const answer = await this.#http.call({ ...call, token });
    if (answer.kind === 'noAnswer' || answer.status !== 401) return answer;
    if (isFresh) return this.#rejected(token, answer);
    const renewed = await this.#renew(token, call.signal);
    if (renewed.kind !== 'ok') return { kind: 'noToken', outcome: renewed };
    await call.again?.(call.signal);
    const second = await this.#http.call({ ...call, token: renewed.token });
    return second.kind === 'answer' && second.status === 401 ? this.#rejected(renewed.token, second) : second;
  }

  /** A token of this scope, obtained now if there is none: tells beforehand what a call would run into. */
  async prepare(signal: AbortSignal): Promise<TokenOutcome> {
    const token = this.#token;
    return token === null ? this.#renew(null, signal) : { kind: 'ok', token, reused: true };
  }

  get #token(): string | null {
    return this.#projectHrn === null ? this.#session.token : this.#session.scoped.token(this.#projectHrn);
  }

  #renew(stale: string | null, signal: AbortSignal): Promise<TokenOutcome> {
    const renewed =
      this.#projectHrn === null
        ? this.#session.renew(this.#password, stale)
        : this.#session.scoped.renew(this.#projectHrn, this.#password, stale);
    return untilAborted(renewed.catch(unexpected), signal, STOPPED);
  }

  #rejected(token: string, answer: HttpAnswer): HttpAnswer {
    if (this.#projectHrn === null) this.#session.reject(token);
    else this.#session.scoped.reject(token);
    return answer;
  }
}

const STOPPED: TokenOutcome = { kind: 'retry', cause: 'stopped', afterMs: null, message: 'stopped' };

/** The vault could not be read or written in the midst: nothing is known to be wrong with the account. */
function unexpected(error: unknown): TokenOutcome {
  return { kind: 'retry', cause: 'unavailable', afterMs: null, message: describeError(error) };
}

/** What is under way goes on for the others; only this caller stops waiting. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal, whenAborted: T): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.resolve(whenAborted);
  }
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => resolve(whenAborted);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
