// Intake: a socket chunk's messages are prepared, journalled together, acknowledged once they are on disk, then wait or are settled.
import type { EventSink } from '../domain/events.ts';
import { headersText } from '../domain/message-headers.ts';
import type { BrokerMessage, PassedOver } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { UplinkMessage } from '../domain/ports/line.ts';
import type {
  ConnectionStore,
  DamagedRecord,
  JournalEntry,
  JournalRecord,
  ReplayLetter,
} from '../domain/ports/store.ts';
import { DAMAGED, type Prepared, type UplinkNotice, type UplinkOutcome } from '../domain/uplink.ts';
import type { Backlog } from './backlog.ts';
import { PairWait } from './pair-wait.ts';
import { peekDevice } from './peek-device.ts';
import type { Traveller } from './trail.ts';
import type { WaitingRoom } from './waiting.ts';

export interface IntakeOptions {
  readonly connectionId: string;
  readonly prepare: (message: UplinkMessage, nowMs: number) => Prepared;
  readonly store: ConnectionStore;
  readonly clock: Clock;
  readonly events: EventSink;
  /** How long a frame of a device whose frames come twice waits for its second message; absent or 0: not at all. */
  readonly pairWaitMs?: number | undefined;
}

export interface IntakeSink {
  /** An uplink that needs nothing of HERE: its final word. */
  settle(uplink: Traveller, outcome: UplinkOutcome): void;
  /** Final words that could not be written yet, as a share of the most that may wait. */
  readonly heldShare: number;
  /** Something waits. Called once a chunk. */
  waiting(): void;
}

/** A full journal has room again below this share of its budget. */
const ROOM_AGAIN = 0.8;
const NOTICES_AT_MOST = 1_000;

export class Intake {
  readonly #o: IntakeOptions;
  readonly #room: WaitingRoom;
  readonly #backlog: Backlog;
  readonly #sink: IntakeSink;
  readonly #pairs: PairWait;
  readonly #noticed = new Set<string>();
  #stopped = false;
  #committing = 0;
  #quiet: (() => void)[] = [];
  #full: boolean;

