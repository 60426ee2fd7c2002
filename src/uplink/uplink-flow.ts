// THE LINE of one connection, top to bottom:
//   source → decode, filter, map (`prepare`) → journal → acknowledge → wait → batch → permit → POST /v3/batch → settle.
import type { EventSink } from '../domain/events.ts';
import type { BrokerMessage, PassedOver } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { StateVersions } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { LineObserver, UplinkLine, UplinkMessage } from '../domain/ports/line.ts';
import type { MessagePage, MessageQuery } from '../domain/ports/messages.ts';
import type { ConnectionStore, ReplayLetter } from '../domain/ports/store.ts';
import type { Prepared, UplinkOutcome } from '../domain/uplink.ts';
import { type AdmissionOptions, DeviceAdmission } from './admit-devices.ts';
import { Backlog, type WindowLimits } from './backlog.ts';
import { recordsOf } from './batch-parts.ts';
import type { Circuits } from './circuit.ts';
import { Delivery, type DeliverySignals, newSignals } from './deliver.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import { LatencyHistogram } from './latency.ts';
import { LinePace } from './line-pace.ts';
import { Probe } from './probe.ts';
import { ReadBack } from './read-back.ts';
import { rideAlong, told } from './ride-along.ts';
import { Settler, tooOld } from './settle.ts';
import type { Trail, UplinkTrace } from './trail.ts';
import { type Item, WaitingRoom } from './waiting.ts';
import { Wake } from './wake.ts';
import { whereabouts } from './whereabouts.ts';

export interface UplinkFlowOptions extends AdmissionOptions, Pick<IntakeOptions, 'pairWaitMs'> {
  readonly prepare: (message: UplinkMessage, nowMs: number) => Prepared;
  readonly store: ConnectionStore;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly observer: LineObserver;
  readonly uplinkTimeValidityMs: number | null;
  readonly window: WindowLimits;
  /** Of all lines. */
  readonly circuits: Circuits;
  /** For those who pay per request: a record waits so long for others although a permit is free. 0: not at all. */
  readonly batchLingerMs: number;
  /** Outlives the line. */
  readonly trail: Trail;
  readonly versions?: StateVersions;
}

export class UplinkFlow implements UplinkLine {
  readonly latency = new LatencyHistogram();
  readonly #o: UplinkFlowOptions;
  readonly #room = new WaitingRoom();
  readonly #backlog: Backlog;
  readonly #intake: Intake;
  readonly #pace: LinePace;
  readonly #probe = new Probe();
  readonly #settler: Settler;
  readonly #delivery: Delivery;
  readonly #devices: DeviceAdmission;
  readonly #readBack: ReadBack;
  readonly #trail: Trail;
  #project: HereProject | null = null;
  #lastProject: string | null = null;
  /** Ends waiting for permits (at once when the line closes), and requests under way (when closing takes too long). */
  #signals = newSignals();
  #asking = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];
  readonly #wake: Wake;
  #lingerUntil: number | null = null;

