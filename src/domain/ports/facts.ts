// What a worker knows of itself at this moment, in numbers: for metrics, quota views and support bundles. All of it is read
// from counters that exist anyway; asking costs no more than a walk over the connections.
import type { ConnectionState } from '../connection.ts';
import type { Ledger } from '../ledger.ts';

/** Cumulative, as Prometheus wants it: `counts[i]` took at most `boundsMs[i]`. */
export interface HistogramFacts {
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** How a request to HERE ended. `refused`: 400, 404 and the like; `unavailable`: 5xx; `noAnswer`: time-out, reset, half an answer. */
export const REQUEST_RESULTS = [
  'accepted',
  'refused',
  'unauthorized',
  'forbidden',
  'tooLarge',
  'rateLimited',
  'unavailable',
  'noAnswer',
] as const;
export type RequestResult = (typeof REQUEST_RESULTS)[number];

export interface PeriodUse {
  /** All requests on the appId, also those about devices and licences. */
  readonly requests: number;
  /** Telemetry records that HERE accepted. */
  readonly records: number;
  /** Answered 429 or 503. */
  readonly refused: number;
}

/** How the permits of one (host, appId) are used. All connections on it share them. */
export interface HereUsage {
  readonly host: string;
  readonly appId: string;
  /** Wall-clock ms from which on this worker has counted. */
  readonly since: number;
  readonly lastMinute: PeriodUse;
  readonly lastHour: PeriodUse;
  readonly lastDay: PeriodUse;
  /** What HERE said last in `X-RateLimit-*`; null: nothing yet. Wall-clock ms. */
  readonly limit: {
    readonly requests: number;
    readonly periodMs: number;
    readonly remaining: number | null;
    readonly toldAt: number;
  } | null;
  readonly permits: {
    readonly running: number;
    readonly waiting: number;
    /** Of the moment, between `floor` and `ceiling`. */
    readonly allowed: number;
    readonly floor: number;
    readonly ceiling: number;
  };
  /** Requests a second that may start at the moment; null: no rate is known. */
  readonly requestsPerSecond: number | null;
  /** HERE asked for a pause: how much of it is left. */
  readonly pausedMs: number;
  readonly results: Readonly<Record<RequestResult, number>>;
  readonly records: number;
  /** Of requests that HERE may have acted on though no answer came: sent again, so HERE may have them twice. */
  readonly recordsInDoubt: number;
  readonly durations: HistogramFacts;
}

/** When a connection's backlog will be gone, as far as its last minute tells. */
export interface DrainForecast {
  readonly waiting: number;
  /** Uplinks a second over the last minute at most. */
  readonly settledPerSecond: number;
  readonly receivedPerSecond: number;
  /** null: it does not shrink, or nothing is known yet. 0: there is none. */
  readonly emptyInMs: number | null;
}

export interface ConnectionFacts {
  readonly id: string;
  readonly state: ConnectionState;
  readonly ledger: Ledger | null;
  /** By how many messages the ledger does not balance, in itself or against what is on the disk; null: not looked at here. */
  readonly ledgerOff: number | null;
  /** null: it does not run here. */
  readonly line: {
    readonly oldestWaitingMs: number;
    readonly requestsInFlight: number;
    readonly journalBytes: number;
    readonly journalMaxBytes: number;
    readonly devicesWaiting: number;
    readonly latency: HistogramFacts;
  } | null;
  readonly source: { readonly broker: string; readonly up: boolean; readonly lag: number | null } | null;
  readonly alarms: number;
}

export interface AccountFacts {
  /** Eight hex digits that stand for host, realm and email. */
  readonly account: string;
  /** null: there is no token. */
  readonly tokenExpiresInMs: number | null;
  /** Log-ins were refused and none has worked since: nothing is tried again until a person acts. */
  readonly refused: boolean;
}

export interface BridgeFacts {
  readonly worker: string;
  readonly version: string;
  readonly ready: boolean;
  readonly brokers: readonly { readonly broker: string; readonly kind: string; readonly connected: boolean | null }[];
  /** At most as many as the configuration allows. */
  readonly connections: readonly ConnectionFacts[];
  readonly connectionsLeftOut: number;
  readonly states: Readonly<Partial<Record<ConnectionState, number>>>;
  readonly usage: readonly HereUsage[];
  readonly accounts: readonly AccountFacts[];
}

/** The metrics page in Prometheus' text format. */
export interface MetricsPage {
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
}
