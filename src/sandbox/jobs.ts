// Registry jobs: devices are created some time after the request, and each gets its own result.
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { Account } from './accounts.ts';
import { type ErrorBody, errorBody } from './answer.ts';
import type { Project } from './devices.ts';

const MAX_JOBS = 10_000;

export interface JobResult {
  readonly deviceId: string;
  readonly deviceSecret?: string;
  readonly externalId?: string;
  readonly trackingId?: string;
}

export interface Job {
  readonly id: string;
  readonly account: Account;
  readonly startedAt: number;
  readonly results: JobResult[];
  readonly errors: { readonly id: string; readonly error: ErrorBody }[];
  complete: boolean;
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #jobMs: number;
  readonly #clock: Clock;
  readonly #chance: Chance;

  constructor(jobMs: number, clock: Clock, chance: Chance) {
    this.#jobMs = jobMs;
    this.#clock = clock;
    this.#chance = chance;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  percent(job: Job): number {
    if (job.complete) return 100;
    return Math.min(99, Math.floor(((this.#clock.monotonic() - job.startedAt) / Math.max(1, this.#jobMs)) * 100));
  }

  /** Virtual devices with these external ids. */
  createVirtual(account: Account, project: Project, ids: readonly string[], autoclaim: boolean): Job {
    return this.#start(account, (job) => {
      for (const id of ids) {
        const error = this.#whyNot(project, project.byExternalId(id) !== undefined);
        if (error) {
          job.errors.push({ id, error });
          continue;
        }
        const device = project.provision(id, this.#clock.now());
        if (autoclaim) project.claim(device);
        const claimed = autoclaim ? { trackingId: device.trackingId } : {};
        job.results.push({ deviceId: device.deviceId, externalId: id, ...claimed });
      }
    });
  }

  /** Licences for physical devices, which are claimed by their device id. */
  createPhysical(account: Account, project: Project, count: number): Job {
    return this.#start(account, (job) => {
      for (let i = 0; i < count; i++) {
        const error = this.#whyNot(project, false);
        if (error) {
          job.errors.push({ id: String(i), error });
          continue;
        }
        const device = project.provision(null, this.#clock.now());
        job.results.push({ deviceId: device.deviceId, deviceSecret: this.#chance.uuid().replaceAll('-', '') });
      }
    });
  }

  #whyNot(project: Project, exists: boolean): ErrorBody | null {
    if (exists) return errorBody(409, null, this.#chance.uuid());
    return project.quota > 0 ? null : errorBody(403, 'The provisioning quota is used up.', this.#chance.uuid());
  }

  #start(account: Account, perform: (job: Job) => void): Job {
    const job: Job = {
      id: this.#chance.uuid(),
      account,
      startedAt: this.#clock.monotonic(),
      results: [],
      errors: [],
      complete: false,
    };
    this.#jobs.set(job.id, job);
    if (this.#jobs.size > MAX_JOBS) {
      for (const oldest of this.#jobs.keys()) {
        this.#jobs.delete(oldest);
        break;
      }
    }
    const finish = () => {
      perform(job);
      job.complete = true;
    };
    if (this.#jobMs <= 0) finish();
    else this.#clock.after(this.#jobMs, finish);
    return job;
  }
}
