// What the way back (downlink/) and the other parts of the bridge ask of each other: stored commands, what the uplink line
// hears and tells, and HERE's shadows.
import type { Command, CommandLedger, CommandState, IgnoreReason, NewCommand } from '../command.ts';
import type { NetworkKind } from '../network-downlink.ts';
import type { HereAnswer } from './here.ts';

/** A device's shadow as HERE shows it. */
export interface ShadowChange {
  /** 16 upper-case hex digits. */
  readonly device: string;
  /** `desired.system.stateVersion`. */
  readonly version: number;
  /** HERE's wall clock, ms. */
  readonly desiredAt: number;
  /** JSON text of `desired`: `{payload?, system}`. */
  readonly document: string;
  /** `reported.system.stateVersion`; null: the device has not told one. */
  readonly reported: number | null;
}

/** What was last seen of a device's desired shadow, whether it was a command or not. */
export interface HandledShadow {
  readonly device: string;
  readonly version: number;
  readonly era: number;
  readonly desiredAt: number;
  /** Digests of what would be sent, and of the whole document without what HERE counts. */
  readonly command: string;
  readonly whole: string;
}

/** A state version that HERE is to hear with the device's telemetry. */
export interface RidingVersion {
  readonly device: string;
  readonly version: number;
  /** Wall clock, ms: only records of uplinks that arrived from then on carry it. */
  readonly since: number;
  /** Wall clock, ms, at which HERE accepted a record with it; null: not yet. */
  readonly toldAt: number | null;
}

/** All of it in one transaction. */
export interface CommandWork {
  readonly added?: readonly NewCommand[];
  readonly changed?: readonly { readonly before: Command; readonly after: Command }[];
  readonly ignored?: readonly IgnoreReason[];
  readonly handled?: { readonly project: string; readonly shadows: readonly HandledShadow[] };
  /** `null`: HERE has it, or a newer one takes its place. */
  readonly riding?: readonly (RidingVersion | { readonly device: string; readonly version: null })[];
}

export interface CommandQuery {
  readonly device?: string;
  readonly states?: readonly CommandState[];
  /** Only older ones: for the next page. */
  readonly before?: number;
  readonly limit: number;
}

/** The commands of one connection. */
export interface CommandStore {
  /** Those of which something may still become, the oldest first. */
  open(): readonly Command[];
  riding(): readonly RidingVersion[];
  /** Answers the added commands with their ids. Throws when the disk refuses: then nothing has changed. */
  commit(work: CommandWork): readonly Command[];
  /** A copy. */
  ledger(): CommandLedger;
  /** Counts `waiting` anew from the rows; how far it is off. */
  verify(): number;
  /** The latest first. */
  list(query: CommandQuery): readonly Command[];
  get(id: number): Command | null;
}

/** A device, and the connection that heard it last. */
export interface ServedDevice {
  readonly device: string;
  readonly connectionId: string;
  /** JSON text of its last uplink's `DriverCfg`, or what leads back to another network than ThingPark; null: it had none. */
  readonly driver: string | null;
}

/** What is kept of a project's shadows, over all connections on it. A project is named `host|appId`. */
export interface ShadowStore {
  cursor(key: string): string | null;
  setCursor(key: string, value: string): void;
  handled(project: string, device: string): HandledShadow | null;
  forEachServed(project: string, visit: (served: ServedDevice) => void): void;
  saveServed(project: string, served: readonly ServedDevice[]): void;
  /** Changes of devices that no connection serves yet; the oldest beyond 10,000 go. */
  unclaimed(project: string): readonly ShadowChange[];
  saveUnclaimed(project: string, changes: readonly ShadowChange[]): void;
  dropUnclaimed(project: string, devices: readonly string[]): void;
}

/** A report on a downlink, as it came on an uplink topic. */
export interface DownlinkReport {
  readonly kind: 'sent' | 'rejected';
  readonly device: string;
  /** Upper case; null: it names none. */
  readonly correlationId: string | null;
  readonly port: number | null;
  /** `DeliveryStatus`; NaN: not told. */
  readonly status: number;
  /** Causes in the network's words; "" where it gives none. */
  readonly cause: string;
}

/** The content below the message's root, in ThingPark's form. */
export type UplinkBody = Readonly<Record<string, unknown>>;

/** Where an uplink comes from. */
export interface UplinkOrigin {
  readonly network: NetworkKind;
  readonly topic: string;
  /** The message as it came. */
  readonly root: unknown;
}

/**
 * What the uplink line tells as it reads messages: on its hot path, so both return at once and never throw. A message may be
 * told twice (after a restart).
 */
export interface UplinkEar {
  /** An uplink of a device that the connection takes. */
  onUplink(device: string, body: UplinkBody, arrivedAt: number, origin: UplinkOrigin): void;
  onReport(report: DownlinkReport, arrivedAt: number): void;
}

/** State versions that ride on telemetry: asked when a batch is made. */
export interface StateVersions {
  /** False: nothing rides at the moment, so nobody needs to ask. */
  readonly any: boolean;
  /** The version that a record of an uplink that arrived then carries; null: none. */
  dueFor(device: string, arrivedAt: number): number | null;
  /** HERE has accepted a record with it. */
  onTold(device: string, version: number): void;
}

export type ShadowPage =
  | {
      readonly kind: 'ok';
      readonly changes: readonly ShadowChange[];
      /** `desired.timestamp` of the last item, HERE's ms; null: the rest never changed, or the page is empty. */
      readonly oldestAt: number | null;
      readonly next: string | null;
      /** HERE's wall clock when it answered, ms; null: it did not say. */
      readonly hereNow: number | null;
    }
  | ShadowFailure;

export type ShadowFailure =
  /** HERE does not give it to this account, or not at all: repeating soon is of no use. */
  | { readonly kind: 'refused'; readonly answer: HereAnswer }
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly answer: HereAnswer };

export type DesireOutcome =
  | { readonly kind: 'ok'; readonly version: number | null }
  | { readonly kind: 'unknownDevice'; readonly answer: HereAnswer }
  | { readonly kind: 'invalid'; readonly answer: HereAnswer }
  | ShadowFailure;

/** HERE's shadows of one project. Nothing throws; each call takes a permit of low priority by itself. */
export interface ShadowCalls {
  /** Changed shadows, the latest first. */
  page(limit: number, token: string | null, signal: AbortSignal): Promise<ShadowPage>;
  /** Of at most 100 devices, those that changed since `after` (HERE's ms; null: all). */
  some(devices: readonly string[], after: number | null, signal: AbortSignal): Promise<ShadowPage>;
  /** Writes the desired shadow as an application does. `desired`: JSON text. */
  desire(device: string, desired: string, signal: AbortSignal): Promise<DesireOutcome>;
}
