// What overrides have set, as the steps of the mapping take it.
import { whyNot } from './coordinates.ts';
import { GNSS, type PositionType, WLAN } from './fix-rules.ts';
import type { OverrideValue } from './override-fields.ts';
import { plausible } from './position-rules.ts';
import type { Fix, MapContext } from './rule.ts';

/** By JSON pointer into HERE's record; null: the connection has no override for this device. */
export type Given = ReadonlyMap<string, OverrideValue> | null;

/** null: none, or no place of a device. */
export function givenFix(given: Given): readonly Fix[] | null {
  const lat = given?.get('/position/lat');
  const lng = given?.get('/position/lng');
  if (typeof lat !== 'number' || typeof lng !== 'number' || whyNot(lat, lng) !== null) return null;
  return [{ lat, lng, at: null, source: 'override', time: Number.NaN, alt: Number.NaN }];
}

export function givenType(given: Given): PositionType | null {
  const type = given?.get('/position/type');
  return type === 'gnss' ? GNSS : type === 'wlan' ? WLAN : null;
}

/** The time of a fix that an override has read, where it can be one. */
export function plausibleOrNull(time: number | null, timestamp: number): number | null {
  if (time === null) return null;
  const checked = plausible(time, timestamp);
  return Number.isNaN(checked) ? null : checked;
}

export function isSkipped({ skip }: Pick<MapContext, 'skip'>, part: '/position' | '/scan'): boolean {
  return skip?.has(part) === true;
}
