// THE OTHER LINE of one connection: watches HERE while the connection is open, listens to its uplink line, and hands what it
// hears to the stages of its project (project-commands.ts), which read top to bottom.
import type { Command } from '../domain/command.ts';
import type { Connection } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import type { DownlinkReport, UplinkBody, UplinkEar, UplinkOrigin } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import { CommandNews } from './command-news.ts';
import type { WatchMember } from './deal-changes.ts';
import { DeviceTopics } from './device-topics.ts';
import type { DownlinkFlowOptions } from './flow-options.ts';
import { type CurrentSettings, ProjectCommands } from './project-commands.ts';
import type { ProjectShadows } from './project-shadows.ts';
import { Riders } from './ride.ts';
import type { ShadowWatch } from './shadow-watch.ts';
import { SwitchedOn } from './switched-on.ts';
import { TopicLook } from './topic-look.ts';

export type PostOutcome =
  | { readonly kind: 'ok'; readonly id: number }
  | { readonly kind: 'unavailable'; readonly message: string };

const AGEING_MS = 30_000;
/** Messages from outside are not taken while so many commands are open. */
const MAX_OPEN = 10_000;

export class DownlinkFlow implements UplinkEar {
  /** State versions for the uplink line to carry. */
  readonly versions: Riders;
  readonly #o: DownlinkFlowOptions;
  readonly #news: CommandNews;
  readonly #on: SwitchedOn;
  readonly #topicLook: TopicLook;
  #connection: Connection;
  #topics: DeviceTopics;
  #commands: ProjectCommands | null = null;
  /** What is to be left again. */
  #entered: ProjectShadows | null = null;
  #watch: ShadowWatch | null = null;
  #project: HereProject | null = null;
  #ageing: Cancel | null = null;

