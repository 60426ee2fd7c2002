// Routes of connections: list, create, show, replace, change, delete, start, stop, restart.
import { createHash, randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { isPlainObject } from '../domain/plain-object.ts';
import type { AmendOutcome, ConnectionQuery, ConnectionView } from '../domain/ports/control.ts';
import type { ApiApp } from './app.ts';
import * as schemas from './connection-schemas.ts';
import { DELETION, DeletedSchema, lettersKept, sendDeleted } from './deletion-answer.ts';
import { ByConnection } from './fields.ts';
import { idempotencyKey } from './idempotency.ts';
import { sendPageHeaders } from './paging.ts';
import { conditionOf, conflictStatus, etagOf } from './preconditions.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';
import { check, summary } from './validation.ts';

const tags = ['Connections'];
const read = { right: 'connections:read' } as const;
const write = { right: 'connections:write' } as const;
const operate = { right: 'connections:operate' } as const;
const one = { 200: schemas.ConnectionSchema };
const removed = { 200: DeletedSchema, 204: Type.Null() };
const oneOrNew = { 200: schemas.ConnectionSchema, 201: schemas.ConnectionSchema };

export function connectionRoutes(
  app: ApiApp,
  { control, clock, cluster }: Pick<ApiPorts, 'control' | 'clock' | 'cluster'>,
): void {
  app.get(
    '/connections',
    {
      config: read,
      schema: {
        tags,
        summary: 'Connections, a page of them',
        description: 'The headers X-Total, X-Page and Link lead to the other pages.',
        querystring: schemas.ListQuery,
        response: { 200: Type.Array(schemas.ConnectionSchema) },
      },
    },
    async (request, reply) => {
      const { page = 1, perPage = 20 } = request.query;
      const { connections, total } = control.page(queryOf(request.query));
      sendPageHeaders(request, reply, { page, perPage, total });
      return connections;
    },
  );

  app.post(
    '/connections',
    {
      config: write,
      schema: {
        tags,
        summary: 'Create one',
        description:
          'Answers when the config topic has it; its state follows. An Idempotency-Key makes it safe to repeat.',
        body: Type.Unknown(),
        bodyShown: schemas.DefinitionInput,
        response: { 201: schemas.ConnectionSchema },
      },
    },
    async (request, reply) => {
      const key = idempotencyKey(request);
      const definition = schemas.definitionIn(request.body);
      const given = isPlainObject(definition) && typeof definition.id === 'string' ? definition.id : null;
      const id = given ?? newId(request, key);
      // The first of two requests with one key may have been made through another process, or before a restart.
      if (given === null && key !== null && control.connection(id)?.revision) return created(id, reply);
      const outcome = await control.apply(id, definition, { exists: false });
      if (outcome.kind === 'conflict') throw new Refusal(409, outcome.message);
      if (outcome.kind !== 'ok') throw refused(request, id, outcome);
      return created(id, reply);
    },
  );

  app.get(
    '/connections/:id',
    { config: read, schema: { tags, summary: 'One', params: ByConnection, response: one } },
    async (request, reply) => shown(request.params.id, reply),
  );

  app.put(
    '/connections/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Replace one, or create it under this id',
        description: '`*****` keeps the stored secret. With If-Match it is only done upon that revision.',
        params: ByConnection,
        body: Type.Unknown(),
        bodyShown: schemas.DefinitionInput,
        response: oneOrNew,
      },
    },
    async (request, reply) => replace(request, reply, request.params.id),
  );

  app.put(
    '/connections',
    {
      config: write,
      schema: {
        tags,
        summary: 'The same, with the id in the body or in the query',
        querystring: schemas.OptionalId,
        body: Type.Unknown(),
        bodyShown: schemas.DefinitionInput,
        response: oneOrNew,
      },
    },
    async (request, reply) => replace(request, reply, idIn(request.query, request.body)),
  );

  app.patch(
    '/connections/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Change a few fields (JSON merge patch)',
        params: ByConnection,
        body: Type.Unknown(),
        bodyShown: schemas.ChangeInput,
        response: one,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const change = schemas.definitionIn(request.body);
      if (!isPlainObject(change) || Object.keys(change).length === 0) {
        throw new Refusal(400, 'Wanted: a JSON object with at least one field of the connection');
      }
      return changed(request, reply, id, await control.amend(id, change, conditionFor(request, id)));
    },
  );

  app.delete(
    '/connections/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Delete one with all that is stored of it',
        description: DELETION,
        params: ByConnection,
        response: removed,
      },
    },
    async (request, reply) => remove(request, reply, request.params.id),
  );

  app.delete(
    '/connections',
    {
      config: write,
      schema: {
        tags,
        summary: 'The same, with the id in the query or in the body',
        querystring: schemas.OptionalId,
        body: schemas.OptionalId,
        bodyOptional: true,
        response: removed,
      },
    },
    async (request, reply) => remove(request, reply, idIn(request.query, request.body)),
  );

  const verbs = [
    ['start', 'Switch it on', () => ({ active: true })],
    ['stop', 'Switch it off; nothing is taken, and the session at the broker queues', () => ({ active: false })],
    [
      'restart',
      'Restart it once what held it up is mended; a refused log-in is tried once more',
      () => ({ active: true, restart: randomUUID() }),
    ],
  ] as const;
  for (const [verb, what, change] of verbs) {
    app.post(
      `/connections/:id/${verb}`,
      {
        config: operate,
        schema: {
          tags,
          summary: what,
          description: 'Accepted: the state follows.',
          params: ByConnection,
          response: { 202: schemas.ConnectionSchema },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const view = changed(request, reply, id, await control.amend(id, change(), conditionFor(request, id)));
        reply.code(202);
        return view;
      },
    );
  }

  function shown(id: string, reply: FastifyReply): ConnectionView {
    const view = control.connection(id);
    if (view === null) throw noConnection(id);
    if (view.revision !== null) reply.header('etag', etagOf(view.revision));
    return view;
  }

  function created(id: string, reply: FastifyReply): ConnectionView {
    const view = shown(id, reply);
    reply.code(201).header('location', `${app.prefix}/connections/${id}`);
    return view;
  }

  function conditionFor(request: FastifyRequest, id: string) {
    return conditionOf(request, control.connection(id)?.revision ?? null);
  }

  async function replace(request: FastifyRequest, reply: FastifyReply, id: string): Promise<ConnectionView> {
    const outcome = await control.apply(id, schemas.definitionIn(request.body), conditionFor(request, id));
    if (outcome.kind === 'ok' && outcome.created) return created(id, reply);
    return changed(request, reply, id, outcome);
  }

  function changed(request: FastifyRequest, reply: FastifyReply, id: string, outcome: AmendOutcome): ConnectionView {
    if (outcome.kind !== 'ok') throw refused(request, id, outcome);
    return shown(id, reply);
  }

  async function remove(request: FastifyRequest, reply: FastifyReply, id: string): Promise<void> {
    const condition = conditionFor(request, id);
    const kept = lettersKept(control.letters, id, clock.now(), (cluster?.whereIs(id).kind ?? 'here') === 'here');
    const outcome = await control.remove(id, condition);
    if (outcome.kind !== 'ok') throw refused(request, id, outcome);
    await sendDeleted(request, reply, id, kept);
  }
}

