// Shadow watch: one poll per project and account of the shadows that changed last, for all connections of the two. Its cost
// follows the changes, not the devices. A change is handed on and committed before the cursor moves past it.
//
// HERE is asked for few first, and for many only when these do not reach back to the cursor: so a quiet project does not fetch
// a thousand old shadows each time. The cursor stays behind HERE's own clock (its `Date`), with an overlap for equal times and
// for servers whose clocks differ; what is seen twice is known by its handled document.
import { describeError } from '../domain/errors.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { ShadowChange, ShadowFailure, ShadowStore } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import { deal, type WatchMember } from './deal-changes.ts';
import { isObject, parseJson } from './json.ts';
import type { ProjectShadows } from './project-shadows.ts';
import { ShadowSweep } from './shadow-sweep.ts';

export interface ShadowWatchOptions {
  /** Names account and project: the cursor is kept under it. */
  readonly key: string;
  readonly shadows: ProjectShadows;
  readonly store: ShadowStore;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly pollMs: { readonly min: number; readonly max: number };
  readonly maxAgeMs: number;
}

const FEW = 50;
const MANY = 1_000;
const OVERLAP_MS = 60_000;
const GROWTH = 1.5;
/** The interval grows after so many looks in a row that found nothing: changes that trickle are not waited for any longer. */
const QUIET_LOOKS = 3;
/** A plan without shadows is asked again so often: a person may have changed it. */
const REFUSED_MS = 600_000;

export class ShadowWatch {
  readonly #o: ShadowWatchOptions;
  readonly #members = new Map<string, WatchMember>();
  readonly #sweep: ShadowSweep;
  #interval: number;
  /** Looks in a row that found nothing. */
  #quiet = 0;
  #timer: Cancel | null = null;
  #running = new AbortController();
  /** The signal of the poll under way; a member that joins meanwhile wants another one right after it. */
  #polling: AbortSignal | null = null;
  #again = false;
  /** HERE refuses the list, so that devices are asked for one hundred at a time; and when it is tried anew (monotonic ms). */
  #sweepUntil: number | null = null;
  #refusedTold = false;
  /** HERE's clock less ours, ms, as its last answer told. */
  #offsetMs = 0;
  /** For those who look: requests of the last poll, and what it took. */
  lastPoll = { requests: 0, changes: 0 };

  constructor(options: ShadowWatchOptions) {
    this.#o = options;
    this.#interval = options.pollMs.min;
    this.#sweep = new ShadowSweep(options.shadows, options.clock);
  }

  get size(): number {
    return this.#members.size;
  }

  get hereNow(): number {
    return this.#o.clock.now() + this.#offsetMs;
  }

