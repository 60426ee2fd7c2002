// Random and hostile requests over what /openapi.json says: no answer may be a 5xx or hang, and each must be as the document says.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { allowedBy, hostile, type Schema, spoiled } from './values.ts';

export interface FuzzOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly seconds: number;
  /** Names of things that are there, for path parameters. */
  readonly ids: readonly string[];
  readonly parallel?: number;
}

export interface FuzzReport {
  readonly requests: number;
  readonly operations: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  /** One line each, 100 at most. */
  readonly findings: readonly string[];
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: unknown;
    readonly required: boolean;
  }[];
  readonly body: unknown;
  readonly judge: (status: number, type: string, body: string) => string | null;
}

/** They do not end by themselves, or end what a test stands on. */
const LEFT_OUT = /\/(stream|tail|replay|backups)$|^\/(iot-flow\/v1\/)?downlinkMessages|\/keys\/(\{|rotate)/;
const TIMEOUT_MS = 30_000;
const MAX_FINDINGS = 100;

interface Request {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly oddHeader: string | null;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { url, headers = {}, seconds, parallel = 4 } = options;
  const document = (await (await fetch(`${url}/openapi.json`, { headers })).json()) as Schema;
  const operations = operationsOf(document);
  const components = ((document.components as Schema).schemas ?? {}) as Schema;
  const makers = operations.map((operation) => requestsOf(operation, components, options.ids));
  const statuses: Record<string, number> = {};
  const findings: string[] = [];
  const tell = (line: string): void => void (findings.length < MAX_FINDINGS && findings.push(line));
  let requests = 0;
  let slowestMs = 0;
  // Making the generators holds up the event loop: connections that the server has given up meanwhile are let go first.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const end = performance.now() + seconds * 1000;

  async function one(index: number, seed: number): Promise<void> {
    const operation = operations[index] as Operation;
    const [request] = fc.sample(makers[index] as fc.Arbitrary<Request>, { seed, numRuns: 1 }) as [Request];
    const where = `${operation.method.toUpperCase()} ${operation.path} (seed ${seed})`;
    const begun = performance.now();
    try {
      const answer = await send(url, headers, operation, request);
      const took = performance.now() - begun;
      slowestMs = Math.max(slowestMs, took);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      if (answer.status >= 500) tell(`${where}: ${answer.status} ${answer.text.slice(0, 300)}`);
      const wrong = operation.judge(answer.status, answer.type, answer.text);
      if (wrong !== null) tell(`${where}: ${wrong}`);
    } catch (error) {
      tell(
        `${where}: no answer after ${Math.round(performance.now() - begun)} ms: ${String((error as Error).cause ?? error)}`,
      );
    }
    requests += 1;
  }

  await Promise.all(
    Array.from({ length: parallel }, async (_, lane) => {
      for (let n = lane; performance.now() < end; n += parallel) await one(n % operations.length, options.seed + n);
    }),
  );
  return { requests, operations: operations.length, statuses, slowestMs: Math.round(slowestMs), findings };
}

function operationsOf(document: Schema): Operation[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: document.components });
  const compiled = new Map<string, ValidateFunction>();
  const validator = (schema: unknown): ValidateFunction => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"api#/');
    const known = compiled.get(text) ?? ajv.compile(JSON.parse(text));
    compiled.set(text, known);
    return known;
  };
  return Object.entries(document.paths as Record<string, Record<string, Schema>>).flatMap(([path, methods]) =>
    LEFT_OUT.test(path)
      ? []
      : Object.entries(methods).map(([method, operation]) => ({
          ...{ method, path, parameters: (operation.parameters ?? []) as Operation['parameters'] },
          body: bodyOf(operation),
          judge: (status: number, type: string, body: string) => judge(operation, validator, status, type, body),
        })),
  );
}

function bodyOf({ requestBody }: Schema): unknown {
  const { content } = (requestBody ?? {}) as { content?: Record<string, Schema> };
  return content?.['application/json']?.schema ?? null;
}

