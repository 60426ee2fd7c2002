// HTTP to one HERE host: keep-alive, a bound on every request's time and answer, a proxy, and no exceptions: answers are values.
import { describeError } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { RetryCause } from '../domain/ports/here.ts';
import type { ProxySettings } from './options.ts';
import { type MakeTransport, type Transport, undiciTransport } from './transport.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** HERE's path with its query, from `/`. */
  readonly path: string;
  /** Bearer token; null for the calls that need none. */
  readonly token: string | null;
  /** JSON text. */
  readonly body?: string | Buffer;
  readonly signal: AbortSignal;
}

export type HttpAnswer = WholeAnswer | NoAnswer;

/** A status line, headers and the whole body. */
export interface WholeAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Lower-case names; of a header that came twice, the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly requestId: string;
}

/** No answer, or half of one. */
export interface NoAnswer {
  readonly kind: 'noAnswer';
  readonly cause: Extract<RetryCause, 'timeout' | 'connection' | 'badAnswer' | 'stopped'>;
  /** False: certainly nothing of the request reached HERE. True: HERE may have acted on it. */
  readonly maybeSent: boolean;
  readonly message: string;
  readonly requestId: string;
}

export interface HttpOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly proxy: ProxySettings | null;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly chance: Chance;
  /** undici by default. */
  readonly transport?: MakeTransport;
}

const TIMED_OUT = new Error('the time for the request is over');
const STOPPED = new Error('stopped');

/** Failures before the first byte of the request could be written: name resolution, connect, TLS, the proxy. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_[A-Z]+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|UND_ERR_PRX_[A-Z]+|CERT_[A-Z_]+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_[A-Z_]+|ERR_TLS_[A-Z_]+|ERR_SSL_[A-Z_]+|EPROTO)$/;
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const BAD_ANSWERS = /^(HPE_[A-Z_]+|UND_ERR_RES_[A-Z_]+|UND_ERR_HEADERS_OVERFLOW)$/;

export class HereHttp {
  readonly origin: string;
  readonly #prefix: string;
  readonly #options: HttpOptions;
  readonly #transport: Transport;

  constructor(options: HttpOptions) {
    const url = new URL(options.url);
    this.origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#options = options;
    this.#transport = (options.transport ?? undiciTransport)(url.origin, options);
  }

  /** Never throws. Total time is bounded even if the answer trickles. Nothing is repeated here. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const requestId = this.#options.chance.uuid();
    if (call.signal.aborted) {
      return { kind: 'noAnswer', cause: 'stopped', maybeSent: false, message: 'stopped before it was sent', requestId };
    }
    const abort = new AbortController();
    const stop = (): void => abort.abort(STOPPED);
    call.signal.addEventListener('abort', stop, { once: true });
    const cancelTimer = this.#options.clock.after(this.#options.timeoutMs, () => abort.abort(TIMED_OUT));
    try {
      const { status, headers, body } = await this.#transport.exchange({
        origin: this.origin,
        path: this.#prefix + call.path,
        method: call.method,
        headers: this.#headers(call, requestId),
        body: call.body ?? null,
        signal: abort.signal,
      });
      return { kind: 'answer', status, headers, body, requestId };
    } catch (error) {
      return { ...explain(error, abort.signal), kind: 'noAnswer', requestId };
    } finally {
      cancelTimer();
      call.signal.removeEventListener('abort', stop);
    }
  }

  /** Ends idle connections and breaks off what is in flight. */
  async stop(): Promise<void> {
    await this.#transport.destroy();
  }

  #headers(call: HttpCall, requestId: string): Record<string, string> {
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      'x-request-id': requestId,
    };
    if (call.token !== null) headers.authorization = `Bearer ${call.token}`;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    return headers;
  }
}

function explain(error: unknown, signal: AbortSignal): Pick<NoAnswer, 'cause' | 'maybeSent' | 'message'> {
  if (signal.aborted) {
    return signal.reason === TIMED_OUT
      ? { cause: 'timeout', maybeSent: true, message: 'HERE did not answer in time' }
      : { cause: 'stopped', maybeSent: true, message: 'stopped while waiting for the answer' };
  }
  const code = codeOf(error);
  const message = describeError(error).slice(0, 300);
  const maybeSent = !NEVER_SENT.test(code);
  if (TIMEOUTS.has(code)) return { cause: 'timeout', maybeSent, message };
  if (BAD_ANSWERS.test(code)) return { cause: 'badAnswer', maybeSent: true, message };
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return { cause: 'stopped', maybeSent: true, message };
  return { cause: 'connection', maybeSent, message: `HERE cannot be reached: ${message}` };
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && code !== '') return code;
  const cause = (error as { cause?: unknown } | null)?.cause;
  return cause === undefined || cause === null ? '' : codeOf(cause);
}
