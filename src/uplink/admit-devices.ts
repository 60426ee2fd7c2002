// Admit devices: HERE takes data of provisioned and claimed devices only. New ones are created by job while their uplinks
// wait; other devices go on meanwhile.
import type { EventKind, EventSink } from '../domain/events.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { WaitingDevice } from '../domain/ports/control.ts';
import type { DeviceVerdict, HereProject } from '../domain/ports/here.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { Backlog } from './backlog.ts';
import { Holds } from './holds.ts';
import type { Intake } from './intake.ts';
import { NotFound } from './not-found.ts';
import type { Admission, WaitingRoom } from './waiting.ts';

export interface AdmissionOptions {
  readonly connectionId: string;
  readonly createDevices: boolean;
  readonly maxDevices: number | null;
  /** Their uplinks are skipped, also those that wait already. */
  readonly retired?: { has(device: string): boolean } | undefined;
}

/** How long a device that HERE does not know (and that is not to be created) is skipped without asking again. */
const UNKNOWN_FOR_MS = 10 * 60_000;
const UNKNOWN_AT_MOST = 100_000;
/** Another try for devices that could not be claimed, and after HERE's registry failed. */
const HELD_FOR_MS = 10 * 60_000;
const REGISTRY_RETRY_MS = 5_000;
const ASK_AT_MOST = 1_000;
/** Waiting devices that are named to those who ask. */
const NAMED_AT_MOST = 100;
const NOT_FOUND = "HERE's registry knows the device, and HERE answers its uplinks with 404: they are tried again";
/** A start that creates more than this says so (they may be billed). */
const MANY = 50;

const ADVICE = {
  deviceLimitReached: 'Uplinks of further new devices are skipped. Raise maxDevices to let them in.',
  deviceQuotaUsedUp:
    'Uplinks of new devices wait; HERE is asked again every 10 minutes. Ask HERE for more devices, or remove some there.',
  deviceUnclaimed: 'Its uplinks wait, and HERE is asked again later. Release the device where it is claimed.',
  deviceCreationFailed: 'Its uplinks wait, and HERE is asked again.',
} as const;

export class DeviceAdmission {
  readonly notFound = new NotFound();
  readonly #options: AdmissionOptions;
  readonly #room: WaitingRoom;
  readonly #backlog: Backlog;
  readonly #intake: Pick<Intake, 'unload'>;
  readonly #events: EventSink;
  readonly #clock: Clock;
  /** Parked devices that were not asked about yet. */
  #toAsk = new Set<string>();
  /** Device → monotonic ms until which its uplinks are skipped. */
  readonly #unknown = new Map<string, number>();
  /** Some of those whose uplinks wait, with the reason. */
  readonly #named = new Map<string, string>();
  /** Device → what was told of it: asking again for the same answer is no news. */
  readonly #told = new Map<string, EventKind>();
  /** Held because HERE creates no more devices in the project. */
  readonly #overQuota = new Set<string>();
  readonly #holds: Holds;
  #changed = (): void => {};
  #asking = false;
  #saidMany = false;

  constructor(
    options: AdmissionOptions,
    room: WaitingRoom,
    backlog: Backlog,
    intake: Pick<Intake, 'unload'>,
    events: EventSink,
    clock: Clock,
  ) {
    this.#options = options;
    this.#room = room;
    this.#backlog = backlog;
    this.#intake = intake;
    this.#events = events;
    this.#clock = clock;
    this.#holds = new Holds(clock, (devices, andOthers) => this.#release(devices, andOthers));
  }

  /** For good. */
  stop(): void {
    this.#holds.clear();
  }

