// What waits in the journal but not in memory: found at start, grown while the window is full, read back as room appears.
//
// An uplink may be loaded straight from the source only when nothing older of its device is left in the journal, so that
// the order per device holds; the others are read back later, in the journal's order (longest-waiting first).
import type { ConnectionStore, DamagedRecord, JournalRecord } from '../domain/ports/store.ts';
import { HeldDevices } from './held-devices.ts';
import { UnreadCounts } from './unread-counts.ts';
import { ITEM_BYTES } from './waiting.ts';

export interface WindowLimits {
  /** As `WaitingRoom.bytes` counts, for all uplinks of the connection. */
  readonly maxBytes: number;
  readonly maxItems: number;
}

/** How much of the window a backlog may fill; the rest stays for devices that have none. */
const LATE_SHARE = 0.75;
/** One turn of reading back: small enough that the event loop is not held up. */
const READ_RECORDS = 500;
const READ_BYTES = 1024 * 1024;

export class Backlog {
  readonly #store: ConnectionStore;
  readonly #limits: WindowLimits;
  /** Unread messages of a device, in the journal only. */
  readonly #unread: UnreadCounts;
  #unreadTotal = 0;
  /** Sequence numbers in memory, or read and not settled yet: reading back passes over them. */
  readonly #inMemory = new Set<number>();
  /** Of those in memory that are of another device than the one the journal has them under: that one, by which they are counted. */
  readonly #journalNames = new Map<number, string | null>();
  /** Devices whose uplinks stay in the journal until `unhold`. */
  readonly #held: HeldDevices;
  #cursor = 1;
  #reading = false;
  /** Where reading must go back to although it is under way further on. */
  #rewind = Number.MAX_SAFE_INTEGER;
  /** Settled while reading was under way: what was read of them is out of date. */
  readonly #settledMeanwhile = new Set<number>();

  constructor(
    store: ConnectionStore,
    limits: WindowLimits,
    unread: UnreadCounts = new UnreadCounts(),
    held: HeldDevices = new HeldDevices(),
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#unread = unread;
    this.#held = held;
  }