  join(member: WatchMember): void {
    this.#members.set(member.connectionId, member);
    if (this.#members.size === 1) this.#running = new AbortController();
    this.#interval = this.#o.pollMs.min;
    this.#quiet = 0;
    this.#pollIn(0);
  }

  leave(connectionId: string): void {
    this.#members.delete(connectionId);
    if (this.#members.size > 0) return;
    this.#timer?.();
    this.#timer = null;
    this.#running.abort();
  }

  #pollIn(ms: number): void {
    this.#timer?.();
    this.#timer = this.#o.clock.after(ms, () => {
      this.#timer = null;
      void this.#poll(this.#running.signal);
    });
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const project = this.#members.values().next().value?.project;
    if (project === undefined) return;
    this.#again = this.#polling === signal;
    if (this.#again) return;
    this.#polling = signal;
    this.lastPoll = { requests: 0, changes: 0 };
    const { min, max } = this.#o.pollMs;
    let waitMs = max;
    try {
      const failure = this.#isSweeping ? await this.#sweepOnce(project, signal) : await this.#list(project, signal);
      if (failure === null) {
        await this.#readBack(project, signal);
        this.#quiet = this.lastPoll.changes > 0 ? 0 : this.#quiet + 1;
        if (this.#quiet === 0 || this.#isSweeping) this.#interval = min;
        else if (this.#quiet > QUIET_LOOKS) this.#interval = Math.min(max, this.#interval * GROWTH);
        waitMs = this.#interval;
        this.#heard();
      } else if (failure.kind === 'refused') waitMs = this.#refused(failure);
      else {
        this.#interval = Math.min(max, this.#interval * 2);
        waitMs = Math.max(this.#interval, failure.afterMs ?? 0);
      }
    } catch (error) {
      // The disk refuses what was found: nothing moved on, and it is found again.
      for (const member of this.#members.values()) member.onTrouble(describeError(error));
    }
    if (this.#polling === signal) this.#polling = null;
    if (signal.aborted || this.#members.size === 0) return;
    this.#pollIn(this.#again ? 0 : waitMs * (0.9 + this.#o.chance.random() / 5));
  }

  /** null: all that changed was handed on, and the cursor has moved. */
  async #list(project: HereProject, signal: AbortSignal): Promise<ShadowFailure | null> {
    const cursor = cursorOf(this.#o.store.cursor(this.#o.key));
    let newest = cursor ?? 0;
    let limit = FEW;
    let token: string | null = null;
    for (;;) {
      const page = await project.shadows.page(limit, token, signal);
      this.lastPoll.requests += 1;
      if (page.kind !== 'ok') return page;
      this.#note(page.hereNow);
      const from = (cursor ?? this.#earliest()) - OVERLAP_MS;
      const isReached = page.next === null || page.oldestAt === null || page.oldestAt < from;
      if (!isReached && limit === FEW) {
        limit = MANY;
        token = null;
        continue;
      }
      const changes = page.changes.filter(({ desiredAt }) => desiredAt >= from);
      for (const { desiredAt } of changes) newest = Math.max(newest, desiredAt);
      this.#deal(changes);
      if (isReached) break;
      token = page.next;
    }
    // A time in HERE's future must not make us blind for what is desired until then.
    const at = Math.min(Math.max(newest, cursor === null ? this.#earliest() : 0), this.hereNow);
    if (cursor === null || at > cursor) this.#o.store.setCursor(this.#o.key, JSON.stringify({ at }));
    this.#polled(at - OVERLAP_MS);
    return null;
  }

  /** Without a cursor: only what some connection may still take for a command. HERE's ms. */
  #earliest(): number {
    const since = [...this.#members.values()].map((member) => member.sinceAt(this.#offsetMs));
    return Math.max(Math.min(...since), this.hereNow - this.#o.maxAgeMs);
  }

  #deal(changes: readonly ShadowChange[]): void {
    const { shadows, maxAgeMs, store } = this.#o;
    this.lastPoll.changes += deal(changes, {
      ...{ shadows, store, members: this.#members, oldest: this.hereNow - maxAgeMs },
      ...{ hereNow: this.hereNow, offsetMs: this.#offsetMs },
    });
  }

  async #sweepOnce(project: HereProject, signal: AbortSignal): Promise<ShadowFailure | null> {
    const found = await this.#sweep.next(project, new Set(this.#members.keys()), this.hereNow - OVERLAP_MS, signal);
    this.lastPoll.requests += found.requests;
    this.#note(found.hereNow);
    this.#deal(found.changes);
    if (found.reached !== null) this.#polled(found.reached);
    return found.failure;
  }

  #polled(before: number): void {
    this.#o.shadows.tellDropped();
    for (const member of this.#members.values()) member.onPolled(before);
  }

  /** Asks HERE whether it has the versions that it was told. */
  async #readBack(project: HereProject, signal: AbortSignal): Promise<void> {
    const devices = [...this.#members.values()].flatMap((member) => member.toAsk()).slice(0, 100);
    if (devices.length === 0) return;
    const found = await project.shadows.some(devices, null, signal);
    this.lastPoll.requests += 1;
    if (found.kind !== 'ok') return;
    const reported = new Map(found.changes.map((change) => [change.device, change.reported]));
    for (const device of devices) {
      for (const member of this.#members.values()) member.onReported(device, reported.get(device) ?? null);
    }
  }

  get #isSweeping(): boolean {
    if (this.#sweepUntil !== null && this.#o.clock.monotonic() >= this.#sweepUntil) this.#sweepUntil = null;
    return this.#sweepUntil !== null;
  }

  /** The list: devices are asked for by their ids. Those too: HERE gives this account no shadows. */
  #refused({ answer }: ShadowFailure): number {
    if (this.#sweepUntil === null) {
      this.#sweepUntil = this.#o.clock.monotonic() + REFUSED_MS;
      return this.#o.pollMs.min;
    }
    this.#sweepUntil = null;
    if (!this.#refusedTold) for (const member of this.#members.values()) member.onRefused(answer.message);
    this.#refusedTold = true;
    return REFUSED_MS;
  }

  #heard(): void {
    if (!this.#refusedTold) return;
    this.#refusedTold = false;
    for (const member of this.#members.values()) member.onHeardAgain();
  }

  #note(hereNow: number | null): void {
    if (hereNow !== null) this.#offsetMs = hereNow - this.#o.clock.now();
  }
}

function cursorOf(text: string | null): number | null {
  const value = text === null ? null : parseJson(text);
  return isObject(value) && typeof value.at === 'number' ? value.at : null;
}
