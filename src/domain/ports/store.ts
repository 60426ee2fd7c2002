// What a worker keeps on disk: per connection the journal of original messages with its settlements and ledger; besides,
// accounts (tokens, attempts, refusals), known devices and events.
import type { BridgeEvent } from '../events.ts';
import type { Ledger } from '../ledger.ts';
import type { DeadLetterDetail, DeadLetterReason, UplinkOutcome } from '../uplink.ts';
import type { AuditStore } from './access.ts';
import type { PassedOver, SourcePlaces } from './broker.ts';
import type { DeadLetterBox, ExpiredUplink, ImportedLetter, ImportOutcome, KeptLetters } from './dead-letters.ts';
import type { CommandStore, ShadowStore } from './downlink.ts';

/** One message to be journalled. */
export interface JournalEntry {
  readonly topic: string;
  readonly payload: Buffer;
  /** Wall-clock ms. */
  readonly arrivedAt: number;
  readonly retain: boolean;
  /** DevEUI (16 hex digits) where it could be read: kept in the header so that backlogs are known without parsing. */
  readonly device: string | null;
  /** The key of the dead letter that is replayed by it. */
  readonly replayOf?: string;
  /** See `BrokerMessage`. */
  readonly partition?: number;
  readonly offset?: number;
  /** Those of the message, JSON (see `headersText`); absent: it had none. */
  readonly headers?: string;
}

export interface JournalRecord extends JournalEntry {
  readonly seq: number;
}

/** Its bytes are not what was written; seq and device are of the index. */
export type DamagedRecord = Pick<JournalRecord, 'seq' | 'device' | 'arrivedAt'>;

export interface Settlement {
  readonly seq: number;
  readonly outcome: UplinkOutcome;
}

export interface ConnectionStore {
  readonly id: string;
  /**
   * Appends in order and returns the first sequence number (they are contiguous; the first ever is 1). `done(null)` when
   * all are on disk (one write and one fdatasync for everything appended meanwhile: group commit), in order of the calls.
   * `done(error)`: nothing of this call will ever be read or counted. Counts `received` and `pending` at the commit.
   * `passed`: messages that are settled as they come and need no place in the journal; counted, and the places moved on, at
   * the commit, which the next transaction stores together.
   */
  append(entries: readonly JournalEntry[], done: (error: Error | null) => void, passed?: PassedOver): number;
  /** Counts messages that were left out (`expired(journalFull)`): received and expired grow, nothing is stored. */
  countLeftOut(count: number, devices?: readonly (string | null)[]): void;
  /**
   * Puts dead letters on their way again: each is appended to the journal under a new sequence number, and with it moves
   * deadLettered → pending in the ledger; received stays. The letter is deleted only once its message is in the journal.
   * `done` as with `append`, with the first number. Letters that are gone or being replayed must not be given
   * (`DeadLetterBox.isReplaying`).
   */
  replay(letters: readonly ReplayLetter[], done: (error: Error | null, first: number) => void): void;
  /** Dead letters of an export: received and deadLettered grow. In one transaction, durable on return; idempotent by key. Throws when the disk refuses. */
  importDeadLetters(letters: readonly ImportedLetter[]): ImportOutcome;
  /**
   * The final word on committed messages: settlement and ledger in one transaction, dead letters with their original
   * message. Idempotent: a sequence number that is settled already is ignored. Throws when the disk refuses, and before it is
   * full where there are dead letters among them: what the rest needs is kept for it.
   */
  settle(settlements: readonly Settlement[]): void;
  /** About what a committed message takes in the journal; 0: nothing of it is there. */
  bytesOf(seq: number): number;
  /**
   * Another worker has these committed messages in its journal, which counts them: they leave this one's, and its `received`
   * and `pending`. Durable on return; what is settled already is ignored. Throws when the disk refuses.
   */
  handOver(seqs: readonly number[]): void;
  /**
   * Unsettled committed records from `fromSeq` on, in order, up to `maxRecords` and about `maxBytes`. Empty: none. Damaged ones
   * are left out and stay unsettled: whoever reads settles them as `DAMAGED`, and counts them as it counts others.
   */
  read(
    fromSeq: number,
    maxRecords: number,
    maxBytes: number,
    damaged?: (record: DamagedRecord) => void,
  ): Promise<readonly JournalRecord[]>;
  /** Every unsettled committed record's seq and device, in order, from headers alone: for counting backlogs at start. */
  forEachUnsettled(visit: (seq: number, device: string | null, arrivedAt: number) => void): void;
  /** The last committed sequence number; 0 for none. */
  readonly lastSeq: number;
  /** What was taken of sources that keep their messages by themselves; saved with settlements. Absent: such sources are not for it. */
  readonly places?: SourcePlaces;
  /** As it is now, and the same object as long as nothing is booked: not to be changed. */
  ledger(): Readonly<Ledger>;
  /** Another directory has them and counts them from now on: they leave this one, and its ledger. Durable on return. */
  handOverDeadLetters(letters: readonly DeadLetter[]): void;
  /** Recounts `pending` from the settlements and `received` from the journal itself; returns what is off (0: balanced). */
  verify(): number;
  /** Bytes of the journal on disk, and its budget. */
  readonly bytes: number;
  readonly maxBytes: number;
  deadLetters(limit: number): readonly DeadLetter[];
  /** Small durable values of the connection: its source's identity, the remembered appId, the state. */
  getState(key: string): string | null;
  setState(key: string, value: string | null): void;
  /** Asked and told when the disk fails and when it is back (`null`). */
  onDiskStatus(listen: (error: Error | null) => void): void;
  /** `hurry`: files whose uplinks are all settled are left to the next start. */
  close(hurry?: AbortSignal): Promise<void>;
}