  /** Counts what an earlier run left behind, from headers alone. */
  scan(): void {
    this.#unread.clear();
    this.#unreadTotal = 0;
    this.#store.forEachUnsettled((seq, device) => {
      if (!this.#inMemory.has(seq)) this.leave(seq, device);
    });
  }

  get unread(): number {
    return this.#unreadTotal;
  }

  /** Of one device; where very many wait, perhaps with some of others. For display. */
  unreadOf(device: string): number {
    return this.#unread.of(device);
  }

  /** The oldest sequence number that may be unread. */
  get cursor(): number {
    return this.#cursor;
  }

  /**
   * May a message that just came be loaded at once? If so it counts as in memory; else it is left to the journal.
   * `waitingBytes` and `waitingItems`: what the window holds now; `deviceWaits`: whether it holds something of this device.
   */
  admit(seq: number, device: string, waitingBytes: number, waitingItems: number, deviceWaits: boolean): boolean {
    if (!this.wouldLeave(device, waitingBytes, waitingItems, deviceWaits)) {
      this.#inMemory.add(seq);
      return true;
    }
    this.leave(seq, device);
    return false;
  }

  /** True when so much waits in memory that new messages may have to stay in the journal. */
  isCrowded(waitingBytes: number, waitingItems: number): boolean {
    return this.#unreadTotal > 0 || !this.#fits(waitingBytes, waitingItems, true);
  }

  /**
   * True when a message of the device would not be loaded now whatever it says: then it need not be parsed yet.
   */
  wouldLeave(device: string, waitingBytes: number, waitingItems: number, deviceWaits: boolean): boolean {
    return this.#unread.has(device) || this.#held.has(device) || !this.#fits(waitingBytes, waitingItems, deviceWaits);
  }

  #fits(waitingBytes: number, waitingItems: number, deviceWaits: boolean): boolean {
    const share = deviceWaits ? LATE_SHARE : 1;
    return waitingBytes < this.#limits.maxBytes * share && waitingItems < this.#limits.maxItems * share;
  }

  /** A message stays in the journal only. */
  leave(seq: number, device: string | null): void {
    if (this.#unreadTotal === 0 || seq < this.#cursor) this.#cursor = seq;
    if (this.#reading && seq < this.#rewind) this.#rewind = seq;
    this.#count(device, 1);
  }

  /** A message that is in memory only until its immediate outcome is settled. */
  keep(seq: number): void {
    this.#inMemory.add(seq);
  }

  /** Settled: nothing of it is left. */
  settled(seq: number): void {
    this.#inMemory.delete(seq);
    if (this.#journalNames.size > 0) this.#journalNames.delete(seq);
    if (this.#reading) this.#settledMeanwhile.add(seq);
  }

  /** Taken out of memory unsettled: unread again. */
  unload(seq: number, device: string): void {
    const name = this.#journalNames.get(seq);
    this.#journalNames.delete(seq);
    this.#inMemory.delete(seq);
    this.leave(seq, name === undefined ? device : name);
  }

  /**
   * What was read back turns out to be of another device than the journal has it under (a dead letter that could not be read before,
   * a definition that has changed). False: that one is held, and it stays in the journal.
   */
  readAs({ seq, device: name }: JournalRecord, device: string): boolean {
    if (this.#held.mayHave(device)) {
      this.#inMemory.delete(seq);
      // Reading has passed it, as others that are held.
      this.#count(name, 1);
      return false;
    }
    this.#journalNames.set(seq, name);
    return true;
  }

  /** Keeps a device's uplinks in the journal until `unhold`. False: too many are held to let it go alone, only with `andOthers`. */
  hold(device: string): boolean {
    return this.#held.add(device);
  }

  /** The devices' uplinks may be read again, from the oldest on; `andOthers`: also those of all for which `hold` was false. */
  unhold(devices: Iterable<string>, andOthers: boolean): void {
    let any = andOthers && this.#held.hasOthers;
    if (any) this.#held.forgetOthers();
    for (const device of devices) any = this.#held.delete(device) || any;
    if (any) this.scan();
  }

  unholdAll(): void {
    if (this.#held.count === 0) return;
    this.#held.clear();
    this.scan();
  }

  /** About, where they are very many. */
  get heldDevices(): number {
    return this.#held.count;
  }

  /**
   * True when something can be read back and there is room for it. `readyItems`: those of the window that could go now; with
   * `enough` of them nothing is read ahead, since what waits in memory outlives the collection of young objects.
   */
  wantsReading(waitingBytes: number, waitingItems: number, readyItems: number, enough: number): boolean {
    return (
      !this.#reading &&
      readyItems < enough &&
      this.#cursor <= this.#store.lastSeq &&
      this.#unreadTotal > 0 &&
      waitingBytes < (this.#limits.maxBytes * LATE_SHARE) / 2 &&
      waitingItems < (this.#limits.maxItems * LATE_SHARE) / 2
    );
  }

  /**
   * The next unread messages in the journal's order, as many as the backlogs' share of the window has room for beside
   * `waitingBytes` and `waitingItems`; they count as in memory, and so do the damaged ones, which are to be settled. One call
   * at a time.
   */
  async read(
    waitingBytes: number,
    waitingItems: number,
  ): Promise<{ readonly records: readonly JournalRecord[]; readonly damaged: readonly DamagedRecord[] }> {
    this.#reading = true;
    try {
      const bytes = this.#limits.maxBytes * LATE_SHARE - waitingBytes;
      const items = Math.min(this.#limits.maxItems * LATE_SHARE - waitingItems, bytes / ITEM_BYTES);
      const most = {
        records: Math.min(READ_RECORDS, Math.max(1, Math.floor(items))),
        bytes: Math.min(READ_BYTES, bytes),
      };
      const until = this.#store.lastSeq;
      const from = this.#cursor;
      const found: DamagedRecord[] = [];
      const read = await this.#store.read(from, most.records, most.bytes, (record) => found.push(record));
      const records = fitting(read, bytes);
      const end = records.length < read.length ? (records.at(-1)?.seq ?? from) : Number.MAX_SAFE_INTEGER;
      const broken = found.filter(({ seq }) => seq <= end);
      // Something older may be read as well by now (a hold has ended): it goes before what has just been read.
      if (this.#rewind < from) {
        this.#cursor = this.#rewind;
        return { records: [], damaged: [] };
      }
      const last = records.at(-1);
      const loaded = records.filter(({ device }) => device === null || !this.#held.mayHave(device));
      this.#cursor = Math.min(last === undefined ? until + 1 : last.seq + 1, this.#rewind);
      return { records: this.#take(loaded), damaged: this.#take(broken) };
    } finally {
      this.#reading = false;
      this.#rewind = Number.MAX_SAFE_INTEGER;
      this.#settledMeanwhile.clear();
    }
  }

  /** Those that were unread until now. */
  #take<R extends DamagedRecord>(records: readonly R[]): readonly R[] {
    const taken: R[] = [];
    for (const record of records) {
      if (this.#inMemory.has(record.seq) || this.#settledMeanwhile.has(record.seq)) continue;
      this.#inMemory.add(record.seq);
      this.#count(record.device, -1);
      taken.push(record);
    }
    return taken;
  }

  #count(device: string | null, change: 1 | -1): void {
    this.#unreadTotal += change;
    if (device === null) return;
    if (change > 0) this.#unread.add(device);
    else this.#unread.remove(device);
  }
}

/**
 * The first of them for which there is room, one at least. What is made of a message is mostly smaller than the message: that is
 * rather too few, and never the room of devices that have no backlog.
 */
function fitting(records: readonly JournalRecord[], bytes: number): readonly JournalRecord[] {
  let left = bytes;
  const over = records.findIndex(({ payload }, i) => {
    left -= ITEM_BYTES + payload.length;
    return left < 0 && i > 0;
  });
  return over < 0 ? records : records.slice(0, over);
}
