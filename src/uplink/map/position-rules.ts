// Where the device is: the first valid position wins. Each rule knows one way in which uplinks tell coordinates.
import { anyTime } from '../iso-time.ts';
import { isObject, num } from '../values.ts';
import { coordinate, whyNot } from './coordinates.ts';
import type { Spot } from './facts.ts';
import { keyInfo, MEANING } from './keys.ts';
import type { Fix, MapContext, Rule } from './rule.ts';

/** Several fixes of one uplink are sent if each has a time of its own; more than this many are not. */
const MAX_FIXES = 50;
const DAY_MS = 86_400_000;
/** Older fixes than this are a clock that never was set. */
const OLDEST_MS = 366 * DAY_MS;
/** Clocks of devices and networks differ a little. */
const FUTURE_MS = 60_000;

/** A fix's time if it can be: not after the network heard the frame, not absurdly long before. NaN otherwise. */
export function plausible(time: number, timestamp: number): number {
  return time <= timestamp + FUTURE_MS && time >= timestamp - OLDEST_MS && time >= 2 ? Math.round(time) : Number.NaN;
}

type Fixes = readonly Fix[];

function one(lat: number, lng: number, source: Fix['source'], at: Fix['at'], alt: number, time: number): Fixes {
  return [{ lat, lng, source, at, alt, time }];
}

/** [lng, lat, alt?], swapped only when no other order is possible. */
function listed(list: readonly unknown[]): { lat: number; lng: number; alt: number } | string {
  if (list.length < 2 || list.length > 3) return 'not a list of two or three numbers';
  const first = num(list[0]);
  const second = num(list[1]);
  const alt = num(list[2]);
  const why = whyNot(second, first);
  if (why === null) return { lng: first, lat: second, alt };
  return Math.abs(second) > 90 && whyNot(first, second) === null ? { lng: second, lat: first, alt } : why;
}

/** `resolved` messages come first of all; what else a network says of a place comes after all that the device says. */
function located(isResolved: boolean, absent: string) {
  return ({ frame, facts }: MapContext): Fixes | string => {
    if (frame.located === null || (frame.kind === 'resolved') !== isResolved) return absent;
    // Beside an uplink the place may be that of an earlier frame when this one says that it has none.
    if (frame.kind === 'uplink' && facts.failed !== null) return facts.failed;
    const { lat, lng, alt, time, stale } = frame.located;
    if (stale !== null) return stale;
    return whyNot(lat, lng) ?? one(lat, lng, 'located', null, alt, time);
  };
}

/** The device's own fix does not count when the network says that this is an old place, or the device that it has none. */
function veto(context: MapContext): string | null {
  return context.frame.located?.stale ?? context.facts.failed;
}

function spots(style: Spot['style'], absent: string) {
  return (context: MapContext): Fixes | string => {
    const refused = veto(context);
    if (refused !== null) return refused;
    let why = absent;
    for (const spot of context.facts.spots) {
      if (spot.style !== style) continue;
      const bad = spot.failed ?? whyNot(spot.lat, spot.lng);
      if (bad !== null) {
        why = bad;
        continue;
      }
      if (spot.list !== null) return severalOf(context, spot, spot.list);
      return one(spot.lat, spot.lng, style, spot.at, Number.NaN, Number.NaN);
    }
    return why;
  };
}

/** Entries of one list: each with a time of its own is a fix; without times only the first one is sent. */
function severalOf(context: MapContext, first: Spot, list: readonly unknown[]): Fixes {
  const fixes: Fix[] = [];
  for (const spot of context.facts.spots) {
    if (spot.list !== list || spot.style !== first.style || spot.failed !== null) continue;
    if (whyNot(spot.lat, spot.lng) !== null) continue;
    const time = plausible(ownTime(spot.at), context.timestamp);
    if (!Number.isNaN(time)) {
      fixes.push({ lat: spot.lat, lng: spot.lng, source: first.style, at: spot.at, alt: Number.NaN, time });
    }
  }
  return inOrder(fixes) ?? one(first.lat, first.lng, first.style, first.at, Number.NaN, Number.NaN);
}

/** By time, one fix a moment, the latest ones; null: none. */
function inOrder(fixes: Fix[]): Fixes | null {
  if (fixes.length === 0) return null;
  fixes.sort((a, b) => a.time - b.time);
  const distinct = fixes.filter((fix, index) => index === 0 || fix.time !== fixes[index - 1]?.time);
  return distinct.slice(-MAX_FIXES);
}

function ownTime(at: Spot['at']): number {
  for (const key in at) {
    if (keyInfo(key).meaning !== MEANING.time) continue;
    const time = anyTime(at[key]);
    if (!Number.isNaN(time)) return time;
  }
  return Number.NaN;
}

