// One walk over what the driver decoded: where coordinates stand, whether the fix is good, what the sensors say, what was
// heard. The rules then choose among these facts without walking again. Breadth first, so that the outermost field wins.
import type { Frame } from '../envelopes/frame.ts';
import { isObject, type JsonObject } from '../values.ts';
import { coordinate, directed } from './coordinates.ts';
import type { Facts, Heard, Place, Reading, Spot } from './facts.ts';
import { badFix, badStatus } from './fix-words.ts';
import { FIRST_SENSOR, FLAG, type KeyInfo, KeyTrail, keyInfo, LAST_SENSOR, MEANING, sensorBit } from './keys.ts';
import { isTyped, namedValues, wrappedValue } from './named-values.ts';
import { IN, kindAround, scanOf } from './scan-kind.ts';

/** Enough for any tracker; what lies beyond stays in the payload only. */
const MAX_FIELDS = 1500;
const MAX_DEPTH = 8;
const MAX_FOUND = 200;
const MAX_HEARD = 1000;
const ABEEWAY = (1 << MEANING.abeewayLat) | (1 << MEANING.abeewayLng);
/** Values by meaning of the object at hand; reused, since objects are looked at one after the other. */
const pairs: unknown[] = new Array(MEANING.place).fill(undefined);

/** Reads frame after frame; what it holds is of the last one. */
export class FactReader implements Facts {
  root: JsonObject | null = null;
  spots: Spot[] = [];
  places: Place[] = [];
  readings: Reading[] = [];
  sensors = 0;
  heard: Heard[] = [];
  typed: readonly unknown[] | null = null;
  failed: string | null = null;
  technology: string | null = null;
  /** The envelope itself, where its fields stand in for a decoded payload. */
  #envelope: unknown = null;
  // The queue, side by side.
  readonly #value: object[] = [];
  readonly #depth: number[] = [];
  readonly #in: number[] = [];
  readonly #lists: (readonly unknown[] | null)[] = [];
  /** The keys of the last frame: most of a fleet have the same ones in the same order. */
  readonly #keys = new KeyTrail(MAX_FIELDS + 1);
  #length = 0;
  #fields = 0;

  read(frame: Frame): this {
    this.root = isObject(frame.decoded) ? frame.decoded : null;
    this.#envelope = frame.decoded === frame.body ? frame.body : null;
    this.spots = [];
    this.places = [];
    this.readings = [];
    this.heard = [];
    this.typed = this.failed = this.technology = null;
    this.#length = this.#fields = this.sensors = 0;
    this.#enqueue(frame.decoded, 0, IN.pairs, null);
    // What The Things Stack has normalized is the device's own; ThingPark's extras repeat its set-up.
    const inExtras = frame.network === 'thingsStack' ? IN.pairs : 0;
    for (const extra of frame.extras) this.#enqueue(extra, 0, inExtras, null);
    for (let i = 0; i < this.#length && this.#fields < MAX_FIELDS; i++) {
      const value = this.#value[i] as object;
      const inside = this.#in[i] as number;
      const list = this.#lists[i] as readonly unknown[] | null;
      if ((inside & IN.scan) !== 0) this.#scan(value, this.#depth[i] as number, inside);
      else if (Array.isArray(value)) this.#list(value, this.#depth[i] as number, inside, list);
      else this.#object(value as JsonObject, this.#depth[i] as number, inside, list);
    }
    return this;
  }