/** Null: as the document says. */
function judge(
  { responses }: Schema,
  validator: (schema: unknown) => ValidateFunction,
  status: number,
  type: string,
  body: string,
): string | null {
  const all = responses as Record<string, { content?: Record<string, Schema> }>;
  const response = all[status] ?? (status >= 400 ? all.default : undefined);
  if (response === undefined) return `${status} is none of its answers`;
  if (response.content === undefined) return body === '' ? null : `${status} has a body`;
  const media = type.split(';', 1)[0] ?? '';
  const content = response.content[media];
  if (content === undefined)
    return `${status} is ${media || 'nothing'}, not ${Object.keys(response.content).join(', ')}`;
  if (!/json$/.test(media) || /ndjson/.test(media)) return null;
  const validate = validator(content.schema);
  return validate(JSON.parse(body))
    ? null
    : `${status} is not as its schema: ${JSON.stringify(validate.errors?.slice(0, 2)).slice(0, 400)}`;
}

function requestsOf(
  { parameters, body }: Operation,
  components: Schema,
  ids: readonly string[],
): fc.Arbitrary<Request> {
  const model = Object.fromEntries(
    parameters.map(({ name, in: place, schema, required }) => {
      const allowed = allowedBy(schema, components);
      if (place === 'path') {
        const known = fc.constantFrom(...ids);
        return [
          name,
          fc.oneof(
            { arbitrary: known, weight: 4 },
            { arbitrary: allowed, weight: 2 },
            { arbitrary: hostile, weight: 1 },
          ),
        ];
      }
      return [name, required ? spoiled(allowed) : fc.option(spoiled(allowed), { nil: undefined })];
    }),
  );
  return fc.record({
    parameters: fc.record(model),
    body: body === null ? fc.constant(undefined) : spoiled(allowedBy(body, components)),
    oddHeader: fc.option(
      fc.constantFrom('if-match', 'if-none-match', 'idempotency-key', 'accept', 'prefer', 'content-type'),
      { freq: 8 },
    ),
  });
}

/** Short enough that all of them fit into a request's head. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(textOf).join(',') : (JSON.stringify(value) ?? 'undefined');
}

async function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  { method, path, parameters }: Operation,
  { parameters: values, body, oddHeader }: Request,
): Promise<{ readonly status: number; readonly type: string; readonly text: string }> {
  const query = new URLSearchParams();
  let target = path;
  for (const { name, in: place } of parameters) {
    const value = values[name];
    if (value === undefined) continue;
    const text = textOf(value);
    if (place === 'path')
      target = target.replace(`{${name}}`, encodeURIComponent(text.toWellFormed()).slice(0, 1000) || '%20');
    else if (place === 'query') query.append(name, text.slice(0, 500));
  }
  const sent: Record<string, string> = {
    ...headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  if (oddHeader !== null) sent[oddHeader] = '"odd", */*;q=0.1';
  const init: RequestInit = {
    method: method.toUpperCase(),
    headers: sent,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'manual',
  };
  if (body !== undefined && method !== 'get' && method !== 'head') init.body = JSON.stringify(body) ?? 'undefined';
  const answer = await fetch(`${url}${target}${query.size === 0 ? '' : `?${query}`}`, init);
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() };
}

/** Makes an administrator and a token of theirs: a user that a random request makes ends the access without one. */
export async function adminToken(url: string): Promise<string> {
  const name = 'fuzz-admin';
  const password = 'a long enough password 7';
  const post = async (path: string, body: object, cookie = ''): Promise<Response> => {
    const headers = { 'content-type': 'application/json', origin: url, ...(cookie === '' ? {} : { cookie }) };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  await post('/users', { name, role: 'admin', password });
  const session = await post('/session', { name, password });
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  const made = (await (await post('/tokens', { name: 'fuzz', role: 'admin' }, cookie)).json()) as { token: string };
  return made.token;
}
