// "Where is my message": the recent uplinks of a connection and what happened to each, for those who look for one.
import type { UplinkOutcome } from '../uplink.ts';

/**
 * `inJournal`: on disk, not read back yet; `waiting`: for its turn or a permit; `waitingForDevice`: HERE does not take its
 * device yet; `inFlight`: in a request that HERE has not answered; `settled`: `outcome` is the final word.
 */
export const MESSAGE_STATES = ['inJournal', 'waiting', 'waitingForDevice', 'inFlight', 'settled'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

export interface TracedMessage {
  /** Its number in the connection's journal. */
  readonly seq: number;
  /** null: none could be read. */
  readonly device: string | null;
  /** The frame counter; null: not known, as of a message that carries none or was not read yet. */
  readonly fCnt: number | null;
  readonly state: MessageState;
  /** Wall-clock ms of its arrival in the bridge. */
  readonly receivedAt: number;
  /** Wall-clock ms of its last request; null: it was not sent. */
  readonly sentAt: number | null;
  /** Requests that carried it. */
  readonly attempts: number;
  /** `X-Request-Id` of the last answered request. */
  readonly requestId: string | null;
  /** Why the last request did not settle it, while it waits. */
  readonly lastAnswer: string | null;
  readonly outcome: UplinkOutcome | null;
  /** Wall-clock ms of the final word. */
  readonly settledAt: number | null;
}

export interface MessageQuery {
  /** DevEUI, 16 upper-case hex digits; absent: of all devices, settled ones alone. */
  readonly device?: string;
  readonly fCnt?: number;
  readonly outcomes?: readonly UplinkOutcome['kind'][];
  /** `next` of the page before. */
  readonly before?: number;
  readonly limit: number;
}

export interface MessagePage {
  /** The latest first; what waits before what is settled. */
  readonly messages: readonly TracedMessage[];
  /** Of the device, on disk and not read back yet: not among `messages`. */
  readonly inJournal: number;
  /** null: there are no more. */
  readonly next: number | null;
}

export interface MessageControl {
  /** null: the connection does not run here. */
  messages(connectionId: string, query: MessageQuery): MessagePage | null;
}
