// Routes of connections and of the worker's own state.
import Type from 'typebox';
import { CONNECTION_STATES } from '../domain/connection.ts';
import type { ApplyOutcome } from '../domain/ports/control.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { ByConnection, Nullable } from './fields.ts';
import { LedgerSchema } from './ledger-routes.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

/** What may be changed without the whole definition. */
const Change = Type.Object(
  {
    active: Type.Optional(Type.Boolean()),
    restart: Type.Optional(Type.String({ maxLength: 64 })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const ConnectionSchema = component(
  'Connection',
  Type.Object({
    id: Type.String(),
    connectorId: Type.String(),
    name: Type.String(),
    active: Type.Boolean(),
    state: Type.Enum([...CONNECTION_STATES]),
    reason: Nullable(Type.String()),
    startupTime: Nullable(Type.String()),
    alarms: Type.Array(Type.Unknown()),
    configuration: Type.Record(Type.String(), Type.Unknown()),
    status: Type.Record(Type.String(), Type.Unknown()),
    ledger: Nullable(LedgerSchema),
    activity: Nullable(Type.Record(Type.String(), Type.Unknown())),
  }),
);

/** A follower that reads slower than uplinks come misses some rather than filling the memory. */
const FOLLOWER_MAX_BYTES = 1024 * 1024;

const tags = ['Connections'];
const read = { right: 'connections:read' } as const;
const write = { right: 'connections:write' } as const;

export function connectionRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get('/status', { config: { right: 'status:read' } }, async () => control.worker());

  app.get(
    '/connections',
    { config: read, schema: { tags, summary: 'All connections', response: { 200: Type.Array(ConnectionSchema) } } },
    async () => control.connections(),
  );

  app.get(
    '/connections/:id',
    { config: read, schema: { tags, summary: 'One', params: ByConnection, response: { 200: ConnectionSchema } } },
    async (request) => {
      const view = control.connection(request.params.id);
      if (view === null) throw noConnection(request.params.id);
      return view;
    },
  );

  app.put(
    '/connections/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Create or replace',
        params: ByConnection,
        body: Type.Unknown(),
        response: { 200: ConnectionSchema, 201: ConnectionSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const outcome = await control.apply(id, request.body);
      if (outcome.kind !== 'ok') throw refused(outcome);
      return reply.code(outcome.created ? 201 : 200).send(control.connection(id));
    },
  );

  app.patch(
    '/connections/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Change a few fields',
        params: ByConnection,
        body: Change,
        response: { 200: ConnectionSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const outcome = await control.amend(id, request.body);
      if (outcome.kind === 'notFound') throw notFound(`There is no definition of ${id}`);
      if (outcome.kind !== 'ok') throw refused(outcome);
      return control.connection(id);
    },
  );

  app.delete(
    '/connections/:id',
    { config: write, schema: { tags, summary: 'Delete', params: ByConnection, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { id } = request.params;
      const outcome = await control.remove(id);
      if (outcome.kind === 'notFound') throw noConnection(id);
      if (outcome.kind !== 'ok') throw refused(outcome);
      return reply.code(204).send();
    },
  );

  app.get(
    '/connections/:id/tail',
    {
      exposeHeadRoute: false,
      config: { right: 'messages:read', produces: ['application/x-ndjson'] },
      schema: { tags, summary: 'Follow, one line an uplink', params: ByConnection, response: { 200: Type.String() } },
    },
    async (request, reply) => {
      const { id } = request.params;
      const stream = reply.raw;
      let missed = 0;
      const unfollow = control.follow(id, (uplink) => {
        if (stream.writableLength > FOLLOWER_MAX_BYTES) {
          missed += 1;
          return;
        }
        if (missed > 0) stream.write(`${JSON.stringify({ missed })}\n`);
        missed = 0;
        stream.write(`${JSON.stringify(uplink)}\n`);
      });
      if (unfollow === null) throw notFound(`Connection ${id} is not running here`);
      reply.hijack();
      stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      stream.flushHeaders();
      stream.on('close', unfollow);
      return reply;
    },
  );
}

export function noConnection(id: string): Refusal {
  return notFound(`There is no connection ${id}`);
}

export function refused(outcome: Exclude<ApplyOutcome, { kind: 'ok' }>): Refusal {
  if (outcome.kind === 'unavailable') return new Refusal(503, outcome.message, { headers: { 'retry-after': '5' } });
  return new Refusal(400, 'The definition does not validate', { errors: outcome.errors });
}
