// One walk over what the driver decoded: where coordinates stand, whether the fix is good, what the sensors say.
// The rules then choose among these facts without walking again. Breadth first, so that the outermost field wins.
import type { Frame } from '../envelopes/frame.ts';
import { bool, isObject, type JsonObject, num } from '../values.ts';
import { FIRST_SENSOR, FLAG, type KeyInfo, keyInfo, LAST_SENSOR, MEANING } from './keys.ts';

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

export interface Facts {
  /** The decoded object; null: a list or nothing. */
  readonly root: JsonObject | null;
  readonly spots: readonly Spot[];
  readonly places: readonly Place[];
  readonly readings: readonly Reading[];
  /** `messages[][]` of typed values. */
  readonly typed: readonly unknown[] | null;
  /** Why the frame's fix is none; null: nothing says so. */
  readonly failed: string | null;
  /** Such as "GPS" or "WIFI"; null: not told. */
  readonly technology: string | null;
}

/** Enough for any tracker; what lies beyond stays in the payload only. */
const MAX_FIELDS = 1500;
const MAX_DEPTH = 8;
const MAX_FOUND = 200;

interface Node {
  readonly value: object;
  readonly depth: number;
  readonly pairs: boolean;
  readonly isGnssFix: boolean;
  readonly list: readonly unknown[] | null;
}

class FactReader implements Facts {
  readonly root: JsonObject | null;
  readonly spots: Spot[] = [];
  readonly places: Place[] = [];
  readonly readings: Reading[] = [];
  typed: readonly unknown[] | null = null;
  failed: string | null = null;
  technology: string | null = null;
  /** The envelope itself, where its fields stand in for a decoded payload. */
  readonly #envelope: unknown;
  readonly #queue: Node[] = [];
  #fields = 0;

  constructor(frame: Frame) {
    this.root = isObject(frame.decoded) ? frame.decoded : null;
    this.#envelope = frame.kind === 'uplink' && frame.decoded === frame.body ? frame.body : null;
    this.#enqueue(frame.decoded, 0, true, false, null);
    for (const extra of frame.extras) this.#enqueue(extra, 0, false, false, null);
    for (let i = 0; i < this.#queue.length && this.#fields < MAX_FIELDS; i++) {
      const node = this.#queue[i] as Node;
      if (Array.isArray(node.value)) this.#list(node, node.value);
      else this.#object(node, node.value as JsonObject);
    }
  }