  constructor(options: IntakeOptions, room: WaitingRoom, backlog: Backlog, sink: IntakeSink) {
    this.#o = options;
    this.#room = room;
    this.#backlog = backlog;
    this.#sink = sink;
    this.#pairs = new PairWait(options.clock, options.pairWaitMs ?? 0, {
      push: (item) => this.#room.push(item),
      secondCopy: (item) => sink.settle(item, { kind: 'skipped', reason: 'secondCopy' }),
      waiting: () => sink.waiting(),
    });
    this.#full = options.store.bytes >= options.store.maxBytes;
  }

  /**
   * False from a full journal on until it is below four fifths of its budget; the same with final words that the store does not take:
   * more messages would stay in memory, however few bytes the journal has.
   */
  get hasRoom(): boolean {
    const { bytes, maxBytes } = this.#o.store;
    const share = this.#full ? ROOM_AGAIN : 1;
    this.#full = bytes >= maxBytes * share || this.#sink.heldShare >= share;
    return !this.#full;
  }

  take(messages: readonly BrokerMessage[], done: (error: Error | null) => void, passed?: PassedOver): void {
    if (this.#stopped || !this.hasRoom) {
      done(new Error(this.#stopped ? 'stopped' : 'the journal is full'));
      return;
    }
    const now = this.#o.clock.now();
    const entries: JournalEntry[] = new Array(messages.length);
    /** A device alone: the message stays in the journal for now, unparsed. */
    const prepared: (Prepared | string)[] = new Array(messages.length);
    const isCrowded = this.#backlog.isCrowded(this.#room.bytes, this.#room.count);
    let unassured = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as BrokerMessage;
      if (message.qos === 0) unassured += 1;
      const later = isCrowded ? this.#deviceToReadLater(message.payload) : null;
      if (later !== null) {
        prepared[i] = later;
        entries[i] = entryOf(message, later);
        continue;
      }
      const result = this.#o.prepare(message, now);
      prepared[i] = result;
      entries[i] = entryOf(message, result.device);
      if (result.notice !== undefined) this.#notice(result.notice);
    }
    if (unassured > 0) this.#sayUnassured(unassured);
    this.#committing += 1;
    // Nothing here may hold the entries: they and what they were read into are gone before the disk has answered.
    const arrivedAt = messages[0]?.arrivedAt ?? now;
    const onDisk = (error: Error | null): void => {
      this.#committing -= 1;
      if (error === null) {
        for (let i = 0; i < prepared.length; i++) {
          const result = prepared[i] as Prepared | string;
          if (typeof result === 'string') this.#backlog.leave(first + i, result);
          else this.#accept(first + i, arrivedAt, false, result, false);
        }
      }
      done(error);
      if (error === null && prepared.length > 0) this.#sink.waiting();
      if (this.#committing === 0) for (const resolve of this.#quiet.splice(0)) resolve();
    };
    const first = this.#o.store.append(entries, onDisk, passed);
  }

  /** The device of a message that would not be loaded now; null: parse it. */
  #deviceToReadLater(payload: Buffer): string | null {
    const device = peekDevice(payload);
    if (device === null) return null;
    const { bytes, count } = this.#room;
    return this.#backlog.wouldLeave(device, bytes, count, this.#room.has(device)) ? device : null;
  }

  /** Messages for which the journal had no room. */
  leaveOut(messages: readonly BrokerMessage[]): void {
    this.#o.store.countLeftOut(
      messages.length,
      messages.map(({ payload }) => peekDevice(payload)),
    );
  }

  /**
   * Dead letters are journalled again, and read back behind what waits. Resolves with the first sequence number; rejects
   * when they are dead letters still.
   */
  replay(letters: readonly ReplayLetter[]): Promise<number> {
    if (this.#stopped) return Promise.reject(new Error('the connection has stopped'));
    this.#committing += 1;
    return new Promise((resolve, reject) => {
      this.#o.store.replay(letters, (error, first) => {
        this.#committing -= 1;
        if (error === null) {
          for (const [i, { device }] of letters.entries()) this.#backlog.leave(first + i, device);
          resolve(first);
          this.#sink.waiting();
        } else reject(error);
        if (this.#committing === 0) for (const done of this.#quiet.splice(0)) done();
      });
    });
  }

  /** Records read back from the journal, in its order. */
  load(records: readonly JournalRecord[]): void {
    const now = this.#o.clock.now();
    for (const record of records) {
      const result = this.#o.prepare(record, now);
      if (result.notice !== undefined) this.#notice(result.notice);
      const isOther = result.outcome === null && result.device !== record.device;
      if (isOther && !this.#backlog.readAs(record, result.device)) continue;
      this.#accept(record.seq, record.arrivedAt, record.replayOf !== undefined, result, true);
    }
  }

  /**
   * A device whose older uplinks have left the memory: what waits for its second message leaves it too, since it would overtake
   * them when its time is up, or when they are read back.
   */
  unload(device: string): void {
    const item = this.#pairs.evict(device);
    if (item !== null) this.#backlog.unload(item.seq, device);
  }

  /** Damaged on the disk: there is nothing that could be sent of them. */
  giveUp(records: readonly DamagedRecord[]): void {
    for (const { seq, device, arrivedAt } of records) {
      this.#sink.settle({ seq, device, arrivedAt, attempts: 0 }, DAMAGED);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#pairs.stop();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Resolves when every append has been answered. */
  async quiet(): Promise<void> {
    if (this.#committing > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }

  #accept(seq: number, arrivedAt: number, replayed: boolean, prepared: Prepared, late: boolean): void {
    const { fCnt } = prepared;
    if (prepared.outcome !== null) {
      this.#backlog.keep(seq);
      this.#sink.settle({ seq, device: prepared.device, fCnt, arrivedAt, attempts: 0 }, prepared.outcome);
      return;
    }
    const { device, records, emittedAt } = prepared;
    if (!late && !this.#backlog.admit(seq, device, this.#room.bytes, this.#room.count, this.#room.has(device))) return;
    let bytes = 0;
    const texts: string[] = new Array(records.length);
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as (typeof records)[number];
      bytes += record.bytes;
      texts[i] = record.json;
    }
    const way = { emittedAt, arrivedAt, late, replayed };
    const item = { seq, device, fCnt, records: texts, bytes, ...way, sentAt: 0, attempts: 0 };
    this.#pairs.take(item, replayed ? null : (prepared.copy ?? null));
  }

  /** Told once per key: a driver that fails does so with every uplink. */
  #notice(notice: UplinkNotice): void {
    if (this.#noticed.has(notice.key) || this.#noticed.size >= NOTICES_AT_MOST) return;
    this.#noticed.add(notice.key);
    this.#o.events.emit({
      kind:
        notice.kind === 'unknownValidityState' || notice.kind === 'otherDeviceInTopic'
          ? notice.kind
          : 'payloadNotDecoded',
      severity: 'warning',
      connectionId: this.#o.connectionId,
      key: notice.key,
      message: notice.message,
    });
  }

  #sayUnassured(count: number): void {
    this.#o.events.emit({
      kind: 'qos0Uplinks',
      severity: 'warning',
      connectionId: this.#o.connectionId,
      key: 'qos0',
      count,
      message: 'Uplinks come with QoS 0: the broker may drop them on the way here. Publish them with QoS 1.',
    });
  }
}

function entryOf(message: BrokerMessage, device: string | null): JournalEntry {
  const { topic, payload, arrivedAt, retain, partition, offset, headers } = message;
  const entry = { topic, payload, arrivedAt, retain, device };
  const placed = partition === undefined || offset === undefined ? entry : { ...entry, partition, offset };
  const text = headers === undefined || headers === null ? null : headersText(headers);
  return text === null ? placed : { ...placed, headers: text };
}
