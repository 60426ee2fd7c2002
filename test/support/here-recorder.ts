// What the bridge sends to HERE, as it comes over the wire: noted by a man in the middle, checked against HERE's OpenAPI document.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path';
  readonly required?: boolean;
  readonly schema: object;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
}
type PathItem = Record<string, Operation> & { readonly parameters?: readonly Parameter[] };

/** Notes each request and hands it on to `target`; ends with the test. */
export async function recordHere(target: string): Promise<{ readonly url: string; readonly seen: SeenRequest[] }> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const method = request.method ?? '';
    seen.push({ method, url: new URL(request.url ?? '', target), headers: request.headers, body });
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    for (const name of ['authorization', 'x-request-id']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    const answer = await fetch(`${target}${request.url}`, { method, headers, ...(body === '' ? {} : { body }) });
    const given: Record<string, string> = { 'content-type': 'application/json' };
    const retryAfter = answer.headers.get('retry-after');
    if (retryAfter !== null) given['retry-after'] = retryAfter;
    response.writeHead(answer.status, given).end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

export interface RequestCheck {
  /** As the document writes them: `POST /v3/batch`. */
  readonly routes: readonly string[];
  /** One line for each request that does not agree with the document. */
  readonly problems: readonly string[];
}

/** Paths, parameters, headers and bodies of the requests against the document in `file`. */
export function checkRequests(file: string, seen: readonly SeenRequest[]): RequestCheck {
  const document = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, PathItem> };
  const ajv = new Ajv2020({ strict: false, coerceTypes: false });
  addFormatsModule.default(ajv);
  ajv.addSchema({ $id: 'here', ...document });
  const compiled = new Map<object, ValidateFunction>();
  /** A schema of the document; its references point into the document. */
  const fault = (schema: object, value: unknown): string | null => {
    let check = compiled.get(schema);
    if (check === undefined) {
      check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"here#/')) as object);
      compiled.set(schema, check);
    }
    return check(value) ? null : ajv.errorsText(check.errors);
  };
  const uuid = { type: 'string', format: 'uuid' };

  const routes = new Set<string>();
  const problems: string[] = [];
  for (const { method, url, headers, body } of seen) {
    const found = Object.entries(document.paths).find(([path]) => matches(path, url.pathname, method, document.paths));
    if (found === undefined) {
      problems.push(`${method} ${url.pathname} is not in the document`);
      continue;
    }
    const [path, item] = found;
    const route = `${method} ${path}`;
    routes.add(route);
    const tell = (what: string): void => void problems.push(`${route}: ${what} ${body.slice(0, 300)}`);
    const operation = item[method.toLowerCase()] as Operation;
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    for (const [name, text] of url.searchParams) {
      const parameter = parameters.find((each) => each.in === 'query' && each.name === name);
      if (parameter === undefined) tell(`query ${name} is not known`);
      else if (fault(parameter.schema, text) !== null && fault(parameter.schema, jsonOf(text)) !== null) {
        tell(`query ${name}=${text}`);
      }
    }
    for (const { name, in: where, required } of parameters) {
      if (where === 'header' && required && headers[name.toLowerCase()] === undefined) tell(`no ${name}`);
      if (where === 'query' && required && !url.searchParams.has(name)) tell(`no query ${name}`);
    }
    if (fault(uuid, headers['x-request-id']) !== null) tell('X-Request-Id');
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (body === '') continue;
    if (schema === undefined) tell('a body that is not foreseen');
    else {
      const error = fault(schema, jsonOf(body));
      if (error !== null) tell(`body: ${error}`);
      if (headers['content-type'] !== 'application/json') tell('content type');
    }
  }
  return { routes: [...routes].sort(), problems };
}

/** Exact paths win over those with parameters. */
function matches(path: string, actual: string, method: string, paths: Record<string, PathItem>): boolean {
  if (paths[path]?.[method.toLowerCase()] === undefined) return false;
  if (path === actual) return true;
  if (paths[actual]?.[method.toLowerCase()] !== undefined) return false;
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(actual);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
