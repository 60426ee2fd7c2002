// Everything that the simulated HERE remembers, and the questions that several routes ask of it.
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { Accounts, type Session } from './accounts.ts';
import { HereError } from './answer.ts';
import { type Device, OWNER, Project } from './devices.ts';
import { Faults } from './faults.ts';
import { Jobs } from './jobs.ts';
import type { ProjectOptions, Settings } from './options.ts';
import { RateLimits } from './rate-limit.ts';
import { RecordFile } from './record-file.ts';
import { RecordLog } from './record-log.ts';
import { Stats } from './stats.ts';

export class World {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly accounts: Accounts;
  readonly projects = new Map<string, Project>();
  readonly log: RecordLog;
  readonly recordFile: RecordFile | null;
  readonly faults: Faults;
  readonly limits: RateLimits;
  readonly jobs: Jobs;
  readonly stats = new Stats();
  /** Called after each ingestion request that took effect. */
  readonly onAccepted = new Set<() => void>();

  constructor(settings: Settings, clock: Clock, chance: Chance, seed: number) {
    this.settings = settings;
    this.clock = clock;
    this.chance = chance;
    this.accounts = new Accounts(settings, clock, chance);
    this.log = new RecordLog(settings.keepBytes);
    this.recordFile = settings.recordFile === null ? null : new RecordFile(settings.recordFile);
    this.faults = new Faults(chance, seed);
    this.limits = new RateLimits(settings.rateLimit);
    this.jobs = new Jobs(settings.jobMs, clock, chance);
    for (const fault of settings.faults) this.faults.add(fault);
    for (const account of settings.accounts) {
      this.accounts.add(
        account,
        account.projects.map((project) => this.#project(project)),
      );
    }
  }

  #project(options: ProjectOptions): Project {
    const known = this.projects.get(options.appId);
    if (known) return known;
    if (options.appId.length < 8) throw new Error(`appId ${options.appId} must have at least 8 characters`);
    const project = new Project(options, this.projects.size, this.chance.uuid());
    this.projects.set(project.appId, project);
    for (const id of options.devices ?? []) {
      if (!project.byExternalId(id)) project.claim(project.provision(id, this.clock.now()));
    }
    return project;
  }

  get deviceCount(): number {
    let count = 0;
    for (const project of this.projects.values()) count += project.size;
    return count;
  }
}

/** The projects that a session may see: one for a project-scoped token, else those that need no scope. */
export function visible(session: Session): readonly Project[] {
  if (session.scope) return [session.scope];
  return session.account.projects.filter((project) => !project.isPlatform);
}

/** 403 for a project of others, and for a platform project without its own token. */
export function projectByAppId(session: Session, appId: string): Project {
  const project = visible(session).find((candidate) => candidate.appId === appId);
  if (!project) throw new HereError(403);
  return project;
}

/** `projectId` may be left out only where there is one project; HERE's rule. */
export function projectById(session: Session, projectId: string | null): Project {
  const projects = visible(session);
  if (projectId === null) {
    const only = projects.length === 1 ? projects[0] : undefined;
    if (!only) throw new HereError(400, 'projectId is required: the user is a member of several projects.');
    return only;
  }
  const project = projects.find((candidate) => candidate.projectId === projectId);
  if (!project) throw new HereError(403);
  return project;
}

/** A claimed device by external id and `appId`, or by tracking id. 404 when there is none, or it is not claimed. */
export function claimedDevice(session: Session, id: string, appId: string | null): Device {
  const device = findDevice(session, id, appId);
  if (!device || device.owner !== OWNER.project) throw new HereError(404);
  return device;
}

/** Whether claimed or not. */
export function findDevice(session: Session, id: string, appId: string | null): Device | null {
  if (id.length < 1 || id.length > 50) throw new HereError(400, 'The device id must have 1 to 50 characters.');
  if (appId !== null) {
    const project = projectByAppId(session, appId);
    return project.byExternalId(id) ?? project.byGeneratedId(id);
  }
  for (const project of visible(session)) {
    const device = project.byGeneratedId(id);
    if (device) return device;
  }
  return null;
}
