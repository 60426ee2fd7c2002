// HTTP of the sandbox: reads a request, lets the faults strike, has it answered, writes the answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Answer, errorAnswer, HereError } from './answer.ts';
import { Call } from './call.ts';
import type { FaultRule } from './options.ts';
import { findRoute, type Route, sessionOf } from './router.ts';
import { isObject } from './validation/fields.ts';
import type { World } from './world.ts';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** What is read and thrown away of a body that is too long, before the connection is cut. */
const MAX_DRAINED_BYTES = 64_000_000;

const JSON_TYPE = 'application/json; charset=utf-8';

/** `admin` answers everything under `/sandbox/`, where no fault strikes. */
export function createHttp(world: World, admin: (call: Call) => Answer): Server {
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => {
    receive(world, request, response, (body) => serve(world, admin, request, response, body));
  });
  server.on('connection', (socket) => {
    world.stats.openConnections++;
    socket.once('close', () => {
      world.stats.openConnections--;
    });
  });
  return server;
}

/** Calls back with the body, or with null when it is longer than the limit (and has been drained). */
function receive(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  then: (body: Buffer | null) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { maxBodyBytes } = world.settings;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > MAX_DRAINED_BYTES) request.destroy();
  });
  request.on('error', () => response.destroy());
  request.on('end', () => {
    if (bytes > maxBodyBytes) then(null);
    else then(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
  });
}

function serve(
  world: World,
  admin: (call: Call) => Answer,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer | null,
): void {
  const header = request.headers['x-request-id'];
  const given = typeof header === 'string' ? header : undefined;
  const wellFormed = given === undefined || UUID_V4.test(given);
  const call = new Call({
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    requestId: given !== undefined && wellFormed ? given : world.chance.uuid(),
    authorization: request.headers.authorization,
    contentLength: request.headers['content-length'],
    body: body ?? Buffer.alloc(0),
  });
  if (call.segments[0] === 'sandbox') {
    write(world, response, call, body ? guarded(call, () => admin(call)) : errorAnswer(413, null, call.requestId));
    return;
  }
  const route = findRoute(call);
  const startedAt = performance.now();
  const respond = (): Answer => {
    if (!wellFormed) return errorAnswer(400, 'X-Request-Id must be a UUID version 4.', call.requestId);
    if (!route) return errorAnswer(404, null, call.requestId);
    if (!body) return errorAnswer(413, null, call.requestId);
    return guarded(call, () => route.answer(world, call));
  };
  const fault = world.faults.none ? null : strike(world, call);
  if (fault) {
    suffer(world, fault, call, route, response, respond);
    return;
  }
  finish(world, route, call, response, respond());
  if (call.segments[0] === 'v3') countTime(world, performance.now() - startedAt);
}

function guarded(call: Call, answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    if (error instanceof HereError) return errorAnswer(error.status, error.message, call.requestId, error.headers);
    console.error('sandbox:', error);
    return errorAnswer(500, null, call.requestId);
  }
}

function countTime(world: World, ms: number): void {
  world.stats.ingestMs += ms;
  if (ms > world.stats.longestIngestMs) world.stats.longestIngestMs = ms;
}

/** Asked before the request has any effect; looks into the body for the project and the account. */
function strike(world: World, call: Call): FaultRule | null {
  let body: Record<string, unknown> = {};
  try {
    const value = call.body.length > 0 ? call.json() : {};
    if (isObject(value)) body = value;
  } catch {
    // The route will say so.
  }
  const inPath = call.segments[0] === 'registry' ? (call.segments[2] ?? null) : null;
  const named = call.query.get('appId') ?? (typeof body.appId === 'string' ? body.appId : null);
  const email = sessionOf(world, call)?.account.email ?? (typeof body.email === 'string' ? body.email : null);
  return world.faults.strike({
    path: call.path,
    appId: named ?? (inPath !== null && world.projects.has(inPath) ? inPath : null),
    email,
    records: Array.isArray(body.data) ? body.data.length : 0,
    bytes: call.body.length,
  });
}

function suffer(
  world: World,
  fault: FaultRule,
  call: Call,
  route: Route | null,
  response: ServerResponse,
  respond: () => Answer,
): void {
  const { name } = fault;
  const cut = () => {
    world.stats.count(route?.name ?? 'unknown', 'cut');
    response.socket?.resetAndDestroy();
  };
  switch (name) {
    case 'reset':
      cut();
      return;
    case 'hang':
      world.stats.count(route?.name ?? 'unknown', 'cut');
      if (fault.delayMs !== undefined) world.clock.after(fault.delayMs, () => response.destroy());
      return;
    case 'slow': {
      const answer = respond();
      world.clock.after(fault.delayMs ?? 2000, () => finish(world, route, call, response, answer));
      return;
    }
    case 'half': {
      const { status, body = '{"message":"half"}' } = respond();
      const text = `HTTP/1.1 ${status === 204 ? 200 : status} OK\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 1000\r\n\r\n`;
      response.socket?.end(text + body.slice(0, Math.ceil(body.length / 2)));
      world.stats.count(route?.name ?? 'unknown', 'cut');
      return;
    }
    case 'duplicate204': {
      const answer = respond();
      if (answer.status >= 300) finish(world, route, call, response, answer);
      else if ((fault.as ?? (world.chance.random() < 0.5 ? 'reset' : '503')) === 'reset') cut();
      else finish(world, route, call, response, errorAnswer(503, null, call.requestId));
      return;
    }
    default:
      finish(world, route, call, response, refusalOf(world, fault, call));
  }
}

function refusalOf(world: World, fault: FaultRule, call: Call): Answer {
  const status = Number(fault.name);
  if (status === 401) {
    const session = sessionOf(world, call);
    if (session) world.accounts.revoke(session.pair);
  }
  const headers: Record<string, string> = {};
  if (status === 429) {
    headers['X-RateLimit-Limit'] = '100';
    headers['X-RateLimit-Remaining'] = '0';
  }
  const retryAfterS = fault.retryAfterS === undefined && status === 429 ? 1 : fault.retryAfterS;
  if (retryAfterS !== undefined && retryAfterS !== null) headers['Retry-After'] = String(retryAfterS);
  return errorAnswer(status, null, call.requestId, headers);
}

function finish(world: World, route: Route | null, call: Call, response: ServerResponse, answer: Answer): void {
  world.stats.count(route?.name ?? 'unknown', String(answer.status));
  write(world, response, call, answer);
}

function write(world: World, response: ServerResponse, call: Call, answer: Answer): void {
  if (response.destroyed) return;
  const headers: Record<string, string | number> = {
    // The sandbox's own time, as everything that it stamps.
    Date: new Date(world.clock.now()).toUTCString(),
    'X-Request-Id': call.requestId,
    ...answer.headers,
  };
  if (answer.body === undefined) {
    response.writeHead(answer.status, headers).end();
    return;
  }
  headers['Content-Type'] = JSON_TYPE;
  headers['Content-Length'] = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, headers).end(answer.body);
}
