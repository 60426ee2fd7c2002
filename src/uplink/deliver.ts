// Deliver: one batch to HERE and what its answer means for each uplink in it. A refused batch is narrowed down to the record.
import type { Clock } from '../domain/ports/clock.ts';
import type { HereAnswer, HereProject, RequestOutcome } from '../domain/ports/here.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { halves, itemOfRecord, loneApart, recordsOf } from './batch-parts.ts';
import { HintTrust } from './hint-trust.ts';
import type { LinePace } from './line-pace.ts';
import type { NotFound } from './not-found.ts';
import type { Probe } from './probe.ts';
import { RecentRefusals } from './recent-refusals.ts';
import type { Item, WaitingRoom } from './waiting.ts';

/** What a delivery leads to beside the settled uplinks. */
export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly outcome: RequestOutcome & { kind: 'retry' } }
  | { readonly kind: 'reauthenticate' }
  | { readonly kind: 'hold'; readonly reason: string };

/** `ask`: ends waiting for a permit; `send`: ends a request under way. */
export interface DeliverySignals {
  readonly ask: AbortController;
  readonly send: AbortController;
}

export function newSignals(): DeliverySignals {
  return { ask: new AbortController(), send: new AbortController() };
}

export interface DeliveryParts {
  readonly room: WaitingRoom;
  readonly pace: Pick<LinePace, 'probing' | 'failed' | 'succeeded'>;
  readonly clock: Clock;
  readonly probe: Probe;
  /** The final word on one uplink. */
  settle(item: Item, outcome: UplinkOutcome, requestId: string | null): void;
  /** Settlements of one answer are committed together. */
  commit(): void;
  /** True: a device that HERE does not know is made sure of and its uplinks wait; false: they are skipped. */
  readonly createsDevices: boolean;
  readonly notFound: Pick<NotFound, 'note' | 'taken'>;
  /** HERE does not know the device; its uplinks are parked, or were skipped. */
  onUnknownDevice(device: string): void;
  onAccepted(): void;
}

/**
 * After so many unknown devices in a row the rest of a batch is not tried one by one: a project that was emptied would take two
 * requests a device, a job of the registry makes sure of a hundred.
 */
const MANY_UNKNOWN = 3;
/**
 * What stands ahead of an uplink that HERE has named is in order, if the name is right. Of a part that is not, one name more is
 * believed (HERE may look at all forms before it looks for devices); else one that always names the last costs a request each.
 */
const MOST_NAMED_AT_ONCE = 2;
const DELIVERED: UplinkOutcome = Object.freeze({ kind: 'delivered' });
const SKIPPED: UplinkOutcome = Object.freeze({ kind: 'skipped', reason: 'unknownDevice' });

export class Delivery {
  readonly refusals = new RecentRefusals();
  readonly hints = new HintTrust();
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** What became of `items`, which were sent in one request that began at `startedAt` (monotonic ms). */
  async conclude(
    project: HereProject,
    items: readonly Item[],
    outcome: RequestOutcome,
    startedAt: number,
    signals: DeliverySignals,
  ): Promise<Verdict> {
    const run = new Run(this, this.#parts, project, signals, items);
    const verdict = await run.answered(items, outcome, startedAt);
    run.putBackTheRest();
    this.#parts.commit();
    return verdict.kind === 'refused' || verdict.kind === 'accepted' ? { kind: 'done' } : verdict;
  }
}

type PartVerdict = Exclude<Verdict, { kind: 'done' }> | { readonly kind: 'accepted' } | { readonly kind: 'refused' };

/** One batch on its way: parts of it are sent in order until each uplink is final or must wait. */
class Run {
  readonly #delivery: Delivery;
  readonly #parts: DeliveryParts;
  readonly #project: HereProject;
  readonly #signals: DeliverySignals;
  /** Not final yet. */
  readonly #open: Set<Item>;
  readonly #unknown = new Set<string>();
  #unknownInARow = 0;
  /** Some of what is still to be sent may be final: skipped with the first of its device. */
  #hasSkipped = false;
  /** HERE has taken an uplink that it had named, or did so in the batches before: its hints are about something else. */
  #hintsMislead = false;
  /** Named ones that wait for what stands ahead of them. */
  #named = 0;
  #narrowed = false;