  /** Devices whose uplinks stay in the journal until HERE takes the device. */
  get waiting(): { readonly count: number; readonly first: readonly WaitingDevice[] } {
    const first = [...this.#named].map(([device, reason]) => ({ device, reason }));
    return { count: this.#backlog.heldDevices, first };
  }

  /** Why an uplink is left out that `admit` has refused. */
  skipped(device: string): UplinkOutcome {
    return { kind: 'skipped', reason: this.isRetired(device) ? 'retired' : 'unknownDevice' };
  }

  isRetired(device: string): boolean {
    return this.#options.retired?.has(device) === true;
  }

  /** On the hot path, once a lane's turn comes. */
  admit(project: HereProject, device: string): Admission {
    if (this.isRetired(device)) return 'skip';
    if (this.#unknown.size > 0) {
      const until = this.#unknown.get(device);
      if (until !== undefined) {
        // It may have been created meanwhile, by a person's word.
        if (this.#clock.monotonic() < until && !project.devices.isKnown(device)) return 'skip';
        this.#unknown.delete(device);
      }
    }
    if (!this.#options.createDevices || project.devices.isKnown(device)) return 'send';
    this.#toAsk.add(device);
    return 'park';
  }

  /** HERE answered 404: its uplinks are parked (`createDevices`), or it is skipped for a while. */
  unknown(device: string): void {
    if (this.#options.createDevices) {
      this.#toAsk.add(device);
      return;
    }
    this.#skip(device);
    if (!this.#isNews(device, 'deviceUnknown')) return;
    this.#events.emit({
      kind: 'deviceUnknown',
      severity: 'error',
      connectionId: this.#options.connectionId,
      key: 'createDevices',
      message: `HERE does not know device ${device}, and createDevices is false: its uplinks are skipped. Provision it in HERE or switch createDevices on.`,
      details: { device },
    });
  }

  /** Another project: what was learnt of devices was the former project's. */
  forget(): void {
    this.#unknown.clear();
    this.#toAsk.clear();
    this.#holds.clear();
    this.#backlog.unholdAll();
    this.#overQuota.clear();
    this.#named.clear();
    this.#told.clear();
    this.notFound.clear();
    this.#saidMany = false;
  }

  /**
   * The connection has been opened anew, perhaps by somebody who has just mended the quota or the licence, or provisioned a
   * device: what was skipped for that is tried, and what waits for it is asked about at once. With a small journal the latter
   * may be all that keeps other devices' uplinks out.
   */
  opened(project: HereProject): void {
    this.#unknown.clear();
    // Also where none is known to wait for it: HERE's word may have come when the line was closed already.
    project.devices.forgetQuota();
    this.#holds.drop(this.#overQuota);
    this.#holds.dropOthers();
    this.#backlog.unhold(this.#overQuota, true);
    for (const device of this.#overQuota) this.#named.delete(device);
    this.#overQuota.clear();
  }

  /** Asks HERE about the parked devices, one question at a time; `changed` is called when some may go. */
  ask(project: HereProject, signal: AbortSignal, changed: () => void): void {
    if (this.#asking || this.#toAsk.size === 0 || signal.aborted) return;
    const devices = [...this.#toAsk].slice(0, ASK_AT_MOST);
    for (const device of devices) this.#toAsk.delete(device);
    this.#sayMany(devices.length + this.#toAsk.size);
    this.#asking = true;
    project.devices
      .ensure(devices, this.#options.maxDevices, signal)
      .then((verdicts) => {
        if (!signal.aborted) this.#apply(devices, verdicts, project, signal, changed);
      })
      .finally(() => {
        this.#asking = false;
        this.ask(project, signal, changed);
      });
  }

  #apply(
    devices: readonly string[],
    verdicts: ReadonlyMap<string, DeviceVerdict>,
    project: HereProject,
    signal: AbortSignal,
    changed: () => void,
  ): void {
    const again: string[] = [];
    const held: string[] = [];
    const known = new Map<number, string[]>();
    for (const device of devices) {
      const verdict = verdicts.get(device) ?? { kind: 'retry', message: 'HERE said nothing of the device' };
      if (verdict.kind === 'known' || verdict.kind === 'created') {
        this.#told.delete(device);
        const waitMs = verdict.kind === 'known' ? this.notFound.waitMs(device) : 0;
        const waiting = known.get(waitMs);
        if (waitMs === 0) this.#room.release(device);
        else if (waiting === undefined) known.set(waitMs, [device]);
        else waiting.push(device);
        continue;
      }
      if (verdict.kind !== 'limit' && this.#named.size < NAMED_AT_MOST) this.#named.set(device, verdict.message);
      if (verdict.kind === 'limit') {
        this.#skip(device);
        this.#room.release(device);
        this.#tell('deviceLimitReached', device, verdict.message);
      } else if (verdict.kind === 'unclaimable') {
        held.push(device);
        this.#tell('deviceUnclaimed', device, verdict.message);
      } else if (verdict.kind === 'quota') {
        held.push(device);
        if (this.#overQuota.size < UNKNOWN_AT_MOST) this.#overQuota.add(device);
        this.#tell('deviceQuotaUsedUp', device, verdict.message);
      } else {
        again.push(device);
        this.#tell('deviceCreationFailed', device, verdict.message);
      }
    }
    this.#hold(held, HELD_FOR_MS, changed);
    this.#hold(again, REGISTRY_RETRY_MS, changed);
    for (const [waitMs, of] of known) {
      for (const device of of) if (this.#named.size < NAMED_AT_MOST) this.#named.set(device, NOT_FOUND);
      this.#hold(of, waitMs, changed);
    }
    changed();
    if (again.length === devices.length) return;
    this.ask(project, signal, changed);
  }

  /** Uplinks of held devices leave the memory, so that they never fill the window; the journal has them. */
  #hold(devices: readonly string[], ms: number, changed: () => void): void {
    if (devices.length === 0) return;
    const named: string[] = [];
    for (const device of devices) {
      if (this.#backlog.hold(device)) named.push(device);
      for (const item of this.#room.evict(device)) this.#backlog.unload(item.seq, device);
      this.#intake.unload(device);
    }
    this.#changed = changed;
    this.#holds.add(named, ms);
    if (named.length < devices.length) this.#holds.addOthers(ms);
  }

  #release(devices: readonly string[], andOthers: boolean): void {
    this.#backlog.unhold(devices, andOthers);
    for (const device of devices) {
      this.#named.delete(device);
      this.#overQuota.delete(device);
    }
    // Also when the line was closed and opened again meanwhile: nobody else would look at them before the next uplink.
    this.#changed();
  }

  #skip(device: string): void {
    if (this.#unknown.size >= UNKNOWN_AT_MOST) this.#unknown.clear();
    this.#unknown.set(device, this.#clock.monotonic() + UNKNOWN_FOR_MS);
  }

  #sayMany(count: number): void {
    if (this.#saidMany || count <= MANY) return;
    this.#saidMany = true;
    this.#events.emit({
      kind: 'devicesCreating',
      severity: 'warning',
      connectionId: this.#options.connectionId,
      message: `${count} or more devices are new to this HERE project and are being created (claimed devices may be billed). Set maxDevices or createDevices: false to bound that.`,
      details: { devices: count },
    });
  }

  #isNews(device: string, kind: EventKind): boolean {
    if (this.#told.get(device) === kind) return false;
    if (this.#told.size >= UNKNOWN_AT_MOST) this.#told.clear();
    this.#told.set(device, kind);
    return true;
  }

  #tell(kind: keyof typeof ADVICE, device: string, words: string): void {
    if (!this.#isNews(device, kind)) return;
    this.#events.emit({
      kind,
      severity: kind === 'deviceCreationFailed' ? 'warning' : 'error',
      connectionId: this.#options.connectionId,
      key: kind,
      message: `${device}: ${words.trim().replace(/\.$/, '')}. ${ADVICE[kind]}`,
      details: { device },
    });
  }
}
