// HERE's calls about devices on the wire: create by job, follow the job, claim one. Answers become verdicts here.
import type { Clock } from '../domain/ports/clock.ts';
import type { DeviceVerdict, RequestGate } from '../domain/ports/here.ts';
import type { AuthorizedCalls, NoToken } from './authorized.ts';
import type { HttpAnswer } from './http.ts';
import { hereAnswerOf, isTransient, parseObject, retryAfterMs } from './outcome.ts';

/** What a device job says about one device. */
export type JobVerdict =
  | { readonly kind: 'created' }
  /** It is provisioned already; whether it is claimed is not said. */
  | { readonly kind: 'exists' }
  /** To be asked again as after `retry`, but HERE may have created it. */
  | { readonly kind: 'unheard'; readonly message: string }
  /** HERE takes no device jobs from this account; of the project's quota that says nothing. */
  | { readonly kind: 'refused'; readonly message: string }
  | Extract<DeviceVerdict, { kind: 'quota' | 'unclaimable' | 'retry' }>;

export type JobVerdicts = ReadonlyMap<string, JobVerdict>;

export interface GateWithEyes extends RequestGate {
  observe(answer: HttpAnswer): void;
  again(signal: AbortSignal): Promise<void>;
}

export interface DeviceCallsOptions {
  readonly appId: string;
  readonly projectId: string | null;
  readonly calls: AuthorizedCalls;
  readonly gate: GateWithEyes;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const FIRST_POLL_MS = 100;
const SLOWEST_POLL_MS = 5000;
const POLL_GROWTH = 1.6;
/** A job that is not complete by then is unheard of: what it created meanwhile "exists" when it is asked for anew. */
const JOB_PATIENCE_MS = 120_000;
const MAX_RESULT_PAGES = 10;

/** Source: HERE's OpenAPI document, "Registry". Every request takes a permit of its own, at background priority. */
export class DeviceCalls {
  readonly #options: DeviceCallsOptions;

  constructor(options: DeviceCallsOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#options.signal.aborted;
  }

  /** Never throws. `devices`: 1 to 100. Every device has a verdict in the answer. */
  async create(devices: readonly string[]): Promise<JobVerdicts> {
    const path = `/registry/v2/${this.#options.appId}/devices?autoclaim=true`;
    const body = JSON.stringify({ devices: devices.map((id) => ({ id })) });
    const answer = await this.#call('POST', path, body);
    const jobId = answer.kind === 'answer' && answer.status === 202 ? parseObject(answer.body)?.jobId : undefined;
    if (typeof jobId !== 'string' || !/^[\w-]{1,100}$/.test(jobId)) return this.#notStarted(devices, answer);
    const failure = await this.#untilComplete(jobId);
    if (failure !== null) return all(devices, failure);
    return this.#results(jobId, devices);
  }

  /** Claims a device that exists: `known`, `unclaimable` or `retry`. */
  async claim(device: string): Promise<DeviceVerdict> {
    const { appId, projectId } = this.#options;
    // An external id says nothing without its `appId`; with several projects the target must be named too.
    const target = projectId === null ? '' : `&projectId=${encodeURIComponent(projectId)}`;
    const path = `/registry/v2/devices/${encodeURIComponent(device)}?appId=${appId}${target}`;
    const answer = await this.#call('PUT', path, '{}');
    if (answer.kind === 'answer' && (answer.status === 200 || answer.status === 201)) return { kind: 'known' };
    if (isLater(answer)) return later(answer);
    return { kind: 'unclaimable', message: `HERE does not let us claim the device: ${wordsOf(answer)}` };
  }

  async #notStarted(devices: readonly string[], answer: HttpAnswer | NoToken): Promise<JobVerdicts> {
    if (isLater(answer)) return all(devices, mayHaveBegun(answer) ? unheard(answer) : later(answer));
    const status = answer.kind === 'answer' ? answer.status : 0;
    const message = `HERE does not create devices: ${wordsOf(answer)}`;
    if (status !== 400) return all(devices, { kind: 'refused', message });
    if (devices.length === 1) return all(devices, { kind: 'unclaimable', message });
    // One id is at fault, or the job is larger than what is left of the quota: halves tell.
    const middle = Math.ceil(devices.length / 2);
    const first = await this.create(devices.slice(0, middle));
    const second = await this.create(devices.slice(middle));
    return new Map([...first, ...second]);
  }

