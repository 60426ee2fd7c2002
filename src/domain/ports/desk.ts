// What people try before they rely on it, and what they ask of HERE for a connection.
import type { FieldError } from '../connection.ts';
import type { UplinkNotice, UplinkOutcome } from '../uplink.ts';
import type {
  Answered,
  HereDevice,
  HereDevicePage,
  ListedProject,
  PositionPage,
  PositionQuery,
  TracePage,
  TraceQuery,
} from './here-questions.ts';

export const TEST_STEPS = ['definition', 'logIn', 'project', 'quota', 'source'] as const;

export interface TestStep {
  readonly step: (typeof TEST_STEPS)[number];
  /** `skipped`: a step before it failed, or it cannot be tried. */
  readonly result: 'ok' | 'warning' | 'failed' | 'skipped';
  /** For people: what was found, or what to do. */
  readonly message: string;
  readonly errors?: readonly FieldError[];
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface ConnectionTest {
  /** No step failed. */
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly realm?: string;
  readonly service?: string;
}

export interface TriedUplink {
  readonly device: string | null;
  /** null: there are records. */
  readonly outcome: UplinkOutcome | null;
  /** As HERE would get them. */
  readonly records: readonly unknown[];
  readonly fields: readonly {
    readonly field: string;
    readonly rule: string | null;
    readonly value: unknown;
    readonly passedOver: readonly { readonly rule: string; readonly why: string }[];
  }[];
  readonly notes: readonly string[];
  readonly notice: UplinkNotice | null;
}

export type Tried =
  | { readonly kind: 'ok'; readonly uplink: TriedUplink }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  | { readonly kind: 'notFound'; readonly message: string };

export interface TrialRequest {
  /** Mapped as this connection would; absent: with `configuration` and the defaults for the rest. */
  readonly connectionId?: string;
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly topic: string;
  readonly payload: Buffer;
}

/** Each waits for HERE at most as long as `signal` lets it. */
export interface Desk {
  /** Nothing is saved. A pair that HERE refused once is not sent again. `listenMs`: how long a first uplink is waited for. */
  test(id: string | null, definition: unknown, listenMs: number, signal: AbortSignal): Promise<ConnectionTest>;
  projects(credentials: Credentials, signal: AbortSignal): Promise<Answered<readonly ListedProject[]>>;
  projectsOf(connectionId: string, signal: AbortSignal): Promise<Answered<readonly ListedProject[]>>;
  devices(
    connectionId: string,
    limit: number,
    cursor: string | null,
    signal: AbortSignal,
  ): Promise<Answered<HereDevicePage>>;
  positions(connectionId: string, query: PositionQuery, signal: AbortSignal): Promise<Answered<PositionPage>>;
  shadow(connectionId: string, device: string, signal: AbortSignal): Promise<Answered<HereDevice>>;
  traces(connectionId: string, device: string, query: TraceQuery, signal: AbortSignal): Promise<Answered<TracePage>>;
  /** Creates devices in HERE now: one verdict each, `created`, `known`, or why not. */
  create(
    connectionId: string,
    devices: readonly string[],
    signal: AbortSignal,
  ): Promise<Answered<Readonly<Record<string, string>>>>;
  /** Nothing is sent anywhere. */
  tryUplink(request: TrialRequest): Tried;
}
