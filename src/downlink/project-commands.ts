// The stages of one connection's commands in one HERE project, in the order in which a command passes them:
//   changed shadow → which change → store → encode → publish → commit → report → ride to HERE on telemetry → HERE shows it.
import type { Command, CommandFact, IgnoreReason, NewCommand } from '../domain/command.ts';
import type { Connection } from '../domain/connection.ts';
import type {
  CommandWork,
  DownlinkReport,
  HandledShadow,
  ShadowChange,
  UplinkBody,
  UplinkOrigin,
} from '../domain/ports/downlink.ts';
import { CommandBook } from './command-book.ts';
import { CommandMark } from './command-mark.ts';
import type { CommandNews } from './command-news.ts';
import { factOf, matchReport } from './confirm.ts';
import type { HereTime } from './deal-changes.ts';
import type { DeviceTopics } from './device-topics.ts';
import type { DownlinkFlowOptions } from './flow-options.ts';
import { JustHeard } from './just-heard.ts';
import { Outbox } from './outbox.ts';
import { prepareCommand } from './prepare-command.ts';
import type { ProjectShadows } from './project-shadows.ts';
import type { Riders } from './ride.ts';
import { routeOf } from './route.ts';
import { decide } from './which-change.ts';

/** What changes while the connection runs. */
export interface CurrentSettings {
  readonly connection: Connection;
  readonly topics: DeviceTopics;
  /** Since when it has commands, HERE's ms; `offsetMs`: how much its clock is ahead of ours. */
  readonly sinceAt: (offsetMs: number) => number;
  /** HERE's wall clock, as far as is known, ms. */
  readonly hereNow: number;
}

/** Messages of programs may be among them. */
const LATEST = 20;

export class ProjectCommands {
  readonly shadows: ProjectShadows;
  readonly book: CommandBook;
  readonly outbox: Outbox;
  /** For the next worker; null: there is none but this one. */
  readonly mark: CommandMark | null;
  readonly #o: DownlinkFlowOptions;
  readonly #settings: () => CurrentSettings;
  readonly #riders: Riders;
  readonly #news: CommandNews;
  readonly #heard: JustHeard;
  /** The connection's number among those who hear devices. */
  readonly #number: number;

