// What the admin interface (later the API) asks of the running worker.
import type { ConnectionStatus, DefinitionRecord, FieldError } from '../connection.ts';
import type { BridgeEvent } from '../events.ts';
import type { Ledger } from '../ledger.ts';
import type { UplinkOutcome } from '../uplink.ts';
import type { Cancel } from './clock.ts';
import type { LetterControl } from './dead-letters.ts';

/** A connection as people see it: ThingPark's shape with secrets shown as `*****`, beside what the bridge knows of it. */
export interface ConnectionView {
  readonly id: string;
  readonly connectorId: string;
  readonly name: string;
  readonly active: boolean;
  readonly state: ConnectionStatus['state'];
  readonly reason: string | null;
  readonly startupTime: string | null;
  readonly alarms: readonly unknown[];
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly status: ConnectionStatus;
  readonly ledger: Ledger | null;
  readonly activity: ConnectionActivity | null;
}

export interface ConnectionActivity {
  readonly waiting: number;
  readonly requestsInFlight: number;
  readonly journalBytes: number;
  readonly journalMaxBytes: number;
  /** Arrival in the bridge → accepted by HERE, since the start of the worker. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** New devices that HERE does not create or let us claim at the moment: how many, and the first hundred with the reason. */
  readonly devicesWaiting: { readonly count: number; readonly first: readonly WaitingDevice[] };
}

/** A device whose uplinks wait in the journal until HERE takes the device. */
export interface WaitingDevice {
  readonly device: string;
  readonly reason: string;
}

export interface WorkerView {
  readonly worker: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly dataDir: string;
  readonly ready: boolean;
  readonly connections: number;
  readonly brokers: readonly { readonly name: string; readonly kind: string; readonly url: string }[];
}

/** One uplink's final word, for those who follow a connection. */
export interface FollowedUplink {
  readonly time: string;
  readonly seq: number;
  readonly device: string | null;
  readonly fCnt: number | null;
  readonly outcome: UplinkOutcome;
  readonly requestId: string | null;
  readonly latencyMs: number;
}

export type ApplyOutcome =
  | { readonly kind: 'ok'; readonly created: boolean }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  /** The config topic cannot be reached: nothing was changed. */
  | { readonly kind: 'unavailable'; readonly message: string };

export interface Control {
  worker(): WorkerView;
  connections(): readonly ConnectionView[];
  connection(id: string): ConnectionView | null;
  /** Writes the definition (secrets encrypted, `*****` keeps the stored one) to the config topic and waits until it was read back. */
  apply(id: string, record: unknown): Promise<ApplyOutcome>;
  /** Changes a few fields of a definition (`active`, `restart`, `name`) in the same way; what is not named stays. */
  amend(id: string, change: Readonly<Record<string, unknown>>): Promise<ApplyOutcome | { readonly kind: 'notFound' }>;
  /** Writes the deletion; the runtime follows. `notFound`: there is neither a definition nor anything stored. */
  remove(id: string): Promise<ApplyOutcome | { readonly kind: 'notFound' }>;
  /** null: no such running connection. */
  follow(id: string, listener: (uplink: FollowedUplink) => void): Cancel | null;
  events(options: { readonly connectionId?: string; readonly limit: number }): readonly BridgeEvent[];
  readonly letters: LetterControl;
}

export type { DefinitionRecord };