  #enqueue(value: unknown, depth: number, inside: number, list: readonly unknown[] | null): void {
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
    const i = this.#length++;
    this.#value[i] = value;
    this.#depth[i] = depth;
    this.#in[i] = inside;
    this.#lists[i] = list;
  }

  #list(list: readonly unknown[], depth: number, inside: number, outer: readonly unknown[] | null): void {
    // `{name, value}` entries side by side say together what an object's fields would.
    const named = (inside & IN.pairs) !== 0 ? namedValues(list) : null;
    if (named !== null) this.#enqueue(named, depth, inside, outer);
    if (isTyped(list)) this.typed ??= list;
    for (const entry of list) {
      if (++this.#fields >= MAX_FIELDS) return;
      this.#enqueue(entry, depth + 1, inside & ~IN.gnssFix, outer ?? list);
    }
  }

  #object(object: JsonObject, depth: number, inside: number, list: readonly unknown[] | null): void {
    let seen = 0;
    let failed: string | null = null;
    let status: unknown;
    let isAbeeway = (inside & IN.gnssFix) !== 0;
    let latDirection: unknown;
    let lngDirection: unknown;
    const queued = this.#length;
    let hasUntoldScan = false;
    for (const key in object) {
      if (++this.#fields >= MAX_FIELDS) break;
      let value = object[key];
      const info = this.#keys.at(this.#fields, key);
      const { meaning } = info;
      if (typeof value === 'object') {
        if (value === null) continue;
        const wrapped = isWrappable(meaning) ? wrappedValue(value, meaning) : undefined;
        if (wrapped === undefined) {
          if (this.#nested(object, key, info, value, depth, inside, list)) isAbeeway = true;
          hasUntoldScan ||= (info.flags & (FLAG.scan | FLAG.wifi | FLAG.bluetooth)) === FLAG.scan;
          continue;
        }
        value = wrapped;
      }
      if (meaning === MEANING.none) continue;
      if (meaning <= MEANING.abeewayLng) {
        pairs[meaning] = value;
        seen |= 1 << meaning;
      } else if (meaning >= FIRST_SENSOR) {
        // ThingPark publishes no unit of its own `BatteryLevel`.
        if (meaning > LAST_SENSOR || (key === 'BatteryLevel' && object === this.#envelope)) continue;
        this.#reading(meaning, key, value);
      } else if (meaning >= MEANING.fixFailed) {
        if (meaning === MEANING.status) status = value;
        else if (meaning === MEANING.latDirection) latDirection = value;
        else if (meaning === MEANING.lngDirection) lngDirection = value;
        else if (meaning === MEANING.technology) {
          isAbeeway = true;
          if (typeof value === 'string') this.technology ??= value;
        } else failed ??= badFix(meaning, key, value);
      } else if (meaning === MEANING.place && typeof value === 'string') {
        this.#place(object, key, value, inside);
        failed ??= badFix(meaning, key, value);
      }
    }
    if (hasUntoldScan) this.#tellScans(object, queued);
    const hasPair = seen !== 0 && (inside & IN.pairs) !== 0;
    if (typeof status === 'string' && (isAbeeway || hasPair)) failed ??= badStatus(status, isAbeeway);
    if (failed !== null && list === null) this.failed ??= failed;
    if (!hasPair) return;
    const spot = (lat: number, lng: number, style: Spot['style']): void => {
      if (this.spots.length >= MAX_FOUND) return;
      const north = directed(coordinate(pairs[lat]), latDirection);
      const east = directed(coordinate(pairs[lng]), lngDirection);
      this.spots.push({ at: object, lat: north, lng: east, style, list, failed });
    };
    const before = this.spots.length;
    if ((seen & ABEEWAY) === ABEEWAY) spot(MEANING.abeewayLat, MEANING.abeewayLng, 'abeeway');
    const style = (inside & IN.gnssFix) !== 0 ? 'gnssFix' : 'pair';
    for (let lat: number = MEANING.latitude; lat <= MEANING.gpsLat; lat += 2) {
      if (((seen >> lat) & 3) === 3) spot(lat, lat + 1, style);
    }
    // Names of two styles in one object, such as `latitude` and `lon`.
    if (this.spots.length === before) {
      const lat = firstSeen(seen, MEANING.latitude);
      const lng = firstSeen(seen, MEANING.longitude);
      if (lat !== 0 && lng !== 0) spot(lat, lng, style);
    }
  }

  #reading(meaning: number, key: string, value: unknown): void {
    if (this.readings.length >= MAX_FOUND) return;
    this.readings.push({ meaning, key, value });
    this.sensors |= sensorBit(meaning);
  }

  /** True: the object that holds it is an Abeeway position. */
  #nested(
    object: JsonObject,
    key: string,
    { meaning, flags }: KeyInfo,
    value: object,
    depth: number,
    inside: number,
    list: readonly unknown[] | null,
  ): boolean {
    if (meaning === MEANING.messages && Array.isArray(value)) {
      this.typed ??= value;
      this.#typedReadings(value, depth);
    }
    if ((flags & FLAG.scan) !== 0) {
      this.#enqueue(value, depth + 1, scanOf(flags, IN.scan), null);
      return false;
    }
    if ((flags & FLAG.sealed) !== 0) return false;
    if (Array.isArray(value) && typeof value[0] !== 'object') {
      if (meaning === MEANING.place) this.#place(object, key, value, inside);
      return false;
    }
    const isGnssFix = meaning === MEANING.gnssFix;
    const mayHold = (flags & FLAG.place) !== 0 || ((flags & FLAG.neutral) !== 0 && (inside & IN.pairs) !== 0);
    this.#enqueue(value, depth + 1, (mayHold ? IN.pairs : 0) | (isGnssFix ? IN.gnssFix : 0), list);
    return isGnssFix;
  }

  #place(at: JsonObject, key: string, value: readonly unknown[] | string, inside: number): void {
    if ((inside & IN.pairs) !== 0 && this.places.length < MAX_FOUND) this.places.push({ at, key, value });
  }

  /** Inside a scan: each object may be an access point, each list or object may hold some. */
  #scan(value: object, depth: number, inside: number): void {
    if (Array.isArray(value)) {
      for (const entry of value) {
        if (++this.#fields >= MAX_FIELDS) return;
        if (typeof entry === 'string') this.#hear(inside, entry);
        else this.#enqueue(entry, depth + 1, inside, null);
      }
      return;
    }
    const object = value as JsonObject;
    const known = (inside & (IN.wifi | IN.bluetooth)) !== 0 ? inside : inside | kindAround(object);
    this.#hear(known, object);
    for (const key in object) {
      const inner = object[key];
      if (typeof inner !== 'object' || inner === null) continue;
      if (++this.#fields >= MAX_FIELDS) return;
      const { flags } = keyInfo(key);
      if ((flags & FLAG.sealed) !== 0 && (flags & FLAG.scan) === 0) continue;
      this.#enqueue(inner, depth + 1, scanOf(flags, known), null);
    }
  }

  #hear(inside: number, value: JsonObject | string): void {
    if (this.heard.length >= MAX_HEARD) return;
    const kind = (inside & IN.bluetooth) !== 0 ? 'bluetooth' : (inside & IN.wifi) !== 0 ? 'wifi' : 'unknown';
    this.heard.push({ kind, value });
  }

  /** A scan under a name that says nothing of its kind: the object around it may, as in `{scanType: "BLE", macs: […]}`. */
  #tellScans(object: JsonObject, from: number): void {
    const kind = kindAround(object);
    for (let i = from; i < this.#length; i++) {
      if (((this.#in[i] as number) & (IN.scan | IN.wifi | IN.bluetooth)) === IN.scan) {
        this.#in[i] = (this.#in[i] as number) | kind;
      }
    }
  }

  /** `{type: "Air Temperature", measurementValue: 20.5}`: the type is the field's name. */
  #typedReadings(list: readonly unknown[], depth: number): void {
    for (const group of list) {
      for (const entry of Array.isArray(group) ? group : [group]) {
        if (++this.#fields >= MAX_FIELDS) return;
        if (!isObject(entry) || typeof entry.type !== 'string') continue;
        const { meaning, flags } = keyInfo(entry.type);
        const { measurementValue: value } = entry;
        if (meaning >= FIRST_SENSOR && meaning <= LAST_SENSOR) this.#reading(meaning, entry.type, value);
        else if ((flags & FLAG.scan) !== 0) this.#enqueue(value, depth + 3, scanOf(flags, IN.scan), null);
      }
    }
  }
}

/** Not a place: an object under such a name has coordinates of its own. */
function isWrappable(meaning: number): boolean {
  return meaning !== MEANING.none && meaning !== MEANING.place && meaning <= LAST_SENSOR;
}

function firstSeen(seen: number, from: number): number {
  for (let meaning = from; meaning < from + 8; meaning += 2) if (((seen >> meaning) & 1) === 1) return meaning;
  return 0;
}
