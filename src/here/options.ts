// What an operator may set for the HERE client: services (hosts with their limits) and the proxy; with defaults.
import { BridgeError, EXIT } from '../domain/errors.ts';

/** HERE's own hosts. Source: HERE Tracking guide, "Projects": legacy projects, and platform projects with scoped tokens. */
export const HERE_URL = 'https://tracking.api.here.com';
export const HERE_SCOPED_URL = 'https://tracking.hereapi.com';

/** One HERE Tracking host and how hard it may be used. Limits count per appId of that host. */
export interface HereService {
  /** Base URL, `http:` or `https:`; a path before HERE's own paths is allowed. */
  readonly url: string;
  /** Where project-scoped tokens of platform projects are used; null: at `url` as well. */
  readonly scopedUrl: string | null;
  /** Most requests started in any second; null: none of our own until HERE tells one (`X-RateLimit-Limit`). */
  readonly requestsPerSecond: number | null;
  /** Requests in flight at once, at most; they follow HERE's answers, down to `minConcurrency`. */
  readonly concurrency: number;
  readonly minConcurrency: number;
  /** Records and bytes of one `/v3/batch` body. HERE does not publish its bound; a 413 lowers these while running. */
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Total time of one request, from its start to the last byte of the answer. */
  readonly timeoutMs: number;
  /** How long the rate takes to grow from a tenth to whole after HERE refused (429, 503) or was away. */
  readonly rampMs: number;
  /** The period that `X-RateLimit-Limit` counts; HERE does not publish it. */
  readonly rateLimitPeriodMs: number;
}

const DEFAULT_SERVICE: HereService = {
  url: HERE_URL,
  scopedUrl: null,
  requestsPerSecond: null,
  concurrency: 4,
  minConcurrency: 1,
  maxRecords: 500,
  maxBytes: 1_000_000,
  timeoutMs: 30_000,
  rampMs: 60_000,
  rateLimitPeriodMs: 1000,
};

/** As an operator writes it: what is left out is the default. */
export type HereServiceSetting = { readonly [K in keyof HereService]?: HereService[K] | undefined };

export interface ProxySettings {
  /** For `http:` hosts, and for `https:` ones (through CONNECT). null: directly. */
  readonly httpProxy: string | null;
  readonly httpsProxy: string | null;
  /** As in `NO_PROXY`: comma-separated hosts, suffixes, `*`. */
  readonly noProxy: string;
  /** True: also for 127.0.0.1, ::1 and localhost, which are never proxied otherwise. */
  readonly loopbackToo: boolean;
}

/** Fills in defaults and refuses what cannot work. HERE's own host gets HERE's own host for scoped tokens. */
export function completeService(name: string, setting: HereServiceSetting): HereService {
  const given = Object.fromEntries(Object.entries(setting).filter(([, value]) => value !== undefined));
  const service: HereService = { ...DEFAULT_SERVICE, ...given };
  for (const url of [service.url, service.scopedUrl]) {
    if (url === null) continue;
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.search !== '') {
      throw new BridgeError(
        'hereServiceInvalid',
        `here.services.${name}: the URL must be http(s)://host[:port][/path]`,
        {
          exitCode: EXIT.config,
        },
      );
    }
  }
  const positive = [
    'concurrency',
    'minConcurrency',
    'maxRecords',
    'maxBytes',
    'timeoutMs',
    'rampMs',
    'rateLimitPeriodMs',
  ] as const;
  for (const key of positive) {
    if (!(Number.isSafeInteger(service[key]) && service[key] > 0)) {
      throw new BridgeError('hereServiceInvalid', `here.services.${name}.${key} must be a whole number above 0`, {
        exitCode: EXIT.config,
      });
    }
  }
  if (service.requestsPerSecond !== null && !(service.requestsPerSecond > 0)) {
    throw new BridgeError('hereServiceInvalid', `here.services.${name}.requestsPerSecond must be above 0, or null`, {
      exitCode: EXIT.config,
    });
  }
  const isHeresOwn = new URL(service.url).host === new URL(HERE_URL).host;
  return isHeresOwn && service.scopedUrl === null ? { ...service, scopedUrl: HERE_SCOPED_URL } : service;
}
