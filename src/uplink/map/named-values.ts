// Values that come with their name or unit beside them instead of as a plain field: `{variable: "latitude", value: 43.6}`,
// `{n: "temperature", v: 21.5, u: "Cel"}`, `temperature: {value: 21.5, unit: "°C"}`.
import { isObject, type JsonObject } from '../values.ts';
import { FIRST_SENSOR, keyInfo, LAST_SENSOR, MEANING } from './keys.ts';

const MAX_ENTRIES = 200;

/** The object that a list of named values stands for; null: the list holds something else. */
export function namedValues(list: readonly unknown[]): JsonObject | null {
  if (list.length < 2 || nameOf(list[0]) === null) return null;
  const named: Record<string, unknown> = Object.create(null);
  for (const entry of list.slice(0, MAX_ENTRIES)) {
    const name = nameOf(entry);
    if (name === null) continue;
    const value = scalarOf(entry as JsonObject);
    if (value === undefined || name in named) continue;
    const { meaning } = keyInfo(name);
    named[name] = meaning >= FIRST_SENSOR && meaning <= LAST_SENSOR ? withUnit(value, entry as JsonObject) : value;
    // A coordinate's own time is the fix's.
    const { time, timestamp } = entry as JsonObject;
    if (meaning === MEANING.latitude && (time ?? timestamp) !== undefined) named.time ??= time ?? timestamp;
  }
  return named;
}

function nameOf(entry: unknown): string | null {
  if (!isObject(entry) || scalarOf(entry) === undefined) return null;
  const name = entry.variable ?? entry.name ?? entry.key ?? entry.measurement ?? entry.type ?? entry.n;
  return typeof name === 'string' && name !== '' && name.length <= 64 ? name : null;
}

/** The value of `{value, unit}` in place of a plain one; undefined: the object is something else. */
export function wrappedValue(value: object, meaning: number): unknown {
  if (Array.isArray(value)) return undefined;
  const found = scalarOf(value as JsonObject);
  if (found === undefined) return undefined;
  return meaning >= FIRST_SENSOR && meaning <= LAST_SENSOR ? withUnit(found, value as JsonObject) : found;
}

function scalarOf(object: JsonObject): unknown {
  const value = object.value ?? object.v ?? object.val;
  return value !== undefined && value !== null && typeof value !== 'object' ? value : undefined;
}

function withUnit(value: unknown, object: JsonObject): unknown {
  const unit = object.unit ?? object.unitId ?? object.units ?? object.u;
  if (typeof value !== 'number' || typeof unit !== 'string' || unit === '' || unit.length > 12) return value;
  return `${value} ${unit === 'Cel' ? 'C' : unit === 'Far' ? 'F' : unit}`;
}

/** `{type, measurementValue}` entries, or lists of them. */
export function isTyped(list: readonly unknown[]): boolean {
  const first: unknown = Array.isArray(list[0]) ? list[0][0] : list[0];
  return isObject(first) && first.measurementValue !== undefined;
}
