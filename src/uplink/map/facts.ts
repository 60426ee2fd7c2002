// What one walk over a decoded payload has found: the rules choose among these facts.
import type { JsonObject } from '../values.ts';

/** Two coordinates found together. Not yet checked for range. */
export interface Spot {
  /** The object that they stand in: what else it says belongs to this fix. */
  readonly at: JsonObject;
  readonly lat: number;
  readonly lng: number;
  readonly style: 'gnssFix' | 'abeeway' | 'pair';
  /** The list of which `at` is an entry; null: none. */
  readonly list: readonly unknown[] | null;
  /** Why this fix failed, where it is one of several. */
  readonly failed: string | null;
}

/** A value under a name such as `location`: a list [lng, lat] or a text "lat,lng". */
export interface Place {
  readonly at: JsonObject;
  readonly key: string;
  readonly value: readonly unknown[] | string;
}

export interface Reading {
  readonly meaning: number;
  readonly key: string;
  readonly value: unknown;
}

/** What may be an access point that the device heard: an object with its address, or the address alone. */
export interface Heard {
  readonly kind: ScanKind;
  readonly value: JsonObject | string;
}
/** `unknown`: neither a name nor the object around it tells. */
export type ScanKind = 'wifi' | 'bluetooth' | 'unknown';

export interface Facts {
  /** The decoded object; null: a list or nothing. */
  readonly root: JsonObject | null;
  readonly spots: readonly Spot[];
  readonly places: readonly Place[];
  readonly readings: readonly Reading[];
  /** Which sensors `readings` tell of, a bit each: see `sensorBit`. */
  readonly sensors: number;
  readonly heard: readonly Heard[];
  /** `messages[][]` of typed values. */
  readonly typed: readonly unknown[] | null;
  /** Why the frame's fix is none; null: nothing says so. */
  readonly failed: string | null;
  /** Such as "GPS" or "WIFI"; null: not told. */
  readonly technology: string | null;
}
