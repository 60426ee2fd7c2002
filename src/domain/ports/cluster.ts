// The workers of a group as the API and the command line see them, and what one worker asks of another.
import type { Ledger } from '../ledger.ts';
import type { Asker } from './access.ts';

export interface ClusterWorker {
  readonly worker: string;
  /** It was heard within three of its heartbeats. */
  readonly alive: boolean;
  /** Heard from Kafka within the session time-out; while it is not, it sends nothing. */
  readonly confirmed: boolean;
  /** False: it only answers for the others (the role api alone): it owns nothing and has nothing to confirm. */
  readonly serves: boolean;
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
  /** The sum over all data directories, as they said last; of this worker's it is `own`, as far as it has one. */
  ledger(connectionId: string, own: Ledger | null): Ledger | null;
  ledgerIds(): readonly string[];
  readonly ask: AskWorker;
}

export interface WorkerAddress {
  readonly worker: string;
  readonly address: string;
}

export interface WorkerQuestion {
  readonly method: string;
  /** With its query, as it is below the worker's address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Who wants to know; absent: the worker itself. */
  readonly asker?: Asker;
  readonly signal: AbortSignal;
}

/** The question is signed for that worker alone, and for a minute. Rejects when it cannot be reached. */
export type AskWorker = (to: WorkerAddress, question: WorkerQuestion) => Promise<Response>;

/** Of a request at a worker's internal address. */
export type WorkerWord =
  /** `bodyHash`: SHA-256 in hex of the body that belongs to it. */
  | { readonly kind: 'ok'; readonly asker: Asker | null; readonly bodyHash: string }
  | { readonly kind: 'refused'; readonly message: string };

export type JudgeWorker = (asked: {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}) => WorkerWord;