  /** null: complete. */
  async #untilComplete(jobId: string): Promise<JobVerdict | null> {
    const { clock } = this.#options;
    const endMs = clock.monotonic() + JOB_PATIENCE_MS;
    for (
      let waitMs = FIRST_POLL_MS;
      clock.monotonic() < endMs;
      waitMs = Math.min(SLOWEST_POLL_MS, waitMs * POLL_GROWTH)
    ) {
      await this.#sleep(waitMs);
      const answer = await this.#call('GET', `/registry/v2/${jobId}/status`);
      if (answer.kind === 'answer' && answer.status === 200) {
        if (parseObject(answer.body)?.status === 'complete') return null;
      } else if (!isLater(answer)) return { kind: 'unheard', message: `the device job is lost: ${wordsOf(answer)}` };
      else {
        if (answer.kind !== 'answer') return unheard(answer);
        await this.#sleep(retryAfterMs(answer.headers, clock.now()) ?? 0);
      }
    }
    return { kind: 'unheard', message: 'the device job was not complete in time' };
  }

  async #results(jobId: string, devices: readonly string[]): Promise<JobVerdicts> {
    const verdicts = new Map<string, JobVerdict>();
    let pageToken = '';
    for (let page = 0; page < MAX_RESULT_PAGES; page++) {
      const answer = await this.#call('GET', `/registry/v2/${jobId}/results?count=100${pageToken}`);
      const results = answer.kind === 'answer' && answer.status === 200 ? parseObject(answer.body) : null;
      if (results === null) {
        const message = `the device job's results could not be read: ${wordsOf(answer)}`;
        return all(devices, { kind: 'unheard', message });
      }
      for (const failed of list(results.errors)) {
        if (typeof failed.id === 'string') verdicts.set(failed.id, verdictOf(failed.error));
      }
      for (const made of list(results.data)) {
        if (typeof made.externalId === 'string') verdicts.set(made.externalId, { kind: 'created' });
      }
      if (typeof results.pageToken !== 'string' || results.pageToken === '') break;
      pageToken = `&pageToken=${encodeURIComponent(results.pageToken)}`;
    }
    // `externalId` is optional in HERE's document: a complete job without an error for a device has created it.
    return new Map(devices.map((device) => [device, verdicts.get(device) ?? { kind: 'created' }]));
  }

  async #call(method: 'GET' | 'POST' | 'PUT', path: string, body?: string): Promise<HttpAnswer | NoToken> {
    const { gate, calls, signal } = this.#options;
    const again = (own: AbortSignal): Promise<void> => gate.again(own);
    const request = { method, path, signal, again, ...(body === undefined ? {} : { body }) };
    try {
      const answer = await gate.run(0, signal, () => calls.call(request));
      if (answer.kind !== 'noToken') gate.observe(answer);
      return answer;
    } catch {
      // Only an abort before the permit came rejects.
      const outcome = { kind: 'retry', cause: 'stopped', afterMs: null, message: 'stopped' } as const;
      return { kind: 'noToken', outcome };
    }
  }

  #sleep(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    if (ms <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** A device's error in a job's results. HERE publishes no codes for them: 409 is taken as it reads, words are the fallback. */
function verdictOf(error: unknown): JobVerdict {
  const {
    code,
    message,
    error: title,
  } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const words = String(typeof message === 'string' && message !== '' ? message : (title ?? 'no reason given')).slice(
    0,
    300,
  );
  if (code === 409 || /\balready\b|\bexists\b|\bduplicate\b/i.test(words)) return { kind: 'exists' };
  if (code === 402 || code === 403 || /\bquota\b|\blimit\b/i.test(words))
    return { kind: 'quota', message: `HERE does not create the device: ${words}` };
  if (code === 429) return { kind: 'retry', message: words };
  if (typeof code === 'number' && code >= 500) return { kind: 'unheard', message: words };
  return { kind: 'unclaimable', message: `HERE does not create the device: ${words}` };
}

function isLater(answer: HttpAnswer | NoToken): boolean {
  return answer.kind === 'noToken' || isTransient(answer) || (answer.kind === 'answer' && answer.status === 401);
}

/** Whether HERE may have begun the job although the answer to its `POST` does not say so. */
function mayHaveBegun(answer: HttpAnswer | NoToken): boolean {
  if (answer.kind === 'noToken') return false;
  if (answer.kind === 'noAnswer') return answer.maybeSent;
  return answer.status < 300 || answer.status === 408 || answer.status >= 500;
}

function unheard(answer: HttpAnswer | NoToken): Extract<JobVerdict, { kind: 'unheard' }> {
  return { kind: 'unheard', message: wordsOf(answer) };
}

function later(answer: HttpAnswer | NoToken): Extract<DeviceVerdict, { kind: 'retry' }> {
  return { kind: 'retry', message: wordsOf(answer) };
}

function wordsOf(answer: HttpAnswer | NoToken): string {
  return answer.kind === 'noToken' ? answer.outcome.message : hereAnswerOf(answer).message;
}

function all(devices: readonly string[], verdict: JobVerdict): JobVerdicts {
  return new Map(devices.map((device) => [device, verdict]));
}

function list(value: unknown): readonly Record<string, unknown>[] {
  const items: unknown[] = Array.isArray(value) ? value.slice(0, 1000) : [];
  return items.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
}
