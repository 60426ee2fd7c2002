// Which route answers which request: HERE's paths, with log-in where HERE wants one.
import type { Session } from './accounts.ts';
import { type Answer, HereError, json } from './answer.ts';
import type { Call } from './call.ts';
import { ingestBatch, ingestOne } from './routes/ingest.ts';
import * as registry from './routes/registry.ts';
import { listShadows } from './routes/shadow-list.ts';
import * as shadows from './routes/shadows.ts';
import { deleteTraces, readTraces } from './routes/traces.ts';
import * as users from './routes/users.ts';
import type { World } from './world.ts';

export interface Route {
  /** As in the OpenAPI document; statistics are kept under it. */
  readonly name: string;
  answer(world: World, call: Call): Answer;
}

function open(name: string, answer: (world: World, call: Call) => Answer): Route {
  return { name, answer };
}

function secured(name: string, answer: (world: World, call: Call, session: Session) => Answer): Route {
  return { name, answer: (world, call) => answer(world, call, authorise(world, call)) };
}

/** The session of the bearer token; 401 without a live one. */
export function sessionOf(world: World, call: Call): Session | null {
  const header = call.authorization;
  if (header === undefined || !/^bearer /i.test(header)) return null;
  return world.accounts.session(header.slice(7).trim());
}

function authorise(world: World, call: Call): Session {
  const session = sessionOf(world, call);
  if (!session) throw new HereError(401);
  return session;
}

const health = open('GET /v3/health', () => json({ message: 'healthy' }));
const time = open('GET /v2/timestamp', (world) => json({ timestamp: Math.floor(world.clock.now() / 1000) }));
const batch = secured('POST /v3/batch', (world, call, session) => ingestBatch(world, call, session, call.body.length));
const single = secured('POST /v3/', (world, call, session) => ingestOne(world, call, session, call.body.length));

const USERS: Readonly<Record<string, Route>> = {
  'POST login': open('POST /users/v2/login', users.logIn),
  'POST refresh': open('POST /users/v2/refresh', users.refresh),
  'POST tokenExchange': open('POST /users/v2/tokenExchange', users.exchange),
  'GET devices': secured('GET /users/v2/devices', (_world, call, session) => users.listDevices(call, session)),
};

const licenses = secured('GET /registry/v2/licenses', (_world, call, session) => registry.licenses(call, session));
const DEVICE: Readonly<Record<string, Route>> = {
  GET: secured('GET /registry/v2/devices/{deviceOrExternalId}', (_w, call, session) =>
    registry.trackingIdOf(call, session),
  ),
  PUT: secured('PUT /registry/v2/devices/{deviceOrExternalId}', (_w, call, session) => registry.claim(call, session)),
  DELETE: secured('DELETE /registry/v2/devices/{deviceOrExternalId}', registry.deactivate),
};
const TRACKED: Readonly<Record<string, Route>> = {
  GET: secured('GET /registry/v2/{trackingId}', (_w, call, session) => registry.deviceIdOf(call, session)),
  DELETE: secured('DELETE /registry/v2/{trackingId}', (_w, call, session) => registry.unclaim(call, session)),
};
const PROJECT: Readonly<Record<string, Route>> = {
  'GET devices': secured('GET /registry/v2/{appId}/devices', (_w, call, session) =>
    registry.listProvisioned(call, session),
  ),
  'POST devices': secured('POST /registry/v2/{appId}/devices', registry.createDevices),
  'GET licenseCount': secured('GET /registry/v2/{appId}/licenseCount', (_w, call, session) =>
    registry.licenseCount(call, session),
  ),
  'GET status': secured('GET /registry/v2/{jobId}/status', registry.jobStatus),
  'GET results': secured('GET /registry/v2/{jobId}/results', registry.jobResults),
};
const shadowBatch = secured('POST /shadows/v2/batch', shadows.readBatch);
const SHADOW: Readonly<Record<string, Route>> = {
  GET: secured('GET /shadows/v2/{trackingId}', (_w, call, session) => shadows.readShadow(call, session)),
  PUT: secured('PUT /shadows/v2/{trackingId}', shadows.writeDesired),
  DELETE: secured('DELETE /shadows/v2/{trackingId}', (_w, call, session) => shadows.clearShadow(call, session)),
};
const shadowState = secured('GET /shadows/v2/{trackingId}/{state}', (_w, call, session) =>
  shadows.readState(call, session),
);
const shadowList = secured('GET /shadows/v4', (_w, call, session) => listShadows(call, session));
const TRACES: Readonly<Record<string, Route>> = {
  GET: secured('GET /traces/v2/{trackingId}', readTraces),
  DELETE: secured('DELETE /traces/v2/{trackingId}', (_w, call, session) => deleteTraces(call, session)),
};

/** Null: HERE has no such path or method (404). A trailing slash makes no difference. */
export function findRoute(call: Call): Route | null {
  const { method, segments } = call;
  const length = segments[segments.length - 1] === '' ? segments.length - 1 : segments.length;
  const [area, version, third = '', fourth = ''] = segments;
  switch (`${area}/${version}`) {
    case 'v3/batch':
      return method === 'POST' && length === 2 ? batch : null;
    case 'v3/health':
      return method === 'GET' && length === 2 ? health : null;
    case 'v3/':
    case 'v3/undefined':
      return method === 'POST' && length === 1 ? single : null;
    case 'v2/timestamp':
      return method === 'GET' && length === 2 ? time : null;
    case 'users/v2':
      return length === 3 ? own(USERS, `${method} ${third}`) : null;
    case 'registry/v2':
      if (third === 'licenses' && length === 3) return method === 'GET' ? licenses : null;
      if (third === 'devices' && length === 4) return own(DEVICE, method);
      return length === 3 ? own(TRACKED, method) : length === 4 ? own(PROJECT, `${method} ${fourth}`) : null;
    case 'shadows/v2':
      if (third === 'batch' && length === 3) return method === 'POST' ? shadowBatch : null;
      return length === 3 ? own(SHADOW, method) : length === 4 && method === 'GET' ? shadowState : null;
    case 'shadows/v4':
      return method === 'GET' && length === 2 ? shadowList : null;
    case 'traces/v2':
      return length === 3 ? own(TRACES, method) : null;
    default:
      return null;
  }
}

function own(routes: Readonly<Record<string, Route>>, key: string): Route | null {
  return Object.hasOwn(routes, key) ? (routes[key] ?? null) : null;
}
