// Tells in plain words what a value breaks of a schema: every field at once, by JSON pointer, never with the value itself.
// TypeBox's own list stops at eight errors by default and words unions as "must match a schema in anyOf", hence this.
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import type { FieldError } from './connection.ts';
import { nearest } from './nearest.ts';
import { isPlainObject } from './plain-object.ts';

/** More are of no use to a person, and a definition may hold thousands of wrong matchers. */
export const MAX_FIELD_ERRORS = 100;

/** The JSON Schema keywords that the schemas of definitions and of the API use. */
interface Keywords {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Keywords[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly items?: Keywords;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly additionalProperties?: unknown;
  readonly minProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

const FORMAT_WORDS: Readonly<Record<string, string>> = {
  'date-time': 'a time in ISO 8601 with its offset, such as 2026-11-28T10:00:00Z',
};

/** What is allowed, by pattern: a regular expression says little to most people. */
export type PatternWords = Readonly<Record<string, string>>;

/** All that is wrong with `value`, at most `MAX_FIELD_ERRORS`; empty exactly when the schema takes it. */
export function explain(schema: TSchema, value: unknown, patternWords: PatternWords): FieldError[] {
  const errors: FieldError[] = [];
  new Explanation(errors, patternWords).visit(schema as Keywords, value, '');
  return errors;
}

function pointerTo(parent: string, key: string | number): string {
  const short = String(key).length > 64 ? `${String(key).slice(0, 64)}…` : String(key);
  return `${parent}/${short.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

class Explanation {
  readonly #errors: FieldError[];
  readonly #patternWords: PatternWords;

  constructor(errors: FieldError[], patternWords: PatternWords) {
    this.#errors = errors;
    this.#patternWords = patternWords;
  }

  visit(schema: Keywords, value: unknown, pointer: string): void {
    if (this.#errors.length >= MAX_FIELD_ERRORS) return;
    if (schema.anyOf !== undefined) this.#union(schema.anyOf, value, pointer);
    else if (schema.properties !== undefined) this.#object(schema, schema.properties, value, pointer);
    else if (schema.items !== undefined) this.#array(schema, schema.items, value, pointer);
    else if (!Check(schema as TSchema, value)) this.#tell(pointer, `must be ${this.#allowed(schema)}`);
  }

  #object(schema: Keywords, properties: Readonly<Record<string, Keywords>>, value: unknown, pointer: string): void {
    if (!isPlainObject(value)) {
      this.#tell(pointer, `must be an object with ${listWords(Object.keys(properties), 'and')}`);
      return;
    }
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name) || value[name] === undefined) {
        this.#tell(pointerTo(pointer, name), `is missing; it must be ${this.#allowed(properties[name] ?? {})}`);
      }
    }
    for (const [name, item] of Object.entries(value)) {
      const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (known === undefined) {
        if (schema.additionalProperties === false) this.#unknown(name, Object.keys(properties), pointer);
      } else if (item !== undefined) this.visit(known, item, pointerTo(pointer, name));
    }
    if (Object.keys(value).length < (schema.minProperties ?? 0)) {
      this.#tell(pointer, `must have at least one of ${listWords(Object.keys(properties), 'and')}`);
    }
  }

  #unknown(name: string, known: readonly string[], pointer: string): void {
    const near = nearest(name, known);
    const all = known.length === 0 ? 'none is known here' : `known here: ${listWords(known, 'and')}`;
    const hint = near === null ? all : `did you mean "${near}"?`;
    this.#tell(pointerTo(pointer, name), `is not a known field; ${hint}`);
  }

  #array(schema: Keywords, items: Keywords, value: unknown, pointer: string): void {
    const count = Array.isArray(value) ? value.length : -1;
    if (!Array.isArray(value) || count < (schema.minItems ?? 0) || count > (schema.maxItems ?? Infinity)) {
      this.#tell(pointer, `must be ${this.#allowed(schema)}`);
      return;
    }
    for (const [index, item] of value.entries()) this.visit(items, item, pointerTo(pointer, index));
  }

  /** Alternatives told apart by a field with a fixed value are explained by the one that was meant. */
  #union(branches: readonly Keywords[], value: unknown, pointer: string): void {
    if (branches.some((branch) => Check(branch as TSchema, value))) return;
    const tag = discriminator(branches);
    if (tag === null) {
      this.#tell(pointer, `must be ${this.#allowed({ anyOf: branches })}`);
      return;
    }
    if (!isPlainObject(value)) {
      this.#tell(pointer, `must be ${this.#allowed({ anyOf: branches })}`);
      return;
    }
    const said = Object.hasOwn(value, tag) ? value[tag] : undefined;
    const meant = branches.find((branch) => branch.properties?.[tag]?.const === said);
    if (meant !== undefined) {
      this.visit(meant, value, pointer);
      return;
    }
    const choices = branches.map((branch) => JSON.stringify(branch.properties?.[tag]?.const));
    const verb = said === undefined ? 'is missing; it must be' : 'must be';
    this.#tell(pointerTo(pointer, tag), `${verb} ${listWords(choices, 'or')}`);
  }

  #allowed(schema: Keywords): string {
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum !== undefined) return `one of ${listWords(schema.enum.map(String), 'or')}`;
    if (schema.anyOf !== undefined) {
      return listWords(
        schema.anyOf.map((branch) => this.#allowed(branch)),
        'or',
      );
    }
    if (schema.properties !== undefined) {
      const parts = Object.entries(schema.properties).map(([name, item]) =>
        item.const === undefined ? name : `${name} ${JSON.stringify(item.const)}`,
      );
      return `an object with ${listWords(parts, 'and')}`;
    }
    if (schema.items !== undefined) return `a list${range(schema.minItems, schema.maxItems, 'entries')}`;
    if (schema.type === 'null') return 'null';
    if (schema.type === 'object') return 'an object';
    if (schema.format !== undefined) return FORMAT_WORDS[schema.format] ?? `a text in the form ${schema.format}`;
    if (schema.type === 'boolean') return 'true or false';
    if (schema.type === 'integer') return `a whole number${range(schema.minimum, schema.maximum, '')}`;
    if (schema.type === 'number') return `a number${range(schema.minimum, schema.maximum, '')}`;
    const words = schema.pattern === undefined ? undefined : (this.#patternWords[schema.pattern] ?? schema.pattern);
    const length = range(schema.minLength, schema.maxLength, 'characters');
    return words === undefined ? `a text${length}` : `a text${length}: ${words}`;
  }

  #tell(pointer: string, message: string): void {
    if (this.#errors.length < MAX_FIELD_ERRORS) this.#errors.push({ pointer, message });
  }
}

function discriminator(branches: readonly Keywords[]): string | null {
  const first = branches[0]?.properties ?? {};
  for (const name of Object.keys(first)) {
    if (branches.every((branch) => branch.properties?.[name]?.const !== undefined)) return name;
  }
  return null;
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  const tail = unit === '' ? '' : ` ${unit}`;
  if (min !== undefined && max !== undefined)
    return unit === '' ? ` from ${min} to ${max}` : ` of ${min} to ${max}${tail}`;
  if (max !== undefined) return ` of at most ${max}${tail}`;
  if (min !== undefined) return ` of at least ${min}${tail}`;
  return '';
}

export function listWords(words: readonly string[], joint: 'and' | 'or'): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} ${joint} ${words[words.length - 1]}`;
}
