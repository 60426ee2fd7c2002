// Every request of the HERE client is checked against HERE's OpenAPI document, as it comes over the wire.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import { expect, onTestFinished, test } from 'vitest';
import { eui, never, openProject, record, until, useGateway } from '../here/support.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

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

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A man in the middle that notes each request and hands it on. */
async function recorder(target: string): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const method = request.method ?? '';
    seen.push({ method, url: new URL(request.url ?? '', target), headers: request.headers, body });
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (request.headers.authorization) headers.authorization = request.headers.authorization;
    const answer = await fetch(`${target}${request.url}`, { method, headers, ...(body === '' ? {} : { body }) });
    response
      .writeHead(answer.status, { 'content-type': 'application/json' })
      .end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describeWith('openapi', "the client's requests and HERE's OpenAPI document", (file) => {
  test('agree: paths, parameters, headers and bodies', async () => {
    const document = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, PathItem> };
    const ajv = new Ajv2020({ strict: false, coerceTypes: false });
    addFormatsModule.default(ajv);
    ajv.addSchema({ $id: 'here', ...document });
    /** A schema of the document; its references point into the document. */
    const valid = (schema: object, value: unknown): string | null => {
      const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"here#/')) as object;
      const check = ajv.compile(absolute);
      return check(value) ? null : ajv.errorsText(check.errors);
    };

    const sandbox = await useSandbox({ tokenLifetimeS: 2 });
    const { url, seen } = await recorder(sandbox.url);
    const gateway = useGateway({ url });
    sandbox.changeDevices(sandbox.appIds[0]!, 'provision', [eui(5)]);
    expect(await gateway.isHealthy('here', never())).toBe(true);
    for (const appId of [sandbox.appIds[0]!, sandbox.appIds[2]!]) {
      const project = await openProject(gateway, sandbox, appId);
      project.devices.forget(eui(5));
      await project.devices.ensure([eui(5), eui(6)], null, never());
      expect(await project.send([record(eui(5)), record(eui(6))], never())).toMatchObject({ kind: 'accepted' });
    }
    await until(() => sandbox.account(sandbox.email).refreshes > 0, 'a renewal');

    const routes = new Set<string>();
    for (const { method, url: target, headers, body } of seen) {
      const found = Object.entries(document.paths).find(([path]) => matches(path, target.pathname, method, document));
      if (found === undefined) throw new Error(`${method} ${target.pathname} is not in the document`);
      const [path, item] = found;
      routes.add(`${method} ${path}`);
      const operation = item[method.toLowerCase()]!;
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      const problems: string[] = [];
      for (const [name, text] of target.searchParams) {
        const parameter = parameters.find((each) => each.in === 'query' && each.name === name);
        if (parameter === undefined) problems.push(`query ${name} is not known`);
        else if (valid(parameter.schema, text) !== null && valid(parameter.schema, JSON.parse(text)) !== null) {
          problems.push(`query ${name}=${text}`);
        }
      }
      for (const { name, in: where, required } of parameters) {
        if (where === 'header' && required && headers[name.toLowerCase()] === undefined) problems.push(`no ${name}`);
      }
      const id = headers['x-request-id'];
      if (typeof id !== 'string' || valid({ type: 'string', format: 'uuid' }, id) !== null)
        problems.push('X-Request-Id');
      const schema = operation.requestBody?.content['application/json']?.schema;
      if (body !== '' && schema === undefined) problems.push('a body that is not foreseen');
      if (schema !== undefined && body !== '') {
        const error = valid(schema, JSON.parse(body));
        if (error !== null) problems.push(`body: ${error}`);
        if (headers['content-type'] !== 'application/json') problems.push('content type');
      }
      expect(problems, `${method} ${path} ${body.slice(0, 300)}`).toEqual([]);
    }
    expect([...routes].sort()).toEqual([
      'GET /registry/v2/licenses',
      'GET /registry/v2/{jobId}/results',
      'GET /registry/v2/{jobId}/status',
      'GET /v3/health',
      'POST /registry/v2/{appId}/devices',
      'POST /users/v2/login',
      'POST /users/v2/refresh',
      'POST /users/v2/tokenExchange',
      'POST /v3/batch',
      'PUT /registry/v2/devices/{deviceOrExternalId}',
    ]);
  });
});

/** Exact paths win over those with parameters. */
function matches(
  path: string,
  actual: string,
  method: string,
  { paths }: { paths: Record<string, PathItem> },
): boolean {
  if (paths[path]?.[method.toLowerCase()] === undefined) return false;
  if (path === actual) return true;
  if (paths[actual]?.[method.toLowerCase()] !== undefined) return false;
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(actual);
}
