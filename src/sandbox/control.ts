// What tests, the demo and the admin paths can see and change of a sandbox while it runs.
import type { Account } from './accounts.ts';
import { toCounts, toReceived } from './control-views.ts';
import { OWNER, type Project } from './devices.ts';
import type { FaultRule, RateLimit } from './options.ts';
import type { LoggedRecord } from './record-log.ts';
import { type DesiredChange, setDesired } from './routes/shadows.ts';
import type { SandboxStats } from './stats.ts';
import type { World } from './world.ts';

export interface ReceivedQuery {
  readonly appId?: string;
  /** External id (or tracking id of a physical device). */
  readonly device?: string;
  /** Both ends of the records' own times, ms. */
  readonly from?: number;
  readonly to?: number;
  /** Only what arrived after this sequence number: for reading page by page. */
  readonly afterSeq?: number;
  /** 100,000 by default. */
  readonly limit?: number;
}

export interface ReceivedRecord {
  /** Order of arrival over all projects, from 1. */
  readonly seq: number;
  readonly appId: string;
  readonly device: string;
  readonly timestamp: number;
  /** The sandbox's wall clock, ms. */
  readonly receivedAt: number;
  /** Which ingestion request brought it: records with the same number came in one batch. */
  readonly request: number;
  /** As sent. */
  readonly record: Record<string, unknown>;
}

export interface DeviceCounts {
  readonly appId: string;
  readonly device: string;
  readonly claimed: boolean;
  /** With duplicates. */
  readonly accepted: number;
  /** The very same record (time and content) of the device came before, as far as it is kept. */
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Greatest record time, ms; 0: none. */
  readonly lastTimestamp: number;
}

export interface AccountState {
  readonly email: string;
  readonly liveTokens: number;
  readonly logIns: number;
  readonly failedLogIns: number;
  readonly refreshes: number;
  readonly exchanges: number;
  readonly locked: boolean;
  readonly projects: readonly { readonly appId: string; readonly projectId: string; readonly devices: number }[];
}

export type DeviceAction = 'provision' | 'claim' | 'unclaim' | 'claimElsewhere' | 'remove';

/** Throws for an unknown account or project: these are mistakes of the caller. */
export class Control {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  stats(): SandboxStats {
    const { stats, log, deviceCount } = this.#world;
    return stats.snapshot(log.bytes, log.forgotten, deviceCount);
  }

  /** In order of arrival; what is beyond `keepRecords` a device or `keepBytes` in all is gone. */
  received(query: ReceivedQuery = {}): readonly ReceivedRecord[] {
    const { limit = 100_000 } = query;
    const found: ReceivedRecord[] = [];
    for (const record of this.#candidates(query)) {
      if (found.length >= limit) break;
      if (query.appId !== undefined && record.device.project.appId !== query.appId) continue;
      if (query.from !== undefined && record.timestamp < query.from) continue;
      if (query.to !== undefined && record.timestamp > query.to) continue;
      found.push(toReceived(record));
    }
    return found;
  }

