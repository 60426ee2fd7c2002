// What is wrong with the overrides of a definition beyond its schema, by JSON pointer below `mapping`, in plain words.
import type { FieldError } from '../../domain/connection.ts';
import { nearest } from '../../domain/nearest.ts';
import { isObject } from '../values.ts';
import {
  ACCURACY_RULES,
  ALTITUDE_RULES,
  FIX_TIME_RULES,
  MOTION_RULES,
  SATELLITE_RULES,
  TYPE_RULES,
} from './fix-rules.ts';
import { OVERRIDE_FIELDS, type OverrideValue } from './override-fields.ts';
import { isSkippablePart } from './overrides.ts';
import { POSITION_RULES } from './position-rules.ts';
import { SCAN_RULES } from './scan-rules.ts';
import { SENSOR_FIELDS } from './sensor-rules.ts';

export const RULE_NAMES: readonly string[] = [
  ...[
    POSITION_RULES,
    TYPE_RULES,
    ACCURACY_RULES,
    ALTITUDE_RULES,
    MOTION_RULES,
    SATELLITE_RULES,
    FIX_TIME_RULES,
  ].flatMap((rules) => rules.map(({ name }) => name)),
  ...SCAN_RULES.map(({ name }) => name),
  ...SENSOR_FIELDS.flatMap(({ rules }) => rules.map(({ name }) => name)),
];

const KEYS = ['pointer', 'const', 'scale', 'offset', 'unit', 'enum'];
const MAX_ERRORS = 50;

/** `mapping` need not have passed the schema: what has the wrong type is left to it. */
export function checkMapping(mapping: unknown): FieldError[] {
  const errors: FieldError[] = [];
  const tell = (pointer: string, message: string): void => {
    if (errors.length < MAX_ERRORS) errors.push({ pointer, message });
  };
  if (!Array.isArray(mapping)) return errors;
  for (const [index, entry] of mapping.slice(0, 100).entries()) {
    if (!isObject(entry)) continue;
    const at = `/${index}`;
    if (entry.set === undefined && entry.skip === undefined) tell(at, 'must have set, skip or both');
    if (isObject(entry.set)) checkSet(entry.set, `${at}/set`, tell);
    if (!Array.isArray(entry.skip)) continue;
    for (const [i, name] of entry.skip.slice(0, 100).entries()) {
      if (typeof name !== 'string' || RULE_NAMES.includes(name) || isSkippablePart(name)) continue;
      const near = nearest(name, RULE_NAMES);
      const hint = near === null ? '' : `; did you mean "${near}"?`;
      tell(`${at}/skip/${i}`, `must name a rule of docs/mapping.md, or be /position or /scan${hint}`);
    }
  }
  return errors;
}

type Tell = (pointer: string, message: string) => void;

function checkSet(set: Readonly<Record<string, unknown>>, at: string, tell: Tell): void {
  const fields = Object.keys(set);
  for (const field of fields.slice(0, 100)) {
    const here = `${at}/${field.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!Object.hasOwn(OVERRIDE_FIELDS, field)) {
      const near = nearest(field, Object.keys(OVERRIDE_FIELDS));
      tell(
        here,
        `is not a field that can be set; ${near === null ? `known: ${Object.keys(OVERRIDE_FIELDS).join(', ')}` : `did you mean "${near}"?`}`,
      );
    } else checkSource(field, set[field], here, tell);
  }
  for (const [one, other] of [
    ['/position/lat', '/position/lng'],
    ['/position/speed', '/position/heading'],
  ] as const) {
    if (fields.includes(one) !== fields.includes(other)) tell(at, `must set ${one} and ${other} together`);
  }
}

function checkSource(field: string, source: unknown, at: string, tell: Tell): void {
  const target = OVERRIDE_FIELDS[field] as (typeof OVERRIDE_FIELDS)[string];
  if (typeof source === 'string') {
    checkPointer(source, at, tell);
    return;
  }
  if (!isObject(source)) {
    tell(at, 'must be a JSON pointer such as "/payload/temp", or an object with pointer or const');
    return;
  }
  for (const key of Object.keys(source))
    if (!KEYS.includes(key)) tell(`${at}/${key}`, `is not known here: ${KEYS.join(', ')}`);
  if ((source.pointer === undefined) === (source.const === undefined)) tell(at, 'must have either pointer or const');
  if (source.pointer !== undefined) {
    if (typeof source.pointer === 'string') checkPointer(source.pointer, `${at}/pointer`, tell);
    else tell(`${at}/pointer`, 'must be a text');
  }
  if (source.const !== undefined && !takes(target, source.const)) tell(`${at}/const`, `must be ${target.expects}`);
  for (const key of ['scale', 'offset'] as const) {
    if (source[key] !== undefined && !Number.isFinite(source[key])) tell(`${at}/${key}`, 'must be a number');
  }
  if (source.unit !== undefined && (typeof source.unit !== 'string' || !Object.hasOwn(target.units, source.unit))) {
    const known = Object.keys(target.units);
    tell(
      `${at}/unit`,
      known.length === 0 ? 'has no place here: the field has no unit' : `must be one of ${known.join(', ')}`,
    );
  }
  if (source.enum === undefined) return;
  if (!isObject(source.enum) || Object.keys(source.enum).length === 0 || Object.keys(source.enum).length > 100) {
    tell(`${at}/enum`, 'must be an object of 1 to 100 values by what the message says');
    return;
  }
  for (const key of Object.keys(source.enum)) {
    if (!takes(target, source.enum[key])) tell(`${at}/enum/${key.slice(0, 64)}`, `must be ${target.expects}`);
  }
}

function takes(target: (typeof OVERRIDE_FIELDS)[string], value: unknown): boolean {
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
  return isPlain && target.fit(value as OverrideValue) !== null;
}

function checkPointer(pointer: string, at: string, tell: Tell): void {
  if (pointer.length > 300 || !/^(\/([^~/]|~[01])*)+$/.test(pointer)) {
    tell(at, 'must be a JSON pointer into the uplink below its root, such as /payload/gps/0/lat');
  }
}
