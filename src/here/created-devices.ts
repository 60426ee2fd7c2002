// How many devices the bridge has created in a project, for `maxDevices`: with those that HERE may have created unheard.
import { describeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { DeviceVerdict } from '../domain/ports/here.ts';
import type { DeviceStore } from '../domain/ports/store.ts';
import type { JobVerdict, JobVerdicts } from './device-calls.ts';

/** Beyond it the oldest count as created. */
const MAX_ASKED = 100_000;
/** Who asked for a device asks again soon. If nobody has for so long, HERE's word is not waited for any more. */
const WORD_MS = 600_000;

export interface CreatedDevicesOptions {
  /** `host|appId`. */
  readonly project: string;
  readonly store: DeviceStore;
  readonly clock: Clock;
}

/**
 * A device counts from before the request that may create it, since the end of its job may never be heard: the process dies,
 * the connection is stopped, HERE is busy. It is given back when HERE says that it has not created it; if it "exists" when
 * HERE is asked again, that was us.
 */
export class CreatedDevices {
  readonly #options: CreatedDevicesOptions;
  /** By jobs that run, or whose end was not heard. */
  readonly #asked = new Set<string>();
  #wordUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: CreatedDevicesOptions) {
    this.#options = options;
  }

  /** Throws what the store throws. */
  load(): void {
    const { store, project, clock } = this.#options;
    const asked = store.asked(project);
    for (const device of asked) this.#asked.add(device);
    if (asked.length > 0) this.#wordUntilMs = clock.monotonic() + WORD_MS;
  }

  /** Whether it counts already, so that asking for it again takes nothing of a limit. */
  counts(device: string): boolean {
    return this.#asked.has(device);
  }

  /** How many were created or may have been; or why that is not known: then none is created that a limit might forbid. */
  count(): number | string {
    try {
      return this.#options.store.createdCount(this.#options.project) + this.#asked.size;
    } catch (error) {
      return describeError(error);
    }
  }

  /** To a device beyond the limit; `count`: of now. `retry` while HERE's word may still show that there is room. */
  beyond(limit: number, count: number): DeviceVerdict {
    const unheard = this.#asked.size;
    if (count - unheard < limit && this.#options.clock.monotonic() < this.#wordUntilMs) {
      const message = `HERE has not said yet whether it has created ${unheard} devices, with which the limit of ${limit} would be reached.`;
      return { kind: 'retry', message };
    }
    const counted = unheard > 0 ? ` (${unheard} of them were asked for without HERE's answer)` : '';
    const message = `The bridge has created ${limit} devices in this project${counted}, which is its limit: uplinks of further new devices are skipped. Raise maxDevices, or take it out.`;
    return { kind: 'limit', message };
  }

  /** Before the request. null: they count, also after a crash; else why that could not be written down, and they do not. */
  ask(devices: readonly string[]): string | null {
    const fresh = devices.filter((device) => !this.#asked.has(device));
    if (fresh.length === 0) return null;
    try {
      this.#makeRoom(fresh.length);
      this.#options.store.addAsked(this.#options.project, fresh);
    } catch (error) {
      return describeError(error);
    }
    for (const device of fresh) this.#asked.add(device);
    return null;
  }

  /**
   * `earlier`: those of the job that counted before it. `existed`: whether a device was there before for all we know, so that
   * a job that is not heard of has most likely not created it.
   */
  answered(verdicts: JobVerdicts, earlier: ReadonlySet<string>, existed: (device: string) => boolean): void {
    const heard: string[] = [];
    let created = 0;
    for (const [device, verdict] of verdicts) {
      const wasAsked = earlier.has(device);
      if (verdict.kind === 'created' || (verdict.kind === 'exists' && wasAsked)) created++;
      const isOpen = wasAsked ? saysNothing(verdict) : verdict.kind === 'unheard' && !existed(device);
      if (!isOpen) heard.push(device);
      else {
        this.#asked.add(device);
        this.#wordUntilMs = this.#options.clock.monotonic() + WORD_MS;
      }
    }
    this.#settle(heard, created);
  }

  #makeRoom(places: number): void {
    const excess = this.#asked.size + places - MAX_ASKED;
    if (excess <= 0) return;
    const oldest = [...this.#asked].slice(0, excess);
    this.#settle(oldest, oldest.length);
  }

  /** What cannot be written down counts as asked for still. */
  #settle(devices: readonly string[], created: number): void {
    if (devices.length === 0) return;
    try {
      this.#options.store.answered(this.#options.project, devices, created);
    } catch {
      return;
    }
    for (const device of devices) this.#asked.delete(device);
  }
}

/** Of whether the job before has created the device. */
function saysNothing({ kind }: JobVerdict): boolean {
  return kind === 'unheard' || kind === 'retry' || kind === 'refused';
}