  constructor(
    shadows: ProjectShadows,
    options: DownlinkFlowOptions,
    parts: { readonly settings: () => CurrentSettings; readonly riders: Riders; readonly news: CommandNews },
  ) {
    const { clock, chance, retry, commands, store } = options;
    this.shadows = shadows;
    this.#o = options;
    this.#settings = parts.settings;
    this.#riders = parts.riders;
    this.#news = parts.news;
    this.#heard = new JustHeard(store, clock);
    this.#number = shadows.served.connectionNumber(parts.settings().connection.id);
    this.book = new CommandBook(shadows.key, commands, () => clock.now());
    const pending = () => [...this.#pendingCommands(), ...shadows.waiting.values()];
    this.mark = options.isShared ? new CommandMark({ store, clock, project: shadows.key, pending }) : null;
    const broker = (): string => this.#settings().connection.source.broker;
    this.outbox = new Outbox({
      ...{ clock, chance, retry },
      publisher: () => options.publisher(broker()),
      waiting: () => this.book.inState('waiting'),
      prepare: (command) => this.#prepare(command),
      settle: (command, fact) => this.settle(command, fact),
      onAway: (reason) => this.#news.away(broker(), reason),
    });
  }

  // HERE → commands

  /** Returns how many were new, once they are committed; throws when the disk refuses. */
  takeChanges(changes: readonly ShadowChange[], { hereNow, offsetMs }: HereTime): number {
    const { connection, sinceAt } = this.#settings();
    const added: NewCommand[] = [];
    const ignored: IgnoreReason[] = [];
    const handled: HandledShadow[] = [];
    const riding: NonNullable<CommandWork['riding']>[number][] = [];
    const rules = {
      template: connection.downlink.template,
      since: sinceAt(offsetMs),
      hereNow,
      maxAgeMs: this.#o.maxAgeMs,
    };
    for (const change of changes) {
      if (change.reported !== null) this.reported(change.device, change.reported);
      const decision = decide(change, { ...rules, before: this.#o.shadows.handled(this.shadows.key, change.device) });
      if (decision.kind === 'known') continue;
      const elsewhere = this.mark?.handledBefore(change) ?? null;
      if (elsewhere !== null) {
        // Counted by the worker that has handled it, unless it goes on here.
        handled.push({ ...decision.handled, era: elsewhere.era });
        const { underway } = elsewhere;
        if (underway === null || (change.reported ?? 0) >= change.version) continue;
        const { isSent, ...publication } = underway;
        const state = isSent ? 'sent' : 'published';
        added.push({ ...this.#newCommand(change, elsewhere.era, false), state, ...publication });
        // Its report came to the other worker, and comes no more.
        if (isSent) riding.push(...this.#ride(change.device, change.version, elsewhere.era));
        continue;
      }
      handled.push(decision.handled);
      // Versions of before it was created anew mean others now.
      if (decision.isReset) riding.push({ device: change.device, version: null });
      if (decision.kind === 'command') added.push(this.#newCommand(change, decision.handled.era, decision.isTooOld));
      else {
        ignored.push(decision.reason);
        if (decision.acknowledge) riding.push(...this.#ride(change.device, change.version, decision.handled.era));
      }
    }
    if (handled.length === 0) return 0;
    const taken = this.book.add({ added, ignored, handled: { project: this.shadows.key, shadows: handled }, riding });
    this.#riders.took(riding);
    this.mark?.took(handled);
    for (const command of taken) this.mark?.changed(command);
    for (const command of taken) this.#supersedeBefore(command);
    if (added.some(({ state }) => state === 'expired')) this.#news.expired();
    this.outbox.pump();
    return handled.length;
  }

  /** What waits to be sent once more must not come after a newer one, whatever becomes of that. */
  #supersedeBefore({ id, device }: Command): void {
    if (this.outbox.isBusy(device)) return;
    for (const older of this.book.ofDevice(device)) {
      if (older.id < id && older.origin === 'shadow') this.settle(older, { kind: 'superseded' });
    }
  }

  #newCommand(change: ShadowChange, era: number, isTooOld: boolean): NewCommand {
    const { device, version, desiredAt, document } = change;
    const now = this.#o.clock.now();
    return {
      ...{ device, origin: 'shadow', version, era, document, desiredAt, seenAt: now, changedAt: now },
      ...{ state: isTooOld ? 'expired' : 'waiting', cause: null, attempt: 0, correlationId: null },
      ...{ port: null, confirmed: false, publishedAt: null },
    };
  }

  /** What another has handled meanwhile is not published any more, and what it knows to be sent is. Throws when the disk refuses. */
  yieldToOthers(): void {
    for (const command of [...this.#pendingCommands()]) {
      if (this.mark?.handledBefore(command)) this.settle(command, { kind: 'superseded' });
    }
    for (const command of [...this.book.inState('published')]) {
      if (this.mark?.isSentElsewhere(command)) this.settle(command, { kind: 'sent' });
    }
  }

  *#pendingCommands(): Generator<Command & { readonly version: number }> {
    for (const state of ['waiting', 'notSent'] as const) {
      for (const command of this.book.inState(state)) {
        if (command.version !== null) yield command as Command & { readonly version: number };
      }
    }
  }

  // commands → the network

  #prepare(command: Command) {
    const { connection, topics, hereNow } = this.#settings();
    const { broker } = connection.source;
    return prepareCommand(command, {
      ...{ downlink: connection.downlink, topics, hereNow, maxAgeMs: this.#o.maxAgeMs, now: this.#o.clock.now() },
      hasNewer: command.origin === 'shadow' && this.#hasNewer(command),
      latest: this.#o.shadows.handled(this.shadows.key, command.device),
      takesNetworkForms: this.#o.takesNetworkForms(broker),
      isOwnTopic: (topic) => this.#o.isOwnTopic(broker, topic),
      kept: this.shadows.served.driverOf(command.device),
      correlationId: (attempt) => this.book.correlationId(command, attempt),
    });
  }

  /** Before another try the store is asked too: the newer one may have ended. */
  #hasNewer({ device, id, attempt }: Command): boolean {
    const isNewer = (other: Command): boolean => other.origin === 'shadow' && other.id > id;
    if (this.book.ofDevice(device).some(isNewer)) return true;
    return attempt > 0 && this.#o.commands.list({ device, limit: LATEST }).some(isNewer);
  }

  /** Commits what became of a command; null: nothing new. Throws when the disk refuses. */
  settle(command: Command, fact: CommandFact, since = this.#o.clock.now()): Command | null {
    const { device, version, era } = command;
    // HERE hears that a refused one was seen, so that nobody tries it for ever.
    const rides = version !== null && (fact.kind === 'sent' || fact.kind === 'refused');
    const riding = rides ? this.#ride(device, version, era, since) : [];
    const after = this.book.tell(command, fact, { riding });
    if (after === null) return null;
    this.#riders.took(riding);
    this.#heard.forget(command);
    this.mark?.changed(after);
    this.#news.changed(after);
    return after;
  }

  // the network → commands

  onReport(report: DownlinkReport, arrivedAt: number): void {
    const fact = factOf(report);
    const match = matchReport(this.book, report);
    if (match.kind !== 'match' || fact === null) return;
    this.#heard.report();
    let { command } = match;
    if (command.state === 'waiting' && command.correlationId !== report.correlationId) {
      // The broker has it: a kill, or the network, was quicker than our commit.
      const prepared = this.#prepare(command);
      if (prepared.kind !== 'publish') return;
      command = this.settle(command, prepared.fact) ?? command;
    }
    this.settle(command, fact, arrivedAt);
  }

  onUplink(device: string, body: UplinkBody, arrivedAt: number, origin: UplinkOrigin): void {
    const { topics } = this.#settings();
    const waiting = this.shadows.heard(device, this.#number, routeOf(origin, device) ?? body.DriverCfg);
    if (topics.needsUplink) {
      topics.note(device, body);
      this.outbox.heard(device);
    }
    if (waiting !== null) this.claim(waiting);
    if (this.book.hasDevice(device)) this.#onAnswer(this.book.ofDevice(device), arrivedAt);
  }

  /** A change that waited until this connection heard its device. */
  claim(change: ShadowChange): void {
    const { hereNow } = this.#settings();
    this.takeChanges([change], { hereNow, offsetMs: hereNow - this.#o.clock.now() });
    this.shadows.dropWaiting([change.device]);
  }

  /** A device of class A hears only after its uplink: what was published before the last but one has reached it. */
  #onAnswer(commands: readonly Command[], arrivedAt: number): void {
    for (const command of commands) {
      if (command.state === 'notSent') this.settle(command, { kind: 'again' });
      if (command.state !== 'published' || command.version === null) continue;
      if (!this.#heard.isSecondSince(command, arrivedAt)) continue;
      const riding = this.#ride(command.device, command.version, command.era, arrivedAt);
      this.book.add({ riding });
      this.#riders.took(riding);
    }
    this.outbox.pump();
  }

  // commands → HERE

  #ride(device: string, version: number, era: number, since = this.#o.clock.now()) {
    return this.#riders.work(device, version, since, era > 0) ?? [];
  }

  /** HERE shows that the device has seen this version. */
  reported(device: string, version: number): void {
    for (const command of this.book.ofDevice(device)) {
      if (command.version !== null && command.version <= version) this.settle(command, { kind: 'reported' });
    }
    const riding = this.#riders.workReported(device, version);
    if (riding === undefined) return;
    this.book.add({ riding });
    this.#riders.took(riding);
  }

  // their end

  /** What has become too old while nothing happened to it. */
  age(): void {
    const { clock, maxAgeMs } = this.#o;
    this.outbox.pumpAll();
    for (const command of [...this.book.inState('notSent')]) {
      if (clock.now() - command.seenAt > maxAgeMs) this.settle(command, { kind: 'expired' });
    }
    for (const command of [...this.book.inState('published')]) {
      if (clock.now() - (command.publishedAt ?? 0) > maxAgeMs) this.settle(command, { kind: 'unreported' });
    }
  }

  /**
   * To another project, whose devices what waits is not meant for; what is under way may still reach one of this. Null: all has
   * ended; else resolves when the broker's word is known: to be called again then. Throws when the disk refuses.
   */
  leave(): Promise<unknown> | null {
    const underWay = this.outbox.halt();
    const waiting = [...this.book.inState('waiting'), ...this.book.inState('notSent')];
    for (const command of waiting) if (!this.outbox.isBusy(command.device)) this.settle(command, { kind: 'cancelled' });
    const riding = this.#riders.all().map((device) => ({ device, version: null }));
    this.book.add({ riding });
    this.#riders.took(riding);
    return underWay;
  }
}
