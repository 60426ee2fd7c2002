// ThingPark's `points`: values with their units, beside or instead of the decoded payload.
import { anyTime } from '../iso-time.ts';
import { isObject, type JsonObject, num } from '../values.ts';
import { KeyTrail, MEANING } from './keys.ts';

export interface Point {
  readonly meaning: number;
  readonly key: string;
  /** Lower case: "cel", "%", "pa", "m/s" … "" when none is given. */
  readonly unit: string;
  readonly value: unknown;
  /** ms since the epoch; NaN: without a time of its own. */
  readonly time: number;
}

/** More are not looked at. */
const MAX_POINTS = 200;
const MAX_RECORDS = 100;
const trail = new KeyTrail(MAX_POINTS);

/**
 * The points that mean something to HERE, in the order of the message; of a sensor's several `records` the latest only.
 * Names may carry an index (`temperature:1`); `record` holds one value, `records` values or `{value | record, eventTime}`.
 */
export function readPoints(points: JsonObject | null): readonly Point[] {
  if (points === null) return NONE;
  const found: Point[] = [];
  let seen = 0;
  for (const key in points) {
    if (++seen > MAX_POINTS) break;
    const point = points[key];
    if (!isObject(point)) continue;
    const { meaning } = trail.at(seen - 1, key);
    if (meaning === MEANING.none) continue;
    const unit = unitOf(point.unitId);
    const time = anyTime(point.eventTime);
    if (Array.isArray(point.records)) readRecords(found, { meaning, key, unit }, point.records);
    else if (point.record !== undefined) found.push({ meaning, key, unit, value: point.record, time });
    else if (point.value !== undefined) found.push({ meaning, key, unit, value: point.value, time });
  }
  return found;
}
const NONE: readonly Point[] = Object.freeze([]);

/** A fleet has few units: each is made lower case once. */
const units = new Map<string, string>();

function unitOf(unitId: unknown): string {
  if (typeof unitId !== 'string') return '';
  let unit = units.get(unitId);
  if (unit !== undefined) return unit;
  unit = unitId.slice(0, 12).toLowerCase();
  if (units.size < 200 && unitId.length <= 12) units.set(unitId, unit);
  return unit;
}

function readRecords(
  found: Point[],
  point: Pick<Point, 'meaning' | 'key' | 'unit'>,
  records: readonly unknown[],
): void {
  // A list of two or three numbers is one pair of coordinates, not several records.
  if (point.meaning === MEANING.place && records.length >= 2 && typeof records[0] !== 'object') {
    found.push({ ...point, value: records, time: Number.NaN });
    return;
  }
  const read: Point[] = [];
  for (const record of records.slice(0, MAX_RECORDS)) {
    if (isObject(record)) {
      const value = record.value ?? record.record;
      read.push({ ...point, value, time: anyTime(record.eventTime ?? record.time ?? record.timestamp) });
    } else read.push({ ...point, value: record, time: Number.NaN });
  }
  if (point.meaning === MEANING.place) {
    found.push(...read);
    return;
  }
  let latest = read[0];
  for (const one of read) if (latest !== undefined && one.time > (latest.time || 0)) latest = one;
  if (latest !== undefined) found.push(latest);
}

/** A number in the unit wanted; NaN where the unit is another quantity's or not known. */
export function speedOf(point: Point): number {
  const value = num(point.value);
  switch (point.unit) {
    case 'm/s':
    case 'mps':
      return value;
    case 'km/h':
    case 'kmh':
    case 'km/hr':
      return value / 3.6;
    case 'mm/s':
      return value / 1000;
    case 'cm/s':
      return value / 100;
    case 'kn':
    case 'knot':
    case 'knots':
      return value * 0.514444;
    default:
      return Number.NaN;
  }
}