  constructor(options: UplinkFlowOptions) {
    this.#o = options;
    const { connectionId, store, clock, events, observer } = options;
    this.#trail = options.trail;
    this.#wake = new Wake(clock, () => this.#pump());
    this.#backlog = new Backlog(store, options.window);
    const settler = new Settler(store, clock, (settled) => {
      for (const { seq } of settled) this.#backlog.settled(seq);
      this.#pump();
    });
    this.#settler = settler;
    this.#pace = new LinePace(options.circuits, observer, () => this.#pump());
    this.#intake = new Intake(options, this.#room, this.#backlog, {
      settle: (uplink, outcome) => {
        this.#settler.add(uplink.seq, outcome);
        this.#trail.settled(uplink, outcome, null, this.#o.clock.now());
      },
      waiting: () => this.#pump(),
      get heldShare() {
        return settler.heldShare;
      },
    });
    this.#devices = new DeviceAdmission(options, this.#room, this.#backlog, this.#intake, events, clock);
    this.#readBack = new ReadBack({
      connectionId,
      room: this.#room,
      backlog: this.#backlog,
      intake: this.#intake,
      events,
      onLoaded: () => this.#pump(),
      tryAgainIn: (ms) => this.#wake.in(ms),
    });
    this.#delivery = new Delivery({
      room: this.#room,
      pace: this.#pace,
      clock,
      settle: (item, outcome, requestId) => this.#settle(item, outcome, requestId),
      commit: () => this.#settler.flush(),
      createsDevices: options.createDevices,
      notFound: this.#devices.notFound,
      onUnknownDevice: (device) => this.#devices.unknown(device),
      probe: this.#probe,
      onAccepted: () => {
        if (this.#probe.on && this.#probe.end()) this.#room.releaseAll();
        observer.onAccepted();
      },
    });
    this.#backlog.scan();
  }

  get hasRoom(): boolean {
    return this.#intake.hasRoom;
  }

  get windowBytes(): number {
    return this.#room.bytes;
  }

  get waiting(): { readonly count: number; readonly oldestMs: number } {
    const oldest = this.#room.oldestArrivedAt;
    const oldestMs = oldest === null ? 0 : Math.max(0, this.#o.clock.now() - oldest);
    return { count: this.#room.count + this.#backlog.unread, oldestMs };
  }

  /** New devices that HERE does not take at the moment: their uplinks wait in the journal. */
  get devicesWaiting(): DeviceAdmission['waiting'] {
    return this.#devices.waiting;
  }

  get stopped(): boolean {
    return this.#intake.stopped;
  }

  get requestsInFlight(): number {
    return this.#inFlight;
  }

  /** Tells each uplink's final word until the returned function is called; costs nothing while nobody follows. */
  follow(listener: (trace: UplinkTrace) => void): Cancel {
    return this.#trail.follow(listener);
  }

  messages(query: MessageQuery): MessagePage {
    return whereabouts(query, this.#room, this.#backlog, this.#trail);
  }

  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void, passed?: PassedOver): void {
    this.#intake.take(messages, done, passed);
  }

  onLeftOut(messages: readonly BrokerMessage[]): void {
    this.#intake.leaveOut(messages);
  }

  replay(letters: readonly ReplayLetter[]): Promise<number> {
    return this.#intake.replay(letters);
  }

  open(project: HereProject, mode: 'all' | 'probe' = 'all'): void {
    if (this.#lastProject !== project.appId) this.#devices.forget();
    else this.#devices.opened(project);
    this.#lastProject = project.appId;
    // After a renewed log-in: what still waits for a permit of the round before.
    this.#signals.ask.abort();
    // Requests under way end with the line, whichever round they are of.
    const { send } = this.#signals;
    this.#signals = send.signal.aborted ? newSignals() : { ...newSignals(), send };
    this.#project = project;
    this.#delivery.refusals.forget();
    this.#pace.enter(project.gate);
    this.#room.markBacklog(this.#o.clock.now());
    if (mode === 'probe') this.#probe.begin();
    else this.#probe.end();
    this.#room.releaseAll();
    this.#pump();
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#project = null;
    this.#pace.leave();
    this.#wake.cancel();
    const { ask, send } = this.#signals;
    ask.abort();
    const onAbort = () => send.abort();
    if (signal.aborted) send.abort();
    else signal.addEventListener('abort', onAbort, { once: true });
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    signal.removeEventListener('abort', onAbort);
    this.#settler.flush();
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#intake.stop();
    await this.close(signal);
    await this.#intake.quiet();
    this.#devices.stop();
    this.#settler.stop();
  }

  /** Asks for a permit when something waits and the pace allows; the batch is made when the permit comes. */
  #pump(): void {
    const project = this.#project;
    if (project === null || this.#settler.isBlocked) return;
    this.#devices.ask(project, this.#signals.ask.signal, () => this.#pump());
    this.#readBack.next(project.gate.maxRecords);
    if (this.#asking || !this.#room.hasReady) return;
    const waitMs = Math.max(this.#pace.waitMs, this.#lingerMs(project));
    if (waitMs > 0) {
      this.#wake.in(waitMs);
      return;
    }
    if ((this.#careful && this.#inFlight > 0) || !this.#pace.take()) return;
    this.#asking = true;
    void this.#request(project, this.#signals);
  }

  async #request(project: HereProject, signals: DeliverySignals): Promise<void> {
    let items: readonly Item[] = [];
    let startedAt = 0;
    this.#inFlight += 1;
    try {
      const outcome = await project.gate.run(1, signals.ask.signal, async () => {
        this.#asking = false;
        this.#lingerUntil = null;
        items = this.#project === project && this.#pace.maySend ? this.#takeBatch(project) : [];
        if (items.length === 0) return null;
        startedAt = this.#o.clock.monotonic();
        const sentAt = this.#o.clock.now();
        for (const item of items) item.sentAt = sentAt;
        this.#pump();
        return project.send(recordsOf(items), signals.send.signal);
      });
      if (outcome !== null) {
        const verdict = await this.#delivery.conclude(project, items, outcome, startedAt, signals);
        if (this.#project === project) this.#obey(verdict);
      }
    } catch (error) {
      if (!signals.ask.signal.aborted) throw error;
    } finally {
      this.#asking = items.length === 0 ? false : this.#asking;
      this.#inFlight -= 1;
      this.#pace.done();
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
      this.#pump();
    }
  }

  #takeBatch(project: HereProject): readonly Item[] {
    const validityMs = this.#o.uplinkTimeValidityMs;
    const oldest = validityMs === null ? Number.NEGATIVE_INFINITY : this.#o.clock.now() - validityMs;
    const taken = this.#room.take({
      maxRecords: this.#careful ? 1 : project.gate.maxRecords,
      maxBytes: project.gate.maxBytes,
      admit: (device) => (this.#probe.leavesOut(device) ? 'park' : this.#devices.admit(project, device)),
      isTooOld: (item) => item.emittedAt < oldest,
    });
    for (const item of taken.expired) this.#settle(item, tooOld(item), null);
    for (const item of taken.skipped) this.#settle(item, this.#devices.skipped(item.device), null);
    rideAlong(taken.items, this.#o.versions, project.key);
    if (taken.items.length === 0 && !this.#room.hasReady && this.#probe.newRound()) this.#room.releaseAll();
    return taken.items;
  }

  get #careful(): boolean {
    return this.#pace.probing || this.#probe.on;
  }

  #obey(verdict: Awaited<ReturnType<Delivery['conclude']>>): void {
    const { observer } = this.#o;
    if (verdict.kind === 'retry') observer.onFailing(verdict.outcome, this.#pace.failingMs);
    else if (verdict.kind === 'reauthenticate' || verdict.kind === 'hold') {
      this.#project = null;
      if (verdict.kind === 'hold') observer.onHold(verdict.reason);
      else observer.onReauthenticate();
    }
  }

  #settle(item: Item, outcome: UplinkOutcome, requestId: string | null): void {
    const now = this.#o.clock.now();
    if (outcome.kind === 'delivered') told(item, this.#o.versions);
    if (outcome.kind === 'delivered' && !item.replayed) this.latency.record(Math.max(0, now - item.arrivedAt));
    this.#settler.add(item.seq, outcome);
    this.#trail.settled(item, outcome, requestId, now);
  }

  #lingerMs(project: HereProject): number {
    if (this.#o.batchLingerMs === 0 || this.#room.count >= project.gate.maxRecords) return 0;
    const now = this.#o.clock.monotonic();
    this.#lingerUntil ??= now + this.#o.batchLingerMs;
    return this.#lingerUntil - now;
  }
}
