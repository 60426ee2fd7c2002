// The inner form of an uplink, the same for every network: an envelope reader makes it, one mapping serves all.
import type { NetworkKind } from '../../domain/network-downlink.ts';
import type { SkipReason } from '../../domain/uplink.ts';
import type { JsonObject } from '../values.ts';

/** A frame of a device that may become telemetry. */
export interface Frame {
  readonly network: NetworkKind;
  /** `bare`: the driver's content alone, as "send raw decoded format" leaves it; its device comes from the topic. */
  readonly kind: 'uplink' | 'location' | 'resolved' | 'bare';
  /** 16 upper-case hex digits; null: the message names none. */
  readonly device: string | null;
  /** Its counter; absent: the message names none. */
  readonly fCnt: number | undefined;
  /** When the network received the frame, ms since the epoch; NaN: not readable. */
  readonly receivedAt: number;
  /** The field that `receivedAt` was read from. */
  readonly receivedFrom: string;
  /** The name that the body goes under in the payload; null: none. */
  readonly rootKey: string | null;
  /** The content below the root: what topic patterns and the payload see. */
  readonly body: JsonObject;
  /** What the driver decoded: an object or a list; null: nothing was decoded. */
  readonly decoded: unknown;
  /** Other objects that tell of the device's sensors, looked at after `decoded`. */
  readonly extras: readonly unknown[];
  readonly points: JsonObject | null;
  readonly payloadHex: string | null;
  /** A position that the network, not the device, has computed. */
  readonly located: Located | null;
  readonly maker: string | null;
  readonly model: string | null;
  /** Read only where a matcher asks for tags. */
  readonly tags: unknown;
  readonly services: unknown;
  readonly decodeError: { readonly code: string; readonly message: string } | null;
  /** Per cent, from the network's last look at the device's status; NaN: not given. */
  readonly networkBattery: number;
}

export type Technology = 'gnss' | 'wlan' | 'network';

/** A position given by the network (a solver, or `DevEUI_location`). NaN: not given. */
export interface Located {
  readonly lat: number;
  readonly lng: number;
  readonly alt: number;
  /** m. */
  readonly accuracy: number;
  /** ms since the epoch. */
  readonly time: number;
  /** s before the frame was received. */
  readonly age: number;
  readonly technology: Technology;
  /** m/s. */
  readonly northVelocity: number;
  readonly eastVelocity: number;
  /** Why it must not be used as the present place; null: it may. */
  readonly stale: string | null;
  /** A `validityState` that nobody knows. */
  readonly unknownState: string | null;
}

export type Envelope =
  | { readonly kind: 'frame'; readonly frame: Frame }
  | {
      readonly kind: 'noTelemetry';
      readonly reason: SkipReason;
      readonly device: string | null;
      /** What it is, in the network's words, for the trace. */
      readonly name: string;
      /** Battery in per cent that a notification tells of. */
      readonly batteryLevel: number | null;
      /** The driver's failure, where the network tells it in a message of its own. */
      readonly decodeError?: Frame['decodeError'];
      /** A report on a downlink: ThingPark's below its root, another network's as it came. */
      readonly report?: JsonObject;
    }
  | { readonly kind: 'unreadable'; readonly message: string };

/** Reads the envelope of one network. null: the message has another network's shape. */
export type EnvelopeReader = (root: JsonObject) => Envelope | null;

export const NOTHING: readonly unknown[] = Object.freeze([]);
export const NO_OBJECT: JsonObject = Object.freeze({});

/** A frame of which nothing is known. */
export const EMPTY_FRAME: Frame & { readonly device: string } = Object.freeze({
  network: 'thingpark',
  kind: 'bare',
  device: '',
  receivedAt: Number.NaN,
  receivedFrom: 'nothing',
  rootKey: null,
  body: NO_OBJECT,
  decoded: null,
  extras: NOTHING,
  points: null,
  payloadHex: null,
  located: null,
  maker: null,
  model: null,
  tags: null,
  services: null,
  decodeError: null,
  fCnt: undefined,
  networkBattery: Number.NaN,
});
