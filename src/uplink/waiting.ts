// The waiting room: mapped uplinks in memory, one lane a device, and the choice of what goes into the next batch.
//
// Per device the order is kept and a device has uplinks in one request at a time. Lanes that are ready wait in two heaps:
// `fresh` (came straight from the source), each in its turn, and `late` (read back from the journal, or left by the last outage),
// longest-waiting first. While both have something, half of a batch is for each: others' backlogs and bursts do not
// hold up a device that has none.
import type { HereAnswer } from '../domain/ports/here.ts';
import { LANE, Lane, LaneHeap } from './lanes.ts';

/** One uplink that waits for HERE: all its records go in one request. */
export interface Item {
  readonly seq: number;
  readonly device: string;
  readonly fCnt?: number | undefined;
  /** HERE records as JSON text. */
  records: readonly string[];
  readonly bytes: number;
  readonly emittedAt: number;
  readonly arrivedAt: number;
  /** Read back from the journal: part of a backlog. */
  readonly late: boolean;
  /** A dead letter that was put on its way again. */
  readonly replayed?: boolean;
  /** Times that it was sent. */
  attempts: number;
  /** Its device was asked about for the company it was in. */
  doubted?: boolean;
  /** Wall-clock ms of the last request; 0: none. */
  sentAt?: number;
  /** What rides on its last record. */
  rider?: Rider | undefined;
  /** Why the last request settled nothing. */
  lastAnswer?: HereAnswer;
}

/** A state version in a record: of which project, and the record without it. */
export interface Rider {
  readonly version: number;
  readonly project: string;
  readonly bare: string;
}

/** `flying`: in a request; `parked`: until HERE takes the device. */
export type LaneState = 'ready' | 'flying' | 'parked';

/** What may be said of a device when its lane's turn comes. `park`: leave it out until `release`; `skip`: no uplink of it goes. */
export type Admission = 'send' | 'park' | 'skip';

/** What came while an outage was about to end, or while its end was not noticed yet, is no backlog unless more of its device wait. */
const FRESH_MS = 30_000;
/** What an uplink takes in memory beside its records' text: its objects, its lane, and its places in maps. Measured: 300 to 500. */
export const ITEM_BYTES = 500;
const NOTHING = { records: 0, bytes: 0 };

export interface TakeLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
  admit(device: string): Admission;
  /** True: older than the connection's validity, before its first send. */
  isTooOld(item: Item): boolean;
}

export interface Taken {
  readonly items: Item[];
  /** Too old before their first send; out of the room already. */
  readonly expired: Item[];
  /** Of devices that are to be skipped; out of the room already. */
  readonly skipped: Item[];
}

export class WaitingRoom {
  readonly #lanes = new Map<string, Lane>();
  readonly #fresh = new LaneHeap();
  readonly #late = new LaneHeap();
  /** Of record text. */
  #bytes = 0;
  #count = 0;
  #readyCount = 0;
  /** Up to it all wait as a backlog, as what was read back from the journal does. */
  #backlogSeq = 0;
  #turns = 0;
  /** Of an odd number of records the odd one is for each in turn, so that none starves where a batch has one record. */
  #oddIsFresh = true;

  /** In memory: the records' text and `ITEM_BYTES` for each uplink. */
  get bytes(): number {
    return this.#bytes + this.#count * ITEM_BYTES;
  }

  get count(): number {
    return this.#count;
  }

  /** Of them those that could go now: not in a request, and their device is not parked. */
  get readyCount(): number {
    return this.#readyCount;
  }

  /** True while a batch could be made. */
  get hasReady(): boolean {
    return this.#fresh.size > 0 || this.#late.size > 0;
  }

  has(device: string): boolean {
    return this.#lanes.has(device);
  }

  /** What waits of a device, in its order. */
  whereabouts(device: string): { readonly item: Item; readonly state: LaneState }[] {
    const lane = this.#lanes.get(device);
    if (lane === undefined) return [];
    const parked = lane.state === LANE.parked;
    return lane.items.slice(lane.head).map((item, at) => {
      return { item, state: parked ? 'parked' : at < lane.flying ? 'flying' : 'ready' };
    });
  }

  /** Items of one device must be pushed in the order of their sequence numbers. */
  push(item: Item): void {
    let lane = this.#lanes.get(item.device);
    if (lane === undefined) {
      lane = new Lane(item.device);
      this.#lanes.set(item.device, lane);
    }
    lane.items.push(item);
    this.#bytes += item.bytes;
    this.#count += 1;
    if (lane.state === LANE.empty) this.#makeReady(lane);
    else if (lane.state === LANE.ready) this.#readyCount += 1;
  }