  constructor(
    d: Delivery,
    parts: DeliveryParts,
    project: HereProject,
    signals: DeliverySignals,
    items: readonly Item[],
  ) {
    this.#delivery = d;
    this.#parts = parts;
    this.#project = project;
    this.#signals = signals;
    this.#open = new Set(items);
  }

  async answered(items: readonly Item[], outcome: RequestOutcome, startedAt: number): Promise<PartVerdict> {
    const { pace } = this.#parts;
    switch (outcome.kind) {
      case 'accepted':
        this.#works();
        this.#unknownInARow = 0;
        for (const item of items) this.#final(item, DELIVERED, outcome.requestId);
        this.#delivery.refusals.note(false, items.length);
        this.#parts.notFound.taken(items);
        this.#parts.onAccepted();
        return { kind: 'accepted' };
      case 'retry':
        pace.failed(startedAt, outcome);
        for (const item of items) item.lastAnswer = outcome.answer;
        return { kind: 'retry', outcome };
      case 'reauthenticate':
        return { kind: 'reauthenticate' };
      case 'hold':
        return { kind: 'hold', reason: refusal(outcome.answer) };
      case 'tooLarge':
        this.#works();
        return this.#split(items, outcome.answer);
      case 'refused':
        this.#works();
        if (items.length > 1) return this.#narrow(items, outcome.hint);
        return this.#refuse(items[0] as Item, outcome.unknownDevice, outcome.answer);
    }
  }

  /** HERE looks at batches (again). */
  #works(): void {
    const { pace, room, clock } = this.#parts;
    if (pace.probing) room.markBacklog(clock.now());
    pace.succeeded();
  }

