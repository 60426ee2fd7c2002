// What a sandbox can be told: accounts, limits, faults, what it keeps. Every value has a default.
import type { Chance, Clock } from '../domain/ports/clock.ts';

export interface SandboxOptions {
  /** `127.0.0.1` by default. The admin paths need no log-in: bind to more only where everybody may use them. */
  readonly host?: string;
  /** 0 by default: any free port. */
  readonly port?: number;
  /** Default: one account with two tracking projects and one platform project. The documentation's example account is always there too. */
  readonly accounts?: readonly AccountOptions[];
  /** Makes ids and faults repeatable (tokens never are). Default: random. Accounts are the same for every seed. */
  readonly seed?: number;
  readonly clock?: Clock;
  readonly chance?: Chance;
  /** 3, as HERE documents. */
  readonly maxTokens?: number;
  /** What the log-in or renewal does that exceeds `maxTokens`; HERE does not publish it. `endsOldest` by default. */
  readonly fourthLogIn?: 'endsOldest' | 'refused';
  /** 86,400, as HERE documents. */
  readonly tokenLifetimeS?: number;
  /** Failed log-ins in a row that lock an account: 5. */
  readonly maxLogInFailures?: number;
  /** How long a registry job takes until `complete`: 20 ms. */
  readonly jobMs?: number;
  /** More records in one request are a 413: 1000 (HERE's figure is not published). */
  readonly maxBatchRecords?: number;
  /** A longer body is a 413: 1,000,000 bytes (HERE's figure is not published). */
  readonly maxBodyBytes?: number;
  /** Ingestion requests per appId; absent: no limit, and no rate headers. */
  readonly rateLimit?: RateLimit | null;
  /** Answer to a record of a device that is provisioned but not claimed (HERE's is not published): 404 by default. */
  readonly unclaimedStatus?: 404 | 403;
  /** Whether a refusal says which record of the batch is at fault. True by default; HERE's wording is not published. */
  readonly namesRecord?: boolean;
  /** Per device, how many of its latest records traces and `received` show: 1000. 0 keeps counters and shadows only. */
  readonly keepRecords?: number;
  /** Bytes of record text kept in all; the oldest go first: 64 MB. */
  readonly keepBytes?: number;
  /** Appends what is accepted and refused to this file (see `RecordFile`), so that a count survives a kill of the sandbox. */
  readonly recordFile?: string | null;
  readonly faults?: readonly FaultRule[];
}

export interface AccountOptions {
  readonly email: string;
  readonly password: string;
  /** When set, a log-in that names another realm is refused (case does not matter). */
  readonly realm?: string;
  /** In the order in which `licenses` lists them; at least one. */
  readonly projects: readonly ProjectOptions[];
}

export interface ProjectOptions {
  /** At least 8 characters. A project that is given under several accounts is shared by them. */
  readonly appId: string;
  readonly name?: string;
  readonly projectId?: string;
  /** Default `evaluation`. `platform` and `platformApp` need a token from `tokenExchange` and have a `projectHrn`. */
  readonly type?: 'evaluation' | 'commercial' | 'platformApp' | 'platform';
  /** HERE's kind of project, as `projectTypes` filters it: `tracking` by default. */
  readonly kind?: 'tracking' | 'trackingAzure' | 'indoor' | 'lastmile';
  readonly expired?: boolean;
  /** ISO 8601; when its licence ends, as the list of licences says. 2099-12-31 by default; `expired` alone ends it. */
  readonly expiryDate?: string;
  /** Devices that may still be provisioned: 1,000,000. */
  readonly quota?: number;
  /** External ids that are provisioned and claimed from the start. */
  readonly devices?: readonly string[];
}

export interface RateLimit {
  /** Requests per window; a bucket of this size refills evenly. */
  readonly limit: number;
  /** 1000 by default. */
  readonly windowMs?: number;
}

export const FAULT_NAMES = [
  '400',
  '401',
  '403',
  '404',
  '413',
  '429',
  '500',
  '503',
  'reset',
  'hang',
  'slow',
  'half',
  'duplicate204',
] as const;

/**
 * `400` and `404` choose records and devices, not requests: a chosen record is refused each time that it comes, so that it
 * can be found by halving; a chosen device is removed from the registry once, so that it can be created again.
 * `401` also ends the token. `reset` and `hang` happen before the request has any effect; `half` and `duplicate204` after it.
 */
export type FaultName = (typeof FAULT_NAMES)[number];

export interface FaultRule {
  readonly name: FaultName;
  /** Share of the requests (`400`: of the records, `404`: of the devices) that it strikes, 0..1; 1 by default. */
  readonly rate?: number;
  /** Strikes at most this often. */
  readonly count?: number;
  /** Only requests that name this project. */
  readonly appId?: string;
  /** Only requests of this account. */
  readonly email?: string;
  /** Only paths that begin so. Default: every path of HERE except `/v3/health`; `*` means that one as well. */
  readonly path?: string;
  /** `400`, `404`: only this device. */
  readonly device?: string;
  /** `429`, `503`: seconds in `Retry-After`; null leaves the header out. Default: 1 for 429, none for 503. */
  readonly retryAfterS?: number | null;
  /** `slow`: before the answer (2000). `hang`: until the connection is cut (never by default). */
  readonly delayMs?: number;
  /** `413`: strikes only requests with more records or bytes than this. */
  readonly maxRecords?: number;
  readonly maxBytes?: number;
  /** `duplicate204`: what the client sees instead of the 204; by default either, by chance. */
  readonly as?: 'reset' | '503';
}

export const DOCUMENTATION_ACCOUNT: AccountOptions = {
  email: 'yourHereAccount@actility.com',
  password: 'MyHerePassword',
  projects: [{ appId: 'ya5f66oj2vau1EGMvREK', name: 'My tracking project' }],
};

export const DEFAULT_ACCOUNT: AccountOptions = {
  email: 'fleet@sandbox.example',
  password: 'sandbox-7Kq2vTx9',
  projects: [
    { appId: 'sandboxAppOne01', name: 'Sandbox fleet one' },
    { appId: 'sandboxAppTwo02', name: 'Sandbox fleet two' },
    { appId: 'sandboxPlatform3', name: 'Sandbox platform project', type: 'platform' },
  ],
};

export type Settings = Required<Omit<SandboxOptions, 'clock' | 'chance' | 'seed' | 'accounts'>> & {
  readonly accounts: readonly AccountOptions[];
};

export function withDefaults(options: SandboxOptions): Settings {
  const accounts = options.accounts?.length ? options.accounts : [DEFAULT_ACCOUNT];
  const documented = accounts.some((account) => account.email === DOCUMENTATION_ACCOUNT.email);
  return {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    accounts: documented ? accounts : [...accounts, DOCUMENTATION_ACCOUNT],
    maxTokens: options.maxTokens ?? 3,
    fourthLogIn: options.fourthLogIn ?? 'endsOldest',
    tokenLifetimeS: options.tokenLifetimeS ?? 86_400,
    maxLogInFailures: options.maxLogInFailures ?? 5,
    jobMs: options.jobMs ?? 20,
    maxBatchRecords: options.maxBatchRecords ?? 1000,
    maxBodyBytes: options.maxBodyBytes ?? 1_000_000,
    rateLimit: options.rateLimit ?? null,
    unclaimedStatus: options.unclaimedStatus ?? 404,
    namesRecord: options.namesRecord ?? true,
    keepRecords: options.keepRecords ?? 1000,
    keepBytes: options.keepBytes ?? 64_000_000,
    recordFile: options.recordFile ?? null,
    faults: options.faults ?? [],
  };
}
