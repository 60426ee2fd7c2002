// What the bridge needs of a message broker. MQTT client, embedded broker and Kafka implement it;
// one contract suite runs against each implementation.
import type { UplinkOutcome } from '../uplink.ts';

export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  /** True for a retained copy handed out at subscription, which is not a new uplink. */
  readonly retain: boolean;
  readonly dup: boolean;
  /** Wall-clock ms at which this process received the message. */
  readonly arrivedAt: number;
  /** Of a source that keeps messages by itself (Kafka): where this one is. The topic's name has no slash there; `topic` is `{name}/{key}`. */
  readonly partition?: number;
  readonly offset?: number;
  readonly headers?: MessageHeaders | null;
  /** What was made of the payload once, for all that share the message; filled by the first. */
  readonly shared?: { decoded?: unknown };
}

export type MessageHeaders = readonly (readonly [string, Buffer | null])[];

/** Where a source's messages go. All callbacks run on the source's own turn of the event loop and must not throw. */
export interface SourceListener {
  /**
   * Messages in the order in which the broker sent them: all of one socket chunk or idle tick in one call.
   * The listener calls `done(null)` once all of them are durable; only then they are acknowledged to the broker, in
   * order. `done(error)` leaves them unacknowledged; the broker offers them again. `passed`: what came between and after them
   * and is of no concern here; it is counted when they are durable, and comes again with them. There may be nothing else.
   */
  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void, passed?: PassedOver): void;
  /** Connectivity as it changes. */
  onStatus(status: SourceStatus): void;
  /** Kafka: records of a partition were deleted by age or size before this source could read them. */
  onGap?(gap: SourceGap): void;
}

/** Messages that a source has not handed over because they concern others (see `SourceOptions.concern`). */
export interface PassedOver {
  /** Their final word, and how many there were. */
  readonly counts: ReadonlyMap<UplinkOutcome, number>;
  /** With this call all below `to` is taken. */
  readonly until: readonly { readonly topic: string; readonly partition: number; readonly to: number }[];
}

/** The devices whose messages a connection may take; all other messages are of no concern to it. */
export interface Concern {
  /** DevEUIs, upper case. */
  readonly devices: ReadonlySet<string>;
  /** Lower case; a device with any of them may be meant. */
  readonly tags: ReadonlySet<string>;
}

/** Whom a message concerns, found once for all sources that read it together. */
export interface Sorted {
  readonly device: string;
  /** Null: not known, so everyone who asks for tags must look. Worked out when it is asked for. */
  tags(): ReadonlySet<string> | null;
  /** What it is to those whom it does not concern. The same object for the same word. */
  readonly otherwise: UplinkOutcome;
}

/** Never throws. Null: everybody's concern. What it has made of the message is left in `shared`. */
export type Sort = (message: BrokerMessage) => Sorted | null;

/** Offsets `from` to `to` − 1 are gone; `to` below `from`: the partition counts anew. */
export interface SourceGap {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** `from` is of another topic, which was deleted; that of the same name is read from `to` on. */
  readonly isAnother: boolean;
}

/**
 * The book of what a connection has taken and settled of a source that keeps its messages by itself (Kafka): such a source
 * commits what is settled, so that another worker can take over without this one's disk. By topic and partition.
 */
export interface SourcePlaces {
  /** Resolves when it is known what an earlier run has left in the journal: nothing may be taken before. */
  ready(): Promise<void>;
  /** Null: nothing of the partition was taken. `above`: offsets at or above `position` that were taken all the same. */
  taken(topic: string, partition: number): { readonly position: number; readonly above: ReadonlySet<number> } | null;
  /** All below `to` is taken: in the journal, or counted, or of no concern. */
  pass(topic: string, partition: number, to: number): void;
  /** What is below `to` is not there any more. */
  leap(topic: string, partition: number, to: number): void;
  /**
   * The topic has this id. Where another one was read under its name, nothing of it counts as taken any more: returns how far that
   * was read, by partition. Null: it is the same, as far as is known. Nothing that was handed over may be unanswered.
   */
  identify(topic: string, id: string): ReadonlyMap<number, number> | null;
  /** `unsettled`: taken and not settled, in order; perhaps only the first of them. */
  progress(topic: string, partition: number): { readonly position: number; readonly unsettled: readonly number[] };
}

export type SourceStatus =
  /** Subscribed. `sessionLost`: a session was expected and the broker had none, so it may have dropped messages. */
  | { readonly kind: 'up'; readonly sessionLost: boolean }
  /**
   * Not connected; the source tries again by itself. `fatal`: a person must act, and it tries rarely. `topic`: the trouble is this
   * one's alone; the broker answers, and the source's other topics are read.
   */
  | { readonly kind: 'down'; readonly reason: string; readonly fatal: boolean; readonly topic?: string }
  /** Paused by `pause()`; the broker's session queues. */
  | { readonly kind: 'paused' };

export interface SourceOptions {
  /** Names the broker's session; stable over restarts and moves. */
  readonly clientId: string;
  /** MQTT topic filters (`+` and `#` allowed). */
  readonly topics: readonly string[];
  /** True when a session is known to have existed, so that its absence is news (`sessionLost`). */
  readonly expectSession: boolean;
  /**
   * Asked before each attempt to connect: false while another worker may have taken the session over, for a client that came
   * back then would throw it out. A connection that is up stays up. Absent: always.
   */
  readonly mayConnect?: () => boolean;
  /** Kafka: where a group without offsets begins; `now` by default. */
  readonly from?: 'now' | 'earliest';
  /** Kafka: what else its topics have is passed over, and counted in bulk. Needs `places`; absent: everything concerns it. */
  readonly concern?: Concern;
  /** Kafka: without it, what is durable (`done(null)`) counts as settled. */
  readonly places?: SourcePlaces;
}

