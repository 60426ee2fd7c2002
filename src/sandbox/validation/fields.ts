// Small checks shared by the validation: each returns null, or what is wrong with the value at a path.

export type Fields = Readonly<Record<string, Field>>;

export interface Field {
  readonly is: 'integer' | 'number' | 'string' | 'boolean' | 'date-time' | 'list';
  /** Least value, or least length. */
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly oneOf?: readonly unknown[];
  readonly required?: true;
  /** `list`: what each element, an object, must have. */
  readonly of?: ObjectRule;
  /** `list`: what each element, a number, must be. */
  readonly each?: Field;
}

export interface ObjectRule {
  readonly fields: Fields;
  /** Fields of which the one needs the other. */
  readonly pairs?: readonly (readonly [string, string])[];
  readonly closed?: true;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole or any number in a range; absent is right. */
export function badNumber(value: unknown, path: string, min: number, max: number, whole: boolean): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'number') return `${path} must be a number`;
  if (whole && !Number.isInteger(value)) return `${path} must be an integer`;
  if (value >= min && value <= max) return null;
  return `${path} must be between ${min} and ${max}`;
}

export function badBoolean(value: unknown, path: string): string | null {
  return value === undefined || typeof value === 'boolean' ? null : `${path} must be a boolean`;
}

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

export function badField(value: unknown, path: string, rule: Field): string | null {
  if (value === undefined) return rule.required ? `${path} is required` : null;
  if (rule.oneOf && !rule.oneOf.includes(value)) return `${path} must be one of ${rule.oneOf.join(', ')}`;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule;
  switch (rule.is) {
    case 'integer':
      return badNumber(value, path, min, max, true);
    case 'number':
      return badNumber(value, path, min, max, false);
    case 'boolean':
      return badBoolean(value, path);
    case 'date-time':
      return typeof value === 'string' && DATE_TIME.test(value) && !Number.isNaN(Date.parse(value))
        ? null
        : `${path} must be a date-time`;
    case 'string':
      if (typeof value !== 'string') return `${path} must be a string`;
      if (value.length < min || value.length > max) return `${path} must have ${min} to ${max} characters`;
      return rule.pattern && !rule.pattern.test(value) ? `${path} has the wrong form` : null;
    case 'list':
      return badList(value, path, rule);
  }
}

function badList(value: unknown, path: string, rule: Field): string | null {
  if (!Array.isArray(value)) return `${path} must be an array`;
  if (value.length < (rule.min ?? 0)) return `${path} must have at least ${rule.min} items`;
  if (value.length > (rule.max ?? Number.POSITIVE_INFINITY)) return `${path} must have at most ${rule.max} items`;
  for (let i = 0; i < value.length; i++) {
    const wrong = rule.of
      ? badObject(value[i], `${path}[${i}]`, rule.of)
      : rule.each
        ? badField(value[i], `${path}[${i}]`, rule.each)
        : null;
    if (wrong) return wrong;
  }
  return null;
}

export function badObject(value: unknown, path: string, rule: ObjectRule): string | null {
  if (!isObject(value)) return `${path} must be an object`;
  for (const name in rule.fields) {
    const wrong = badField(value[name], `${path}.${name}`, rule.fields[name]!);
    if (wrong) return wrong;
  }
  for (const [one, other] of rule.pairs ?? []) {
    if ((value[one] === undefined) !== (value[other] === undefined)) return `${path}.${one} and ${other} go together`;
  }
  if (rule.closed) {
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(rule.fields, name)) return `${path}.${name} is not allowed`;
    }
  }
  return null;
}
