// Checks a request against its route's schemas: path, query and body at once, every wrong field named, texts of the query made
// numbers and booleans where the schema wants those.
import type { FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { CONNECTION_ID_PATTERN } from '../domain/connection.ts';
import { explain, MAX_FIELD_ERRORS, type PatternWords } from '../domain/explain-schema.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import { Refusal, type RequestField } from './problem.ts';

const ID_WORDS = 'at most 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit';

/** Of patterns in the API's own schemas. */
const words: Readonly<Record<string, string>> = {
  [CONNECTION_ID_PATTERN]: ID_WORDS,
  '^[0-9A-Fa-f]{16}$': 'the 16 hex digits of a DevEUI',
};

interface Keywords {
  readonly type?: string;
  readonly anyOf?: readonly Keywords[];
  readonly properties?: Readonly<Record<string, Keywords>>;
}

export interface RouteSchemas {
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** The body may be left out. */
  readonly bodyOptional?: boolean;
}

/** Far more than any definition or message has: what walks through a body calls itself for each level. */
const MAX_DEPTH = 100;

const validators = new WeakMap<TSchema, Validator>();

/** Compiled at first use: most runs of a worker never see most routes. */
export function check(schema: TSchema, value: unknown, patterns: PatternWords = words): RequestField[] {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  if (validator.Check(value)) return [];
  const errors = explain(schema, value, patterns);
  return errors.length > 0 ? errors : [{ pointer: '', message: 'does not follow the schema' }];
}

/** Throws the Refusal (400) that names all that is wrong. Changes `params` and `query` to typed values. */
export function validateRequest(request: FastifyRequest, schemas: RouteSchemas): void {
  refuseDeep(request.body);
  const errors: RequestField[] = [];
  if (schemas.params !== undefined) {
    request.params = typed(schemas.params, request.params);
    for (const error of check(schemas.params, request.params)) errors.push({ ...error, in: 'path' });
  }
  const query = { ...(request.query as object) };
  request.query = schemas.querystring === undefined ? query : typed(schemas.querystring, query);
  for (const error of check(schemas.querystring ?? NO_QUERY, request.query)) errors.push({ ...error, in: 'query' });
  if (schemas.headers !== undefined) {
    for (const error of check(schemas.headers, typed(schemas.headers, request.headers))) {
      errors.push({ ...error, in: 'header' });
    }
  }
  if (schemas.body !== undefined && (request.body !== undefined || schemas.bodyOptional !== true)) {
    if (request.body === undefined)
      errors.push({ pointer: '', message: 'is missing; a JSON body is needed', in: 'body' });
    else for (const error of check(schemas.body, request.body)) errors.push({ ...error, in: 'body' });
  }
  if (errors.length === 0) return;
  throw new Refusal(400, summary(errors), { errors: errors.slice(0, MAX_FIELD_ERRORS) });
}

/** A sentence for those who read nothing else. */
export function summary(errors: readonly RequestField[]): string {
  const first = errors[0];
  if (first === undefined) return 'The request does not validate';
  const where = first.in === 'query' ? 'The query parameter' : first.in === 'path' ? 'The path' : 'The field';
  const name = first.in === 'query' ? first.pointer.slice(1) : first.pointer || '/';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  return `${where} ${name} ${first.message}${more}`;
}

const NO_QUERY = { type: 'object', properties: {}, additionalProperties: false } as TSchema;

/** A copy in which texts are what the schema wants, where they can be. */
function typed(schema: TSchema, value: unknown): Record<string, unknown> {
  const result: Record<string, unknown> = isPlainObject(value) ? { ...value } : {};
  for (const [name, item] of Object.entries((schema as Keywords).properties ?? {})) {
    if (!Object.hasOwn(result, name)) continue;
    result[name] = typedValue(item, result[name]);
  }
  return result;
}

function typedValue(schema: Keywords, value: unknown): unknown {
  if (schema.type === 'array') return typeof value === 'string' ? value.split(',') : value;
  if (typeof value !== 'string') return value;
  const types = schema.anyOf?.map(({ type }) => type) ?? [schema.type];
  if ((types.includes('integer') || types.includes('number')) && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (types.includes('boolean') && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function refuseDeep(body: unknown): void {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const deep = fields.find(([, value]) => isDeeperThan(MAX_DEPTH, value));
  if (deep === undefined) return;
  const pointer = `/${deep[0].replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const errors = [{ pointer, message: `is nested deeper than ${MAX_DEPTH} levels`, in: 'body' as const }];
  throw new Refusal(400, summary(errors), { errors });
}

function isDeeperThan(levels: number, value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}