  #enqueue(value: unknown, depth: number, pairs: boolean, isGnssFix: boolean, list: Node['list']): void {
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
    this.#queue.push({ value, depth, pairs, isGnssFix, list });
  }

  #list(node: Node, list: readonly unknown[]): void {
    for (const entry of list) {
      if (++this.#fields >= MAX_FIELDS) return;
      this.#enqueue(entry, node.depth + 1, node.pairs, false, node.list ?? list);
    }
  }

  #object(node: Node, object: JsonObject): void {
    pairs.length = 0;
    let failed: string | null = null;
    let status: unknown;
    let isAbeeway = node.isGnssFix;
    for (const key in object) {
      if (++this.#fields >= MAX_FIELDS) break;
      const value = object[key];
      const info = keyInfo(key);
      const { meaning } = info;
      if (typeof value === 'object') {
        if (value !== null) isAbeeway = this.#nested(node, object, key, info, value) || isAbeeway;
        continue;
      }
      if (meaning === MEANING.none) continue;
      // ThingPark publishes no unit of its own `BatteryLevel`.
      if (key === 'BatteryLevel' && object === this.#envelope) continue;
      if (meaning <= MEANING.abeewayLng) pairs[meaning] = value;
      else if (meaning >= FIRST_SENSOR && meaning <= LAST_SENSOR) {
        if (this.readings.length < MAX_FOUND) this.readings.push({ meaning, key, value });
      } else if (meaning >= MEANING.fixFailed || meaning === MEANING.place) {
        if (meaning === MEANING.place && typeof value === 'string') this.#place(node, object, key, value);
        if (meaning === MEANING.status) status = value;
        else if (meaning === MEANING.technology) {
          isAbeeway = true;
          if (typeof value === 'string') this.technology ??= value;
        } else failed ??= badFix(meaning, key, value);
      }
    }
    const hasPair = pairs.length > 0 && node.pairs;
    if (typeof status === 'string' && (isAbeeway || hasPair)) failed ??= badStatus(status, isAbeeway);
    if (failed !== null && node.list === null) this.failed ??= failed;
    if (hasPair) this.#spots(node, object, failed);
  }

  /** True: the object that holds it is an Abeeway position. */
  #nested(node: Node, object: JsonObject, key: string, info: KeyInfo, value: object): boolean {
    if (info.meaning === MEANING.messages && Array.isArray(value)) {
      this.typed ??= value;
      this.#typedReadings(value);
    }
    if ((info.flags & FLAG.sealed) !== 0) return false;
    if (Array.isArray(value) && typeof value[0] !== 'object') {
      if (info.meaning === MEANING.place) this.#place(node, object, key, value);
      return false;
    }
    const isGnssFix = info.meaning === MEANING.gnssFix;
    const mayHold = (info.flags & FLAG.place) !== 0 || ((info.flags & FLAG.neutral) !== 0 && node.pairs);
    this.#enqueue(value, node.depth + 1, mayHold, isGnssFix, node.list);
    return isGnssFix;
  }

  #place(node: Node, at: JsonObject, key: string, value: readonly unknown[] | string): void {
    if (node.pairs && this.places.length < MAX_FOUND) this.places.push({ at, key, value });
  }

  #spots(node: Node, at: JsonObject, failed: string | null): void {
    const spot = (lat: unknown, lng: unknown, style: Spot['style']): void => {
      if (lat === undefined || lng === undefined || this.spots.length >= MAX_FOUND) return;
      this.spots.push({ at, lat: num(lat), lng: num(lng), style, list: node.list, failed });
    };
    spot(pairs[MEANING.abeewayLat], pairs[MEANING.abeewayLng], 'abeeway');
    const style = node.isGnssFix ? 'gnssFix' : 'pair';
    const before = this.spots.length;
    for (let lat: number = MEANING.latitude; lat <= MEANING.gpsLat; lat += 2) spot(pairs[lat], pairs[lat + 1], style);
    // Names of two styles in one object, such as `latitude` and `lon`.
    if (this.spots.length === before) {
      const first = (from: number): unknown => pairs[from] ?? pairs[from + 2] ?? pairs[from + 4] ?? pairs[from + 6];
      spot(first(MEANING.latitude), first(MEANING.longitude), style);
    }
  }

  /** `{type: "Air Temperature", measurementValue: 20.5}`: the type is the field's name. */
  #typedReadings(list: readonly unknown[]): void {
    for (const group of list) {
      for (const entry of Array.isArray(group) ? group : [group]) {
        if (++this.#fields >= MAX_FIELDS) return;
        if (!isObject(entry) || typeof entry.type !== 'string') continue;
        const { meaning } = keyInfo(entry.type);
        if (meaning < FIRST_SENSOR || meaning > LAST_SENSOR || this.readings.length >= MAX_FOUND) continue;
        this.readings.push({ meaning, key: entry.type, value: entry.measurementValue });
      }
    }
  }
}

/** Values by meaning of the object at hand; reused, since objects are looked at one after the other. */
const pairs: unknown[] = [];

export function readFacts(frame: Frame): Facts {
  return new FactReader(frame);
}

const NO_ERROR = /\b(?:no|not|without|did not|didn't|never) (?:error|fail)/;
const NO_FIX =
  /\b(?:no|not|without|lost) ?(?:gps |gnss )?(?:fix|valid|position|gps|gnss|signal|available|found|located|satellites?)|invalid|\bfail|time ?d? ?out|unavailable|searching|^(?:none|no|false|error|unknown|off|v)$/;
/** Under a name like `position` many texts stand that have nothing to do with a fix ("tilt", "normal"). */
const NO_PLACE = /\b(?:no|not|without) ?(?:gps |gnss )?(?:fix|signal|position|valid)|fix ?fail|invalid/;

function words(value: string): string {
  return value.slice(0, 64).toLowerCase().replace(/[_-]+/g, ' ').trim();
}

function badFix(meaning: number, key: string, value: unknown): string | null {
  if (meaning === MEANING.fixFailed) return bool(value) === true ? `${key} is true` : null;
  if (meaning === MEANING.fixValid && bool(value) !== null) return bool(value) === false ? `${key} is false` : null;
  if (value === false && meaning === MEANING.fixText) return `${key} is false`;
  if (typeof value !== 'string') return null;
  if (meaning === MEANING.fixText || meaning === MEANING.fixValid || meaning === MEANING.place) {
    const said = words(value);
    if (NO_ERROR.test(said)) return null;
    return (meaning === MEANING.place ? NO_PLACE : NO_FIX).test(said) ? `${key} says "${said}"` : null;
  }
  return null;
}

/** Abeeway's positions have a closed set of statuses; elsewhere `status` may be about anything. */
function badStatus(status: string, isAbeeway: boolean): string | null {
  if (status === 'SUCCESS') return null;
  const said = words(status);
  return isAbeeway || (NO_FIX.test(said) && !NO_ERROR.test(said)) ? `status is "${said}", not SUCCESS` : null;
}
