// What the line needs of HERE Tracking: accounts, projects, permits and requests. Every answer is a value.
import type { AccountKey } from '../connection.ts';
import type { ShadowCalls } from './downlink.ts';
import type { Answered, ListedProject, ProjectQuestions } from './here-questions.ts';

/** What became of one `POST /v3/batch`, decided in one place (`here/outcome.ts`) from status, headers and body. */
export type RequestOutcome =
  | { readonly kind: 'accepted'; readonly requestId: string }
  /** 400 or 404: at least one record is at fault. `hint`: its index, where HERE's answer names one. */
  | {
      readonly kind: 'refused';
      readonly unknownDevice: boolean;
      readonly hint: number | null;
      readonly answer: HereAnswer;
    }
  /** 413 */
  | { readonly kind: 'tooLarge'; readonly answer: HereAnswer }
  /** 429, 5xx, time-out, reset, half an answer: nothing is known to be accepted. `afterMs`: HERE's `Retry-After`. */
  | { readonly kind: 'retry'; readonly cause: RetryCause; readonly afterMs: number | null; readonly answer: HereAnswer }
  /** 401 after the token was renewed once: the account must log in again. */
  | { readonly kind: 'reauthenticate'; readonly answer: HereAnswer }
  /** 403: the account may not; repeating is of no use until a person acts. */
  | { readonly kind: 'hold'; readonly answer: HereAnswer };

export type RetryCause = 'rateLimited' | 'unavailable' | 'timeout' | 'connection' | 'badAnswer' | 'stopped';

export interface HereAnswer {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly hereErrorCode: number | null;
  /** HERE's words, or what happened to the connection; at most 500 characters, no secrets. */
  readonly message: string;
  readonly requestId: string;
}

export type LogInOutcome =
  | { readonly kind: 'ok'; readonly reused: boolean }
  /** HERE said no, or this very pair was refused before (`attempted: false`: no request was sent). */
  | {
      readonly kind: 'refused';
      readonly attempted: boolean;
      readonly message: string;
      /** HERE says that the account is locked, or the next failure would lock it. */
      readonly lockedOut?: boolean;
    }
  /** `isPause`: HERE was not asked, for it is too soon after the last log-in; `afterMs` later it is not any more. */
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly message: string; readonly isPause?: true };

export type OpenProjectOutcome =
  | { readonly kind: 'ok'; readonly project: HereProject }
  /** No such project, none at all, or its licence has ended: a person must act. */
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'expired'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly message: string };

export interface HereGateway {
  /** The account's one session in this process, shared by the connections that name it. Call `release` when done. */
  account(key: AccountKey, password: string): HereAccount;
  /** `GET /v3/health` of the service's host; needs no log-in. */
  isHealthy(service: string, signal: AbortSignal): Promise<boolean>;
  stop(): Promise<void>;
}

export interface HereAccount {
  /**
   * A valid token: the kept pair while it lives, else renewed, else one log-in (in flight once per account). The attempt
   * is stored before it is sent. A pair that HERE refused is not tried again until `forgetRefusal` (a person's restart).
   */
  authenticate(signal: AbortSignal): Promise<LogInOutcome>;
  forgetRefusal(): void;
  /** `appId` null: the remembered one while it is listed, else the first unexpired tracking project. */
  openProject(appId: string | null, remembered: string | null, signal: AbortSignal): Promise<OpenProjectOutcome>;
  /** The account's tracking projects, in HERE's order. Logs in where there is no token. */
  projects(signal: AbortSignal): Promise<Answered<readonly ListedProject[]>>;
  /**
   * Among several workers: resolves when the log-in under way, if any, has its answer and the account's next worker can
   * read it, at the latest with the signal. Else HERE counts a token that nobody has. A worker alone has none of it.
   */
  settled?(signal: AbortSignal): Promise<void>;
  release(): void;
}

export interface HereProject {
  /** Names it whatever the account: `host|appId`. */
  readonly key: string;
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  /** An unexpired tracking project that is listed before this one, when the first one was asked for: news, no switch. */
  readonly otherFirst: string | null;
  /** Wall-clock ms at which its licence ends, as HERE said at the opening; null: HERE has not said. */
  readonly licenceEndsAt: number | null;
  /** What HERE says now of the licence and of the devices that it still lets us create. Never rejects. */
  look(signal: AbortSignal): Promise<ProjectLook>;
  readonly gate: RequestGate;
  /** One `POST /v3/batch` of records in JSON text. Never throws. Takes no permit by itself: call it inside `gate.run`. */
  send(records: readonly string[], signal: AbortSignal): Promise<RequestOutcome>;
  readonly devices: DeviceRegistry;
  readonly shadows: ShadowCalls;
  /** What people ask about the project. */
  readonly questions: ProjectQuestions;
}

export type ProjectLook =
  | {
      readonly kind: 'ok';
      readonly licenceEndsAt: number | null;
      /** Devices that are provisioned, and how many more HERE provisions; null: HERE has not said. */
      readonly devices: { readonly provisioned: number; readonly left: number } | null;
    }
  | { readonly kind: 'expired'; readonly message: string }
  /** No answer to be had now: look again later. */
  | { readonly kind: 'unknown'; readonly message: string };

/** The permits of one (host, appId), shared by the connections on it. */
export interface RequestGate {
  /**
   * Calls `task` once with a permit: below the concurrency, inside the rate window, not before a `Retry-After` has passed.
   * Tasks of one priority run in the order asked. `task` builds its batch when called, so that a batch is as full as can be.
   * Priorities: 2 probes, 1 live batches, 0 background (device jobs, replays). Resolves when `task` has.
   * Rejects only when `signal` aborts before the permit came.
   */
  run<T>(priority: 0 | 1 | 2, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** Largest batch to build now: records and bytes of the JSON body (learnt from 413). */
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Tells the gate of a 413 so that it remembers a smaller size. */
  tooLarge(records: number, bytes: number): void;
}

export interface DeviceRegistry {
  /** Known to exist and to be claimed, as far as this process and its store remember. Synchronous, for the hot path. */
  isKnown(device: string): boolean;
  /**
   * Makes sure of devices: created by job (≤ 100 ids each, one device never asked for twice at once), or claimed once.
   * Resolves with one verdict a device; never throws. Answers are cached and bounded.
   */
  ensure(
    devices: readonly string[],
    limit: number | null,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, DeviceVerdict>>;
  /** HERE accepted records of these devices: they exist. */
  confirm(devices: Iterable<string>): void;
  /** HERE answered 404 for it: forget that it was known. */
  forget(device: string): void;
  /** HERE answered 404 for several beside it: perhaps it does not know this one either. `ensure` asks before it counts as known. */
  doubt(device: string): void;
  /** Somebody may have given the project more devices, or a new licence: HERE is asked again, not in ten minutes. */
  forgetQuota(): void;
}

export type DeviceVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'created' }
  /** `maxDevices` is used up: its uplinks are skipped. */
  | { readonly kind: 'limit'; readonly message: string }
  /** HERE's own quota is used up, or HERE creates no devices for another reason: its uplinks wait. */
  | { readonly kind: 'quota'; readonly message: string }
  /** Exists, but another account holds it; claiming failed. */
  | { readonly kind: 'unclaimable'; readonly message: string }
  | { readonly kind: 'retry'; readonly message: string };
