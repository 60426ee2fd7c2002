// The trail: the final words on the last uplinks of each device, and those who follow them live.
//
// Always on, so it is one row of numbers written per uplink into memory that is there already: no object, no promise, no
// timer. It outlives its line, so that a changed definition does not wipe out what happened before. What still waits is not
// written here at all: the waiting room knows it (see whereabouts.ts).
import type { Cancel } from '../domain/ports/clock.ts';
import type { TracedMessage } from '../domain/ports/messages.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { DeviceActivity } from './activity.ts';

/** An uplink on its way, as the line knows it when its final word falls. */
export interface Traveller {
  readonly seq: number;
  readonly device: string | null;
  readonly fCnt?: number | undefined;
  /** Wall-clock ms. */
  readonly arrivedAt: number;
  /** Wall-clock ms of the last request; 0: none. */
  readonly sentAt?: number | undefined;
  readonly attempts: number;
}

/** What a follower (`connections tail`) is told of an uplink when its final word falls. */
export interface UplinkTrace {
  readonly seq: number;
  readonly device: string | null;
  readonly fCnt: number | null;
  readonly outcome: UplinkOutcome;
  readonly requestId: string | null;
  readonly latencyMs: number;
}

/** Uplinks that are remembered of one device. */
const PER_DEVICE = 8;
const FIRST_SLOTS = 16;
/** The numbers of a row. */
const SEQ = 0;
const FCNT = 1;
const ARRIVED_AT = 2;
const SENT_AT = 3;
const SETTLED_AT = 4;
const ATTEMPTS = 5;
/** Counts all final words of the connection: pages go by it. */
const ORDER = 6;
const ROW = 7;
const NO_COUNT = -1;
const NO_DEVICE = '';

export class Trail {
  readonly #maxSlots: number;
  readonly #followers = new Set<(trace: UplinkTrace) => void>();
  readonly #slotOf = new Map<string, number>();
  readonly #deviceOf: string[] = [];
  /** Rows written of a slot so far; the next one goes to this number modulo the rows of a device. */
  #written = new Float64Array(0);
  /** Since the hand of the clock last passed: which device makes room for a new one. */
  #touched = new Uint8Array(0);
  #numbers = new Float64Array(0);
  readonly #outcomes: UplinkOutcome[] = [];
  readonly #requestIds: (string | null)[] = [];
  readonly #activity: DeviceActivity | null;
  /** Of devices that are forgotten. */
  readonly #free: number[] = [];
  #hand = 0;
  #order = 0;

  /** `maxUplinks`: 0 remembers nothing; followers hear all the same. About 75 bytes each, taken as devices come. */
  constructor(maxUplinks: number, activity: DeviceActivity | null = null) {
    this.#activity = activity;
    this.#maxSlots = Math.floor(maxUplinks / PER_DEVICE);
  }

