// What people ask of HERE by way of the bridge: an account's projects, a project's devices, what HERE has stored of one.

/** A licence as HERE lists it. */
export interface ListedProject {
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  /** HERE's word for the kind of licence; null: not told. */
  readonly type: string | null;
  readonly isExpired: boolean;
  /** Wall-clock ms; null: not told. */
  readonly endsAt: number | null;
  /** How many more devices HERE provisions; null: not told. */
  readonly devicesLeft: number | null;
}

/** Why there is no answer. */
export type NoAnswer =
  /** The log-in was refused, now or before (then nothing was sent). */
  | { readonly kind: 'refused'; readonly message: string }
  /** HERE has no such thing. */
  | { readonly kind: 'notFound'; readonly message: string }
  /** HERE said no to this question. */
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'unavailable'; readonly message: string; readonly afterMs: number | null };

export type Answered<T> = { readonly kind: 'ok'; readonly value: T } | NoAnswer;

/** A device as HERE has it: its external id, and its shadow as HERE gives it. */
export interface HereDevice {
  /** null: a device that was not made by its external id, so none of ours. */
  readonly device: string | null;
  readonly trackingId: string | null;
  readonly desired: unknown;
  readonly reported: unknown;
}

export interface HereDevicePage {
  readonly devices: readonly HereDevice[];
  readonly next: string | null;
}

/** Where a device of ours was when HERE last heard where it is. */
export interface DevicePosition {
  readonly device: string;
  /** Wall-clock ms of its last report, which may be later than the position; null: it has not reported. */
  readonly reportedAt: number | null;
  /** WGS 84 degrees, and metres; null: none is known. */
  readonly position: { readonly lat: number; readonly lng: number; readonly accuracy: number | null } | null;
}

export interface PositionQuery {
  /** Only devices that have reported after this wall-clock ms. */
  readonly reportedAfter: number | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface PositionPage {
  readonly positions: readonly DevicePosition[];
  readonly next: string | null;
}

export interface TraceQuery {
  /** Wall-clock ms; HERE answers for 18 days at most. */
  readonly from: number | null;
  readonly to: number | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface TracePage {
  /** As HERE gives them, the latest first. */
  readonly traces: readonly unknown[];
  readonly next: string | null;
}

/** Of an open project. Each waits for a permit at background priority and never rejects. */
export interface ProjectQuestions {
  devices(limit: number, cursor: string | null, signal: AbortSignal): Promise<Answered<HereDevicePage>>;
  /** Devices with an external id alone. */
  positions(query: PositionQuery, signal: AbortSignal): Promise<Answered<PositionPage>>;
  shadow(device: string, signal: AbortSignal): Promise<Answered<HereDevice>>;
  traces(device: string, query: TraceQuery, signal: AbortSignal): Promise<Answered<TracePage>>;
  /** It is no longer the account's: HERE takes nothing of it until it is claimed again. */
  unclaim(device: string, signal: AbortSignal): Promise<Answered<null>>;
}