export interface DeadLetter {
  /** Within the data directory; never given again. */
  readonly id: number;
  /** Names it for good, also in exports: 16 hex digits. */
  readonly key: string;
  /** Of its message in the journal; 0: it was imported. */
  readonly seq: number;
  /** Wall-clock ms of the settlement and of the arrival. */
  readonly time: number;
  readonly arrivedAt: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly device: string | null;
  readonly reason: DeadLetterReason;
  readonly detail: DeadLetterDetail;
  /** Wall-clock ms; null: topic and payload are as they arrived. */
  readonly editedAt: number | null;
  /** As they arrived, once it was edited. */
  readonly original: { readonly topic: string; readonly payload: Buffer } | null;
}

/** `device`: as the line reads it from the message now. */
export type ReplayLetter = Pick<DeadLetter, 'id' | 'key' | 'reason' | 'topic' | 'payload' | 'arrivedAt' | 'device'> & {
  readonly detail?: Pick<DeadLetterDetail, 'headers' | 'headersLeftOut'>;
};

export interface ErasedDevice {
  readonly commands: number;
  readonly openCommands: number;
  readonly events: number;
  readonly expired: number;
  /** False: journal files that are in use still hold settled uplinks; they go with them. */
  readonly isJournalClean: boolean;
}

export interface ConnectionOpening {
  readonly maxBytes: number;
  /** Ends it before it is done, as a kill would: it rejects, once what the disk is at has ended, and the next one goes on. */
  readonly signal?: AbortSignal;
}

export interface BridgeStore {
  /** Opens or makes the store of a connection; at most once at a time. */
  openConnection(id: string, options: ConnectionOpening): Promise<ConnectionStore>;
  /** Ids with anything stored. */
  connectionIds(): readonly string[];
  /** As `ConnectionStore.getState`, also while it is closed; null where nothing, or only dead letters, are stored of it. */
  getState(id: string, key: string): string | null;
  /** As `ConnectionStore.setState`, also while it is closed; nothing where nothing, or only dead letters, are stored of it. */
  setState(id: string, key: string, value: string | null): void;
  /**
   * Removes everything of a connection (must be closed); its dead letters may be kept for a while (`keptLetters`). `onlyHere`: what
   * travels with it stays, for it is another worker's.
   */
  deleteConnection(id: string, how?: { readonly onlyHere: boolean }): Promise<void>;
  /**
   * Where connections move between workers: it is served here from now on, or not any more. A worker that hears late that an earlier
   * connection of its name is deleted leaves it alone then. Absent: there is no other worker.
   */
  noteServed?(id: string, isServed: boolean): void;
  /** Null: nothing is stored of such a connection. */
  deadLetters(connectionId: string): DeadLetterBox | null;
  /** Of deleted connections, the first deleted first. Defined again, a connection takes its own back. */
  keptLetters(): readonly KeptLetters[];
  /** The latest expired uplinks, 1,000 at most; the latest first. */
  expired(connectionId: string, limit: number): readonly ExpiredUplink[];
  /**
   * Erases a device from tables and journal of a connection; its dead letters and states are the caller's. In the audit `pseudonym`
   * takes its place. Null: nothing is stored of such a connection. Rejects when the disk refuses.
   */
  eraseDevice(connectionId: string, device: string, pseudonym: string): Promise<ErasedDevice | null>;
  /** Null: nothing is stored of such a connection. One and the same while the connection exists. */
  commands(connectionId: string): CommandStore | null;
  readonly shadows: ShadowStore;
  readonly accounts: AccountVault;
  readonly devices: DeviceStore;
  readonly events: EventStore;
  readonly audit: AuditStore;
  close(): Promise<void>;
}

/** Encrypted small records by account key: token pair, log-in attempts, refusal. `put` is durable when it returns. */
export interface AccountVault {
  get(key: string): string | null;
  put(key: string, value: string | null): void;
  /**
   * Where accounts move between workers: resolves when all that was put under the key is where their next worker reads it
   * before its first log-in; rejects when it could not be brought there. Absent: there is no other worker.
   */
  everywhere?(key: string): Promise<void>;
}

/** Devices known to HERE by project (`host|appId`). */
export interface DeviceStore {
  load(project: string): readonly string[];
  add(project: string, devices: readonly string[]): void;
  remove(project: string, devices: readonly string[]): void;
  /** Devices that this bridge has created in the project (for `maxDevices`). */
  createdCount(project: string): number;
  /** Devices that HERE was asked to create, and has not answered for: it may have. */
  asked(project: string): readonly string[];
  /** On disk when it returns. */
  addAsked(project: string, devices: readonly string[]): void;
  /** HERE has answered for devices that it was asked to create: it created so many of them. All or nothing. */
  answered(project: string, devices: readonly string[], created: number): void;
}

export interface EventQuery {
  readonly connectionId?: string;
  readonly limit: number;
  /** Older than this one, the latest first. Of one that is gone: none. */
  readonly beforeId?: string;
  /** Newer than this id, the oldest first; it need not be there any more. */
  readonly afterId?: string;
  /** ISO 8601, with it and without it. */
  readonly from?: string;
  readonly to?: string;
  readonly kinds?: readonly string[];
  readonly severities?: readonly BridgeEvent['severity'][];
}

/** Bounded: the oldest go first. */
export interface EventStore {
  append(event: BridgeEvent): void;
  list(options: EventQuery): readonly BridgeEvent[];
  /** The one that sorts last, whenever it came; null: there is none. */
  highestId(): string | null;
}
