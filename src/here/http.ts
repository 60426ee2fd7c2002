// HTTP to one HERE host: keep-alive, a bound on every request's time and answer, a proxy, and no exceptions: answers are values.
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { describeError } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { RetryCause } from '../domain/ports/here.ts';
import type { ProxySettings } from './options.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** HERE's path with its query, from `/`. */
  readonly path: string;
  /** Bearer token; null for the calls that need none. */
  readonly token: string | null;
  /** JSON text. */
  readonly body?: string;
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
}

/** Far above any answer of HERE's that we read (100 licences, 100 job results). */
const MAX_ANSWER_BYTES = 1_000_000;
const MAX_HEADER_BYTES = 32_768;
const CONNECT_TIMEOUT_MS = 10_000;
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

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
  readonly #dispatcher: Dispatcher;

  constructor(options: HttpOptions) {
    const url = new URL(options.url);
    this.origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#options = options;
    this.#dispatcher = makeDispatcher(url.origin, options);
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
      const response = await this.#dispatcher.request({
        origin: this.origin,
        path: this.#prefix + call.path,
        method: call.method,
        headers: this.#headers(call, requestId),
        body: call.body ?? null,
        signal: abort.signal,
      });
      const body = await response.body.text();
      return { kind: 'answer', status: response.statusCode, headers: flat(response.headers), body, requestId };
    } catch (error) {
      return { ...explain(error, abort.signal), kind: 'noAnswer', requestId };
    } finally {
      cancelTimer();
      call.signal.removeEventListener('abort', stop);
    }
  }

  /** Ends idle connections and breaks off what is in flight. */
  async stop(): Promise<void> {
    await this.#dispatcher.destroy();
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

function makeDispatcher(origin: string, { proxy, timeoutMs }: HttpOptions): Dispatcher {
  // No bound on connections: the permits are the bound. HTTP/1.1 only: one request a connection keeps a reset to one batch.
  const options = {
    allowH2: false,
    connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 20_000,
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize: MAX_ANSWER_BYTES,
  };
  const proxyUrl = new URL(origin).protocol === 'https:' ? proxy?.httpsProxy : proxy?.httpProxy;
  if (proxy === null || !proxyUrl) return new Pool(origin, options);
  const noProxy = proxy.loopbackToo ? proxy.noProxy : `${proxy.noProxy},${LOOPBACK}`;
  // All three are given, since undici would read the environment by itself for what is left out.
  return new EnvHttpProxyAgent({ ...options, httpProxy: proxyUrl, httpsProxy: proxyUrl, noProxy });
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const result: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) result[name.toLowerCase()] = first;
  }
  return result;
}

function explain(error: unknown, signal: AbortSignal): Pick<NoAnswer, 'cause' | 'maybeSent' | 'message'> {
  if (signal.aborted) {
    return signal.reason === TIMED_OUT
      ? { cause: 'timeout', maybeSent: true, message: 'no whole answer in time' }
      : { cause: 'stopped', maybeSent: true, message: 'stopped while waiting for the answer' };
  }
  const code = codeOf(error);
  const message = describeError(error).slice(0, 300);
  const maybeSent = !NEVER_SENT.test(code);
  if (TIMEOUTS.has(code)) return { cause: 'timeout', maybeSent, message };
  if (BAD_ANSWERS.test(code)) return { cause: 'badAnswer', maybeSent: true, message };
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return { cause: 'stopped', maybeSent: true, message };
  return { cause: 'connection', maybeSent, message };
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && code !== '') return code;
  const cause = (error as { cause?: unknown } | null)?.cause;
  return cause === undefined || cause === null ? '' : codeOf(cause);
}
