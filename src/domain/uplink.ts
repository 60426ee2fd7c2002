// The words for an uplink's way: one broker message, what became of it, and the telemetry records made from it.
import type { KeptHeader } from './message-headers.ts';

/** Why an uplink carries no telemetry for HERE. */
export const SKIP_REASONS = [
  'report',
  'join',
  'mac',
  'alarm',
  'notification',
  'multicast',
  'retained',
  'secondCopy',
  'unknownDevice',
  'retired',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/**
 * Why an uplink could not be read or was refused; it is kept as a dead letter.
 * `storeDamaged`: its bytes in the journal were damaged on the disk, so the payload may be empty or wrong.
 */
export const DEAD_LETTER_REASONS = [
  'notJson',
  'noDevice',
  'tooBig',
  'tooDeep',
  'foreignFraming',
  'badTime',
  'refused',
  'mappingFailed',
  'storeDamaged',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

const EXPIRY_REASONS = ['tooOld', 'journalFull'] as const;
export type ExpiryReason = (typeof EXPIRY_REASONS)[number];

/** `noMatch`: no matcher of the connection takes the device. `legacyFormat`: positions that "Legacy uplink format" leaves out. */
const FILTER_REASONS = ['noMatch', 'legacyFormat'] as const;
export type FilterReason = (typeof FILTER_REASONS)[number];

/** HERE's or the reader's answer that made an uplink a dead letter. */
export interface DeadLetterDetail {
  readonly message: string;
  /** HTTP status of HERE's answer. */
  readonly status?: number;
  readonly hereErrorCode?: number;
  readonly requestId?: string;
  /** The record as it was sent, JSON. */
  readonly record?: string;
  readonly attempts?: number;
  /** Of an imported one: the connection and the time of its export's origin. */
  readonly origin?: string;
  /** Those that the message came with (Kafka), and how many of them had no room. */
  readonly headers?: readonly KeptHeader[];
  readonly headersLeftOut?: number;
}

/** The final word on an uplink. The unit is one broker message. */
export type UplinkOutcome =
  | { readonly kind: 'delivered' }
  /** `emittedAt`: ms since the epoch at which its network received it, where known. */
  | { readonly kind: 'expired'; readonly reason: ExpiryReason; readonly emittedAt?: number }
  | { readonly kind: 'filtered'; readonly reason: FilterReason }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'deadLettered'; readonly reason: DeadLetterReason; readonly detail: DeadLetterDetail };

/** Of a record whose bytes in the journal are not what was written: kept as it is. */
export const DAMAGED: UplinkOutcome = Object.freeze({
  kind: 'deadLettered',
  reason: 'storeDamaged',
  detail: { message: 'The journal was damaged on the disk: topic and payload are not what was received.' },
});

/** One timestamped measurement for HERE, stringified once. */
export interface TelemetryRecord {
  /** HERE external id: the DevEUI, 16 upper-case hex digits. */
  readonly device: string;
  /** The HERE record as JSON text, as it goes into `data[]` of `/v3/batch`. */
  readonly json: string;
  /** UTF-8 length of `json`. */
  readonly bytes: number;
  /** ms since the epoch: the record's `timestamp` (when the network received the frame). */
  readonly timestamp: number;
}

/** Which of the two messages of one frame it is, where its network may send both. */
export interface FrameCopy {
  readonly kind: 'uplink' | 'resolved';
  readonly hasPosition: boolean;
}

/** What decode, filter and map made of one message: its final outcome at once, or records that wait for HERE. */
export type Prepared =
  | {
      readonly device: string | null;
      /** The frame counter, where it was read. */
      readonly fCnt?: number | undefined;
      readonly outcome: UplinkOutcome;
      readonly notice?: UplinkNotice;
    }
  | {
      readonly device: string;
      readonly fCnt?: number | undefined;
      readonly outcome: null;
      readonly records: readonly TelemetryRecord[];
      /** ms since the epoch at which the network received the frame: `uplinkTimeValidity` counts from here. */
      readonly emittedAt: number;
      /** Absent: no second message of its frame comes. */
      readonly copy?: FrameCopy | undefined;
      readonly notice?: UplinkNotice;
    };

/** Something a person should hear about an uplink that goes its way all the same (told once per `key`). */
export interface UplinkNotice {
  readonly kind: 'payloadDecodedError' | 'unknownValidityState' | 'noDecodedPayload' | 'otherDeviceInTopic';
  readonly key: string;
  readonly message: string;
}