  constructor(connection: Connection, options: DownlinkFlowOptions) {
    const { clock, commands, store, events, hub } = options;
    this.#o = options;
    this.#connection = connection;
    this.versions = new Riders(commands, clock);
    this.#news = new CommandNews(connection.id, events);
    this.#topics = new DeviceTopics(options.compileTopic(connection.downlink.topicPattern));
    this.#on = new SwitchedOn(store, clock);
    this.#topicLook = new TopicLook(options.findTopic, this.#news);
    this.#on.set(connection.downlink.enabled);
    if (this.#on.project !== null) this.#use(hub.enter(this.#on.project));
    this.#age();
  }

  /** The connection has opened: HERE is watched from now on, if commands are wanted. What the disk refuses is tried again. */
  open(project: HereProject): void {
    this.close();
    this.#project = project;
    this.#safely(() => this.#begin(project));
  }

  #begin(project: HereProject): void {
    // One that was being left is left, also for its own project.
    const mustMove = this.#commands?.shadows.key !== project.key || this.#commands.outbox.stopped;
    if (mustMove && !this.#moveTo(project.key)) return;
    const commands = this.#commands;
    if (!this.#connection.downlink.enabled || commands === null) return;
    this.#lookForTopic();
    this.#watch = this.#o.hub.join(this.#connection.account, project, this.#member(project, commands));
    commands.outbox.pump();
    for (const change of [...commands.shadows.waiting.values()]) {
      if (commands.shadows.served.connectionOf(change.device) === this.#connection.id) commands.claim(change);
    }
  }

  close(): void {
    if (this.#watch !== null) this.#o.hub.leave(this.#watch, this.#connection.id);
    this.#watch = null;
    this.#project = null;
  }

  /** Publishes nothing more; resolves when what is under way is committed, or `signal` aborts. */
  async stop(signal: AbortSignal): Promise<void> {
    this.close();
    this.#ageing?.();
    await this.#commands?.outbox.stop(signal);
    this.#commands?.shadows.save();
    this.#commands?.mark?.flush();
    this.#exit();
  }

  change(next: Connection): void {
    const before = this.#connection;
    this.#connection = next;
    if (before.downlink.topicPattern !== next.downlink.topicPattern) {
      this.#topics = new DeviceTopics(this.#o.compileTopic(next.downlink.topicPattern));
    }
    if (this.#watch !== null) this.#lookForTopic();
    if (before.downlink.enabled !== next.downlink.enabled) this.#on.set(next.downlink.enabled);
    // Those that wait are cancelled, or go elsewhere now.
    this.#commands?.outbox.pumpAll();
    if (before.downlink.enabled === next.downlink.enabled) return;
    if (this.#project !== null) this.open(this.#project);
  }

  onUplink(device: string, body: UplinkBody, arrivedAt: number, origin: UplinkOrigin): void {
    if (!this.#connection.downlink.enabled || this.#commands === null || this.#commands.outbox.stopped) return;
    try {
      this.#commands.onUplink(device, body, arrivedAt, origin);
    } catch (error) {
      this.#news.trouble(describeError(error));
    }
  }

  onReport(report: DownlinkReport, arrivedAt: number): void {
    this.#safely(() => this.#commands?.onReport(report, arrivedAt));
  }

  /** The command after it; null: there is no such open one. `busy`: it is on its way to the broker, or has been there. */
  cancel(id: number): Command | 'busy' | null {
    const command = this.#commands?.book.get(id) ?? null;
    if (command === null || this.#commands === null) return null;
    if (this.#commands.outbox.isBusy(command.device)) return 'busy';
    return this.#commands.settle(command, { kind: 'cancelled' }) ?? 'busy';
  }

  /** A downlink from outside goes the same way. `content`: of `DevEUI_downlink`. Throws when the disk refuses. */
  post(device: string, content: object): PostOutcome {
    if (!this.#connection.downlink.enabled) return { kind: 'unavailable', message: 'downlinkEnabled is false' };
    if (this.#commands === null) return { kind: 'unavailable', message: 'the connection has never opened yet' };
    const { book, outbox } = this.#commands;
    if (outbox.stopped) return { kind: 'unavailable', message: 'the connection is on its way to another project' };
    if (book.size >= MAX_OPEN) return { kind: 'unavailable', message: 'too many commands wait already' };
    const now = this.#o.clock.now();
    const [command] = book.add({
      added: [
        {
          ...{ device, origin: 'message', version: null, era: 0, document: JSON.stringify(content) },
          ...{ desiredAt: now, seenAt: now, changedAt: now, state: 'waiting', cause: null, attempt: 0 },
          ...{ correlationId: null, port: null, confirmed: false, publishedAt: null },
        },
      ],
    });
    outbox.pump();
    return { kind: 'ok', id: (command as Command).id };
  }

  /** The open project, for writing a desired shadow as an application does; null: it is not open. */
  get project(): HereProject | null {
    return this.#project;
  }

  #member(project: HereProject, commands: ProjectCommands): WatchMember {
    return {
      connectionId: this.#connection.id,
      project,
      sinceAt: (offsetMs) => this.#on.sinceAt(offsetMs),
      onChanges: (changes, time) => commands.takeChanges(changes, time),
      onPolled: (before) => commands.mark?.polled(before),
      toAsk: () => this.versions.toAsk(),
      onReported: (device, version) => {
        if (version !== null) commands.reported(device, version);
        this.versions.notThere(device);
      },
      onRefused: (message) => this.#news.refusedByHere(message),
      onHeardAgain: () => this.#news.heardAgain(),
      onTrouble: (message) => this.#news.trouble(message),
    };
  }

  /**
   * False: later, when the broker's word on what is under way is known. Throws when the disk refuses. What waits must have ended
   * before anything begins in the other project, also for a process that is killed meanwhile.
   */
  #moveTo(project: string): boolean {
    const underWay = this.#commands?.leave() ?? null;
    if (underWay !== null) {
      void underWay.then(() => {
        if (this.#project !== null && this.#watch === null) this.open(this.#project);
      });
      return false;
    }
    this.#commands = null;
    this.#exit();
    this.#on.project = project;
    this.#use(this.#o.hub.enter(project));
    return true;
  }

  #exit(): void {
    if (this.#entered !== null) this.#o.hub.exit(this.#entered);
    this.#entered = null;
  }

  #use(shadows: ProjectShadows): void {
    this.#entered = shadows;
    const settings = (): CurrentSettings => ({
      connection: this.#connection,
      topics: this.#topics,
      sinceAt: (offsetMs) => this.#on.sinceAt(offsetMs),
      hereNow: this.#watch?.hereNow ?? this.#o.clock.now(),
    });
    const commands = new ProjectCommands(shadows, this.#o, { settings, riders: this.versions, news: this.#news });
    this.#commands = commands;
    this.#safely(() => commands.yieldToOthers());
  }

  #lookForTopic(): void {
    const { source, downlink } = this.#connection;
    this.#topicLook.look(source.broker, downlink.topicPattern);
  }

  #age(): void {
    this.#ageing = this.#o.clock.after(AGEING_MS, () => {
      this.#age();
      const hasFailed = this.#watch === null && this.#connection.downlink.enabled;
      if (hasFailed && this.#project !== null) this.open(this.#project);
      this.#safely(() => this.#commands?.age());
      if (this.#watch !== null) this.#lookForTopic();
    });
  }

  /** The line that tells us things must not suffer: what the disk refuses comes again, with the next uplink, report or poll. */
  #safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#news.trouble(describeError(error));
    }
  }
}
