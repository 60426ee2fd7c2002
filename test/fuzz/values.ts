// Values for requests: what a JSON schema allows, and what it does not, from a seed.
import fc from 'fast-check';

export type Schema = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 5;

/** Values that programs stumble over. */
const HOSTILE: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1e308,
    -0,
    2 ** 53,
    '',
    ' ',
    '\u0000',
    '😀\ud800',
    '../../etc/passwd',
    '%00',
    "' OR 1=1 --",
    '$(7*7)',
  ],
  ...[
    'x'.repeat(10_000),
    '2026-13-45T99:99:99Z',
    [],
    {},
    [[[[[[]]]]]],
    { __proto__: 1 },
    { constructor: { prototype: {} } },
  ],
  JSON.parse('{"__proto__": {"role": "admin"}, "toString": 1}'),
];

export const hostile: fc.Arbitrary<unknown> = fc.constantFrom(...HOSTILE);

/** What the schema allows, as far as a generator can know it. `components`: of the OpenAPI document. */
export function allowedBy(schema: unknown, components: Schema, depth = 0): fc.Arbitrary<unknown> {
  const node = (typeof schema === 'object' && schema !== null ? schema : {}) as Schema;
  if (typeof node.$ref === 'string') {
    return allowedBy(components[node.$ref.split('/').at(-1) ?? ''], components, depth);
  }
  if (node.const !== undefined) return fc.constant(node.const);
  if (Array.isArray(node.enum)) return fc.constantFrom(...(node.enum as unknown[]));
  const choices = (node.anyOf ?? node.oneOf) as unknown[] | undefined;
  if (Array.isArray(choices)) return fc.oneof(...choices.map((each) => allowedBy(each, components, depth)));
  const type = Array.isArray(node.type) ? node.type[0] : node.type;
  switch (type) {
    case 'string':
      return text(node);
    case 'integer':
      return fc.integer({ min: bound(node.minimum, -1000), max: bound(node.maximum, 100_000) });
    case 'number':
      return fc.double({ min: bound(node.minimum, -1e6), max: bound(node.maximum, 1e6), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const least = Number(node.minItems ?? 0);
      const item = depth > MAX_DEPTH ? fc.constant(0) : allowedBy(node.items, components, depth + 1);
      return fc.array(item, { minLength: least, maxLength: Math.max(least, Math.min(Number(node.maxItems ?? 3), 3)) });
    }
    case 'object':
      return object(node, components, depth);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object(node: Schema, components: Schema, depth: number): fc.Arbitrary<unknown> {
  const properties = (node.properties ?? {}) as Record<string, unknown>;
  if (Object.keys(properties).length === 0 || depth > MAX_DEPTH) return fc.constant({});
  const required = new Set(node.required as string[] | undefined);
  const entries = Object.entries(properties);
  const model = Object.fromEntries(entries.map(([name, each]) => [name, allowedBy(each, components, depth + 1)]));
  return fc.record(model, { requiredKeys: entries.map(([name]) => name).filter((name) => required.has(name)) });
}

function text({ pattern, format, minLength, maxLength }: Schema): fc.Arbitrary<unknown> {
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
  if (typeof pattern === 'string') {
    try {
      return fc.stringMatching(new RegExp(pattern), { size: 'small' });
    } catch {
      // A pattern that the generator does not know: any text will do.
    }
  }
  const least = Math.min(Number(minLength ?? 0), 100);
  const most = Math.max(least, Math.min(Number(maxLength ?? 40), 40));
  return fc.string({ minLength: least, maxLength: most, size: 'max' });
}

function bound(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(-1e9, Math.min(1e9, value)) : fallback;
}

/** Mostly as it is; now and then something of it is replaced, added or left out. */
export function spoiled(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { arbitrary: value, weight: 5 },
    { arbitrary: fc.tuple(value, hostile, fc.nat(20)).map(([whole, bad, at]) => replaced(whole, bad, at)), weight: 4 },
    { arbitrary: hostile, weight: 1 },
  );
}

function replaced(whole: unknown, bad: unknown, at: number): unknown {
  if (typeof whole !== 'object' || whole === null) return bad;
  if (Array.isArray(whole)) return whole.length === 0 ? [bad] : whole.with(at % whole.length, bad);
  const names = Object.keys(whole);
  const name = names[at % (names.length + 1)];
  if (name === undefined) return { ...whole, unknownField: bad };
  const inner = (whole as Record<string, unknown>)[name];
  return { ...whole, [name]: typeof inner === 'object' && at % 2 === 0 ? replaced(inner, bad, at >> 1) : bad };
}
