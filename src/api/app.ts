// The one application of both servers: the public HTTP port and the loopback admin interface serve the same routes by the same
// rules. A route says in its `config` which right it needs; one that says nothing fails at start. What a request may hold is said
// by TypeBox schemas, from which come its types, its validation and the OpenAPI document.

import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RawServerDefault,
  type RouteOptions,
} from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Principal } from '../domain/access.ts';
import type { Audit } from '../domain/ports/access.ts';
import { auditChanges } from './audit-hook.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { Idempotency } from './idempotency.ts';
import { accepts, RouteTable } from './negotiation.ts';
import { OpenAnswers } from './open-answers.ts';
import { PROBLEM_TYPE, problem, Refusal } from './problem.ts';
import { type Authentication, isRight, mayUse, type Right } from './rights.ts';
import { type ApiPorts, registerRoutes } from './routes.ts';
import { type RouteSchemas, validateRequest } from './validation.ts';

/** Types of requests come from their schemas. */
interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  readonly serializer: unknown;
}

export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on routes that are open. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    readonly right?: Right;
    /** Media types of the answer; JSON when absent. */
    readonly produces?: readonly string[];
    /** Left out of the OpenAPI document. */
    readonly hidden?: boolean;
    /** Its body or answer holds a secret: nothing of it is kept for repetitions. */
    readonly keepsNothing?: boolean;
    /** `own`: it notes in the audit itself what it changed. `none`: it changes nothing, whatever its method. */
    readonly audit?: 'own' | 'none';
  }
  interface FastifySchema {
    /** For the OpenAPI document. */
    readonly summary?: string;
    readonly description?: string;
    readonly tags?: readonly string[];
    /** The body may be left out. */
    readonly bodyOptional?: boolean;
    /** What the document shows in place of `body`, where the handler judges the body itself. */
    readonly bodyShown?: TSchema;
  }
}

export interface AppOptions {
  readonly ports: ApiPorts;
  /** Asked for each request to a route that is not open. Must not throw. */
  readonly authenticate: (request: FastifyRequest) => Authentication | Promise<Authentication>;
  /** Hooks that come before everything: headers, limits, checks of the host. */
  readonly extend?: (app: ApiApp) => void;
  /** Told of each change, and of each one that was refused for want of a right. */
  readonly audit?: Audit;
  /** PEM; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Addresses whose `X-Forwarded-*` are believed. */
  readonly trustProxy?: readonly string[];
  /** A 500 was answered. */
  readonly onDefect?: (error: unknown, route: string) => void;
}

/** Also served under ThingPark's base path. */
export const BASE_PATHS = ['', '/iot-flow/v1'] as const;

/**
 * Longer than the pauses of whoever asks again and again (the console: 10 s) and than proxies keep a connection (a minute): else
 * a question may meet a connection that is just being closed, and programs that do not ask again see an error.
 */
const KEEP_ALIVE_MS = 72_000;
const BODY_LIMIT_BYTES = 256 * 1024;
const MAX_PARAMETER = 512;
const MERGE_PATCH = 'application/merge-patch+json';

/** One route as it was registered. */
export interface RouteInfo {
  readonly method: string;
  readonly url: string;
  readonly right: Right;
  readonly produces: readonly string[];
  readonly hidden: boolean;
  readonly schema: NonNullable<RouteOptions['schema']>;
}

export interface Api {
  readonly app: ApiApp;
  readonly routes: readonly RouteInfo[];
}

export async function createApp(options: AppOptions): Promise<Api> {
  const { tls, trustProxy = [] } = options;
  const app: ApiApp = fastify({
    logger: false,
    ...(tls === undefined ? {} : { https: { ...tls, minVersion: 'TLSv1.2' as const } }),
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    frameworkErrors: (error, _request, reply) => {
      void answer(reply as FastifyReply, error.statusCode ?? 400, error.message);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  // One parser: a form or a text of another site reaches no route.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(MERGE_PATCH, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  app.decorateRequest('principal', null);
  // Validated by a hook, all parts at once; written as it is.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  options.extend?.(app);
  if (options.audit !== undefined) auditChanges(app, options.audit);
  const table = new RouteTable();
  const routes: RouteInfo[] = [];
  app.addHook('onRoute', (route) => {
    const info = infoOf(route);
    table.add(
      route.url,
      info.map(({ method }) => method),
    );
    routes.push(...info);
  });
  addAccess(app, options);
  addAnswers(app, table, options);
  new Idempotency(options.ports.clock).addTo(app);
  for (const prefix of BASE_PATHS) {
    await app.register(async (scope) => registerRoutes(scope as ApiApp, options.ports, routes), { prefix });
  }
  return { app, routes };
}

/** Throws where a route declares no right. */
function infoOf(route: RouteOptions): RouteInfo[] {
  const { right, produces = ['application/json'], hidden = false } = route.config ?? {};
  const methods = Array.isArray(route.method) ? route.method : [route.method];
  if (!isRight(right)) throw new Error(`The route ${methods.join(', ')} ${route.url} declares no right`);
  return methods.map((method) => ({ method, url: route.url, right, produces, hidden, schema: route.schema ?? {} }));
}

function addAccess(app: ApiApp, { authenticate, ports }: AppOptions): void {
  const openAnswers = new OpenAnswers(ports.clock, authenticate);
  app.addHook('onListen', async () => openAnswers.start());
  app.addHook('onClose', async () => openAnswers.stop());
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const { right = 'open', produces = ['application/json'] } = request.routeOptions.config;
    if (right !== 'open') {
      const outcome = await authenticate(request);
      if (outcome.kind === 'refused') {
        throw new Refusal(outcome.status, outcome.message, { headers: outcome.headers ?? {} });
      }
      request.principal = outcome.principal;
      reply.headers(outcome.headers ?? {});
      if (!mayUse(outcome.principal.role, right)) {
        const { name, role } = outcome.principal;
        throw new Refusal(403, `${name} has the role ${role}, which does not have the right ${right}`);
      }
      openAnswers.add(request, reply, right);
    }
    if (!accepts(request.headers.accept, [...produces, PROBLEM_TYPE])) {
      throw new Refusal(406, `This is answered as ${produces.join(' or ')}; the request accepts none of it`);
    }
    reply.header('cache-control', 'no-store');
  });
  app.addHook('preValidation', async (request) => {
    if (!request.is404) validateRequest(request, (request.routeOptions.schema ?? {}) as RouteSchemas);
  });
}

function addAnswers(app: ApiApp, table: RouteTable, { onDefect }: AppOptions): void {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = table.methodsOf(path);
    // A route may find that it has nothing there: a file of the console.
    if (methods.length === 0 || methods.includes(request.method))
      return answer(reply, 404, `There is no ${shorten(path)}`);
    const message = `${request.method} is not for ${shorten(path)}; allowed: ${methods.join(', ')}`;
    return answer(reply.header('allow', methods.join(', ')), 405, message);
  });
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof Refusal) {
      return reply
        .headers(error.headers)
        .code(error.statusCode)
        .type(PROBLEM_TYPE)
        .send(problem(error.statusCode, error.message, error.errors));
    }
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status < 500) return answer(reply, status, error instanceof Error ? error.message : 'The request was refused');
    onDefect?.(error, `${request.method} ${request.routeOptions.url ?? '?'}`);
    return answer(reply, 500, 'A defect of the bridge; its log says more');
  });
}

function answer(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).type(PROBLEM_TYPE).send(problem(status, message));
}

function shorten(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}…` : path;
}
