// Routes of events: pages by cursor, and the live stream.
import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { EVENT_KINDS } from '../domain/events.ts';
import type { EventQuery } from '../domain/ports/store.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { EventStreams, RESET, textOf } from './event-stream.ts';
import { ByConnection, ConnectionId, Count, DateTime, Nullable } from './fields.ts';
import { Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const Severity = Type.Enum(['info', 'warning', 'error']);

const EventSchema = component(
  'Event',
  Type.Object(
    {
      id: Type.String({ description: 'Sorts by time within one worker.' }),
      time: DateTime,
      kind: Type.Enum([...EVENT_KINDS]),
      severity: Severity,
      connectionId: Nullable(Type.String()),
      message: Type.String(),
      count: Count,
      key: Type.Optional(Type.String()),
      details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { description: 'What a person should know.' },
  ),
);

const strict = { additionalProperties: false } as const;
const QUERY = {
  from: Type.Optional(DateTime),
  to: Type.Optional(DateTime),
  kind: Type.Optional(Type.Array(Type.Enum([...EVENT_KINDS]), { minItems: 1 })),
  severity: Type.Optional(Type.Array(Severity, { minItems: 1 })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Of the header X-Next-Cursor of the page before.' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
};
const OfOne = Type.Object(QUERY, strict);
const OfAll = Type.Object({ connectionId: Type.Optional(ConnectionId), ...QUERY }, strict);

const MAX_MISSED = 1_000;
const EVENT_ID = /^[0-9a-z]{1,16}-[0-9a-z]{1,16}-[0-9a-f]{1,16}$/;
const tags = ['Events'];
const config = { right: 'events:read' } as const;
const description = 'The latest first. The header X-Next-Cursor leads to older ones.';
const response = { 200: Type.Array(EventSchema) };

export function eventRoutes(app: ApiApp, { control, clock }: Pick<ApiPorts, 'control' | 'clock'>): void {
  const streams = new EventStreams(control.feed, clock);

  function page(query: Static<typeof OfAll>, reply: FastifyReply): readonly unknown[] {
    const { limit = 100 } = query;
    const events = control.events(queryOf(query, limit));
    const last = events.at(-1);
    if (last !== undefined && events.length === limit) reply.header('x-next-cursor', writeCursor(last.id));
    return events;
  }

  app.get(
    '/events',
    { config, schema: { tags, summary: 'Events', description, querystring: OfAll, response } },
    async (request, reply) => page(request.query, reply),
  );

  app.get(
    '/connections/:id/events',
    {
      config,
      schema: {
        tags,
        summary: 'Events of a connection',
        description,
        params: ByConnection,
        querystring: OfOne,
        response,
      },
    },
    async (request, reply) => page({ ...request.query, connectionId: request.params.id }, reply),
  );

  app.get(
    '/events/stream',
    {
      exposeHeadRoute: false,
      config: { ...config, produces: ['text/event-stream'] },
      schema: {
        tags,
        summary: 'What changes, live (server-sent events)',
        description:
          '`event`: an event, with its id. `status`: the status of a connection has changed. `removed`: it is gone. ' +
          '`ledger`: about once a second while uplinks pass, only with `connectionId`. `reset`: more happened than can be ' +
          'told; read anew. Comes again with `Last-Event-ID` after a break; a comment every 4 s says that the bridge lives.',
        querystring: Type.Object({ connectionId: Type.Optional(ConnectionId) }, strict),
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 100 })) }),
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      if (streams.isFull) throw new Refusal(503, 'Too many follow already', { headers: { 'retry-after': '10' } });
      const { connectionId } = request.query;
      const lastId = request.headers['last-event-id'];
      const missed = typeof lastId === 'string' && lastId !== '' ? missedSince(lastId, connectionId) : '';
      reply.hijack();
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      streams.add(reply.raw, connectionId ?? null, missed);
      return reply;
    },
  );

  /** What is in the store since then, and whether it is all. */
  function missedSince(lastId: string, connectionId: string | undefined): string {
    if (!EVENT_ID.test(lastId)) return RESET;
    const of = connectionId === undefined ? {} : { connectionId };
    const events = control.events({ ...of, afterId: lastId, limit: MAX_MISSED });
    const texts = events.map((event) => textOf({ kind: 'event', connectionId: event.connectionId, event }));
    // States are told as they change, not again: whoever was away reads them anew.
    return RESET + texts.join('');
  }
}

function queryOf(query: Static<typeof OfAll>, limit: number): EventQuery {
  const { connectionId, from, to, kind, severity, cursor } = query;
  return {
    limit,
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(severity === undefined ? {} : { severities: severity }),
    ...(cursor === undefined ? {} : { beforeId: readCursor(cursor) }),
  };
}