export interface UplinkSource {
  /** Begins to connect; resolves at once. Progress is told by `onStatus`. */
  start(): void;
  /** Stops taking; resolves when no further `onMessages` will come and pending acknowledgements were written. The session stays. */
  stop(): Promise<void>;
  /** Disconnects so that the broker queues (a full journal). */
  pause(): void;
  resume(): void;
  /**
   * Nothing more is queued for the session from now on; what it holds still comes. For a session that another one takes the
   * place of. `expectSession` or not, its absence at a later connection is no news then.
   */
  unsubscribe(): void;
  /**
   * After `unsubscribe`: true when all that the session held has been handed over and answered for, so that ending it loses nothing.
   * Silence is no sign of it: a broker may be stalled, or have nothing wanted in what it reads. False as well where that cannot be
   * said now (not up, no answer within seconds): to be asked again. Never rejects.
   */
  drained(): Promise<boolean>;
  /** Ends the broker-side session and its queue. Only after `stop`. Rejects when the broker cannot be reached in `timeoutMs`. */
  clear(timeoutMs: number): Promise<void>;
  /** Kafka: what was settled since `stop` is committed too, as far as the cluster answers within `timeoutMs`. */
  commit?(timeoutMs: number): Promise<void>;
}

export interface PublishOptions {
  readonly retain?: boolean;
  /** 1 by default. */
  readonly qos?: 0 | 1;
  /**
   * The record's key on Kafka, which keeps the downlinks of a device in order; the topic is then one topic's whole name. MQTT
   * has no use for it.
   */
  readonly key?: string;
}

/** Keyed records of which the latest counts: retained messages on MQTT (`{prefix}/{key}`), a compacted topic on Kafka. */
export interface TableListener {
  /**
   * `value` null: explicitly deleted (an empty message). Delivered at least once; order per key is the broker's. Where it throws
   * `NotKept` the record is not acknowledged and comes again, before those behind it.
   */
  onRecord(key: string, value: Buffer | null): void;
  /** After each (re)subscription, once the broker had `settleMs` to hand out what it holds: the keys that exist. */
  onSnapshot(keys: ReadonlySet<string>): void;
  onStatus(status: TableStatus): void;
}

/** `reason` holds the broker's or the system's code (`ECONNREFUSED`, MQTT `5` …). `fatal`: a person must act. It is tried again in any case. */
export interface TableStatus {
  readonly up: boolean;
  readonly reason?: string;
  readonly fatal?: boolean;
}

export interface TableOptions {
  /** Without a trailing slash, for example `here-bridge/connections`. */
  readonly prefix: string;
  /** Names a persistent session so that deletions made while this process was away are heard; absent: a clean session. */
  readonly clientId?: string;
  /** How long after the subscription the snapshot counts as whole. 10,000 for definitions (design point 3). */
  readonly settleMs: number;
  /**
   * With more keys than this the table is down (`fatal`) until some are deleted: whoever may write there does not fill the memory.
   * 200,000 by default. The embedded broker retains no more than its own limit.
   */
  readonly maxKeys?: number;
}

export interface TableReader {
  start(): void;
  stop(): Promise<void>;
}

export interface WillOptions {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** One connected client for what the bridge says: status, ledger, heartbeat, events, definitions, downlinks. */
export interface Publisher {
  start(): void;
  stop(): Promise<void>;
  /** Resolves at the broker's acknowledgement; rejects when stopped or not acknowledged within `timeoutMs` (10 s by default). */
  publish(topic: string, payload: string | Buffer, options?: PublishOptions): Promise<void>;
  readonly connected: boolean;
  onStatus(listen: (status: { readonly up: boolean; readonly reason?: string }) => void): void;
}

export interface Broker {
  readonly name: string;
  readonly kind: 'mqtt' | 'embedded' | 'kafka';
  openSource(options: SourceOptions, listener: SourceListener): UplinkSource;
  openTable(options: TableOptions, listener: TableListener): TableReader;
  openPublisher(options: { readonly clientId?: string; readonly will?: WillOptions }): Publisher;
  /**
   * Where topics must be there before they are written to (Kafka): null when this one is, else what to do, in plain words.
   * Rejects when the broker cannot be asked.
   */
  findTopic?(topic: string): Promise<string | null>;
  /** Where a broker keeps its messages by itself (Kafka): the ends of what these topics match. Rejects when it cannot be asked. */
  endOffsets?(topics: readonly string[]): Promise<readonly TopicEnd[]>;
}

/** The next message of the partition gets `end`. */
export interface TopicEnd {
  readonly topic: string;
  readonly partition: number;
  readonly end: number;
}

/** A source that can say beforehand that it has no room: the embedded broker asks before it accepts a publish. */
export interface RoomAware {
  /** False while the journal is full. */
  readonly hasRoom: boolean;
  /** Publishes were accepted without this connection because its journal was full: to be counted `expired(journalFull)`. */
  onLeftOut(messages: readonly BrokerMessage[]): void;
}
