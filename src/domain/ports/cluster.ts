// The workers of a group as the API and the command line see them, and what one worker asks of another.
import type { Ledger } from '../ledger.ts';

export interface ClusterWorker {
  readonly worker: string;
  /** It was heard within three of its heartbeats. */
  readonly alive: boolean;
  /** Heard from Kafka within the session time-out; while it is not, it sends nothing. */
  readonly confirmed: boolean;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly heardMsAgo: number;
  readonly address: string | null;
  readonly partitions: readonly number[];
  /** The connections of those partitions. */
  readonly connections: readonly string[];
}

export type Whereabouts =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly worker: string; readonly address: string }
  /** Its worker is gone, or nobody has it (yet). */
  | { readonly kind: 'missing'; readonly worker: string | null };

/** An uplink on its way from one worker's journal to another's. */
export interface HandedUplink {
  readonly topic: string;
  readonly payload: Buffer;
  /** Wall-clock ms, at the worker that received it. */
  readonly arrivedAt: number;
  readonly retain: boolean;
  /** JSON (see `headersText`); absent: it had none. */
  readonly headers?: string;
}

export interface Cluster {
  /** This one. */
  readonly worker: string;
  workers(): readonly ClusterWorker[];
  whereIs(connectionId: string): Whereabouts;
  /** Resolves when they are in the journal here; rejects when they are not: the giver keeps them. */
  take(connectionId: string, uplinks: readonly HandedUplink[]): Promise<void>;
  /** The sum over all data directories, as they said last. */
  ledger(connectionId: string): Ledger | null;
  ledgerIds(): readonly string[];
  /** What a worker presents to another. */
  readonly token: string;
}
