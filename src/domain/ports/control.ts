// What the admin interface (later the API) asks of the running worker.
import type { ConnectionStatus, DefinitionRecord, FieldError } from '../connection.ts';
import type { BridgeEvent } from '../events.ts';
import type { Ledger } from '../ledger.ts';
import type { UplinkOutcome } from '../uplink.ts';
import type { Cancel } from './clock.ts';
import type { CommandControl } from './commands.ts';
import type { LetterControl } from './dead-letters.ts';
import type { DrainForecast, HereUsage } from './facts.ts';
import type { Feed } from './feed.ts';
import type { ConnectionFigures } from './figures.ts';
import type { MessageControl } from './messages.ts';
import type { EventQuery } from './store.ts';

/** A connection as people see it: ThingPark's shape with secrets shown as `*****`, beside what the bridge knows of it. */
export interface ConnectionView {
  readonly id: string;
  readonly connectorId: string;
  readonly name: string;
  readonly active: boolean;
  readonly state: ConnectionStatus['state'];
  readonly reason: string | null;
  readonly startupTime: string | null;
  /** Of the definition in force; changes with each change of it. null: there is none. */
  readonly revision: string | null;
  readonly alarms: readonly unknown[];
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly status: ConnectionStatus;
  readonly ledger: Ledger | null;
  readonly activity: ConnectionActivity | null;
  /** Of the last hour and day; null: it does not run here. */
  readonly figures: ConnectionFigures | null;
}

export interface ConnectionActivity {
  readonly waiting: number;
  /** When they will be gone. */
  readonly drain: DrainForecast;
  /** Of its app ID, with all connections on it; null: none was opened yet. */
  readonly here: HereUsage | null;
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

/** An uplink as it came, for those who follow a device. */
export interface HeardMessage {
  /** When it came. */
  readonly time: string;
  readonly device: string;
  readonly topic: string;
  readonly payload: Buffer;
}

/** What must hold for a change to be made; nothing: it is made upon whatever is there. */
export interface WriteCondition {
  /** `ConnectionView.revision` of what the change is based on. */
  readonly revision?: string;
  /** True: there must be a definition; false: there must be none. */
  readonly exists?: boolean;
}

export type ApplyOutcome =
  | { readonly kind: 'ok'; readonly created: boolean }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  /** The condition does not hold, or others changed the definition at the same time, again and again: nothing was changed. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** The config topic cannot be reached: nothing was changed. */
  | { readonly kind: 'unavailable'; readonly message: string };

export type AmendOutcome = ApplyOutcome | { readonly kind: 'notFound' };

export interface ConnectionQuery {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
  /** Part of the name or id, in any case. */
  readonly search?: string;
  readonly states?: readonly ConnectionStatus['state'][];
  readonly sort?: 'id' | 'name' | 'state';
  readonly descending?: boolean;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionView[];
  /** Of all pages. */
  readonly total: number;
}

export interface Control {
  worker(): WorkerView;
  connections(): readonly ConnectionView[];
  /** Costs what the page holds, and a look at each name. */
  page(query: ConnectionQuery): ConnectionPage;
  connection(id: string): ConnectionView | null;
  /** Writes the definition (secrets encrypted, `*****` keeps the stored one) to the config topic and waits until it was read back. */
  apply(id: string, record: unknown, condition?: WriteCondition): Promise<ApplyOutcome>;
  /** A JSON merge patch (RFC 7396) of the definition, written in the same way: what is not named stays, null takes away. */
  amend(id: string, change: Readonly<Record<string, unknown>>, condition?: WriteCondition): Promise<AmendOutcome>;
  /** Writes the deletion; the runtime follows. `notFound`: there is neither a definition nor anything stored. */
  remove(id: string, condition?: WriteCondition): Promise<AmendOutcome>;
  /** null: no such running connection. */
  follow(id: string, listener: (uplink: FollowedUplink) => void): Cancel | null;
  /** The device's uplinks (16 upper-case hex digits) as they come, before it is known what becomes of them. null: as `follow`. */
  followMessages(id: string, device: string, listener: (message: HeardMessage) => void): Cancel | null;
  events(options: EventQuery): readonly BridgeEvent[];
  /** Changes as they come, for those who follow live. */
  readonly feed: Feed;
  readonly letters: LetterControl;
  readonly messages: MessageControl;
  readonly commands: CommandControl;
}

export type { DefinitionRecord };
