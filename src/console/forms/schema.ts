// The part of JSON schema that a connector's configuration uses, and what it says of a value before the bridge is asked.

export interface FieldSchema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-group'?: 'basic' | 'advanced';
  readonly 'x-control'?: string;
}

export interface FormSchema {
  readonly properties: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
}

/** What a form holds: the text of each field as typed, booleans as they are. Absent: not touched. */
export type FormValues = Readonly<Record<string, string | boolean>>;

export interface FieldFault {
  readonly kind: 'required' | 'short' | 'long' | 'pattern' | 'number' | 'least' | 'most' | 'json' | 'email';
  readonly bound?: number;
}

/** Null: as far as can be told here it is right. The bridge has the last word. */
export function faultOf(schema: FieldSchema, value: string, isRequired: boolean): FieldFault | null {
  if (value.trim() === '') return isRequired ? { kind: 'required' } : null;
  if (schema.type === 'integer' || schema.type === 'number') return numberFault(schema, value);
  if (schema.type === 'object' || schema.type === 'array') return isJson(value) ? null : { kind: 'json' };
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  if (value.length < minLength) return { kind: 'short', bound: minLength };
  if (value.length > maxLength) return { kind: 'long', bound: maxLength };
  if (schema['x-control'] === 'email' && !/^\S+@\S+$/.test(value)) return { kind: 'email' };
  return pattern !== undefined && !new RegExp(pattern).test(value) ? { kind: 'pattern' } : null;
}

function numberFault({ type, minimum = -Infinity, maximum = Infinity }: FieldSchema, value: string): FieldFault | null {
  const number = Number(value);
  if (!Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number))) return { kind: 'number' };
  if (number < minimum) return { kind: 'least', bound: minimum };
  return number > maximum ? { kind: 'most', bound: maximum } : null;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** The value that goes to the bridge; undefined: left out. */
export function sentValue(schema: FieldSchema, typed: string | boolean): unknown {
  if (typeof typed === 'boolean') return typed;
  const text = schema['x-control'] === 'password' ? typed : typed.trim();
  if (text === '') return undefined;
  if (schema.type === 'integer' || schema.type === 'number') return Number(text);
  if (schema.type === 'object' || schema.type === 'array') return JSON.parse(text);
  if (schema.type === 'boolean') return text === 'true';
  return text;
}

/** The text by which a form shows a value of the bridge's. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
}

/** The configuration that a form stands for, without what was left empty. */
export function configurationOf(schema: FormSchema, values: FormValues): Record<string, unknown> {
  const configuration: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema.properties)) {
    const typed = values[name];
    if (typed === undefined) continue;
    const value = sentValue(field, typed);
    if (value !== undefined && value !== field.default) configuration[name] = value;
  }
  return configuration;
}