/** `messages[][] {type: "Latitude" | "Longitude", measurementValue, timestamp}`: both from one message. */
function typedList(context: MapContext): Fixes | string {
  const { typed } = context.facts;
  if (typed === null) return 'no messages of typed values';
  const refused = veto(context);
  if (refused !== null) return refused;
  const fixes: Fix[] = [];
  let untimed: Fixes | null = null;
  let why = 'no message with both Latitude and Longitude';
  const groups = isObject(typed[0]) ? [typed] : typed;
  for (const group of groups.slice(0, 200)) {
    if (!Array.isArray(group)) continue;
    let lat = Number.NaN;
    let lng = Number.NaN;
    let time = Number.NaN;
    for (const entry of group.slice(0, 100)) {
      if (!isObject(entry) || typeof entry.type !== 'string') continue;
      const { meaning } = keyInfo(entry.type);
      if (meaning === MEANING.latitude) lat = coordinate(entry.measurementValue);
      else if (meaning === MEANING.longitude) lng = coordinate(entry.measurementValue);
      else if (meaning === MEANING.time && Number.isNaN(time)) time = anyTime(entry.measurementValue);
      else continue;
      if (entry.timestamp !== undefined) time = anyTime(entry.timestamp);
    }
    if (Number.isNaN(lat) && Number.isNaN(lng)) continue;
    const bad = whyNot(lat, lng);
    if (bad !== null) {
      why = bad;
      continue;
    }
    time = plausible(time, context.timestamp);
    if (!Number.isNaN(time)) fixes.push({ lat, lng, source: 'typed', at: null, alt: Number.NaN, time });
    else untimed ??= one(lat, lng, 'typed', null, Number.NaN, Number.NaN);
  }
  return inOrder(fixes) ?? untimed ?? why;
}

const TWO_NUMBERS = /^\s*[([]?\s*([+-]?\d{1,3}(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*[)\]]?\s*$/;
/** Names that say the order of the two themselves. */
const LNG_FIRST = /^(lng|lon|long)_?lat/i;
const LAT_FIRST = /^lat_?(lng|lon|long)/i;

function latLngText(context: MapContext): Fixes | string {
  let why = 'no text "lat,lng"';
  for (const place of context.facts.places) {
    if (typeof place.value !== 'string' || place.value.length > 60) continue;
    const match = TWO_NUMBERS.exec(place.value);
    // Two whole numbers are too little to be taken for a place.
    if (match === null || !place.value.includes('.')) continue;
    const refused = veto(context);
    if (refused !== null) return refused;
    const isLngFirst = LNG_FIRST.test(place.key);
    const lat = Number(match[isLngFirst ? 2 : 1]);
    const lng = Number(match[isLngFirst ? 1 : 2]);
    const bad = whyNot(lat, lng);
    if (bad === null) return one(lat, lng, 'place', place.at, Number.NaN, Number.NaN);
    why = bad;
  }
  return why;
}

function lngLatList(context: MapContext): Fixes | string {
  let why = 'no list [lng, lat]';
  for (const place of context.facts.places) {
    if (typeof place.value === 'string') continue;
    const refused = veto(context);
    if (refused !== null) return refused;
    const { value: list, key } = place;
    const found = listed(LAT_FIRST.test(key) ? [list[1], list[0], ...list.slice(2, 4)] : list);
    if (typeof found !== 'string') return one(found.lat, found.lng, 'place', place.at, found.alt, Number.NaN);
    why = found;
  }
  return why;
}

function pointsLocation(context: MapContext): Fixes | string {
  let why = 'no points with a location';
  const fixes: Fix[] = [];
  let untimed: Fixes | null = null;
  for (const point of context.points) {
    if (point.meaning !== MEANING.place || (point.unit !== 'gps' && point.unit !== '')) continue;
    const refused = veto(context);
    if (refused !== null) return refused;
    if (!Array.isArray(point.value)) continue;
    const found = unswapped(context, point.value);
    if (typeof found === 'string') {
      why = found;
      continue;
    }
    const time = plausible(point.time, context.timestamp);
    if (!Number.isNaN(time)) fixes.push({ ...found, source: 'points', at: null, time });
    else untimed ??= one(found.lat, found.lng, 'points', null, found.alt, Number.NaN);
  }
  return inOrder(fixes) ?? untimed ?? why;
}

/** Some drivers write [lat, lng]: seen when the payload has the same two numbers the other way round. */
function unswapped(context: MapContext, list: readonly unknown[]): ReturnType<typeof listed> {
  const first = num(list[0]);
  const second = num(list[1]);
  for (const spot of context.facts.spots) {
    if (spot.lat === first && spot.lng === second && first !== second && whyNot(first, second) === null) {
      return { lat: first, lng: second, alt: num(list[2]) };
    }
  }
  return listed(list);
}

export const POSITION_RULES: readonly Rule<MapContext, Fixes>[] = [
  { name: 'resolved-coordinates', take: located(true, 'not a resolved position') },
  { name: 'abeeway-gnss-fix', take: spots('gnssFix', 'no position.gnssFix') },
  { name: 'abeeway-gps-fields', take: spots('abeeway', 'no gpsLatitude and gpsLongitude') },
  { name: 'pair-in-object', take: spots('pair', 'no pair of coordinates') },
  { name: 'typed-list', take: typedList },
  { name: 'lat-lng-text', take: latLngText },
  { name: 'lng-lat-list', take: lngLatList },
  { name: 'points-location', take: pointsLocation },
  { name: 'network-location', take: located(false, 'the network tells no place') },
];
