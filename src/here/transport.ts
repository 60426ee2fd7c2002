// The wire below the HERE client: one HTTP exchange after the other over kept-alive connections, by undici.
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { ProxySettings } from './options.ts';

export interface ExchangeRequest {
  readonly origin: string;
  /** With its query, from `/`. */
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
  readonly signal: AbortSignal;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Lower-case names; of a header that came twice, the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** To one origin. */
export interface Transport {
  /** Resolves with a whole answer; rejects with what broke it off: the signal's reason, or an error with undici's or the system's code. */
  exchange(request: ExchangeRequest): Promise<ExchangeAnswer>;
  /** Ends idle connections and breaks off what is in flight. */
  destroy(): Promise<void>;
}

export interface TransportOptions {
  readonly timeoutMs: number;
  readonly proxy: ProxySettings | null;
}

export type MakeTransport = (origin: string, options: TransportOptions) => Transport;

/** Far above any answer of HERE's that we read (100 licences, 100 job results). */
const MAX_ANSWER_BYTES = 1_000_000;
const MAX_HEADER_BYTES = 32_768;
const CONNECT_TIMEOUT_MS = 10_000;
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

export const undiciTransport: MakeTransport = (origin, options) => {
  const dispatcher = makeDispatcher(origin, options);
  return {
    async exchange(request) {
      const response = await dispatcher.request(request);
      const body = await response.body.text();
      return { status: response.statusCode, headers: flat(response.headers), body };
    },
    destroy: () => dispatcher.destroy(),
  };
};

function makeDispatcher(origin: string, { proxy, timeoutMs }: TransportOptions): Dispatcher {
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
