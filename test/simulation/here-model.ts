// A model of HERE Tracking, in its own words: accounts and tokens, projects and devices, jobs, batches. It is asked one
// request at a time and answers at once; the network in front of it has the delays and faults.
import type { Check } from './check-names.ts';
import type { Dice } from './dice.ts';
import { projectOf } from './permits.ts';
import type { Uplink, Witness } from './witness.ts';

export interface HereRequest {
  readonly method: string;
  readonly path: string;
  readonly token: string | null;
  readonly body: string | null;
  /** Of a batch. */
  readonly records: readonly HereRecord[];
}

export interface HereRecord {
  readonly id: string;
  readonly timestamp: number;
}

export interface HereReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HereProjectModel {
  readonly appId: string;
  readonly projectId: string;
  readonly devices: Set<string>;
}

export interface HereAccountModel {
  readonly email: string;
  password: string;
  failures: number;
  locked: boolean;
  /** The licences of all its projects have ended. */
  expired: boolean;
  readonly projects: readonly HereProjectModel[];
  pairs: { readonly access: string; readonly refresh: string; readonly endsMs: number }[];
}

interface Job {
  readonly devices: readonly string[];
  readonly project: HereProjectModel;
  readonly doneMs: number;
  results: { readonly made: string[]; readonly existing: string[] } | null;
}

export interface HereModelOptions {
  readonly now: () => number;
  readonly dice: Dice;
  readonly witness: Witness;
  readonly accounts: readonly HereAccountModel[];
  readonly tokenLifetimeS: number;
  /** Whether HERE's refusal of a batch names the record: rightly, not at all, or wrongly. */
  readonly hints: 'right' | 'none' | 'wrong';
  readonly violated: (check: Check, message: string, words: readonly string[]) => void;
}

const MAX_TOKENS = 3;
const LOCKED_AT = 5;

export class HereModel {
  readonly options: HereModelOptions;
  /** 413 above these, while a fault lowers them. */
  maxRecords = Number.POSITIVE_INFINITY;
  maxBytes = Number.POSITIVE_INFINITY;
  /** Added to the time that a job takes. */
  jobDelayMs = 0;
  logIns = 0;
  readonly #jobs = new Map<string, Job>();
  #serial = 0;

  constructor(options: HereModelOptions) {
    this.options = options;
  }

  project(appId: string): HereProjectModel | null {
    return this.options.accounts.flatMap(({ projects }) => projects).find((one) => one.appId === appId) ?? null;
  }

  accountOfToken(token: string | null): HereAccountModel | null {
    const now = this.options.now();
    for (const account of this.options.accounts) {
      if (account.pairs.some((pair) => pair.access === token && pair.endsMs > now)) return account;
    }
    return null;
  }

  /** `uplinks`: those that a batch holds. */
  serve(request: HereRequest, uplinks: readonly Uplink[]): HereReply {
    const path = request.path.split('?')[0] as string;
    const [, area, , third = '', fourth = ''] = path.split('/');
    if (path === '/v3/health') return json({ message: 'healthy' });
    if (area === 'users') return third === 'login' ? this.#logIn(request) : this.#refresh(request);
    const account = this.accountOfToken(request.token);
    if (account === null) return error(401, 'The provided credentials are not valid.');
    if (third === 'licenses') return this.#licences(account);
    if (account.expired) return error(403, 'The licence has expired.');
    if (path === '/v3/batch') return this.#batch(account, request, uplinks);
    if (third === 'devices') return this.#claim(account, fourth);
    if (fourth === 'devices') return this.#create(account, third, request);
    const job = this.#jobs.get(third);
    if (job === undefined) return error(404, 'The specified resource was not found.');
    return fourth === 'status' ? this.#status(job) : this.#results(job);
  }

  revoke(account: HereAccountModel): void {
    account.pairs = [];
  }