  *#candidates(query: ReceivedQuery): Generator<LoggedRecord> {
    const { log, settings, projects } = this.#world;
    const after = query.afterSeq ?? 0;
    if (query.device === undefined) {
      for (let seq = Math.max(log.first, after + 1); seq <= log.last; seq++) {
        const record = log.get(seq);
        if (record) yield record;
      }
      return;
    }
    const records: LoggedRecord[] = [];
    for (const project of projects.values()) {
      const device = project.byExternalId(query.device) ?? project.byGeneratedId(query.device);
      if (device) records.push(...log.ofDevice(device, settings.keepRecords));
    }
    records.sort((a, b) => a.seq - b.seq);
    for (const record of records) if (record.seq > after) yield record;
  }

  /** In the order in which they were provisioned, by project. */
  *devices(appId?: string): Generator<DeviceCounts> {
    for (const project of this.#world.projects.values()) {
      if (appId !== undefined && project.appId !== appId) continue;
      for (let number = 0; number < project.end; number++) {
        const device = project.at(number);
        if (device) yield toCounts(device);
      }
    }
  }

  device(appId: string, id: string): DeviceCounts | null {
    const project = this.#project(appId);
    const device = project.byExternalId(id) ?? project.byGeneratedId(id);
    return device ? toCounts(device) : null;
  }

  /**
   * Resolves once so many records have been accepted since the start (or `reset`); rejects after `timeoutMs` of real time,
   * whatever clock the sandbox was given: it guards a waiting test.
   */
  whenAccepted(records: number, timeoutMs: number): Promise<void> {
    const world = this.#world;
    return new Promise((resolve, reject) => {
      const done = (error: Error | null) => {
        world.onAccepted.delete(look);
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (world.stats.acceptedRecords >= records) done(null);
      };
      const timer = setTimeout(() => {
        done(new Error(`${world.stats.acceptedRecords} of ${records} records were accepted within ${timeoutMs} ms`));
      }, timeoutMs);
      world.onAccepted.add(look);
      look();
    });
  }

  /** Forgets what was received and counted; accounts, tokens, devices and shadows stay. */
  reset(): void {
    this.#world.stats.reset();
    this.#world.log.clear();
    for (const project of this.#world.projects.values()) {
      for (let number = 0; number < project.end; number++) {
        const device = project.at(number);
        if (!device) continue;
        device.accepted = 0;
        device.duplicates = 0;
        device.outOfOrder = 0;
        device.lastSeq = 0;
      }
    }
  }

  /** Changes a desired shadow as an application does; its new state version, or null: no such claimed device. */
  desire(appId: string, id: string, desired: DesiredChange): number | null {
    const device = this.#project(appId).byExternalId(id);
    if (device?.owner !== OWNER.project) return null;
    return setDesired(device, desired, this.#world.clock.now());
  }

  /** Returns the number by which it can be removed. */
  addFault(rule: FaultRule): number {
    return this.#world.faults.add(rule);
  }

  /** Without a number: all. */
  removeFault(id?: number): boolean {
    return this.#world.faults.remove(id ?? null);
  }

  faults(): readonly { readonly id: number; readonly rule: FaultRule; readonly struck: number }[] {
    return this.#world.faults.list().map(({ id, rule, struck }) => ({ id, rule, struck }));
  }

  /** `appId` null: for all projects that have no limit of their own. */
  setRateLimit(appId: string | null, limit: RateLimit | null): void {
    this.#world.limits.set(appId, limit);
  }

  accounts(): readonly AccountState[] {
    return this.#world.accounts.all().map((account) => this.#state(account));
  }

  account(email: string): AccountState {
    return this.#state(this.#account(email));
  }

  /** Ends all tokens of the account; returns how many. */
  revokeTokens(email: string): number {
    return this.#world.accounts.revokeAll(this.#account(email));
  }

  unlock(email: string): void {
    this.#world.accounts.unlock(this.#account(email));
  }

  lock(email: string): void {
    this.#account(email).locked = true;
  }

  /** Tokens live on. */
  setPassword(email: string, password: string): void {
    this.#account(email).password = password;
  }

  setExpired(appId: string, expired: boolean): void {
    this.#project(appId).expired = expired;
  }

  /** ISO 8601; does not end the licence by itself. */
  setExpiryDate(appId: string, expiryDate: string): void {
    this.#project(appId).expiryDate = expiryDate;
  }

  setQuota(appId: string, quota: number): void {
    this.#project(appId).quota = quota;
  }

  /** `provision` creates without claiming; `claim` creates where needed. Returns how many devices it changed. */
  changeDevices(appId: string, action: DeviceAction, ids: Iterable<string>): number {
    const project = this.#project(appId);
    let changed = 0;
    for (const id of ids) if (this.#change(project, action, id)) changed++;
    return changed;
  }

  #change(project: Project, action: DeviceAction, id: string): boolean {
    const now = this.#world.clock.now();
    const known = project.byExternalId(id);
    switch (action) {
      case 'provision':
        if (!known) project.provision(id, now);
        return !known;
      case 'claim':
        if (known?.owner === OWNER.project) return false;
        project.claim(known ?? project.provision(id, now));
        return true;
      case 'unclaim':
        if (known) known.owner = OWNER.none;
        return known !== undefined;
      case 'claimElsewhere':
        (known ?? project.provision(id, now)).owner = OWNER.elsewhere;
        return true;
      case 'remove':
        if (known) project.remove(known, now);
        return known !== undefined;
    }
  }

  #state(account: Account): AccountState {
    return {
      email: account.email,
      liveTokens: this.#world.accounts.liveTokens(account),
      logIns: account.logIns,
      failedLogIns: account.failedLogIns,
      refreshes: account.refreshes,
      exchanges: account.exchanges,
      locked: account.locked,
      projects: account.projects.map(({ appId, projectId, size }) => ({ appId, projectId, devices: size })),
    };
  }

  #account(email: string): Account {
    const account = this.#world.accounts.find(email);
    if (!account) throw new Error(`There is no account ${email}`);
    return account;
  }

  #project(appId: string): Project {
    const project = this.#world.projects.get(appId);
    if (!project) throw new Error(`There is no project ${appId}`);
    return project;
  }
}