  /** Uplinks without a final word wait again, as the oldest of their devices; those of unknown devices until they are known. */
  putBackTheRest(): void {
    const ready: Item[] = [];
    const parked: Item[] = [];
    for (const item of this.#open) (this.#unknown.has(item.device) ? parked : ready).push(item);
    this.#parts.room.putBack(parked, 'park');
    this.#parts.room.putBack(ready);
    for (const device of this.#unknown) this.#parts.onUnknownDevice(device);
  }

  async #send(items: readonly Item[]): Promise<PartVerdict> {
    if (this.#unknownInARow >= MANY_UNKNOWN) this.#doubt(items);
    const isWhole = this.#unknown.size === 0 && !this.#hasSkipped;
    const part = isWhole ? items : items.filter((item) => this.#open.has(item) && !this.#unknown.has(item.device));
    if (part.length === 0) return { kind: 'accepted' };
    let startedAt = 0;
    let outcome: RequestOutcome;
    try {
      outcome = await this.#project.gate.run(1, this.#signals.ask.signal, () => {
        startedAt = this.#parts.clock.monotonic();
        return this.#project.send(recordsOf(part), this.#signals.send.signal);
      });
    } catch (error) {
      if (!this.#signals.ask.signal.aborted) throw error;
      const answer = { status: 0, hereErrorCode: null, message: 'stopped', requestId: '' };
      return { kind: 'retry', outcome: { kind: 'retry', cause: 'stopped', afterMs: null, answer } };
    }
    return this.answered(part, outcome, startedAt);
  }

  /** Their uplinks wait with those of unknown devices, but once only: then HERE's word on each of them counts. */
  #doubt(items: readonly Item[]): void {
    for (const item of items) {
      if (item.doubted === true) continue;
      item.doubted = true;
      this.#project.devices.doubt(item.device);
      this.#unknown.add(item.device);
    }
  }

  /** 413: both halves go, one after the other, and the gate remembers. */
  async #split(items: readonly Item[], answer: HereAnswer): Promise<PartVerdict> {
    this.#project.gate.tooLarge(
      items.reduce((sum, item) => sum + item.records.length, 0),
      items.reduce((sum, item) => sum + item.bytes + 1, 0),
    );
    if (items.length === 1) return this.#refuse(items[0] as Item, false, answer);
    const middle = items.length >> 1;
    const left = await this.#send(items.slice(0, middle));
    if (left.kind !== 'accepted' && left.kind !== 'refused') return left;
    return this.#send(items.slice(middle));
  }

  /** A refused batch of several: at least one is at fault. At most 2·log₂(n)+2 requests for one bad uplink, 5 more by wrong hints. */
  async #narrow(items: readonly Item[], hint: number | null): Promise<PartVerdict> {
    if (this.#delivery.refusals.tooMany) return this.#tooMany();
    const { hints } = this.#delivery;
    if (!this.#narrowed) this.#hintsMislead = !hints.follows();
    const isHintTaken = hint !== null && !this.#hintsMislead && this.#named < MOST_NAMED_AT_ONCE;
    const at = isHintTaken ? itemOfRecord(items, hint) : -1;
    const named = at >= 0 ? (items[at] as Item) : null;
    // Only once: else what halves cut off a device's uplinks would look like a lone one.
    const { lone, others } = this.#narrowed ? { lone: [], others: items } : loneApart(items, named);
    this.#narrowed = true;
    let rest: readonly (readonly Item[])[] = lone.length > 0 ? [others] : halves(others);
    if (named !== null) {
      const before = others.indexOf(named);
      rest = [others.slice(0, before), [named], others.slice(before + 1)];
    }
    const parts = [lone, ...rest];
    if (named !== null) this.#named += 1;
    let guiltFound = false;
    for (const [index, part] of parts.entries()) {
      if (part.length === 0) continue;
      if (part[0] === named) this.#named -= 1;
      const isLast = index === parts.length - 1;
      // All before it were accepted, so the fault is in the last part: no request to learn that again.
      const verdict: PartVerdict =
        isLast && !guiltFound && part.length > 1 ? await this.#narrow(part, null) : await this.#send(part);
      if (verdict.kind !== 'accepted' && verdict.kind !== 'refused') return verdict;
      guiltFound ||= verdict.kind === 'refused';
      if (part[0] !== named) continue;
      if (verdict.kind === 'refused') hints.right();
      else if (!this.#hintsMislead) hints.wrong();
      this.#hintsMislead ||= verdict.kind === 'accepted';
    }
    return { kind: 'refused' };
  }

  #refuse(item: Item, unknownDevice: boolean, answer: HereAnswer): PartVerdict {
    const { createsDevices, notFound, probe } = this.#parts;
    if (unknownDevice) {
      this.#project.devices.forget(item.device);
      if (createsDevices && !notFound.note(item.device, item.seq)) {
        this.#unknownInARow += 1;
        this.#unknown.add(item.device);
        return { kind: 'refused' };
      }
    }
    if (probe.on) {
      probe.refused(item.device);
      return { kind: 'hold', reason: `HERE has refused the uplink that was tried: ${answer.message}` };
    }
    if (unknownDevice && !createsDevices) return this.#skip(item.device, answer.requestId);
    if (!unknownDevice && item.replayed !== true) {
      this.#delivery.refusals.note(true);
      if (this.#delivery.refusals.tooMany) return this.#tooMany();
    }
    const { status, hereErrorCode, message, requestId } = answer;
    const record = item.records.join(',');
    const detail = { message, status, requestId, record, attempts: item.attempts };
    this.#final(
      item,
      {
        kind: 'deadLettered',
        reason: 'refused',
        detail: hereErrorCode === null ? detail : { ...detail, hereErrorCode },
      },
      requestId,
    );
    return { kind: 'refused' };
  }

  /** HERE's word on one uplink is about its device: what else the batch has of it would take a request each to be told the same. */
  #skip(device: string, requestId: string): PartVerdict {
    this.#hasSkipped = true;
    this.#parts.onUnknownDevice(device);
    for (const item of this.#open) if (item.device === device) this.#final(item, SKIPPED, requestId);
    return { kind: 'refused' };
  }

  #tooMany(): PartVerdict {
    return { kind: 'hold', reason: this.#delivery.refusals.reason };
  }

  #final(item: Item, outcome: UplinkOutcome, requestId: string | null): void {
    this.#open.delete(item);
    this.#parts.room.finish(item);
    this.#parts.settle(item, outcome, requestId);
  }
}

/** An account without the right, or requests that HERE does not take at all: of a wrong address, or of another method. */
function refusal({ status, message }: HereAnswer): string {
  return `HERE refuses the ${status === 403 ? 'account' : 'requests'} (${status}): ${message}`;
}