  /**
   * HERE did not take anything for a while: what has waited since is a backlog, which does not hold up devices that have none.
   * `nowMs`: wall clock, as `arrivedAt`.
   */
  markBacklog(nowMs: number): void {
    for (const lane of this.#lanes.values()) {
      const last = lane.items.findLast((item) => item.arrivedAt < nowMs - FRESH_MS);
      if (last !== undefined && last.seq > this.#backlogSeq) this.#backlogSeq = last.seq;
      if (lane.size - lane.flying > 1) lane.backlogSeq = (lane.items.at(-1) as Item).seq;
    }
    const ready: Lane[] = [];
    for (let lane = this.#fresh.pop(); lane !== undefined; lane = this.#fresh.pop()) ready.push(lane);
    for (const lane of ready) {
      this.#readyCount -= lane.size;
      this.#makeReady(lane);
    }
  }

  /** The next batch, as full as the limits allow. Its devices stay out of further batches until `finish` or `putBack`. */
  take(limits: TakeLimits): Taken {
    const taken: Taken = { items: [], expired: [], skipped: [] };
    const room = { records: limits.maxRecords, bytes: limits.maxBytes };
    if (this.#late.size > 0) {
      const records = (this.#oddIsFresh ? Math.ceil : Math.floor)(room.records / 2);
      this.#oddIsFresh = !this.#oddIsFresh;
      const half = { records, bytes: Math.ceil(room.bytes / 2) };
      const used = records === 0 ? NOTHING : this.#fill(this.#fresh, limits, half, taken);
      room.records -= used.records;
      room.bytes -= used.bytes;
      const late = this.#fill(this.#late, limits, room, taken);
      room.records -= late.records;
      room.bytes -= late.bytes;
    }
    this.#fill(this.#fresh, limits, room, taken);
    return taken;
  }

  #fill(heap: LaneHeap, limits: TakeLimits, room: { records: number; bytes: number }, taken: Taken) {
    let records = 0;
    let bytes = 0;
    for (let lane = heap.peek(); lane !== undefined; lane = heap.peek()) {
      const first = lane.oldest;
      const fits = records + first.records.length <= room.records && bytes + first.bytes + 1 <= room.bytes;
      // A lone item that is larger than the limits must still go: HERE's answer decides.
      if (!fits && (taken.items.length > 0 || records > 0)) break;
      heap.pop();
      this.#readyCount -= lane.size;
      const admission = limits.admit(lane.device);
      if (admission === 'park') {
        lane.state = LANE.parked;
        continue;
      }
      if (admission === 'skip') {
        while (lane.size > 0) taken.skipped.push(this.#drop(lane));
        this.#settleLane(lane);
        continue;
      }
      lane.state = LANE.flying;
      while (lane.flying < lane.size) {
        const item = lane.items[lane.head + lane.flying] as Item;
        if (lane.flying === 0 && item.attempts === 0 && limits.isTooOld(item)) {
          taken.expired.push(this.#drop(lane));
          continue;
        }
        const over = records + item.records.length > room.records || bytes + item.bytes + 1 > room.bytes;
        if (over && taken.items.length > 0) break;
        if (item.attempts === 0 && limits.isTooOld(item)) break;
        item.attempts += 1;
        lane.flying += 1;
        taken.items.push(item);
        records += item.records.length;
        bytes += item.bytes + 1;
      }
      if (lane.flying === 0) this.#settleLane(lane);
      if (records >= room.records || bytes >= room.bytes) break;
    }
    return { records, bytes };
  }

  /** The final word on an item of a batch; per device in the order of the batch. */
  finish(item: Item): void {
    const lane = this.#flyingLane(item);
    this.#drop(lane);
    lane.flying -= 1;
    if (lane.flying === 0) this.#settleLane(lane);
  }

  /** Items that go back to wait: the oldest of their lanes again. `park`: until `release`. */
  putBack(items: Iterable<Item>, as: 'ready' | 'park' = 'ready'): void {
    const lanes = new Set<Lane>();
    for (const item of items) lanes.add(this.#flyingLane(item));
    for (const lane of lanes) {
      lane.flying = 0;
      if (as === 'park') lane.state = LANE.parked;
      else this.#makeReady(lane);
    }
  }

  release(device: string): void {
    const lane = this.#lanes.get(device);
    if (lane?.state === LANE.parked) this.#makeReady(lane);
  }

  /** Every parked device may be asked about again: another project, another answer. */
  releaseAll(): void {
    for (const lane of this.#lanes.values()) if (lane.state === LANE.parked) this.#makeReady(lane);
  }

  /** Arrival (wall-clock ms) of the oldest uplink of the lanes whose turn is next; null: none is ready. */
  get oldestArrivedAt(): number | null {
    const fresh = this.#fresh.peek()?.oldest.arrivedAt ?? null;
    const late = this.#late.peek()?.oldest.arrivedAt ?? null;
    return fresh === null ? late : late === null ? fresh : Math.min(fresh, late);
  }

  /** Takes a parked device's items out of memory; the caller reads them again from the journal later, or settles them. */
  evict(device: string): readonly Item[] {
    const lane = this.#lanes.get(device);
    if (lane?.state !== LANE.parked) return [];
    const items = lane.items.slice(lane.head);
    for (const item of items) this.#bytes -= item.bytes;
    this.#count -= items.length;
    this.#lanes.delete(device);
    return items;
  }

  #flyingLane(item: Item): Lane {
    const lane = this.#lanes.get(item.device);
    if (lane === undefined || lane.state !== LANE.flying) throw new Error(`uplink ${item.seq} is not in a batch`);
    return lane;
  }

  #drop(lane: Lane): Item {
    const item = lane.shift();
    this.#bytes -= item.bytes;
    this.#count -= 1;
    return item;
  }

  #settleLane(lane: Lane): void {
    if (lane.size > 0) this.#makeReady(lane);
    else this.#lanes.delete(lane.device);
  }

  #makeReady(lane: Lane): void {
    lane.state = LANE.ready;
    this.#readyCount += lane.size;
    const { late, seq } = lane.oldest;
    if (late || seq <= Math.max(this.#backlogSeq, lane.backlogSeq)) {
      lane.turn = seq;
      this.#late.push(lane);
    } else {
      this.#turns += 1;
      lane.turn = this.#turns;
      this.#fresh.push(lane);
    }
  }
}
