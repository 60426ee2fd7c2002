// Makes the OpenAPI 3.1 document of the registered routes.
import { BASE_PATHS, type RouteInfo } from './app.ts';
import { componentName } from './components.ts';
import { PROBLEM_TYPE, ProblemSchema } from './problem.ts';
import { RIGHTS } from './rights.ts';

type Json = Record<string, unknown>;

const STATUS_WORDS: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted',
  204: 'Done; there is nothing to say',
  303: 'See the address in Location',
  304: 'Not changed',
  503: 'Not now',
};

export function openApiDocument(routes: readonly RouteInfo[], version: string): Json {
  const writer = new Writer();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const isSecondBase = BASE_PATHS.some((base) => base !== '' && route.url.startsWith(`${base}/`));
    if (isSecondBase || route.hidden || route.method === 'HEAD') continue;
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    const item = paths[path] ?? {};
    item[route.method.toLowerCase()] = writer.operation(route);
    paths[path] = item;
  }
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: 'https://spec.openapis.org/oas/3.1/dialect/base',
    info: {
      title: 'HERE Tracking Bridge',
      version,
      description: 'Manages the connections that carry LoRaWAN uplinks to HERE Tracking. See docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: BASE_PATHS.map((base) => ({ url: base === '' ? '/' : base })),
    security: [{ token: [] }, {}],
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API token. On the loopback interface of a bridge without users none is needed.',
        },
      },
      schemas: writer.schemas(),
    },
  };
}

class Writer {
  readonly #components = new Map<string, unknown>();

  operation({ method, url, right, produces, schema }: RouteInfo): Json {
    const { summary, description, tags, params, querystring, headers, body, bodyShown, bodyOptional } = schema as Json;
    const parameters = [
      ...this.#parameters('path', params),
      ...this.#parameters('query', querystring),
      ...this.#parameters('header', headers),
    ];
    const least = right === 'open' ? 'nobody has to log in' : `the role ${RIGHTS[right]}`;
    return {
      operationId: operationId(method, url),
      ...(summary === undefined ? {} : { summary }),
      description: [description, `Right: \`${right}\` (${least}).`].filter(Boolean).join('\n\n'),
      ...(tags === undefined ? {} : { tags }),
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body === undefined
        ? {}
        : {
            requestBody: {
              required: bodyOptional !== true,
              content: { 'application/json': { schema: this.#schema(bodyShown ?? body) } },
            },
          }),
      responses: this.#responses(schema as Json, produces),
      ...(right === 'open' ? { security: [] } : {}),
      'x-right': right,
    };
  }

  /** Alphabetical. Grows while it is written: components refer to others. */
  schemas(): Json {
    const entries = [...this.#components].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  }

  #parameters(where: string, schema: unknown): Json[] {
    const { properties = {}, required = [] } = (schema ?? {}) as { properties?: Json; required?: string[] };
    return Object.entries(properties).map(([name, item]) => {
      const { description } = item as { description?: string };
      const isRequired = where === 'path' || required.includes(name);
      const isList = (item as { type?: string }).type === 'array';
      return {
        name,
        in: where,
        required: isRequired,
        ...(description === undefined ? {} : { description }),
        ...(isList ? { style: 'form', explode: false } : {}),
        schema: this.#schema(item),
      };
    });
  }

  #responses({ response = {} }: Json, produces: readonly string[]): Json {
    const responses: Json = {};
    for (const [status, schema] of Object.entries(response as Json)) {
      const { description, type } = schema as { description?: string; type?: string };
      const words = description ?? STATUS_WORDS[status] ?? 'Done';
      responses[status] =
        type === 'null'
          ? { description: words }
          : {
              description: words,
              content: Object.fromEntries(produces.map((media) => [media, { schema: this.#schema(schema) }])),
            };
    }
    responses.default = {
      description: 'Refused, or failed',
      content: { [PROBLEM_TYPE]: { schema: this.#schema(ProblemSchema) } },
    };
    return responses;
  }

  #schema(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((each) => this.#schema(each));
    if (typeof schema !== 'object' || schema === null) return schema;
    const name = componentName(schema);
    if (name === null) return this.#inner(schema);
    if (!this.#components.has(name)) {
      this.#components.set(name, null);
      this.#components.set(name, this.#inner(schema));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #inner(schema: object): Json {
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#schema(value)]));
  }
}

/** `GET /connections/{id}/events` → `getConnectionsIdEvents`. */
function operationId(method: string, url: string): string {
  const words = url.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}