  /** Tells each uplink's final word until the returned function is called. */
  follow(listener: (trace: UplinkTrace) => void): Cancel {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  /** On the hot path, once an uplink. `now`: wall-clock ms. */
  settled(uplink: Traveller, outcome: UplinkOutcome, requestId: string | null, now: number): void {
    if (this.#maxSlots > 0) this.#write(uplink, outcome, requestId, now);
    if (this.#activity !== null && !isOfAnother(outcome)) this.#activity.heard(uplink.device, now);
    if (this.#followers.size === 0) return;
    const { seq, device, fCnt = NO_COUNT, arrivedAt } = uplink;
    const latencyMs = Math.max(0, now - arrivedAt);
    const trace = { seq, device, fCnt: fCnt === NO_COUNT ? null : fCnt, outcome, requestId, latencyMs };
    for (const follower of this.#followers) follower(trace);
  }

  /** The remembered uplinks of a device, the latest first. */
  of(device: string | null): TracedMessage[] {
    const slot = this.#slotOf.get(device ?? NO_DEVICE);
    if (slot === undefined) return [];
    const written = this.#written[slot] as number;
    const messages: TracedMessage[] = [];
    for (let n = written - 1; n >= 0 && n >= written - PER_DEVICE; n--) messages.push(this.#read(rowOf(slot, n)));
    return messages;
  }

  /**
   * The latest of all devices that `wanted` takes, older than the order number `before`; `next` leads to the page after.
   * Looks at every remembered row: some milliseconds, for people's questions only.
   */
  latest(
    limit: number,
    before: number,
    wanted: (outcome: UplinkOutcome, fCnt: number | null) => boolean,
  ): { readonly messages: TracedMessage[]; readonly next: number | null } {
    const found: { order: number; row: number }[] = [];
    for (let row = 0; row < this.#outcomes.length; row++) {
      const order = this.#numbers[row * ROW + ORDER] as number;
      if (order === 0 || order >= before) continue;
      const fCnt = this.#numbers[row * ROW + FCNT] as number;
      const outcome = this.#outcomes[row];
      if (outcome !== undefined && wanted(outcome, fCnt === NO_COUNT ? null : fCnt)) found.push({ order, row });
    }
    found.sort((a, b) => b.order - a.order);
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.order ?? null) : null;
    return { messages: page.map(({ row }) => this.#read(row)), next };
  }

  /** A device is to be forgotten, on a data-protection request. Returns how many uplinks of it were remembered. */
  forget(device: string): number {
    const slot = this.#slotOf.get(device);
    if (slot === undefined) return 0;
    const count = Math.min(this.#written[slot] as number, PER_DEVICE);
    this.#clear(slot);
    this.#free.push(slot);
    return count;
  }

  #write(uplink: Traveller, outcome: UplinkOutcome, requestId: string | null, now: number): void {
    const device = uplink.device ?? NO_DEVICE;
    const slot = this.#slotOf.get(device) ?? this.#newSlot(device);
    const n = this.#written[slot] as number;
    const row = rowOf(slot, n);
    const at = row * ROW;
    const numbers = this.#numbers;
    this.#order += 1;
    numbers[at + SEQ] = uplink.seq;
    numbers[at + FCNT] = uplink.fCnt ?? NO_COUNT;
    numbers[at + ARRIVED_AT] = uplink.arrivedAt;
    numbers[at + SENT_AT] = uplink.sentAt ?? 0;
    numbers[at + SETTLED_AT] = now;
    numbers[at + ATTEMPTS] = uplink.attempts;
    numbers[at + ORDER] = this.#order;
    this.#outcomes[row] = outcome.kind === 'deadLettered' ? withoutRecord(outcome) : outcome;
    this.#requestIds[row] = requestId;
    this.#written[slot] = n + 1;
    this.#touched[slot] = 1;
  }

  #newSlot(device: string): number {
    const isNew = this.#free.length === 0 && this.#deviceOf.length < this.#maxSlots;
    let slot = this.#free.pop() ?? this.#deviceOf.length;
    if (isNew) {
      if (slot === this.#written.length) this.#grow(Math.min(this.#maxSlots, Math.max(FIRST_SLOTS, slot * 2)));
      for (let i = 0; i < PER_DEVICE; i++) {
        this.#outcomes.push(NOTHING);
        this.#requestIds.push(null);
      }
    } else if (slot >= this.#maxSlots) {
      slot = this.#quietest();
      this.#clear(slot);
    }
    this.#deviceOf[slot] = device;
    this.#slotOf.set(device, slot);
    return slot;
  }

  /** Second chance: a device that has not been heard since the hand last passed. */
  #quietest(): number {
    while (this.#touched[this.#hand] === 1) {
      this.#touched[this.#hand] = 0;
      this.#hand = (this.#hand + 1) % this.#maxSlots;
    }
    const slot = this.#hand;
    this.#hand = (slot + 1) % this.#maxSlots;
    return slot;
  }

  #clear(slot: number): void {
    const device = this.#deviceOf[slot] as string;
    // A forgotten device may have come again, in another slot.
    if (this.#slotOf.get(device) === slot) this.#slotOf.delete(device);
    this.#written[slot] = 0;
    this.#touched[slot] = 0;
    for (let row = slot * PER_DEVICE; row < (slot + 1) * PER_DEVICE; row++) {
      this.#numbers.fill(0, row * ROW, (row + 1) * ROW);
      this.#outcomes[row] = NOTHING;
      this.#requestIds[row] = null;
    }
  }

  #grow(slots: number): void {
    const numbers = new Float64Array(slots * PER_DEVICE * ROW);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const written = new Float64Array(slots);
    written.set(this.#written);
    this.#written = written;
    const touched = new Uint8Array(slots);
    touched.set(this.#touched);
    this.#touched = touched;
  }

  #read(row: number): TracedMessage {
    const number = (field: number): number => this.#numbers[row * ROW + field] as number;
    const fCnt = number(FCNT);
    const sentAt = number(SENT_AT);
    const device = this.#deviceOf[Math.floor(row / PER_DEVICE)] as string;
    return {
      seq: number(SEQ),
      device: device === NO_DEVICE ? null : device,
      fCnt: fCnt === NO_COUNT ? null : fCnt,
      state: 'settled',
      receivedAt: number(ARRIVED_AT),
      sentAt: sentAt === 0 ? null : sentAt,
      attempts: number(ATTEMPTS),
      requestId: this.#requestIds[row] ?? null,
      lastAnswer: null,
      outcome: this.#outcomes[row] as UplinkOutcome,
      settledAt: number(SETTLED_AT),
    };
  }
}

/** In the place of an outcome that is not there yet: its order number is 0. */
const NOTHING: UplinkOutcome = Object.freeze({ kind: 'delivered' });

function rowOf(slot: number, n: number): number {
  return slot * PER_DEVICE + (n % PER_DEVICE);
}

/**
 * The matchers leave its device to other connections. Of those that share one topic each would list all devices; a source that sorts
 * by itself (Kafka) does not even hand them over. Their way is remembered all the same: why a device does not arrive is asked here.
 */
function isOfAnother(outcome: UplinkOutcome): boolean {
  return outcome.kind === 'filtered' && outcome.reason === 'noMatch';
}

/** The record may be large, and the dead letter keeps it. */
function withoutRecord(outcome: Extract<UplinkOutcome, { kind: 'deadLettered' }>): UplinkOutcome {
  const { record: _, ...detail } = outcome.detail;
  return { ...outcome, detail };
}
