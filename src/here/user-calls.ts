// HERE's calls about users on the wire: log-in, renewal, project scope. Each answer is a value; no state here.
import type { AccountKey } from '../domain/connection.ts';
import type { RetryCause } from '../domain/ports/here.ts';
import type { HereHttp, HttpAnswer } from './http.ts';
import { hereAnswerOf, isSuccess, isTransient, parseObject, retryAfterMs } from './outcome.ts';

export interface Granted {
  readonly kind: 'granted';
  readonly accessToken: string;
  /** Absent for project-scoped tokens. */
  readonly refreshToken: string | null;
  readonly lifetimeMs: number;
}

export type UserAnswer =
  | Granted
  /** HERE judged and said no. */
  | { readonly kind: 'denied'; readonly status: number; readonly message: string }
  /** `judged: 'no'`: certainly not looked at by HERE; `unknown`: no word of its own, and it may have acted. */
  | {
      readonly kind: 'failed';
      readonly judged: 'no' | 'unknown';
      readonly cause: RetryCause;
      readonly afterMs: number | null;
      readonly message: string;
    };

/** Source of paths, bodies and answers: HERE's OpenAPI document, "Users". */
export class UserCalls {
  readonly #http: HereHttp;
  readonly #now: () => number;

  constructor(http: HereHttp, now: () => number) {
    this.#http = http;
    this.#now = now;
  }

  async logIn(key: AccountKey, password: string, signal: AbortSignal): Promise<UserAnswer> {
    const realm = key.realm === null ? {} : { realm: key.realm };
    const body = { email: key.email, password, ...realm };
    return this.#post('/users/v2/login', body, [password], signal);
  }

  /** Needs both tokens of the pair, and gives a new pair. HERE's own 404 is a no: it does not know the pair. */
  async refresh(pair: { accessToken: string; refreshToken: string }, signal: AbortSignal): Promise<UserAnswer> {
    const body = { accessToken: pair.accessToken, refreshToken: pair.refreshToken };
    return this.#post('/users/v2/refresh', body, Object.values(body), signal, { refusesBy404: true });
  }

  async exchange(accessToken: string, projectHrn: string, signal: AbortSignal): Promise<UserAnswer> {
    return this.#post('/users/v2/tokenExchange', { accessToken, scope: projectHrn }, [accessToken], signal, {
      withRefreshToken: false,
    });
  }

  async #post(
    path: string,
    body: object,
    secrets: readonly string[],
    signal: AbortSignal,
    { withRefreshToken = true, refusesBy404 = false } = {},
  ): Promise<UserAnswer> {
    const text = JSON.stringify(body);
    const answer = await this.#http.call({ method: 'POST', path, token: null, body: text, signal });
    if (isSuccess(answer)) return granted(answer.body, withRefreshToken);
    const { message, status } = hereAnswerOf(answer, secrets);
    const isNo = refusesBy404 && status === 404;
    if (isTransient(answer) || (isNobody(answer) && !isNo)) return this.#failed(answer, message);
    return { kind: 'denied', status, message };
  }

  #failed(answer: HttpAnswer, message: string): UserAnswer {
    if (answer.kind === 'noAnswer') {
      const judged = answer.maybeSent ? 'unknown' : 'no';
      return { kind: 'failed', judged, cause: answer.cause, afterMs: null, message };
    }
    const afterMs = retryAfterMs(answer.headers, this.#now());
    const { status } = answer;
    const cause = status === 429 ? 'rateLimited' : status >= 500 ? 'unavailable' : 'badAnswer';
    // What stands before HERE may say so of a request that HERE itself has looked at.
    const judged = !isNobody(answer) && (status === 408 || status >= 500) ? 'unknown' : 'no';
    return { kind: 'failed', judged, cause, afterMs, message };
  }
}

/** 404, 405 and the like: something else at that address. 400, 401 and 403 always count as HERE's own no: to be safe. */
function isNobody(answer: HttpAnswer): boolean {
  return answer.kind === 'answer' && (answer.status === 404 || answer.status === 405 || answer.status === 501);
}

function granted(body: string, withRefreshToken: boolean): UserAnswer {
  const value = parseObject(body);
  const { accessToken, refreshToken, expiresIn } = value ?? {};
  const isWhole =
    typeof accessToken === 'string' &&
    /^[\x21-\x7e]{1,16000}$/.test(accessToken) &&
    (!withRefreshToken || (typeof refreshToken === 'string' && refreshToken !== '' && refreshToken.length <= 16_000));
  if (!isWhole) {
    const message = 'HERE answered well but without a usable token';
    return { kind: 'failed', judged: 'unknown', cause: 'badAnswer', afterMs: null, message };
  }
  // Source: `expiresIn` is optional in HERE's document, and 86,400 s in its example.
  const seconds = typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : 86_400;
  return {
    kind: 'granted',
    accessToken,
    refreshToken: withRefreshToken ? (refreshToken as string) : null,
    lifetimeMs: Math.min(seconds, 31 * 86_400) * 1000,
  };
}
