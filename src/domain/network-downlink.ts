// Downlinks in the form of the network that a device's uplinks come from, and what those networks say of them afterwards.
//
// Both lines need them: the uplinks' reader (`uplink/envelopes/`) tells a device's network and reads confirmations by our
// CorrelationID (`read…`), the downlinks' writer (`downlink/`) makes topic and body (`encode…`). All pure.

type JsonObject = { readonly [key: string]: unknown };

const NETWORK_KINDS = ['thingpark', 'chirpstack', 'thingsStack', 'generic'] as const;
/** `generic`: a plain JSON of some other producer; nothing is known of its downlinks, ThingPark's form is as good as any. */
export type NetworkKind = (typeof NETWORK_KINDS)[number];

/** A downlink before it takes its network's form. */
export interface NetworkDownlink {
  /** DevEUI, 16 upper-case hex digits. */
  readonly device: string;
  /** 1..223. */
  readonly fPort: number;
  /** Hex digits, or an object that the network's own codec encodes. */
  readonly payload: { readonly hex: string } | { readonly object: JsonObject };
  readonly confirmed: boolean;
  /** What waits in the network's queue for this device goes first. */
  readonly flushQueue: boolean;
  /** 16 hex digits. */
  readonly correlationId: string;
}

export interface NetworkMessage {
  readonly topic: string;
  /** JSON. */
  readonly body: string;
}

/** A network's word on a downlink. */
export interface NetworkConfirmation {
  /** DevEUI, 16 upper-case hex digits; null: not told. */
  readonly device: string | null;
  /** 16 upper-case hex digits; null: the downlink was not ours, or the network does not tell. */
  readonly correlationId: string | null;
  readonly fPort: number | null;
  /**
   * `queued` by the network; `sent` over the air; `acknowledged` or `notAcknowledged` by the device (of confirmed ones);
   * `failed`: the network gave it up, `cause` says why in its words (at most 200 characters).
   */
  readonly outcome: 'queued' | 'sent' | 'acknowledged' | 'notAcknowledged' | 'failed';
  readonly cause: string | null;
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** 16 upper-case hex digits, or null. */
export function euiOf(value: unknown): string | null {
  return typeof value === 'string' && /^[0-9A-Fa-f]{16}$/.test(value) ? value.toUpperCase() : null;
}

export function portOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255 ? value : null;
}

export function wordsOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const words = value.slice(0, 200).replaceAll(/\s+/g, ' ').trim();
  return words === '' ? null : words;
}

/** A part of a topic as a network's ids are written: no level separators, wildcards or control characters. */
export function isTopicPart(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(value);
}

/** Base64 of hex digits, as both networks want raw payloads. */
export function base64OfHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
