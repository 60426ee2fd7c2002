// Pairs: one frame may come twice, as the device's uplink and, a little later, as the position that the network resolved for it
// (the same time, or the same counter). One frame gives one record: the resolved one where it alone, or it too, has a place,
// else the uplink; the other is a second copy.
//
// Only a device whose frames came in pairs within the last week waits for the second message, and no longer than `waitMs`. Where
// no resolved positions come at all this costs a comparison a message. Nothing here is kept on disk: what is held is in the
// journal, unsettled, and is read again after a restart.
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { FrameCopy } from '../domain/uplink.ts';
import type { Item } from './waiting.ts';

export interface PairSink {
  /** It may go to HERE. Of one device in the order of the sequence numbers. */
  push(item: Item): void;
  /** Its frame has gone to HERE already, or goes in another message. */
  secondCopy(item: Item): void;
  /** Something was pushed outside of `take`. */
  waiting(): void;
}

const WEEK_MS = 7 * 86_400_000;
/** Devices of which frames are remembered; beyond it the one whose frames came longest ago is forgotten. */
const MAX_DEVICES = 50_000;
/** Frames of a device that a second message may belong to. */
const RECENT = 4;
const MAX_HELD = 10_000;
/** Counters begin anew with each join: by its counter alone a frame is known no longer than this. */
const SAME_COUNTER_MS = 600_000;

interface Seen {
  readonly copy: FrameCopy['kind'];
  readonly hasPosition: boolean;
  readonly emittedAt: number;
  readonly fCnt: number | undefined;
  /** Held back still; null: it has gone its way. */
  held: Item | null;
  /** The sequence number of the other message, where that was sent in its place. */
  winner?: number;
  readonly until: number;
}

interface Device {
  pairedAt: number;
  readonly recent: Seen[];
}

export class PairWait {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #sink: PairSink;
  readonly #devices = new Map<string, Device>();
  /** In the order of their ends. */
  #held: Seen[] = [];
  #timer: Cancel | null = null;
  /** Monotonic ms of the last resolved position of any device. */
  #resolvedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, waitMs: number, sink: PairSink) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#sink = sink;
  }

  /** Pushes the item, holds it back or drops it as a second copy. `null`: nothing can be its second message. */
  take(item: Item, copy: FrameCopy | null): void {
    if (copy === null && this.#held.length === 0) {
      this.#sink.push(item);
      return;
    }
    const now = this.#clock.monotonic();
    if (copy !== null && copy.kind === 'resolved') this.#resolvedAt = now;
    if (now - this.#resolvedAt > WEEK_MS) {
      this.#sink.push(item);
      return;
    }
    const device = this.#deviceOf(item.device);
    const partner = copy === null ? undefined : device.recent.find((seen) => isSameFrame(seen, item, copy));
    if (partner !== undefined && copy !== null) {
      device.pairedAt = now;
      this.#second(item, copy, partner, device);
      return;
    }
    this.#releaseOf(device);
    if (copy === null) {
      this.#sink.push(item);
      return;
    }
    const waits = now - device.pairedAt <= WEEK_MS && !item.late && this.#waitMs > 0 && this.#held.length < MAX_HELD;
    const { kind, hasPosition } = copy;
    const { emittedAt, fCnt } = item;
    const seen: Seen = {
      copy: kind,
      hasPosition,
      emittedAt,
      fCnt,
      held: waits ? item : null,
      until: now + this.#waitMs,
    };
    device.recent.push(seen);
    if (device.recent.length > RECENT) device.recent.shift();
    if (!waits) this.#sink.push(item);
    else {
      this.#held.push(seen);
      this.#timer ??= this.#clock.after(this.#waitMs, () => this.#expire());
    }
  }

  /** Takes what is held of a device out of memory, as if it had not come; the caller reads it again from the journal later. */
  evict(id: string): Item | null {
    const recent = this.#devices.get(id)?.recent ?? [];
    // One at most: the next message of the device lets it go.
    const seen = recent.find(({ held }) => held !== null);
    if (seen === undefined) return null;
    recent.splice(recent.indexOf(seen), 1);
    const { held } = seen;
    seen.held = null;
    return held;
  }

  /** Forgets what is held: it stays in the journal. */
  stop(): void {
    this.#timer?.();
    this.#timer = null;
    this.#held = [];
    this.#devices.clear();
  }

  /** The other message of a frame of which one came before. */
  #second(item: Item, copy: FrameCopy, partner: Seen, device: Device): void {
    const { held } = partner;
    partner.held = null;
    if (held === null) {
      // Its first message is on its way: only a place that it lacked is worth another record. Or this is the one that was sent,
      // read back from the journal.
      this.#releaseOf(device);
      if (item.seq === partner.winner || (copy.hasPosition && !partner.hasPosition)) this.#sink.push(item);
      else this.#sink.secondCopy(item);
      return;
    }
    const wins = copy.hasPosition && (copy.kind === 'resolved' || !partner.hasPosition);
    if (wins) partner.winner = item.seq;
    this.#sink.secondCopy(wins ? held : item);
    this.#sink.push(wins ? item : held);
  }

  /** What is held of a device goes before anything newer of it. */
  #releaseOf(device: Device): void {
    for (const seen of device.recent) {
      if (seen.held === null) continue;
      this.#sink.push(seen.held);
      seen.held = null;
    }
  }

  #expire(): void {
    this.#timer = null;
    const now = this.#clock.monotonic();
    let i = 0;
    let any = false;
    for (; i < this.#held.length; i++) {
      const seen = this.#held[i] as Seen;
      if (seen.held !== null && seen.until > now) break;
      if (seen.held === null) continue;
      this.#sink.push(seen.held);
      seen.held = null;
      any = true;
    }
    this.#held.splice(0, i);
    const first = this.#held[0];
    if (first !== undefined) this.#timer = this.#clock.after(Math.max(1, first.until - now), () => this.#expire());
    if (any) this.#sink.waiting();
  }

  #deviceOf(id: string): Device {
    let device = this.#devices.get(id);
    if (device !== undefined) {
      // In the order of their last words.
      this.#devices.delete(id);
      this.#devices.set(id, device);
      return device;
    }
    device = { pairedAt: Number.NEGATIVE_INFINITY, recent: [] };
    if (this.#devices.size >= MAX_DEVICES) this.#forgetOne();
    this.#devices.set(id, device);
    return device;
  }

  /** The one that spoke longest ago. What is held of it goes now. */
  #forgetOne(): void {
    const oldest = this.#devices.entries().next();
    if (oldest.done === true) return;
    this.#releaseOf(oldest.value[1]);
    this.#devices.delete(oldest.value[0]);
  }
}

function isSameFrame(seen: Seen, { emittedAt, fCnt }: Item, { kind }: FrameCopy): boolean {
  if (seen.copy === kind) return false;
  if (seen.emittedAt === emittedAt) return true;
  return fCnt !== undefined && seen.fCnt === fCnt && Math.abs(seen.emittedAt - emittedAt) <= SAME_COUNTER_MS;
}
