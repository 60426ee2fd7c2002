// Among several workers: who they are, questions passed on to the worker that has the answer, uplinks taken from another.
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Principal } from '../domain/access.ts';
import { emptyLedger, imbalance } from '../domain/ledger.ts';
import { MAX_HEADERS_TEXT } from '../domain/message-headers.ts';
import type { Cluster, HandedUplink } from '../domain/ports/cluster.ts';
import type { ConnectionView } from '../domain/ports/control.ts';
import type { LedgerView } from '../domain/ports/dead-letters.ts';
import type { ApiApp } from './app.ts';
import { askerOf } from './asker.ts';
import { component } from './components.ts';
import type { KeptConnection } from './deletion-answer.ts';
import { ByConnection, DateTime, Nullable } from './fields.ts';
import { Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const WorkerSchema = component(
  'ClusterWorker',
  Type.Object({
    worker: Type.String(),
    alive: Type.Boolean({ description: 'It was heard within three of its heartbeats.' }),
    confirmed: Type.Boolean({ description: 'It hears from Kafka; while it does not, it sends nothing.' }),
    serves: Type.Boolean({
      description: 'False: it has the role api alone, owns nothing, and answers for the others.',
    }),
    host: Type.String(),
    pid: Type.Integer(),
    startedAt: DateTime,
    heardMsAgo: Type.Number(),
    address: Nullable(Type.String()),
    partitions: Type.Array(Type.Integer()),
    connections: Type.Array(Type.String()),
  }),
);

const UplinksSchema = Type.Object(
  {
    uplinks: Type.Array(
      Type.Object({
        topic: Type.String(),
        /** Base64. */
        payload: Type.String(),
        arrivedAt: Type.Number(),
        retain: Type.Boolean(),
        /** JSON. */
        headers: Type.Optional(Type.String({ maxLength: 2 * MAX_HEADERS_TEXT })),
      }),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  { additionalProperties: false },
);

/** Another worker of the group that asks for itself. */
export const OTHER_WORKER: Principal = { kind: 'local', name: 'another worker', role: 'operator', user: null };
/** A few of the largest messages that a source takes, in base64. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
/** Of the headers of a request. */
const PASSED_ON = ['accept', 'if-match', 'if-none-match', 'idempotency-key', 'last-event-id'];
const ASKED_OF_WORKERS: ReadonlySet<string> = new Set([
  'POST /internal/connections/:id/uplinks',
  'POST /connections/:id/dead-letters/import',
  'GET /deleted-connections',
]);
const ASK_MS = 10_000;
const KEEPER_MS = 3_000;

/** What a worker asks another for by itself. */
export function isAskedOfWorker(method: string, url: string): boolean {
  return ASKED_OF_WORKERS.has(`${method} ${withoutBase(url)}`);
}

/** What a worker asks another for in the name of somebody: `url` is the route's. */
export function isPassedOn(method: string, url: string): boolean {
  const match = /^\/connections\/:id(\/.*)?$/.exec(withoutBase(url));
  return match !== null && (match[1] !== undefined || method === 'GET');
}

function withoutBase(url: string): string {
  return url.replace(/^\/iot-flow\/v1(?=\/)/, '');
}

export function clusterRoutes(app: ApiApp, { cluster, isInternal }: Pick<ApiPorts, 'cluster' | 'isInternal'>): void {
  app.get(
    '/workers',
    {
      config: { right: 'status:read' },
      schema: {
        tags: ['Workers'],
        summary: 'The workers of this prefix and what each serves',
        response: { 200: Type.Array(WorkerSchema) },
      },
    },
    async () => cluster?.workers() ?? [],
  );
  if (cluster == null) return;
  app.post(
    '/internal/connections/:id/uplinks',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { right: 'connections:write', hidden: true },
      schema: { params: ByConnection, body: UplinksSchema, response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      if (isInternal !== true) throw new Refusal(403, 'Uplinks are taken from other workers only');
      const uplinks: HandedUplink[] = request.body.uplinks.map((each) => {
        return { ...each, payload: Buffer.from(each.payload, 'base64') };
      });
      await cluster.take(request.params.id, uplinks).catch((error: Error) => {
        throw new Refusal(503, error.message);
      });
      return reply.code(204).send();
    },
  );
}

/**
 * What only the worker of a connection knows is asked of it. Definitions are on the config topic: every worker changes them.
 * Must be called before the routes that it is for.
 */
export function passOnToOwner(
  app: ApiApp,
  { cluster, control, isInternal }: Pick<ApiPorts, 'cluster' | 'control' | 'isInternal'>,
): void {
  if (cluster == null || isInternal === true) return;
  app.addHook('preHandler', async (request, reply) => {
    const { url = '' } = request.routeOptions;
    if (!isPassedOn(request.method, url)) return;
    const { id } = request.params as { id: string };
    const where = cluster.whereIs(id);
    if (where.kind === 'here') {
      if (!url.includes('/dead-letters') || control.letters.box(id) !== null) return;
      const keeper = await keeperOf(cluster, id);
      return keeper === null ? undefined : passOn(request, reply, cluster, id, keeper);
    }
    if (where.kind === 'missing') throw missing(id, where.worker);
    return passOn(request, reply, cluster, id, where);
  });
}

/**
 * Ledgers as the sum over all data directories, also in answers to another worker, which passes them on as they are. Must be called
 * before the routes that it is for.
 */
export function addUpLedgers(app: ApiApp, { cluster }: Pick<ApiPorts, 'cluster'>): void {
  if (cluster == null) return;
  const whole = (view: LedgerView): LedgerView => {
    const ledger = cluster.ledger(view.id, view.ledger) ?? view.ledger;
    return { ...view, ledger, imbalance: imbalance(ledger) };
  };
  const shown = (view: ConnectionView): ConnectionView => ({ ...view, ledger: cluster.ledger(view.id, view.ledger) });
  app.addHook('preSerialization', async (request, reply, payload) => {
    const { url = '' } = request.routeOptions;
    if (reply.statusCode !== 200) return payload;
    if (url.endsWith('/connections/:id/ledger')) return whole(payload as LedgerView);
    if (/\/connections(\/:id(\/(start|stop|restart))?)?$/.test(url)) {
      return Array.isArray(payload) ? payload.map(shown) : shown(payload as ConnectionView);
    }
    if (!url.endsWith('/ledgers')) return payload;
    const here = new Map((payload as readonly LedgerView[]).map((view) => [view.id, view]));
    return [...new Set([...here.keys(), ...cluster.ledgerIds()])].sort().map((id) => {
      const known = here.get(id);
      if (known !== undefined) return whole(known);
      const ledger = cluster.ledger(id, null) ?? emptyLedger();
      return { id, ledger, imbalance: imbalance(ledger), off: null, deadLetters: null };
    });
  });
}

/**
 * Deleted connections as all workers keep their dead letters, also the others: each has its own. One that is there and does
 * not answer is told, for what it keeps would seem to be gone. Must be called before the routes that it is for.
 */
export function gatherKept(app: ApiApp, { cluster, isInternal }: Pick<ApiPorts, 'cluster' | 'isInternal'>): void {
  if (cluster == null || isInternal === true) return;
  app.addHook('preSerialization', async (request, reply, payload) => {
    const { url = '' } = request.routeOptions;
    if (!url.endsWith('/deleted-connections') || reply.statusCode !== 200) return payload;
    const kept: KeptConnection[] = [...(payload as readonly KeptConnection[])];
    for (const { worker, theirs } of await askOthers(cluster)) {
      if (theirs === null) {
        const message = `The deleted connections cannot be told now: the worker ${worker} does not answer`;
        throw new Refusal(503, message, { headers: { 'retry-after': '5' } });
      }
      kept.push(...theirs);
    }
    return sumUp(kept).sort((a, b) => a.deletedAt.localeCompare(b.deletedAt) || a.id.localeCompare(b.id));
  });
}

/** Several workers may have served one connection. */
function sumUp(kept: readonly KeptConnection[]): KeptConnection[] {
  const byId = new Map<string, KeptConnection>();
  for (const each of kept) {
    const other = byId.get(each.id);
    const sum =
      other === undefined
        ? each
        : {
            ...each,
            count: each.count + other.count,
            bytes: each.bytes + other.bytes,
            deletedAt: later(each.deletedAt, other.deletedAt),
            keptUntil: later(each.keptUntil, other.keptUntil),
          };
    byId.set(each.id, sum);
  }
  return [...byId.values()];
}

/** Of two times as the API writes them. */
function later(a: string, b: string): string {
  return a.localeCompare(b) < 0 ? b : a;
}

/** The worker that still has the dead letters of a deleted connection. */
async function keeperOf(cluster: Cluster, id: string): Promise<{ worker: string; address: string } | null> {
  const asked = await askOthers(cluster);
  return asked.find(({ theirs }) => theirs?.some((each) => each.id === id) === true) ?? null;
}

/** What each living worker but this one keeps; null: it does not answer. */
async function askOthers(
  cluster: Cluster,
): Promise<readonly { worker: string; address: string; theirs: readonly KeptConnection[] | null }[]> {
  const others = cluster.workers().filter(({ worker, alive }) => alive && worker !== cluster.worker);
  return Promise.all(
    others.map(async ({ worker, address }) => {
      if (address === null) return { worker, address: '', theirs: null };
      const question = { method: 'GET', path: '/deleted-connections', signal: AbortSignal.timeout(KEEPER_MS) };
      const theirs = await cluster
        .ask({ worker, address }, question)
        .then((answer) => (answer.ok ? (answer.json() as Promise<readonly KeptConnection[]>) : null))
        .catch(() => null);
      return { worker, address, theirs };
    }),
  );
}

function missing(id: string, worker: string | null): Refusal {
  const who = worker === null ? 'no worker serves it yet' : `its worker ${worker} does not answer`;
  return new Refusal(503, `Connection ${id} cannot be asked about now: ${who}`, { headers: { 'retry-after': '5' } });
}

async function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  cluster: Cluster,
  id: string,
  { worker, address }: { readonly worker: string; readonly address: string },
): Promise<FastifyReply> {
  const { method, body, url: path } = request;
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  // What is followed goes on for as long as it is read.
  const { produces = [] } = request.routeOptions.config;
  const isFollowed = produces.some((type) => /ndjson|event-stream/.test(type));
  const signal = isFollowed ? gone.signal : AbortSignal.any([gone.signal, AbortSignal.timeout(ASK_MS)]);
  const asker = askerOf(request);
  const hasBody = body !== undefined && body !== null;
  // By name, for a cookie is as good as its person: none of it leaves this worker.
  const headers: Record<string, string> = {};
  for (const name of hasBody ? [...PASSED_ON, 'content-type'] : PASSED_ON) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  try {
    const question = { method, path, headers, asker, signal, ...(hasBody ? { body: JSON.stringify(body) } : {}) };
    const answer = await cluster.ask({ worker, address }, question);
    // It is this worker that was not recognised, and not the person.
    if (answer.status === 401) throw missing(id, worker);
    for (const name of ['content-type', 'retry-after', 'etag', 'x-next-cursor']) {
      const value = answer.headers.get(name);
      if (value !== null) reply.header(name, value);
    }
    reply.code(answer.status);
    if (answer.body === null) return reply.send();
    // Streams (a followed connection) as they come.
    return reply.send(Readable.fromWeb(answer.body as ReadableStream));
  } catch {
    throw missing(id, worker);
  }
}