function queryOf({ page = 1, perPage = 20, q, state, sort = 'id' }: schemas.List): ConnectionQuery {
  return {
    page,
    perPage,
    ...(q === undefined ? {} : { search: q }),
    ...(state === undefined ? {} : { states: state }),
    sort: sort.replace('-', '') as NonNullable<ConnectionQuery['sort']>,
    descending: sort.startsWith('-'),
  };
}

/** Where the path names none. Throws a 400. */
function idIn(query: { readonly id?: string }, body: unknown): string {
  const inBody = isPlainObject(body) ? body.id : undefined;
  const id = query.id ?? inBody;
  const errors = check(Type.Object({ id: ByConnection.properties.id }), id === undefined ? {} : { id });
  if (errors.length > 0) throw new Refusal(400, summary(errors), { errors });
  return id as string;
}

/** Of a key: always the same, so that a repetition finds what the first request has made. */
function newId(request: FastifyRequest, key: string | null): string {
  if (key === null) return `c-${randomUUID().replaceAll('-', '').slice(0, 10)}`;
  const hash = createHash('sha256')
    .update(`${request.principal?.name ?? ''}\n${key}`)
    .digest('hex');
  return `c-${hash.slice(0, 16)}`;
}

export function noConnection(id: string): Refusal {
  return notFound(`There is no connection ${id}`);
}

function refused(request: FastifyRequest, id: string, outcome: Exclude<AmendOutcome, { kind: 'ok' }>): Refusal {
  switch (outcome.kind) {
    case 'notFound':
      return noConnection(id);
    case 'conflict':
      return new Refusal(conflictStatus(request), outcome.message);
    case 'unavailable':
      return new Refusal(503, outcome.message, { headers: { 'retry-after': '5' } });
    case 'invalid':
      return new Refusal(400, 'The definition does not validate', { errors: outcome.errors });
  }
}
