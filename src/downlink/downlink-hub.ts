// What the connections of a process share on the way back: each project's devices, and one watch per project and account.
import type { AccountKey } from '../domain/connection.ts';
import type { EventSink } from '../domain/events.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { ShadowStore } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { WatchMember } from './deal-changes.ts';
import { ProjectShadows } from './project-shadows.ts';
import { ServedRoom } from './served-devices.ts';
import { ShadowWatch } from './shadow-watch.ts';

export interface DownlinkHubOptions {
  readonly store: ShadowStore;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly events: EventSink;
  readonly pollMs: { readonly min: number; readonly max: number };
  readonly maxAgeMs: number;
}

export class DownlinkHub {
  readonly options: DownlinkHubOptions;
  readonly #projects = new Map<string, ProjectShadows>();
  /** How many connections are in a project: all that run, open or not. */
  readonly #users = new Map<ProjectShadows, number>();
  readonly #room = new ServedRoom();
  readonly #watches = new Map<string, { readonly project: string; readonly watch: ShadowWatch }>();

  constructor(options: DownlinkHubOptions) {
    this.options = options;
  }

  /** `key`: `host|appId`. */
  project(key: string): ProjectShadows {
    let project = this.#projects.get(key);
    if (project === undefined) {
      const { store, clock } = this.options;
      this.#dropUnused();
      project = new ProjectShadows(key, store, clock, (count) => this.#tellDropped(key, count), this.#room);
      this.#projects.set(key, project);
    }
    return project;
  }

  /** A connection is in this project from now on, until `exit`. `key`: `host|appId`. */
  enter(key: string): ProjectShadows {
    const project = this.project(key);
    this.#users.set(project, (this.#users.get(project) ?? 0) + 1);
    return project;
  }

  exit(project: ProjectShadows): void {
    const users = (this.#users.get(project) ?? 0) - 1;
    if (users > 0) this.#users.set(project, users);
    else this.#users.delete(project);
  }

  join(account: AccountKey, project: HereProject, member: WatchMember): ShadowWatch {
    const { store, clock, chance, pollMs, maxAgeMs } = this.options;
    const key = watchKey(account, project);
    let watched = this.#watches.get(key);
    if (watched === undefined) {
      const shadows = this.project(project.key);
      const watch = new ShadowWatch({ key, shadows, store, clock, chance, pollMs, maxAgeMs });
      watched = { project: project.key, watch };
      this.#watches.set(key, watched);
    }
    this.#tellIfShared(watched.watch, project, member.connectionId);
    watched.watch.join(member);
    return watched.watch;
  }

  leave(watch: ShadowWatch, connectionId: string): void {
    watch.leave(connectionId);
    if (watch.size > 0) return;
    for (const [key, each] of this.#watches) if (each.watch === watch) this.#watches.delete(key);
  }

  /** Writes what is not saved yet. */
  save(): void {
    for (const project of this.#projects.values()) project.save();
  }

  /**
   * Where nobody is any more. Only when another project comes: a connection that begins anew finds its own as it was, since reading a
   * million devices back takes a while.
   */
  #dropUnused(): void {
    for (const [key, project] of this.#projects) {
      if (!this.#users.has(project) && project.close()) this.#projects.delete(key);
    }
  }

  #tellDropped(key: string, count: number): void {
    this.options.events.emit({
      kind: 'commandsDropped',
      severity: 'warning',
      connectionId: null,
      key,
      count,
      message: `More than 10000 changed devices of the HERE project ${key} wait for a first uplink here: the ${count} changes that are oldest were dropped. Desire them again once their devices are heard; others than the bridge's devices do not matter.`,
    });
  }

  #tellIfShared(watch: ShadowWatch, project: HereProject, connectionId: string): void {
    const others = [...this.#watches.values()].some((each) => each.project === project.key && each.watch !== watch);
    if (!others) return;
    this.options.events.emit({
      kind: 'projectShared',
      severity: 'warning',
      connectionId,
      key: project.key,
      message: `The HERE project ${project.projectName} is used by connections of two accounts: each asks HERE for commands on its own. Give both the same account.`,
    });
  }
}

function watchKey({ service, realm, email }: AccountKey, project: HereProject): string {
  return JSON.stringify([service, realm, email, project.key]);
}
