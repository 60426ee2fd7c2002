// Projects and their devices: compact, because a project may hold a million of them.
import type { ProjectOptions } from './options.ts';

/** The part of a desired shadow that an application wrote, with what HERE adds. */
export interface DesiredShadow {
  readonly payload?: Record<string, unknown>;
  readonly system: Record<string, unknown> & { readonly stateVersion: number };
  readonly timestamp: number;
}

export const OWNER = { none: 0, project: 1, elsewhere: 2 } as const;

/**
 * One device. The reported shadow is not built on arrival: for each of its parts the text of the latest record that had
 * the part is kept (usually one and the same string), and put together when asked for.
 */
export class Device {
  readonly project: Project;
  /** Null for a physical device. */
  readonly externalId: string | null;
  /** Its place in the project's list, from which its ids are computed. */
  readonly number: number;
  readonly provisionedAt: number;
  owner: 0 | 1 | 2 = OWNER.none;
  /** Grows with each claim, so that a reclaimed device has another tracking id. */
  claims = 0;
  accepted = 0;
  duplicates = 0;
  outOfOrder = 0;
  /** Sequence number of its latest record in the log; 0: none. */
  lastSeq = 0;
  /** Greatest `timestamp` among its records, ms. */
  lastTimestamp = 0;
  positionText: string | null = null;
  payloadText: string | null = null;
  sensorsText: string | null = null;
  clientText: string | null = null;
  stateVersion = -1;
  desired: DesiredShadow | null = null;
  /** The last `stateVersion` given; clearing the shadow does not take it back. */
  desiredVersion = 0;
  /** Place among the project's desired changes, from 1; 0: never changed. Links to the changes next to it. */
  desiredChange = 0;
  newer: Device | null = null;
  older: Device | null = null;

  constructor(project: Project, externalId: string | null, number: number, provisionedAt: number) {
    this.project = project;
    this.externalId = externalId;
    this.number = number;
    this.provisionedAt = provisionedAt;
  }

  get deviceId(): string {
    return this.project.idOf('8', this.number, 0);
  }

  get trackingId(): string {
    return `HERE-${this.project.idOf('9', this.number, this.claims)}`;
  }

  /** Deletes what the device has reported. */
  clearReported(): void {
    this.positionText = null;
    this.payloadText = null;
    this.sensorsText = null;
    this.clientText = null;
    this.stateVersion = -1;
    this.lastTimestamp = 0;
  }
}

const ID = /^(?:HERE-)?([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-([89])000-([0-9a-f]{12})$/;

export class Project {
  readonly appId: string;
  readonly projectId: string;
  readonly name: string;
  readonly type: NonNullable<ProjectOptions['type']>;
  readonly kind: NonNullable<ProjectOptions['kind']>;
  readonly index: number;
  readonly hrn: string | null;
  expired: boolean;
  expiryDate: string;
  quota: number;
  updatedAt = 0;
  /** The device whose desired shadow changed last; `older` leads to the ones before. */
  latestChange: Device | null = null;
  #changes = 0;
  /** Holes where devices were removed; numbers are never used again. */
  readonly #list: (Device | null)[] = [];
  readonly #byExternalId = new Map<string, Device>();
  readonly #tag: string;
  #count = 0;

  constructor(options: ProjectOptions, index: number, uuid: string) {
    this.appId = options.appId;
    this.projectId = options.projectId ?? `project-${index + 1}-${uuid.slice(0, 8)}`;
    this.name = options.name ?? `Project ${index + 1}`;
    this.type = options.type ?? 'evaluation';
    this.kind = options.kind ?? 'tracking';
    this.index = index;
    this.expired = options.expired ?? false;
    this.expiryDate = options.expiryDate ?? '2099-12-31T00:00:00.000Z';
    this.quota = options.quota ?? 1_000_000;
    this.hrn = this.isPlatform ? `hrn:here:authorization::sandbox:project/${this.projectId}` : null;
    this.#tag = uuid.slice(24);
  }

  get isPlatform(): boolean {
    return this.type === 'platform' || this.type === 'platformApp';
  }

  get size(): number {
    return this.#count;
  }

  /** One more than the greatest device number. */
  get end(): number {
    return this.#list.length;
  }

  at(number: number): Device | null {
    return this.#list[number] ?? null;
  }

  byExternalId(externalId: string): Device | undefined {
    return this.#byExternalId.get(externalId);
  }

  /** Finds a device by its device id (`claims` 0 there) or by its present tracking id. */
  byGeneratedId(id: string): Device | null {
    const match = ID.exec(id);
    if (!match || match[5] !== this.#tag || match[2] !== hex(this.index, 4)) return null;
    const device = this.at(Number.parseInt(match[1] ?? '', 16));
    if (!device) return null;
    return id === (id.startsWith('HERE-') ? device.trackingId : device.deviceId) ? device : null;
  }

  /** `externalId` must not exist yet. */
  provision(externalId: string | null, now: number): Device {
    const device = new Device(this, externalId, this.#list.length, now);
    this.#list.push(device);
    if (externalId !== null) this.#byExternalId.set(externalId, device);
    this.#count++;
    this.quota--;
    this.updatedAt = now;
    return device;
  }

  claim(device: Device): void {
    device.owner = OWNER.project;
    device.claims = (device.claims + 1) & 0xfff;
  }

  setDesired(device: Device, desired: DesiredShadow | null): void {
    this.#unlink(device);
    device.desired = desired;
    if (desired === null) return;
    device.desiredChange = ++this.#changes;
    device.older = this.latestChange;
    if (this.latestChange) this.latestChange.newer = device;
    this.latestChange = device;
  }

  #unlink(device: Device): void {
    if (device.desiredChange === 0) return;
    if (device.newer) device.newer.older = device.older;
    else this.latestChange = device.older;
    if (device.older) device.older.newer = device.newer;
    device.newer = null;
    device.older = null;
    device.desiredChange = 0;
  }

  remove(device: Device, now: number): void {
    if (this.#list[device.number] !== device) return;
    this.#unlink(device);
    this.#list[device.number] = null;
    if (device.externalId !== null) this.#byExternalId.delete(device.externalId);
    this.#count--;
    this.quota++;
    this.updatedAt = now;
  }

  /** A UUID version 4 in form; the number comes first, so that ids sort as numbers do. */
  idOf(variant: '8' | '9', number: number, generation: number): string {
    return `${hex(number, 8)}-${hex(this.index, 4)}-4${hex(generation, 3)}-${variant}000-${this.#tag}`;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
