// Routes of connections, events and the worker's own state.
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { CONNECTION_ID_PATTERN } from '../domain/connection.ts';
import type { ApplyOutcome, Control } from '../domain/ports/control.ts';
import { apiError } from './errors.ts';

const Params = Type.Object({ id: Type.String({ pattern: CONNECTION_ID_PATTERN }) });
/** What may be changed without the whole definition. */
const Change = Type.Object(
  {
    active: Type.Optional(Type.Boolean()),
    restart: Type.Optional(Type.String({ maxLength: 64 })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false, minProperties: 1 },
);
const EventsQuery = Type.Object({
  connectionId: Type.Optional(Type.String({ pattern: CONNECTION_ID_PATTERN })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
});

interface ById {
  Params: { id: string };
}

/** A follower that reads slower than uplinks come misses some rather than filling the memory. */
const FOLLOWER_MAX_BYTES = 1024 * 1024;

export async function connectionRoutes(app: FastifyInstance, { control }: { control: Control }): Promise<void> {
  app.get('/status', async () => control.worker());

  app.get('/connections', async () => control.connections());

  app.get<ById>('/connections/:id', { schema: { params: Params } }, async (request, reply) => {
    const view = control.connection(request.params.id);
    return view ?? reply.code(404).send(apiError(404, `There is no connection ${request.params.id}`));
  });

  app.put<ById>('/connections/:id', { schema: { params: Params } }, async (request, reply) => {
    const { id } = request.params;
    const outcome = await control.apply(id, request.body);
    if (outcome.kind !== 'ok') return refuse(reply, outcome);
    return reply.code(outcome.created ? 201 : 200).send(control.connection(id));
  });

  app.patch<ById>('/connections/:id', { schema: { params: Params, body: Change } }, async (request, reply) => {
    const { id } = request.params;
    const outcome = await control.amend(id, request.body as Static<typeof Change>);
    if (outcome.kind === 'notFound') return reply.code(404).send(apiError(404, `There is no definition of ${id}`));
    if (outcome.kind !== 'ok') return refuse(reply, outcome);
    return reply.send(control.connection(id));
  });

  app.delete<ById>('/connections/:id', { schema: { params: Params } }, async (request, reply) => {
    const { id } = request.params;
    const outcome = await control.remove(id);
    if (outcome.kind === 'notFound') return reply.code(404).send(apiError(404, `There is no connection ${id}`));
    if (outcome.kind !== 'ok') return refuse(reply, outcome);
    return reply.code(204).send();
  });

  app.get<{ Querystring: { connectionId?: string; limit?: number } }>(
    '/events',
    { schema: { querystring: EventsQuery } },
    async (request) => {
      const { connectionId, limit = 100 } = request.query;
      return control.events(connectionId === undefined ? { limit } : { connectionId, limit });
    },
  );

  app.get<ById>('/connections/:id/tail', { schema: { params: Params } }, async (request, reply) => {
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
    if (unfollow === null) return reply.code(404).send(apiError(404, `Connection ${id} is not running here`));
    reply.hijack();
    stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    stream.flushHeaders();
    stream.on('close', unfollow);
    return reply;
  });
}

function refuse(reply: FastifyReply, outcome: Exclude<ApplyOutcome, { kind: 'ok' }>): FastifyReply {
  if (outcome.kind === 'unavailable') {
    return reply.code(503).header('retry-after', '5').send(apiError(503, outcome.message));
  }
  return reply.code(400).send(apiError(400, 'The definition does not validate', outcome.errors));
}
