// State versions on their way to HERE: each rides on a telemetry record of its device, and again until HERE shows it. A record
// of its own would be an empty trace point and a false sign of life.
import type { Clock } from '../domain/ports/clock.ts';
import type { CommandStore, CommandWork, RidingVersion, StateVersions } from '../domain/ports/downlink.ts';

/** HERE is asked whether it has a version so long after it took the record. */
const ASK_AFTER_MS = 3_000;
/** And after so long without it, the version rides once more. */
const AGAIN_AFTER_MS = 60_000;
/** HERE's bound of one question. */
const MAX_ASKED = 100;

export class Riders implements StateVersions {
  readonly #store: CommandStore;
  readonly #clock: Clock;
  readonly #riding = new Map<string, RidingVersion>();

  constructor(store: CommandStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const each of store.riding()) this.#riding.set(each.device, each);
  }

  get any(): boolean {
    return this.#riding.size > 0;
  }

  /**
   * What is to be committed so that a version rides; undefined: it does already, or a newer one does. To be followed by
   * `took` once it is committed. `isNewEra`: HERE counts the device's versions anew.
   */
  work(device: string, version: number, since: number, isNewEra: boolean): CommandWork['riding'] {
    const before = this.#riding.get(device);
    if (before !== undefined && before.version >= version && !isNewEra) return undefined;
    return [{ device, version, since, toldAt: null }];
  }

  took(work: CommandWork['riding']): void {
    for (const each of work ?? []) {
      if (each.version === null) this.#riding.delete(each.device);
      else this.#riding.set(each.device, each);
    }
  }

  dueFor(device: string, arrivedAt: number): number | null {
    const riding = this.#riding.get(device);
    if (riding === undefined || riding.toldAt !== null) return null;
    // A wall clock that was set back must not keep it waiting.
    return arrivedAt >= Math.min(riding.since, this.#clock.now()) ? riding.version : null;
  }

  /** Never throws: what the disk refuses rides once more. */
  onTold(device: string, version: number): void {
    const riding = this.#riding.get(device);
    if (riding === undefined || riding.version !== version) return;
    this.#save({ ...riding, toldAt: this.#clock.now() });
  }

  /** What is to be committed once HERE shows `reported` of the device. */
  workReported(device: string, reported: number): CommandWork['riding'] {
    const riding = this.#riding.get(device);
    return riding === undefined || riding.version > reported ? undefined : [{ device, version: null }];
  }

  /** Every device with a version under way. */
  all(): readonly string[] {
    return [...this.#riding.keys()];
  }

  /** Devices of which HERE is to be asked now whether it has their version. */
  toAsk(): readonly string[] {
    const devices: string[] = [];
    const told = this.#clock.now() - ASK_AFTER_MS;
    for (const { device, toldAt } of this.#riding.values()) {
      // A wall clock that was set back counts as time that has passed.
      if (toldAt !== null && (toldAt <= told || toldAt > this.#clock.now())) devices.push(device);
      if (devices.length === MAX_ASKED) break;
    }
    return devices;
  }

  /** HERE was asked and shows a lower version, or none. */
  notThere(device: string): void {
    const riding = this.#riding.get(device);
    if (riding === undefined || riding.toldAt === null) return;
    const now = this.#clock.now();
    if (now - riding.toldAt > AGAIN_AFTER_MS || riding.toldAt > now) this.#save({ ...riding, toldAt: null });
  }

  #save(riding: RidingVersion): void {
    try {
      this.#store.commit({ riding: [riding] });
      this.#riding.set(riding.device, riding);
    } catch {
      // It rides once more.
    }
  }
}
