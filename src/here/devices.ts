// The devices of one project: which are known, and making sure of the others by jobs that serve all who wait for them.
import { describeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { DeviceVerdict } from '../domain/ports/here.ts';
import type { DeviceStore } from '../domain/ports/store.ts';
import { untilAborted } from './authorized.ts';
import { CreatedDevices } from './created-devices.ts';
import type { DeviceCalls, JobVerdict } from './device-calls.ts';
import { KnownDevices } from './known-devices.ts';

/** HERE's bound of one job. Source: OpenAPI document, `POST /registry/v2/{appId}/devices`. */
const MAX_JOB = 100;
const JOBS_AT_ONCE = 2;
const MAX_REMEMBERED = 100_000;
/** A device that could not be claimed is tried again after this long: a person may have freed it. */
const UNCLAIMABLE_MS = 3_600_000;
/** After HERE refused to create more, nobody asks for this long. */
const QUOTA_MS = 600_000;

const STOPPED: DeviceVerdict = { kind: 'retry', message: 'stopped' };

/** On whose behalf HERE is asked. */
interface Asker {
  readonly calls: DeviceCalls;
  readonly limit: number | null;
}

interface Asked extends Asker {
  readonly device: string;
  readonly resolve: (verdict: DeviceVerdict) => void;
}

/** HERE creates no more for now. */
interface NoMore {
  readonly message: string;
  readonly untilMs: number;
}

export interface ProjectDevicesOptions {
  /** `host|appId`. */
  readonly project: string;
  readonly store: DeviceStore;
  readonly clock: Clock;
  readonly maxKnown: number;
}

export class ProjectDevices {
  readonly #options: ProjectDevicesOptions;
  readonly #known: KnownDevices;
  readonly #created: CreatedDevices;
  /** HERE said "unknown device" of these although they exist: next time they are claimed. */
  readonly #unclaimed = new Set<string>();
  /** Known until HERE did not know others beside them: not known again before HERE's word. The store has them still. */
  readonly #doubted = new Set<string>();
  readonly #failures = new Map<string, { readonly verdict: DeviceVerdict; readonly untilMs: number }>();
  readonly #asked = new Map<string, Asker & { readonly answer: Promise<DeviceVerdict> }>();
  /** Why it is not known what the store remembers: any device may be one of those. */
  #unreadable: string | null = null;
  #waiting: Asked[] = [];
  #jobs = 0;
  #quota: NoMore | null = null;
  /** What HERE said to one account's job as a whole holds for that account's: another's may be taken. */
  #refusals = new WeakMap<DeviceCalls, NoMore>();
  /** How often these were forgotten. */
  #quotaEra = 0;

  constructor(options: ProjectDevicesOptions) {
    this.#options = options;
    this.#known = new KnownDevices(options.maxKnown);
    this.#created = new CreatedDevices(options);
  }

  /** Reads what the store remembers; where it cannot be read that is tried again before anybody is asked. */
  load(): void {
    try {
      for (const device of this.#options.store.load(this.#options.project)) this.#known.add(device);
      this.#created.load();
      this.#unreadable = null;
    } catch (error) {
      this.#unreadable = describeError(error);
    }
  }

  isKnown(device: string): boolean {
    return this.#known.has(device);
  }

  confirm(devices: Iterable<string>): void {
    const fresh: string[] = [];
    for (const device of devices) {
      if (this.#known.has(device)) continue;
      this.#known.add(device);
      this.#failures.delete(device);
      this.#unclaimed.delete(device);
      if (!this.#doubted.delete(device)) fresh.push(device);
    }
    if (fresh.length > 0) this.#quietly(() => this.#options.store.add(this.#options.project, fresh));
  }

  forget(device: string): void {
    this.#known.delete(device);
    this.#doubted.delete(device);
    bounded(this.#unclaimed).add(device);
    this.#quietly(() => this.#options.store.remove(this.#options.project, [device]));
  }

  /** Unlike a forgotten one it is not claimed if it exists: that would be a request a device. */
  doubt(device: string): void {
    // Nothing is left to be doubted of one that HERE said not to know. Beyond the bound HERE's word on each uplink must do.
    if (!this.#known.has(device) || this.#doubted.size >= MAX_REMEMBERED) return;
    this.#known.delete(device);
    this.#doubted.add(device);
  }

  /** Somebody may have mended it: what HERE still answers to jobs of before says nothing of it. */
  forgetQuota(): void {
    this.#quota = null;
    this.#refusals = new WeakMap();
    this.#quotaEra++;
  }

  async ensure(
    devices: readonly string[],
    limit: number | null,
    signal: AbortSignal,
    calls: DeviceCalls,
  ): Promise<ReadonlyMap<string, DeviceVerdict>> {
    if (this.#unreadable !== null) this.load();
    const verdicts = new Map<string, DeviceVerdict>();
    const asked: [string, Promise<DeviceVerdict>][] = [];
    for (const device of new Set(devices)) {
      const known = this.#answer(device, calls);
      if (known !== null) verdicts.set(device, known);
      else asked.push([device, this.#ask(device, { limit, calls })]);
    }
    const answers = Promise.all(asked.map(([device, verdict]) => verdict.then((each) => verdicts.set(device, each))));
    await untilAborted<unknown>(answers, signal, null);
    // A copy: those who are answered after the abort must not change what was returned.
    return new Map([...asked.map(([device]) => [device, STOPPED] as const), ...verdicts]);
  }

  /** What can be said without asking HERE. */
  #answer(device: string, calls: DeviceCalls): DeviceVerdict | null {
    if (this.#known.has(device)) return { kind: 'known' };
    const nowMs = this.#options.clock.monotonic();
    const failure = this.#failures.get(device);
    if (failure !== undefined) {
      if (nowMs < failure.untilMs) return failure.verdict;
      this.#failures.delete(device);
    }
    // A doubted one exists most likely: HERE can say so without creating any.
    if (this.#doubted.has(device)) return null;
    for (const no of [this.#quota, this.#refusals.get(calls)]) {
      if (no && nowMs < no.untilMs) return { kind: 'quota', message: no.message };
    }
    return null;
  }

  /** One question a device, however many wait for the answer; once more where it spoke of another asker. */
  #ask(device: string, asker: Asker, isAgain = false): Promise<DeviceVerdict> {
    const before = this.#asked.get(device);
    if (before !== undefined) {
      if (isAgain || (before.calls === asker.calls && before.limit === asker.limit)) return before.answer;
      return before.answer.then((verdict) => {
        if (!isOfAnother(verdict, before, asker)) return verdict;
        return this.#answer(device, asker.calls) ?? this.#ask(device, asker, true);
      });
    }
    const answer = new Promise<DeviceVerdict>((resolve) => {
      this.#waiting.push({ device, ...asker, resolve });
    });
    this.#asked.set(device, { ...asker, answer });
    // After this turn, so that all devices of one call, and of calls made together, share jobs.
    if (this.#waiting.length === 1) queueMicrotask(() => this.#startJobs());
    return answer;
  }

  #startJobs(): void {
    while (this.#jobs < JOBS_AT_ONCE && this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      if (batch.length === 0) return;
      this.#jobs++;
      void this.#runJob(batch).finally(() => {
        this.#jobs--;
        this.#startJobs();
      });
    }
  }

  /** The next devices of one account, within their limit. What running jobs may create counts until they are done. */
  #takeBatch(): Asked[] {
    const batch: Asked[] = [];
    const rest: Asked[] = [];
    const created = this.#unreadable ?? this.#created.count();
    let fresh = 0;
    for (const asked of this.#waiting) {
      const { limit } = asked;
      const isNext = batch.length < MAX_JOB && (batch[0] === undefined || batch[0].calls === asked.calls);
      const isFresh = !this.#created.counts(asked.device);
      if (limit !== null && typeof created === 'string') {
        this.#settle(asked, { kind: 'retry', message: `The bridge cannot read its own record of devices: ${created}` });
        continue;
      }
      const isBeyond = isFresh && limit !== null && limit - Number(created) - fresh <= 0;
      if (isBeyond && this.#jobs === 0 && batch.length === 0) {
        this.#settle(asked, this.#created.beyond(limit, Number(created)));
      } else if (isNext && !isBeyond) {
        batch.push(asked);
        if (isFresh) fresh++;
      } else rest.push(asked);
    }
    this.#waiting = rest;
    return batch;
  }

  async #runJob(batch: readonly Asked[]): Promise<void> {
    const calls = (batch[0] as Asked).calls;
    const era = this.#quotaEra;
    const devices = batch.map((asked) => asked.device);
    const earlier = new Set(devices.filter((device) => this.#created.counts(device)));
    const unkept = this.#created.ask(devices);
    if (unkept !== null && batch.some(({ limit }) => limit !== null)) {
      const message = `The bridge cannot keep its own record of devices: ${unkept}`;
      for (const asked of batch) this.#settle(asked, { kind: 'retry', message });
      return;
    }
    const verdicts = await calls.create(devices);
    this.#created.answered(verdicts, earlier, (device) => this.#doubted.has(device));
    this.confirm(devices.filter((device) => verdicts.get(device)?.kind === 'created'));
    await Promise.all(
      batch.map(async (asked) => {
        this.#settle(asked, await this.#final(asked, verdicts.get(asked.device) as JobVerdict, era));
      }),
    );
  }

  /**
   * A device that exists counts as ours, since claiming each of a large fleet would take a request a device; only one of
   * which HERE then said that it does not know it (`forget`) is claimed, once.
   */
  async #final(asked: Asked, verdict: JobVerdict, era: number): Promise<DeviceVerdict> {
    const { device } = asked;
    if (verdict.kind === 'created') return verdict;
    if (verdict.kind === 'unheard') return { kind: 'retry', message: verdict.message };
    const isRefused = verdict.kind === 'refused';
    const final: DeviceVerdict = isRefused
      ? { kind: 'quota', message: verdict.message }
      : verdict.kind !== 'exists'
        ? verdict
        : this.#unclaimed.has(device)
          ? await asked.calls.claim(device)
          : { kind: 'known' };
    if (final.kind === 'quota' && era !== this.#quotaEra) return { kind: 'retry', message: final.message };
    const nowMs = this.#options.clock.monotonic();
    if (final.kind === 'known') this.confirm([device]);
    else if (final.kind === 'unclaimable') {
      bounded(this.#failures).set(device, { verdict: final, untilMs: nowMs + UNCLAIMABLE_MS });
    } else if (final.kind === 'quota') {
      const no: NoMore = { message: final.message, untilMs: nowMs + QUOTA_MS };
      if (isRefused) this.#refusals.set(asked.calls, no);
      else this.#quota = no;
    }
    return final;
  }

  /**
   * That no more are created says nothing of a device that was known: it is so again, and its uplink tells. If HERE does not
   * know it, `forget` takes it out of the doubted ones, and the next "no" holds.
   */
  #settle(asked: Asked, verdict: DeviceVerdict): void {
    const { device } = asked;
    this.#asked.delete(device);
    const isDoubted = verdict.kind !== 'retry' && this.#doubted.has(device);
    if (isDoubted) this.confirm([device]);
    asked.resolve(isDoubted ? { kind: 'known' } : verdict);
  }

  /** The store tells of its own disk; what it could not keep is merely asked again after a restart. */
  #quietly(write: () => void): void {
    try {
      write();
    } catch {}
  }
}

/** Whether the answer to one asker may be none for the other: its own limit, its rights, its end. */
function isOfAnother({ kind }: DeviceVerdict, asked: Asker, other: Asker): boolean {
  if (kind === 'limit') return asked.limit !== other.limit;
  if (asked.calls === other.calls) return false;
  return kind === 'quota' || (kind === 'retry' && asked.calls.isStopped && !other.calls.isStopped);
}

/** Makes room by dropping the oldest entry. */
function bounded<C extends Set<string> | Map<string, unknown>>(collection: C): C {
  if (collection.size >= MAX_REMEMBERED) collection.delete(collection.keys().next().value as string);
  return collection;
}