  #logIn({ body }: HereRequest): HereReply {
    this.logIns += 1;
    const { email, password } = JSON.parse(body ?? '{}') as { email: string; password: string };
    const account = this.options.accounts.find((one) => one.email === email);
    if (account === undefined) return error(401, 'The provided credentials are not valid.');
    if (account.locked || account.password !== password) {
      account.failures += 1;
      if (account.failures >= LOCKED_AT && !account.locked) {
        account.locked = true;
        this.options.violated('logIn', `the account ${email} is locked after ${account.failures} failed log-ins`, [
          email,
        ]);
      }
      return error(401, 'The provided credentials are not valid.');
    }
    account.failures = 0;
    return this.#issue(account);
  }

  #refresh({ body }: HereRequest): HereReply {
    const { accessToken, refreshToken } = JSON.parse(body ?? '{}') as { accessToken: string; refreshToken: string };
    for (const account of this.options.accounts) {
      const pair = account.pairs.find(({ access, refresh }) => access === accessToken && refresh === refreshToken);
      if (pair !== undefined) return this.#issue(account);
    }
    return error(401, 'The provided credentials are not valid.');
  }

  /** At most three tokens live: the oldest ends. */
  #issue(account: HereAccountModel): HereReply {
    const { now, tokenLifetimeS } = this.options;
    const nowMs = now();
    account.pairs = account.pairs.filter((pair) => pair.endsMs > nowMs).slice(1 - MAX_TOKENS);
    const name = `${account.email.split('@')[0]}-${++this.#serial}`;
    const pair = {
      access: `access-token-${name}`,
      refresh: `refresh-token-${name}`,
      endsMs: nowMs + tokenLifetimeS * 1000,
    };
    account.pairs.push(pair);
    return json({ accessToken: pair.access, refreshToken: pair.refresh, expiresIn: tokenLifetimeS });
  }

  #licences(account: HereAccountModel): HereReply {
    const licenses = account.projects.map(({ appId, projectId }) => ({
      appId,
      projectId,
      projectName: appId,
      type: 'tracking',
      expired: account.expired,
    }));
    return json({ licenses, start: 0, end: licenses.length, total: licenses.length });
  }

  #batch(account: HereAccountModel, { body, records }: HereRequest, uplinks: readonly Uplink[]): HereReply {
    const appId = projectOf('/v3/batch', body);
    const project = account.projects.find((one) => one.appId === appId);
    if (project === undefined) return error(404, 'The specified resource was not found.');
    if (records.length > this.maxRecords || (body?.length ?? 0) > this.maxBytes) {
      return error(413, 'The request size exceeds the maximum size limit for payloads.');
    }
    for (const [index, { id, timestamp }] of records.entries()) {
      const uplink = this.options.witness.ofRecord(id, timestamp);
      if (uplink === null) {
        this.options.violated('delivery', `HERE got a record that nobody sent: ${id}@${timestamp}`, [id]);
        return error(400, 'unknown');
      }
      if (uplink.kind === 'poison') return error(400, `${this.#hint(index, records.length)} is not valid`);
      if (!project.devices.has(id)) return error(404, `${this.#hint(index, records.length)}: the device was not found`);
    }
    for (const uplink of uplinks) this.options.witness.arrived(uplink, this.options.now());
    return { status: 204, headers: {}, body: '' };
  }

  #hint(index: number, count: number): string {
    const { hints, dice } = this.options;
    if (hints === 'none') return 'One record';
    return `data[${hints === 'right' ? index : dice.whole(0, count + 1)}]`;
  }

  #create(account: HereAccountModel, appId: string, { body }: HereRequest): HereReply {
    const project = account.projects.find((one) => one.appId === appId);
    if (project === undefined) return error(404, 'The specified resource was not found.');
    const { devices } = JSON.parse(body ?? '{}') as { devices: { id: string }[] };
    const jobId = `job-${++this.#serial}-${appId}`;
    const doneMs = this.options.now() + this.options.dice.between(100, 2_000) + this.jobDelayMs;
    this.#jobs.set(jobId, { devices: devices.map(({ id }) => id), project, doneMs, results: null });
    return json({ jobId }, 202);
  }

  #status(job: Job): HereReply {
    return json({ status: this.options.now() >= job.doneMs ? 'complete' : 'started' });
  }

  #results(job: Job): HereReply {
    const { devices } = job.project;
    job.results ??= {
      made: job.devices.filter((id) => !devices.has(id)),
      existing: job.devices.filter((id) => devices.has(id)),
    };
    const { made, existing } = job.results;
    for (const id of made) devices.add(id);
    const errors = existing.map((id) => ({ id, error: { code: 409, message: 'already exists' } }));
    const data = made.map((externalId) => ({ deviceId: `device-of-${externalId}`, externalId }));
    return json({ count: data.length, data, ...(errors.length > 0 ? { errors } : {}) });
  }

  #claim(account: HereAccountModel, device: string): HereReply {
    const found = account.projects.some(({ devices }) => devices.has(device));
    return found ? json({ trackingId: `tracking-of-${device}` }) : error(404, 'The specified resource was not found.');
  }
}

export function json(value: unknown, status = 200): HereReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** HERE's error form. */
export function error(status: number, message: string, headers: Readonly<Record<string, string>> = {}): HereReply {
  const body = {
    error: `Status ${status}`,
    code: status,
    message,
    id: '0',
    details: { hereErrorCode: status * 1000 + 306 },
  };
  return { status, headers, body: JSON.stringify(body) };
}
